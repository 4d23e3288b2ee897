#include "archive/archive_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int
archive_unpack(struct archive_found *f, const struct age_keys *keys,
    unsigned threads, struct sink *out, struct err *e)
{
	struct sink *s;
	int rc;

	if (f->variant.encrypted &&
	    (f->blob = age_open(f->blob, keys, e)) == NULL)
		return -1;
	s = codec_strict_reader(sink_keep(out, e), f->variant.codec,
	    threads, e);
	rc = s == NULL ? -1 : blob_send(f->blob, 0, f->blob->size, s, e);
	if (rc == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc;
}

/* sending */

struct request {
	struct archive *a;
	const struct age_keys *keys;
	struct sink *out;
	uint32_t segment_size;
	struct lsn_name n;
};

/* A segment's header: of this name, this size, this cluster. */
static int
check_info(const struct request *r, const struct wal_info *info,
    struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t id;

	if (archive_check_name(&r->n, info, e) == -1)
		return -1;
	if (info->segment_size != r->segment_size)
		return err_set(e, ERR_CORRUPT, "it is of another size than "
		    "the archive's segments");
	/* one that lost this small file still has all of its WAL */
	if (archive_system(r->a, &id, &why) == -1)
		return why.kind == ERR_ABSENT ? 0 : err_pass(e, &why);
	if (id != info->system_identifier)
		return err_set(e, ERR_CORRUPT, "it is of another cluster "
		    "than the archive: its system identifier is %" PRIu64
		    ", not %" PRIu64, info->system_identifier, id);
	return 0;
}

static int
send_proven(const struct request *r, struct archive_found *f,
    struct err *e)
{
	bool is_wal = r->n.kind == LSN_SEGMENT || r->n.kind == LSN_PARTIAL;
	struct wal_scan scan = { .loose = r->n.kind == LSN_PARTIAL };
	struct digest got, want;
	struct sink *s;
	int rc = 0;

	if (f->variant.encrypted && (rc = age_note(f->blob, ARCHIVE_NOTE,
	    want.sum, sizeof want.sum, e)) == -1)
		return -1;
	s = archive_gate(sink_keep(r->out, e), is_wal ? &scan : NULL, &got,
	    rc == 1 ? &want : NULL, e);
	if (rc == 1)
		s = digest_tee(s, &got, e);
	rc = s == NULL ? -1 : archive_unpack(f, r->keys, r->a->threads, s,
	    e);
	if (rc == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	if (rc == 0 && is_wal)
		rc = check_info(r, &scan.info, e);
	return rc;
}

/* 1 when it was there, 0 when not. */
static int
send_stem(const struct request *r, const char *stem, struct err *e)
{
	struct archive_found f;
	unsigned at = 0;
	int rc = archive_find(r->a, stem, &at, &f, e);

	if (rc != 1)
		return rc;
	rc = send_proven(r, &f, e);
	blob_free(f.blob);
	return rc == -1 ? err_prefix(e, "\"%s\"", f.object) : 1;
}

static int
send_partial(struct request *r, struct err *e)
{
	char stem[LSN_NAME_MAX];
	int rc = archive_send_runs(r->a, &r->n, r->segment_size, r->keys,
	    r->out, e);

	if (rc != 0)
		return rc;
	r->n.kind = LSN_PARTIAL;
	return send_stem(r, lsn_write_name(&r->n, r->segment_size, stem), e);
}

/* It is only absent from what is an archive, and still there. */
static int
absent(struct archive *a, const char *name, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t id;

	if (archive_system(a, &id, &why) == 0)
		return err_set(e, ERR_ABSENT, "the archive has no \"%s\"",
		    name);
	if (why.kind != ERR_ABSENT)
		return err_pass(e, &why);
	err_set(e, ERR_SYS, "store \"%s\" holds no archive of WAL",
	    store_url(a->store));
	return err_hint(e, "is it the right folder, and is its file system "
	    "mounted?");
}

int
archive_send(struct archive *a, const char *name,
    const struct age_keys *keys, bool partial, struct sink *out,
    struct err *e)
{
	struct request r = { .a = a, .keys = keys, .out = out };
	int rc;

	if (archive_segment_size(a, &r.segment_size, e) == -1 ||
	    lsn_parse_name(name, r.segment_size, &r.n, e) == -1)
		return -1;
	rc = send_stem(&r, name, e);
	if (rc == 0 && partial && r.n.kind == LSN_SEGMENT)
		rc = send_partial(&r, e);
	if (rc == 0)
		return absent(a, name, e);
	return rc == 1 ? 0 : -1;
}

/* A run's bytes are counted; those of the first begin with a header. */
static int
check_run(const struct request *r, struct archive_found *f,
    const struct archive_file *file, struct err *e)
{
	struct buf bytes = BUF_INIT((size_t)1 << 30);
	struct sink *s = sink_buf(&bytes, e);
	struct wal_info info;
	int rc = s == NULL ? -1 : archive_unpack(f, r->keys, r->a->threads, s,
	    e);

	if (rc == 0 && bytes.len != file->end - file->begin)
		rc = err_set(e, ERR_CORRUPT, "it has %zu bytes, not those "
		    "its name tells", bytes.len);
	if (rc == 0 && file->begin == 0 && bytes.len >= WAL_LONG_HEADER &&
	    (wal_read_info(bytes.data, &info, e) == -1 ||
	    check_info(r, &info, e) == -1))
		rc = -1;
	sink_free(s);
	buf_free(&bytes);
	return rc;
}

int
archive_check(struct archive *a, const struct archive_file *file,
    const struct age_keys *keys, struct err *e)
{
	struct request r = { .a = a, .keys = keys, .n = file->name };
	const char *slash = strrchr(file->object, '/');
	struct archive_file same;
	struct archive_found f;
	int rc = -1;

	if (archive_segment_size(a, &r.segment_size, e) == -1)
		return -1;
	if (slash == NULL || !archive_parse_leaf(slash + 1, r.segment_size,
	    &same, &f.variant))
		return err_set(e, ERR_CORRUPT, "\"%s\" is no file of the "
		    "archive", file->object);
	memcpy(f.object, file->object, sizeof f.object);
	if ((f.blob = store_get(a->store, f.object, e)) == NULL)
		return -1;
	if (file->run)
		rc = check_run(&r, &f, file, e);
	else if ((r.out = sink_null(e)) != NULL)
		rc = send_proven(&r, &f, e);
	sink_free(r.out);
	blob_free(f.blob);
	return rc == -1 ? err_prefix(e, "\"%s\"", f.object) : 0;
}

int
archive_get(struct archive *a, const char *name,
    const struct age_keys *keys, bool partial, struct buf *out,
    struct err *e)
{
	struct sink *s = sink_buf(out, e);
	size_t before = out->len;
	int rc = s == NULL ? -1 :
	    archive_send(a, name, keys, partial, s, e);

	sink_free(s);
	if (rc == -1)
		out->len = before;
	return rc;
}
