/*
 * Samples in a store: usage/CLUSTER-DATABASE/YYYYMMDD_HHMMSS.tsv.gz, the time
 * in UTC.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gz/gz.h"
#include "codec/codec.h"
#include "index/usage.h"
#include "log/log.h"
#include "unit/unit.h"

#define SUFFIX ".tsv.gz"
#define STAMP_LEN 15 /* "20250127_030000" */
#define STORED_MAX ((size_t)256 << 20)

int
usage_folder(const struct usage_sample *s, struct buf *out, struct err *e)
{
	/* a number, but a server says what it is */
	return buf_str(out, "usage/", e) == -1 ||
	    buf_escape(out, s->cluster, e) == -1 ||
	    buf_byte(out, '-', e) == -1 ? -1 :
	    buf_escape(out, s->database, e);
}

/* "20250127_030000.tsv.gz" and nothing else. */
static bool
is_sample(const char *name)
{
	if (strlen(name) != STAMP_LEN + sizeof SUFFIX - 1 ||
	    strcmp(name + STAMP_LEN, SUFFIX) != 0)
		return false;
	for (size_t i = 0; i < STAMP_LEN; i++)
		if (i == 8 ? name[i] != '_' : name[i] < '0' || name[i] > '9')
			return false;
	return true;
}

struct listing {
	const char *folder;
	struct usage_names *out;
};

static int
add(void *ctx, const char *name, uint64_t size, struct err *e)
{
	struct listing *l = ctx;
	struct usage_names *n = l->out;
	void *p;

	(void)size;
	if (!is_sample(name))
		return 0;
	if ((p = buf_more(n->all, n->count, sizeof *n->all, e)) == NULL)
		return -1;
	n->all = p;
	if (index_text(&n->all[n->count], e, "%s/%s", l->folder, name) == -1)
		return -1;
	n->count++;
	return 0;
}

int
usage_names(struct store *store, const char *folder, struct usage_names *out,
    struct err *e)
{
	struct usage_names names = { NULL, 0 };
	struct listing l = { folder, &names };

	/* byte order is order in time */
	if (store_list(store, folder, add, &l, e) == -1) {
		usage_names_free(&names);
		return -1;
	}
	*out = names;
	return 0;
}

void
usage_names_free(struct usage_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->all[i]);
	free(n->all);
	memset(n, 0, sizeof *n);
}

static int
unpack(const struct buf *packed, struct buf *plain, struct err *e)
{
	struct sink *s = gz_reader(sink_buf(plain, e), e);
	int rc = s == NULL || sink_write(s, packed->data, packed->len,
	    e) == -1 || sink_finish(s, e) == -1 ? -1 : 0;

	sink_free(s);
	return rc;
}

int
usage_read(struct store *store, const char *name,
    const struct usage_sample *of, struct usage_sample *out, struct err *e)
{
	struct buf packed = BUF_INIT(STORED_MAX);
	struct buf plain = BUF_INIT(USAGE_TEXT_MAX);
	struct usage_sample s;
	int rc = -1;

	if (store_get_bytes(store, name, STORED_MAX, &packed, e) == 0 &&
	    unpack(&packed, &plain, e) == 0 &&
	    usage_parse(plain.data, plain.len, &s, e) == 0) {
		rc = strcmp(s.cluster, of->cluster) == 0 &&
		    strcmp(s.database, of->database) == 0 ? 0 :
		    err_set(e, ERR_CORRUPT, "it is another database's");
		if (rc == 0)
			*out = s;
		else
			usage_sample_free(&s);
	}
	buf_free(&packed);
	buf_free(&plain);
	if (rc == -1)
		err_prefix(e, "usage sample \"%s\"", name);
	return rc;
}

static int
put(struct store *store, const char *name, const struct buf *text,
    struct err *e)
{
	struct codec codec = { CODEC_GZIP, GZ_LEVEL_DEFAULT };
	struct sink *s = codec_writer(store_put(store, name, e), &codec, 1,
	    e);
	int rc = s == NULL || sink_write(s, text->data, text->len, e) == -1 ||
	    sink_finish(s, e) == -1 ? -1 : 0;

	sink_free(s);
	return rc;
}

/* Delete the samples taken before the time that `stamp` writes. */
static int
thin(struct store *store, const char *folder, const char *stamp,
    struct err *e)
{
	struct usage_names names;
	int rc = 0;

	if (usage_names(store, folder, &names, e) == -1)
		return -1;
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		struct err why = ERR_INIT;
		const char *name = names.all[i];

		if (strncmp(name + strlen(folder) + 1, stamp, STAMP_LEN) >= 0)
			break;
		if (store_delete(store, name, &why) == 0)
			log_info("deleted %s", name);
		else if (why.kind != ERR_ABSENT)
			rc = err_pass(e, &why);
	}
	usage_names_free(&names);
	return rc;
}

/*
 * Under the time of now, or the next second that is free; *name is the
 * caller's to free.
 */
static int
put_sample(struct store *store, const char *folder, int64_t now,
    const struct buf *text, char **name, struct err *e)
{
	char stamp[UNIT_TEXT_MAX];

	for (int64_t n = 0;; n++) {
		struct err why = ERR_INIT;

		if (index_text(name, e, "%s/%s%s", folder, unit_stamp(now + n,
		    "UTC", stamp), SUFFIX) == -1)
			return -1;
		if (put(store, *name, text, &why) == 0)
			return 0;
		if (why.kind != ERR_BUSY || n == 9)
			return err_pass(e, &why);
	}
}

int
index_usage_watch(const struct index_nodes *nodes, struct store *store,
    int64_t keep, struct index_report *r, struct err *e)
{
	struct usage_sample s = { .cluster = NULL };
	struct buf folder = BUF_INIT(1024), text = BUF_INIT(USAGE_TEXT_MAX);
	char stamp[UNIT_TEXT_MAX], *name = NULL;
	struct index_finding *f;
	int64_t now = unit_now();
	int rc = -1;

	if (usage_ask_all(nodes, &s, e) == -1 ||
	    usage_format(&s, &text, e) == -1 ||
	    usage_folder(&s, &folder, e) == -1 ||
	    put_sample(store, folder.data, now, &text, &name, e) == -1)
		goto done;
	if ((f = index_add(r, INDEX_OK, "TAKEN", e)) == NULL ||
	    index_text(&f->reason, e, "%zu indexes on %zu server%s",
	        s.nodes[0].count, s.count, s.count == 1 ? "" : "s") == -1 ||
	    index_fact_text(f, "object", name, e) == -1)
		goto done;
	log_info("wrote %s", name);
	/* what died writing here, and what is too old */
	if (store_sweep(store, folder.data, false, NULL, e) == -1)
		goto done;
	rc = thin(store, folder.data, unit_stamp(now - keep, "UTC", stamp),
	    e);
done:
	free(name);
	buf_free(&folder);
	buf_free(&text);
	usage_sample_free(&s);
	return rc;
}
