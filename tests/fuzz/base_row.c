/*
 * Rows of a binary COPY: whatever messages a server sends, they are refused or
 * are rows whose fields lie in the message, one behind the other, and fill it;
 * nothing follows the end.
 *
 * The first byte tells how many fields; the rest are messages, each behind two
 * bytes that tell its length.
 */
#include "fuzz.h"

#include "base/row.h"

static void
must(int good)
{
	if (!good)
		abort();
}

/* A row told: of `len` bytes, all of them are accounted for. */
static void
look(const struct base_row *r, const char *data, size_t len)
{
	const char *end = data + len;
	size_t sum = 2;

	must(r->begun && !r->ended);
	for (unsigned i = 0; i < r->count; i++) {
		const struct base_field *f = &r->fields[i];
		struct err e = ERR_INIT;
		uint64_t n = 7;

		sum += 4 + f->len;
		must(f->data != NULL || f->len == 0);
		must(f->data == NULL || (f->data >= data && f->data <= end &&
		    f->len <= (size_t)(end - f->data)));
		if (base_row_number(r, i, &n, &e) == 0)
			must(f->data != NULL && f->len == 8 && n <= INT64_MAX);
		else
			must(e.kind == ERR_CORRUPT && n == 7 && (f->len != 8 ||
			    (f->data[0] & 0x80) != 0));
	}
	must(sum == len || sum + 19 == len);
}

/* -1: refused. */
static int
one(struct base_row *r, const uint8_t *data, size_t len)
{
	const bool ended = r->ended, begun = r->begun;
	struct err e = ERR_INIT;
	/* a piece of its own, so that a read past it is seen */
	char *m = malloc(len + (len == 0));
	int rc;

	must(m != NULL);
	memcpy(m, data, len);
	rc = base_row_take(r, m, len, &e);
	must(rc != -1 || e.kind == ERR_CORRUPT);
	must(rc == -1 || !ended);
	if (rc == 1)
		look(r, m, len);
	if (rc == 0)
		must(r->ended ? len == 2 || len == 21 : !begun && len == 19);
	free(m);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct base_row r = BASE_ROW_INIT(1);
	struct err e = ERR_INIT;
	int rc = 0;

	if (len == 0)
		return 0;
	r.count = 1 + data[0] % BASE_FIELDS_MAX;
	data++;
	len--;
	while (rc != -1 && len >= 2) {
		size_t n = (size_t)data[0] | (size_t)data[1] << 8;

		n = n < len - 2 ? n : len - 2;
		rc = one(&r, data + 2, n);
		data += 2 + n;
		len -= 2 + n;
	}
	must((base_row_end(&r, &e) == 0) == r.ended);
	return 0;
}

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define NONE "\377\377\377\377"

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	/* two fields: a row with the head, one more, the end */
	static const char rows[] = "\1"
	    "\55\0" HEAD "\0\2" "\0\0\0\10\0\0\0\0\0\1\0\0" "\0\0\0\10page" NONE
	    "\12\0" "\0\2" NONE NONE
	    "\17\0" "\0\2" "\0\0\0\0" "\0\0\0\5" "abcde"
	    "\2\0" "\377\377";
	/* four, the head alone; one, and no rows */
	static const char alone[] = "\3" "\23\0" HEAD
	    "\32\0" "\0\4" NONE "\0\0\0\10\200\0\0\0\0\0\0\1" NONE NONE
	    "\2\0" "\377\377";
	static const char none[] = "\0" "\25\0" HEAD "\377\377";

	(void)max;
	out[0] = (struct fuzz_seed){ rows, sizeof rows - 1 };
	out[1] = (struct fuzz_seed){ alone, sizeof alone - 1 };
	out[2] = (struct fuzz_seed){ none, sizeof none - 1 };
	return 3;
}
