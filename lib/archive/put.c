#include "archive/archive_int.h"

#include <assert.h>
#include <string.h>

#include "log/log.h"

#define SMALL_MAX ((size_t)1 << 20) /* of a .history, a .backup */

/* A file on its way into the archive. */
struct job {
	struct archive *a;
	const char *name;
	struct blob *source;
	bool fixed; /* it cannot change between two readings */
	const struct archive_how *how;
	bool is_wal, is_partial; /* its pages are looked at */
	bool has_sum;
	struct digest sum; /* of the plain bytes */
	uint64_t stored;   /* bytes, once it is written */
};

static int
take_sum(struct job *j, struct err *e)
{
	if (j->has_sum)
		return 0;
	if (digest_blob(j->source, &j->sum, e) == -1)
		return -1;
	j->has_sum = true;
	return 0;
}

/* looking at what is to be put */

static int
look_at_wal(struct job *j, struct err *e)
{
	unsigned char head[WAL_LONG_HEADER];
	struct wal_info info;
	struct lsn_name n;

	if (j->source->size < sizeof head)
		return err_set(e, ERR_CORRUPT, "\"%s\" is too short for a "
		    "WAL segment", j->name);
	if (blob_read(j->source, 0, head, sizeof head, e) == -1 ||
	    wal_read_info(head, &info, e) == -1)
		return err_prefix(e, "\"%s\"", j->name);
	if (lsn_parse_name(j->name, info.segment_size, &n, e) == -1 ||
	    archive_check_name(&n, &info, e) == -1)
		return -1;
	if (j->source->size != info.segment_size)
		return err_set(e, ERR_CORRUPT, "\"%s\" has %llu bytes, not "
		    "the %lu of a segment", j->name,
		    (unsigned long long)j->source->size,
		    (unsigned long)info.segment_size);
	j->is_wal = true;
	j->is_partial = n.kind == LSN_PARTIAL;
	if (archive_claim(j->a, info.system_identifier, e) == -1)
		return -1;
	return archive_claim_size(j->a, info.segment_size, e);
}

static int
look_at_history(struct job *j, uint32_t timeline, struct err *e)
{
	struct buf text = BUF_INIT(SMALL_MAX);
	struct lsn_history h;
	int rc = -1;

	if (buf_reserve(&text, (size_t)j->source->size, e) == 0 &&
	    blob_read(j->source, 0, text.data, (size_t)j->source->size,
	    e) == 0 && lsn_history_parse(text.data, (size_t)j->source->size,
	    timeline, &h, e) == 0) {
		lsn_history_free(&h);
		rc = 0;
	}
	buf_free(&text);
	return rc;
}

/*
 * The name of a small file. The archive's first may be one, before it is known
 * of which size the segments are.
 */
static int
parse_name(const char *name, struct lsn_name *out, struct err *e)
{
	for (unsigned shift = 20; shift < 30; shift++)
		if (lsn_parse_name(name, (uint32_t)1 << shift, out,
		    NULL) == 0)
			return 0;
	return lsn_parse_name(name, (uint32_t)1 << 30, out, e);
}

static int
look(struct job *j, struct err *e)
{
	const char *tail = j->name + strspn(j->name, "0123456789ABCDEF");
	struct lsn_name n;

	if (tail - j->name == LSN_SEGMENT_NAME &&
	    (*tail == '\0' || strcmp(tail, ".partial") == 0))
		return look_at_wal(j, e);
	if (parse_name(j->name, &n, e) == -1)
		return -1;
	if (j->source->size > SMALL_MAX)
		return err_set(e, ERR_CORRUPT, "\"%s\" is larger than %zu "
		    "bytes", j->name, SMALL_MAX);
	return n.kind == LSN_HISTORY ? look_at_history(j, n.timeline, e) : 0;
}

/* comparing it with what is there */

static int
sum_of_object(struct archive_found *f, const struct age_keys *keys,
    struct digest *sum, struct err *e)
{
	struct sink *s;
	int rc;

	if (f->variant.encrypted) {
		rc = age_note(f->blob, ARCHIVE_NOTE, sum->sum,
		    sizeof sum->sum, e);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
		if (keys == NULL || !age_can_open(keys)) {
			err_set(e, ERR_KEY, "what is there can only be "
			    "compared with a key");
			return err_hint(e, "give its passphrase with "
			    "--passphrase-file");
		}
	}
	s = digest_tee(sink_null(e), sum, e);
	rc = s == NULL ? -1 : archive_unpack(f, keys, 1, s, e);
	if (rc == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc;
}

/* 0 when it holds what the job does, made durable; ERR_REFUSED if not. */
static int
compare(struct job *j, struct archive_found *f, struct err *e)
{
	struct digest there;

	if (take_sum(j, e) == -1)
		return -1;
	if (sum_of_object(f, j->how->keys, &there, e) == -1)
		return err_prefix(e, "\"%s\"", f->object);
	if (!digest_same(&there, &j->sum)) {
		err_set(e, ERR_REFUSED, "the archive has other content under "
		    "the name \"%s\" already", j->name);
		return err_hint(e, "two clusters, or two histories of one, "
		    "write to this store: give each its own");
	}
	return store_sync(j->a->store, f->object, e);
}

/* 1 when it is there already, 0 when not; objects named `but` do not count. */
static int
compare_all(struct job *j, const char *but, struct err *e)
{
	struct archive_found f;
	unsigned at = 0;
	int rc, any = 0;

	while ((rc = archive_find(j->a, j->name, &at, &f, e)) == 1) {
		rc = strcmp(f.object, but) == 0 ? 0 : compare(j, &f, e);
		any |= strcmp(f.object, but) != 0;
		blob_free(f.blob);
		if (rc == -1)
			return -1;
	}
	return rc == -1 ? -1 : any;
}

/* writing it */

static bool
with_note(const struct archive_how *how)
{
	return how->keys != NULL && !age_has_passphrase(how->keys);
}

/* What a write keeps while its stages live. */
struct pass {
	struct wal_scan scan;
	struct digest again; /* the sum of what was read the second time */
};

static struct sink *
stages(struct job *j, struct pass *p, struct sink *s, struct err *e)
{
	const struct archive_how *how = j->how;
	bool again = j->has_sum && !j->fixed;

	p->scan = (struct wal_scan){ .loose = j->is_partial };
	if (with_note(how))
		s = age_writer_noted(s, how->keys, how->threads, ARCHIVE_NOTE,
		    j->sum.sum, sizeof j->sum.sum, e);
	else if (how->keys != NULL)
		s = age_writer(s, how->keys, how->threads, e);
	s = codec_writer(s, &how->codec, how->threads, e);
	s = archive_gate(s, j->is_wal ? &p->scan : NULL, &p->again,
	    again ? &j->sum : NULL, e);
	return again ? digest_tee(s, &p->again, e) : s;
}

static int
write_object(struct job *j, const char *object, char mark[STORE_MARK_MAX],
    struct err *e)
{
	struct pass pass;
	struct sink *s;
	int rc = -1;

	if (with_note(j->how) && take_sum(j, e) == -1)
		return -1;
	s = stages(j, &pass, sink_count(store_put_marked(j->a->store, object,
	    mark, e), &j->stored, e), e);
	if (s != NULL && blob_send(j->source, 0, j->source->size, s,
	    e) == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc == -1 && e->kind == ERR_CORRUPT ?
	    err_prefix(e, "\"%s\"", j->name) : rc;
}

/*
 * Two may put the same name at once. With the same suffix one finds the
 * other's object; with different ones each looks again behind his own, and
 * takes that back if it is not what the other has.
 */
static int
put_new(struct job *j, struct err *e)
{
	struct archive_variant v = { j->how->codec.kind,
		j->how->keys != NULL };
	char object[ARCHIVE_OBJECT], mark[STORE_MARK_MAX];
	struct err why = ERR_INIT;

	archive_object_name(j->name, v, object);
	if (write_object(j, object, mark, &why) == -1) {
		int there = why.kind == ERR_BUSY ? compare_all(j, "", e) : 0;

		/* gone again: pruned, or taken back by the other */
		return there == 1 ? 0 : there == 0 ? err_pass(e, &why) : -1;
	}
	if (compare_all(j, object, &why) == -1) {
		if (why.kind == ERR_REFUSED)
			store_delete_marked(j->a->store, object, mark, e);
		return err_pass(e, &why);
	}
	return 0;
}

static int
put(struct job *j, struct err *e)
{
	if (look(j, e) == -1)
		return -1;
	switch (compare_all(j, "", e)) {
	case 0:
		return put_new(j, e);
	case 1:
		return 0;
	default:
		return -1;
	}
}

/* Histories stay open: who lists and prunes has no key, and needs them. */
static int
put_source(struct job *j, struct err *e)
{
	const char *tail = strrchr(j->name, '.');
	struct archive_how open = *j->how;

	if (tail != NULL && strcmp(tail, ".history") == 0) {
		open.keys = NULL;
		j->how = &open;
	}
	return put(j, e);
}

int
archive_put(struct archive *a, const char *name, const void *data,
    size_t len, const struct archive_how *how, struct err *e)
{
	struct blob *b = blob_mem(data, len, e);
	struct job j = { .a = a, .name = name, .source = b, .fixed = true,
		.how = how };
	int rc = b == NULL ? -1 : put_source(&j, e);

	blob_free(b);
	return rc;
}

int
archive_put_blob(struct archive *a, const char *name, struct blob *source,
    const struct archive_how *how, struct err *e)
{
	struct job j = { .a = a, .name = name, .source = source, .how = how };

	return put_source(&j, e);
}

void
archive_tidy(struct archive *a, const char *name)
{
	char folder[ARCHIVE_OBJECT];
	char *slash;

	archive_object_name(name, archive_variants[0], folder);
	while ((slash = strrchr(folder, '/')) != NULL) {
		struct err why = ERR_INIT;

		*slash = '\0';
		if (store_sweep(a->store, folder, false, NULL, &why) == -1)
			log_info("%s", why.text);
	}
}

int
archive_put_run(struct archive *a, const struct lsn_name *segment,
    uint32_t segment_size, uint32_t begin, uint32_t end, const void *data,
    const struct archive_how *how, struct archive_file *out, struct err *e)
{
	struct archive_variant v = { how->codec.kind, how->keys != NULL };
	struct archive_file f = { .name = *segment, .begin = begin,
		.end = end, .run = true };
	char stem[ARCHIVE_STEM], mark[STORE_MARK_MAX];
	struct job j = { .a = a, .name = stem, .fixed = true, .how = how };
	int rc;

	assert(begin < end && end <= segment_size);
	if ((j.source = blob_mem(data, end - begin, e)) == NULL)
		return -1;
	f.name.kind = LSN_SEGMENT;
	archive_object_name(archive_run_stem(segment, segment_size, begin,
	    end, stem), v, f.object);
	rc = write_object(&j, f.object, mark, e);
	f.stored = j.stored;
	if (rc == 0 && out != NULL)
		*out = f;
	blob_free(j.source);
	return rc;
}
