#include "base/row.h"

#include <endian.h>
#include <string.h>

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define HEAD_SIZE (sizeof HEAD - 1)

static int
bad(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the server's answer is no binary COPY "
	    "of what was asked for");
}

static int
take_fields(struct base_row *r, const char *data, size_t len, struct err *e)
{
	for (unsigned i = 0; i < r->count; i++) {
		uint32_t n;

		if (len < sizeof n)
			return bad(e);
		memcpy(&n, data, sizeof n);
		n = be32toh(n);
		data += sizeof n;
		len -= sizeof n;
		r->fields[i] = (struct base_field){ NULL, 0 };
		if (n == UINT32_MAX)
			continue;
		if (n > len)
			return bad(e);
		r->fields[i] = (struct base_field){ data, n };
		data += n;
		len -= n;
	}
	return len == 0 ? 0 : bad(e);
}

int
base_row_take(struct base_row *r, const char *data, size_t len, struct err *e)
{
	uint16_t count;

	if (!r->begun) {
		if (len < HEAD_SIZE || memcmp(data, HEAD, HEAD_SIZE) != 0)
			return bad(e);
		r->begun = true;
		data += HEAD_SIZE;
		len -= HEAD_SIZE;
		if (len == 0)
			return 0;
	}
	if (r->ended || len < sizeof count)
		return bad(e);
	memcpy(&count, data, sizeof count);
	count = be16toh(count);
	r->ended = count == UINT16_MAX && len == sizeof count;
	if (r->ended)
		return 0;
	if (count != r->count)
		return bad(e);
	return take_fields(r, data + sizeof count, len - sizeof count, e) ==
	    -1 ? -1 : 1;
}

int
base_row_end(const struct base_row *r, struct err *e)
{
	return r->ended ? 0 : bad(e);
}

int
base_row_number(const struct base_row *r, unsigned field, uint64_t *out,
    struct err *e)
{
	const struct base_field *f = &r->fields[field];
	uint64_t n;

	if (f->data == NULL || f->len != sizeof n)
		return bad(e);
	memcpy(&n, f->data, sizeof n);
	n = be64toh(n);
	if (n > INT64_MAX)
		return bad(e);
	*out = n;
	return 0;
}
