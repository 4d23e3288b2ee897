/*
 * A segment from its runs: those that together reach furthest from its first
 * byte, each from where the one before it ended. pgk-wal receive may be merging
 * them meanwhile, so all are opened before the first byte goes out.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive_int.h"
#include "buf/buf.h"

#define TRIES 5
#define ZEROS 65536

struct run {
	struct archive_file file;
	struct archive_found found; /* its blob is opened once it is chosen */
};

struct runs {
	struct lsn_name n; /* of the segment */
	uint32_t segment_size;
	struct run *list;
	size_t count;
};

static void
runs_clear(struct runs *r)
{
	for (size_t i = 0; i < r->count; i++)
		blob_free(r->list[i].found.blob);
	free(r->list);
	r->list = NULL;
	r->count = 0;
}

static int
note_run(void *ctx, const char *leaf, uint64_t size, struct err *e)
{
	struct runs *r = ctx;
	struct run run = { 0 };
	void *p;

	(void)size;
	if (!archive_parse_leaf(leaf, r->segment_size, &run.file,
	    &run.found.variant) || !run.file.run ||
	    run.file.name.timeline != r->n.timeline ||
	    run.file.name.segment != r->n.segment)
		return 0;
	if ((p = buf_more(r->list, r->count, sizeof run, e)) == NULL)
		return -1;
	memcpy(run.found.object, run.file.object, sizeof run.found.object);
	r->list = p;
	r->list[r->count++] = run;
	return 0;
}

/* The run that takes us furthest from `at`, or NULL. */
static struct run *
next_run(const struct runs *r, uint32_t at)
{
	struct run *best = NULL;

	for (size_t i = 0; i < r->count; i++) {
		struct run *run = &r->list[i];

		if (run->file.begin <= at && run->file.end > at &&
		    (best == NULL || run->file.end > best->file.end))
			best = run;
	}
	return best;
}

/* Open what is needed; 0, 1 when one is gone by now, -1. */
static int
open_chosen(struct archive *a, struct runs *r, struct err *e)
{
	struct err why = ERR_INIT;
	uint32_t at = 0;
	struct run *run;

	while ((run = next_run(r, at)) != NULL) {
		run->found.blob = store_get(a->store, run->found.object,
		    &why);
		if (run->found.blob == NULL)
			return why.kind == ERR_ABSENT ? 1 :
			    err_pass(e, &why);
		at = run->file.end;
	}
	return 0;
}

static int
runs_open(struct archive *a, struct runs *r, struct err *e)
{
	char folder[ARCHIVE_OBJECT], stem[LSN_NAME_MAX];

	lsn_write_name(&r->n, r->segment_size, stem);
	archive_object_name(stem, archive_variants[0], folder);
	*strrchr(folder, '/') = '\0';
	for (unsigned i = 0; i < TRIES; i++) {
		int rc = store_list(a->store, folder, note_run, r, e);

		if (rc == 0)
			rc = open_chosen(a, r, e);
		if (rc != 1)
			return rc;
		runs_clear(r);
	}
	return err_set(e, ERR_SYS, "the runs of \"%s\" change too fast to be "
	    "read", stem);
}

/* A stage that drops what was sent already, and counts. */
struct behind {
	struct sink base;
	struct sink *next; /* borrowed */
	uint64_t drop, count;
};

static int
behind_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct behind *b = (struct behind *)s;
	size_t n = b->drop < len ? (size_t)b->drop : len;

	b->count += len;
	b->drop -= n;
	return sink_write(b->next, (const char *)data + n, len - n, e);
}

static int
send_run(struct run *run, uint32_t at, const struct age_keys *keys,
    struct sink *out, struct err *e)
{
	static const struct sink_ops ops = { behind_write, NULL, NULL };
	struct behind b = { { &ops }, out, at - run->file.begin, 0 };

	if (archive_unpack(&run->found, keys, 1, &b.base, e) == -1)
		return err_prefix(e, "\"%s\"", run->found.object);
	if (b.count != run->file.end - run->file.begin)
		return err_set(e, ERR_CORRUPT, "\"%s\" has %llu bytes, not "
		    "those its name tells", run->found.object,
		    (unsigned long long)b.count);
	return 0;
}

static int
send_zeros(uint64_t len, struct sink *out, struct err *e)
{
	static const char zeros[ZEROS];

	while (len > 0) {
		size_t n = len < ZEROS ? (size_t)len : ZEROS;

		if (sink_write(out, zeros, n, e) == -1)
			return -1;
		len -= n;
	}
	return 0;
}

static int
send_all(struct runs *r, const struct age_keys *keys, struct sink *out,
    struct err *e)
{
	struct wal_scan scan = WAL_SCAN_INIT;
	struct sink *s = archive_gate(sink_keep(out, e), &scan, NULL, NULL,
	    e);
	uint32_t at = 0;
	struct run *run;
	int rc = s == NULL ? -1 : 0;

	while (rc == 0 && (run = next_run(r, at)) != NULL) {
		rc = send_run(run, at, keys, s, e);
		at = run->file.end;
	}
	if (rc == 0)
		rc = send_zeros(r->segment_size - at, s, e);
	if (rc == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc == -1 ? -1 : archive_check_name(&r->n, &scan.info, e);
}

int
archive_send_runs(struct archive *a, const struct lsn_name *n,
    uint32_t segment_size, const struct age_keys *keys, struct sink *out,
    struct err *e)
{
	struct runs r = { .n = *n, .segment_size = segment_size };
	int rc = runs_open(a, &r, e);

	if (rc == 0 && next_run(&r, 0) != NULL)
		rc = send_all(&r, keys, out, e) == -1 ? -1 : 1;
	runs_clear(&r);
	return rc;
}

uint32_t
archive_covered(const struct archive_file *files, size_t count)
{
	uint32_t at = 0;

	/* by begin: none that could go on from `at` stands before it */
	for (size_t i = 0; i < count && files[i].begin <= at; i++)
		if (files[i].end > at)
			at = files[i].end;
	return at;
}
