#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/walk.h"
#include "buf/buf.h"
#include "digest/digest.h"
#include "increment/increment.h"
#include "tar/tar.h"

#define LABEL_FILE "backup_label"
#define LABEL_MAX ((size_t)64 << 10)

/*
 * Files of up to this size are held whole until it is clear how much of them
 * changed: when nearly all did, the file is kept as it is.
 */
#define SMALL ((size_t)1 << 20)

/* What is done with the present member. */
enum way {
	WAY_PASS,      /* as it is */
	WAY_LABEL,     /* held, then written with more lines */
	WAY_INCREMENT, /* spooled, then written as an increment, or whole */
};

struct walk {
	struct sink base;
	struct base_walk how;
	struct sink *next;
	struct sink *reader;
	struct base_spool *spool; /* when rewriting */
	struct base_pages pages;
	/* the present member */
	struct tar_member m;
	char path[TAR_PATH_MAX + 64]; /* as the manifest has it */
	enum way way;
	bool relation;                /* is a relation's, as f says */
	bool asked;                   /* `changes` sees its pages */
	struct base_relation f;
	struct increment_reader *increment; /* made by the server, or NULL */
	struct buf held;              /* the label, or a small file */
	bool whole;                   /* `held` has all of the file */
	uint32_t crc;                 /* of what is written */
	uint64_t written;
};

static int
put(struct walk *w, const void *data, size_t len, struct err *e)
{
	return w->how.rewrite ? sink_write(w->next, data, len, e) : 0;
}

/* Bytes of the file as it is kept. */
static int
put_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct walk *w = ctx;

	w->crc = digest_crc32c(w->crc, data, len);
	w->written += len;
	return put(w, data, len, e);
}

static int
put_header(struct walk *w, const struct tar_member *m, struct err *e)
{
	unsigned char header[TAR_BLOCK];

	if (!w->how.rewrite)
		return 0;
	if (tar_header(m, header, e) == -1)
		return -1;
	return sink_write(w->next, header, sizeof header, e);
}

static int
put_padding(struct walk *w, uint64_t size, struct err *e)
{
	static const char zeros[TAR_BLOCK];

	return put(w, zeros, tar_padding(size), e);
}

static int
check_page(struct walk *w, uint32_t block, const void *page, struct err *e)
{
	uint32_t number = w->f.file.segment * PAGE_SEGMENT + block;

	return !w->how.check || page_is_good(page, number, w->how.start) ? 0 :
	    w->how.bad(w->how.ctx, w->path, &w->f.file, block, e);
}

/* A page of a file that the server sent whole. */
static int
take_page(void *ctx, uint32_t block, const void *page, struct err *e)
{
	struct walk *w = ctx;
	bool changed = true;

	if (check_page(w, block, page, e) == -1)
		return -1;
	if (w->asked && w->how.changes->ops->block(w->how.changes, block,
	    page, &changed, e) == -1)
		return -1;
	if (w->way == WAY_INCREMENT && changed)
		return base_spool_add(w->spool, block, page, e);
	return 0;
}

/* A page of the server's own increment. */
static int
take_block(void *ctx, uint32_t block, const void *page, struct err *e)
{
	return check_page(ctx, block, page, e);
}

static int
take_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *e)
{
	(void)ctx;
	(void)blocks;
	(void)count;
	(void)truncation;
	(void)e;
	return 0;
}

static int
begin_increment(struct walk *w, const char *original, struct err *e)
{
	static const struct increment_take take = { take_head, take_block };

	w->relation = page_file_parse(original, &w->f.file);
	if (!w->relation || !w->how.check)
		return 0;
	w->increment = increment_reader_new(w->m.size, &take, w, e);
	return w->increment == NULL ? -1 : 0;
}

static int
begin_relation(struct walk *w, struct err *e)
{
	struct base_changes *c = w->how.changes;
	uint64_t blocks = w->m.size / PAGE_SIZE_PG;
	bool known = false;

	w->relation = true;
	w->f.tablespace = w->how.tablespace;
	/* a tablespace within the data folder, for tests of PostgreSQL */
	if (w->how.tablespace == 0 && strncmp(w->m.path, "pg_tblspc/", 10) ==
	    0)
		return 0;
	if (c == NULL || c->ops->file == NULL || w->f.file.temporary ||
	    blocks == 0 || blocks > INCREMENT_BLOCKS_MAX ||
	    w->m.size % PAGE_SIZE_PG != 0)
		return 0;
	w->f.blocks = (uint32_t)blocks;
	w->asked = true;
	if (c->ops->file(c, &w->f, &known, e) == -1)
		return -1;
	if (!known || !w->how.rewrite)
		return 0;
	w->way = WAY_INCREMENT;
	w->whole = w->m.size <= SMALL;
	base_spool_reset(w->spool);
	return 0;
}

static int
begin_file(struct walk *w, struct err *e)
{
	const struct base_changes *c = w->how.changes;
	char original[TAR_PATH_MAX];

	if (c != NULL && c->ops->made &&
	    increment_is(w->m.path, original))
		return begin_increment(w, original, e);
	if (page_file_parse(w->m.path, &w->f.file))
		return begin_relation(w, e);
	if (w->how.rewrite && w->how.label != NULL &&
	    strcmp(w->m.path, LABEL_FILE) == 0) {
		if (w->m.size > LABEL_MAX)
			return err_set(e, ERR_CORRUPT, "a backup_label of "
			    "more than %zu bytes", LABEL_MAX);
		w->way = WAY_LABEL;
		w->whole = true;
	}
	return 0;
}

static int
take_member(void *ctx, const struct tar_member *m, struct err *e)
{
	struct walk *w = ctx;

	w->m = *m;
	w->way = WAY_PASS;
	w->relation = w->asked = w->whole = false;
	w->crc = 0;
	w->written = 0;
	memset(&w->f, 0, sizeof w->f);
	buf_reset(&w->held);
	base_pages_begin(&w->pages);
	increment_reader_free(w->increment);
	w->increment = NULL;
	if (w->how.tablespace == 0)
		snprintf(w->path, sizeof w->path, "%s", m->path);
	else
		snprintf(w->path, sizeof w->path, "pg_tblspc/%u/%s",
		    w->how.tablespace, m->path);
	if (m->type == '0' && begin_file(w, e) == -1)
		return -1;
	return w->way == WAY_PASS ? put_header(w, m, e) : 0;
}

static int
take_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct walk *w = ctx;

	if (w->way == WAY_PASS && put_data(w, data, len, e) == -1)
		return -1;
	if (w->whole && buf_add(&w->held, data, len, e) == -1)
		return -1;
	if (w->increment != NULL)
		return increment_write(w->increment, data, len, e);
	if (w->relation && (w->asked || w->how.check))
		return base_pages_add(&w->pages, data, len, e);
	return 0;
}

static int
put_held(struct walk *w, struct err *e)
{
	w->m.size = w->held.len;
	return put_header(w, &w->m, e) == -1 ? -1 :
	    put_data(w, w->held.data, w->held.len, e);
}

static int
put_increment(struct walk *w, struct err *e)
{
	uint32_t count = base_spool_count(w->spool);
	struct buf head = BUF_INIT((size_t)1 << 20);
	char path[sizeof w->path];
	int rc = -1;

	if (strlen(w->m.path) + sizeof INCREMENT_PREFIX > TAR_PATH_MAX)
		return err_set(e, ERR_CORRUPT, "a path that is too long");
	increment_path(w->m.path, path);
	strcpy(w->m.path, path);
	increment_path(w->path, path);
	strcpy(w->path, path);
	w->m.size = increment_header_size(count) +
	    (uint64_t)count * PAGE_SIZE_PG;
	if (put_header(w, &w->m, e) == 0 &&
	    increment_header(&head, base_spool_blocks(w->spool), count,
	    w->f.blocks, e) == 0 &&
	    put_data(w, head.data, head.len, e) == 0)
		rc = base_spool_read(w->spool, put_data, w, e);
	buf_free(&head);
	return rc;
}

/* Nine tenths of the file is as good as all of it. */
static bool
is_worth_it(const struct walk *w)
{
	uint32_t count = base_spool_count(w->spool);
	uint64_t size = increment_header_size(count) +
	    (uint64_t)count * PAGE_SIZE_PG;

	return !w->whole || size < w->m.size - w->m.size / 10;
}

static bool
is_listed(const struct walk *w)
{
	return strncmp(w->path, "pg_wal/", 7) != 0 &&
	    strcmp(w->path, "backup_manifest") != 0;
}

static int
take_end(void *ctx, struct err *e)
{
	struct walk *w = ctx;

	if (w->increment != NULL && increment_end(w->increment, e) == -1)
		return -1;
	if (w->way == WAY_LABEL && (buf_str(&w->held, w->how.label, e) == -1 ||
	    put_held(w, e) == -1))
		return -1;
	if (w->way == WAY_INCREMENT && (is_worth_it(w) ? put_increment(w, e) :
	    put_held(w, e)) == -1)
		return -1;
	if (put_padding(w, w->m.size, e) == -1)
		return -1;
	return !is_listed(w) ? 0 : manifest_file(w->how.manifest, w->path,
	    w->written, w->m.mtime, w->crc, e);
}

static int
walk_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct walk *w = (struct walk *)s;

	if (sink_write(w->reader, data, len, e) == -1)
		return -1;
	return w->how.rewrite ? 0 : sink_write(w->next, data, len, e);
}

static int
walk_finish(struct sink *s, struct err *e)
{
	static const char end[2 * TAR_BLOCK];
	struct walk *w = (struct walk *)s;

	if (sink_finish(w->reader, e) == -1 || put(w, end, sizeof end, e) ==
	    -1)
		return -1;
	return sink_finish(w->next, e);
}

static void
walk_free(struct sink *s)
{
	struct walk *w = (struct walk *)s;

	sink_free(w->reader);
	sink_free(w->next);
	base_spool_free(w->spool);
	increment_reader_free(w->increment);
	buf_free(&w->held);
	free(w);
}

struct sink *
base_walk(struct sink *next, const struct base_walk *how, struct err *e)
{
	static const struct sink_ops ops = { walk_write, walk_finish,
		walk_free };
	static const struct tar_take take = { take_member, take_data,
		take_end };
	struct walk *w;

	if (next == NULL)
		return NULL;
	if ((w = calloc(1, sizeof *w)) == NULL) {
		err_nomem(e);
		sink_free(next);
		return NULL;
	}
	w->base.ops = &ops;
	w->how = *how;
	w->next = next;
	w->pages.each = take_page;
	w->pages.ctx = w;
	w->held = (struct buf)BUF_INIT(SMALL + LABEL_MAX);
	if ((w->reader = tar_reader(&take, w, e)) == NULL ||
	    (how->rewrite && (w->spool = base_spool_new(how->scratch, e)) ==
	    NULL)) {
		walk_free(&w->base);
		return NULL;
	}
	return &w->base;
}
