#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashes.h"
#include "buf/buf.h"
#include "increment/increment.h"

struct hashes_writer {
	struct sink *out;
	unsigned char key[DIGEST_KEY];
	struct buf index;
	uint64_t files, count; /* count: hashes of the files before */
	uint32_t blocks;       /* of the present one */
	uint64_t *now;         /* INCREMENT_BLOCKS_MAX */
};

struct hashes_writer *
hashes_writer_new(const unsigned char key[DIGEST_KEY], struct err *e)
{
	struct hashes_writer *w = calloc(1, sizeof *w);

	if (w == NULL || (w->now = malloc(sizeof *w->now *
	    INCREMENT_BLOCKS_MAX)) == NULL) {
		err_nomem(e);
		free(w);
		return NULL;
	}
	memcpy(w->key, key, sizeof w->key);
	w->index = (struct buf)BUF_INIT(HASHES_FILES_MAX * HASHES_ENTRY);
	return w;
}

void
hashes_writer_free(struct hashes_writer *w)
{
	if (w == NULL)
		return;
	buf_free(&w->index);
	free(w->now);
	free(w);
}

int
hashes_start(struct hashes_writer *w, struct sink *out, struct err *e)
{
	unsigned char head[HASHES_HEAD] = HASHES_MAGIC;

	w->out = out;
	memcpy(head + 16, w->key, sizeof w->key);
	return sink_write(out, head, sizeof head, e);
}

/* The hashes of the file before go out. */
static int
flush(struct hashes_writer *w, struct err *e)
{
	const uint32_t n = w->blocks;

	for (uint32_t i = 0; i < n; i++)
		w->now[i] = htole64(w->now[i]);
	w->count += n;
	w->blocks = 0;
	return n == 0 ? 0 : sink_write(w->out, w->now,
	    sizeof *w->now * (size_t)n, e);
}

uint64_t *
hashes_file(struct hashes_writer *w, const struct base_relation *f,
    struct err *e)
{
	struct hashes_entry x = { .relation = *f };
	unsigned char raw[HASHES_ENTRY];

	if (flush(w, e) == -1)
		return NULL;
	x.first = w->count;
	hashes_put_entry(&x, raw);
	if (buf_add(&w->index, raw, sizeof raw, e) == -1)
		return NULL;
	w->files++;
	w->blocks = f->blocks;
	return w->now;
}

uint64_t
hashes_of(const struct hashes_writer *w, const void *page)
{
	return digest_keyed_wide(w->key, page, PAGE_SIZE_PG);
}

int
hashes_finish(struct hashes_writer *w, struct err *e)
{
	unsigned char tail[HASHES_TAIL] = { 0 };
	uint64_t n;

	if (flush(w, e) == -1)
		return -1;
	n = htole64(w->files);
	memcpy(tail, &n, sizeof n);
	n = htole64(w->count);
	memcpy(tail + 8, &n, sizeof n);
	memcpy(tail + 16, HASHES_END, 16);
	if (w->index.len > 0 && sink_write(w->out, w->index.data,
	    w->index.len, e) == -1)
		return -1;
	return sink_write(w->out, tail, sizeof tail, e);
}
