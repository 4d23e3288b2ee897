#include "archive/archive_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM_OBJECT ARCHIVE_FOLDER "/system-identifier"
#define SIZE_OBJECT ARCHIVE_FOLDER "/segment-size"
#define NUMBER_MAX ((size_t)64)

struct archive *
archive_open(struct store *store, struct err *e)
{
	struct archive *a = calloc(1, sizeof *a);

	if (a == NULL) {
		err_nomem(e);
		return NULL;
	}
	a->store = store;
	a->threads = 1;
	return a;
}

void
archive_close(struct archive *a)
{
	free(a);
}

void
archive_set_threads(struct archive *a, unsigned threads)
{
	a->threads = threads;
}

struct store *
archive_store(struct archive *a)
{
	return a->store;
}

/* A decimal number and a newline. */
static int
read_number(struct archive *a, const char *object, uint64_t *out,
    struct err *e)
{
	struct buf text = BUF_INIT(NUMBER_MAX);
	uint64_t value = 0;
	size_t i;
	int rc = -1;

	if (store_get_bytes(a->store, object, NUMBER_MAX, &text, e) == -1)
		goto done;
	for (i = 0; i < text.len && text.data[i] >= '0' &&
	    text.data[i] <= '9'; i++) {
		unsigned digit = (unsigned)(text.data[i] - '0');

		if (value > (UINT64_MAX - digit) / 10)
			break;
		value = value * 10 + digit;
	}
	if (i == 0 || i + 1 != text.len || text.data[i] != '\n') {
		err_set(e, ERR_CORRUPT, "\"%s\" holds no number", object);
		goto done;
	}
	*out = value;
	rc = 0;
done:
	buf_free(&text);
	return rc;
}

/* Write it; ERR_BUSY when another did so meanwhile. */
static int
write_number(struct archive *a, const char *object, uint64_t value,
    struct err *e)
{
	struct buf text = BUF_INIT(NUMBER_MAX);
	int rc = -1;

	if (buf_fmt(&text, e, "%" PRIu64 "\n", value) == 0)
		rc = store_put_bytes(a->store, object, text.data, text.len,
		    e);
	buf_free(&text);
	return rc;
}

/* Read it, or write it when it is not there and `write`. */
static int
settle_number(struct archive *a, const char *object, uint64_t want,
    uint64_t *found, struct err *e)
{
	struct err why = ERR_INIT;

	*found = want;
	if (read_number(a, object, found, &why) == 0)
		return 0;
	if (why.kind != ERR_ABSENT)
		return err_pass(e, &why);
	err_clear(&why);
	if (write_number(a, object, want, &why) == 0)
		return 0;
	if (why.kind != ERR_BUSY)
		return err_pass(e, &why);
	return read_number(a, object, found, e);
}

int
archive_system(struct archive *a, uint64_t *id, struct err *e)
{
	return read_number(a, SYSTEM_OBJECT, id, e);
}

int
archive_claim(struct archive *a, uint64_t id, struct err *e)
{
	uint64_t found;

	if (settle_number(a, SYSTEM_OBJECT, id, &found, e) == -1)
		return -1;
	if (found == id)
		return 0;
	err_set(e, ERR_REFUSED, "the archive in \"%s\" is of another "
	    "cluster: its system identifier is %" PRIu64 ", not %" PRIu64,
	    store_url(a->store), found, id);
	return err_hint(e, "each cluster needs a store of its own, also "
	    "after initdb or pg_upgrade");
}

int
archive_segment_size(struct archive *a, uint32_t *size, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t value = LSN_SEGMENT_SIZE;

	if (a->segment_size == 0) {
		if (read_number(a, SIZE_OBJECT, &value, &why) == -1 &&
		    why.kind != ERR_ABSENT)
			return err_pass(e, &why);
		if (!lsn_is_segment_size(value))
			return err_set(e, ERR_CORRUPT, "\"" SIZE_OBJECT
			    "\" holds no WAL segment's size");
		a->segment_size = (uint32_t)value;
	}
	*size = a->segment_size;
	return 0;
}

/* Segments of the size that initdb chooses; small files are of any. */
static int
holds_segments(struct archive *a, bool *out, struct err *e)
{
	struct archive_list l;

	*out = false;
	if (archive_list(a, LSN_SEGMENT_SIZE, &l, e) == -1)
		return -1;
	for (size_t i = 0; i < l.count; i++)
		*out = *out || l.files[i].name.kind == LSN_SEGMENT ||
		    l.files[i].name.kind == LSN_PARTIAL;
	archive_list_free(&l);
	return 0;
}

static int
refuse_size(uint32_t size, uint64_t found, struct err *e)
{
	err_set(e, ERR_REFUSED, "the archive's WAL segments are of %" PRIu64
	    " bytes, not %" PRIu32, found, size);
	return err_hint(e, "a cluster whose segment size was changed needs a "
	    "new store");
}

/* Nothing is written for the size that initdb chooses. */
int
archive_claim_size(struct archive *a, uint32_t size, struct err *e)
{
	uint32_t now;
	uint64_t found;
	bool used = false;

	a->segment_size = 0; /* another may have settled it meanwhile */
	if (archive_segment_size(a, &now, e) == -1)
		return -1;
	if (now == size)
		return 0;
	if (now == LSN_SEGMENT_SIZE && holds_segments(a, &used, e) == -1)
		return -1;
	if (now != LSN_SEGMENT_SIZE || used)
		return refuse_size(size, now, e);
	a->segment_size = 0;
	if (settle_number(a, SIZE_OBJECT, size, &found, e) == -1)
		return -1;
	return found == size ? 0 : refuse_size(size, found, e);
}
