#include <stdlib.h>
#include <string.h>

#include "page/page.h"
#include "recover/recover_int.h"
#include "stop/stop.h"
#include "tar/tar.h"

/*
 * One archive being read. What becomes of the present file:
 *
 *	SKIP     nothing: it is not in the newest set, or is whole already
 *	KEEP     it goes to memory: small ones that we have to look into
 *	WHOLE    the newest set has it whole: written as it comes
 *	CHANGED  an increment: its head is read, and noted where it lies
 *	BASE     an older set has it whole: with it the file is written, the
 *	         changed blocks taken from the newer sets' archives
 */
struct pass {
	struct sink base;
	struct sink *tar;
	struct recover *r;
	const struct repo_set *of;
	uint32_t space;
	unsigned set;    /* 1 is the newest */
	bool has_label;
	enum { SKIP, KEEP, WHOLE, CHANGED, BASE } mode;
	struct file *f;
	uint64_t at;     /* of its bytes in the archive */
	struct increment_reader *blocks;
	bool headed;     /* CHANGED: the head is read */
	struct buf *keep;
	struct buf label;
	size_t carried;  /* BASE: bytes of a block that is not whole yet */
	unsigned char carry[BLOCK];
};

/* The newest increment tells how long the file is. */
static int
take_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *e)
{
	struct pass *p = ctx;
	struct file *f = p->f;
	uint32_t n = truncation;

	p->headed = true;
	if (p->set == 1) {
		if (count > 0 && blocks[count - 1] >= n)
			n = blocks[count - 1] + 1;
		f->size = (uint64_t)n * BLOCK;
		f->limit = n;
	}
	return merge_add(f, p->set, p->at, count, truncation, e);
}

static int
take_block(void *ctx, uint32_t block, const void *page, struct err *e)
{
	(void)ctx;
	(void)block;
	(void)page;
	(void)e;
	return 0;
}

static int
begin_changed(struct pass *p, const struct tar_member *m, struct err *e)
{
	static const struct increment_take take = { take_head, take_block };

	p->mode = CHANGED;
	p->at = m->at;
	p->headed = false;
	p->blocks = increment_reader_new(m->size, &take, p, e);
	return p->blocks == NULL ? -1 : 0;
}

static int
end_changed(struct pass *p, struct err *e)
{
	if (!p->headed && increment_end(p->blocks, e) == -1)
		return err_prefix(e, "\"%s\"", p->f->path);
	increment_reader_free(p->blocks);
	p->blocks = NULL;
	return 0;
}

/* Whole blocks on; what is left of the last is for the next time. */
static int
take_base(struct pass *p, const unsigned char *data, size_t len,
    struct err *e)
{
	size_t n;

	if (p->carried > 0) {
		n = BLOCK - p->carried < len ? BLOCK - p->carried : len;
		memcpy(p->carry + p->carried, data, n);
		p->carried += n;
		data += n;
		len -= n;
		if (p->carried < BLOCK)
			return 0;
		p->carried = 0;
		if (merge_base(p->r, p->carry, 1, e) == -1)
			return -1;
	}
	n = len / BLOCK;
	p->carried = len - n * BLOCK;
	memcpy(p->carry, data + n * BLOCK, p->carried);
	return n == 0 ? 0 : merge_base(p->r, data, n, e);
}

/* A new one of the newest set; what it lies in has come before. */
static struct file *
add(struct pass *p, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char folder[TAR_PATH_MAX];
	const struct file *f;

	if (slash != NULL) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path),
		    path);
		f = files_find(&p->r->files, p->space, folder);
		if (f == NULL || f->state != FILE_FOLDER) {
			err_set(e, ERR_CORRUPT, "no folder \"%s\" comes "
			    "before what is in it", folder);
			return NULL;
		}
	}
	return files_add(&p->r->files, p->space, path, e);
}

/* Whoever names a file of his own so does not mean an increment. */
static bool
is_changed(const struct tar_member *m, char name[TAR_PATH_MAX])
{
	struct page_file ignored;

	return increment_is(m->path, name) && page_file_parse(name, &ignored);
}

static int
begin_file(struct pass *p, const struct tar_member *m, struct err *e)
{
	char name[TAR_PATH_MAX];
	bool changed = is_changed(m, name);
	const char *path = changed ? name : m->path;
	bool first = p->set == 1;

	if (changed && p->set == p->r->chain_count)
		return err_set(e, ERR_CORRUPT, "\"%s\" in a full backup",
		    m->path);
	p->f = first ? add(p, path, e) :
	    files_find(&p->r->files, p->space, path);
	if (p->f == NULL)
		return first ? -1 : 0;
	if (!first && p->f->state != FILE_OPEN)
		return 0;
	if (p->f->seen == p->set)
		return err_set(e, ERR_CORRUPT, "\"%s\" is in it twice", path);
	p->f->seen = p->set;
	p->carried = 0;
	if (first) {
		p->f->state = changed ? FILE_OPEN : FILE_DONE;
		p->f->size = changed ? 0 : m->size;
		p->f->mtime = m->mtime;
	}
	if (changed)
		return begin_changed(p, m, e);
	p->mode = first ? WHOLE : BASE;
	return first ? output_begin(p->r, p->f, e) :
	    merge_begin(p->r, p->f, e);
}

/* Files of the server they were taken from that mean nothing here. */
static bool
is_left_out(const char *path)
{
	static const char *const names[] = { "tablespace_map",
		"standby.signal", "recovery.signal", "backup_manifest",
		"postmaster.pid", "postmaster.opts", RECOVER_MARK,
		ARCHIVE_GUARD_FILE };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

/* Where a small file of the data folder is kept, or NULL. */
static struct buf *
kept(struct pass *p, const char *path)
{
	if (strcmp(path, "backup_label") == 0)
		return &p->label;
	if (p->set > 1)
		return NULL;
	return strcmp(path, CONTROL_PATH) == 0 ? &p->r->control :
	    strcmp(path, "postgresql.auto.conf") == 0 ? &p->r->conf : NULL;
}

static int
take_file(struct pass *p, const struct tar_member *m, struct err *e)
{
	p->mode = SKIP;
	if (p->space == 0) {
		if ((p->keep = kept(p, m->path)) != NULL) {
			if (p->keep->len > 0)
				return err_set(e, ERR_CORRUPT,
				    "\"%s\" is in it twice", m->path);
			if (m->size > p->keep->max)
				return err_set(e, ERR_CORRUPT,
				    "\"%s\" is too large", m->path);
			p->mode = KEEP;
			p->has_label |= p->keep == &p->label;
			return 0;
		}
		if (is_left_out(m->path) || strcmp(m->path,
		    CONTROL_PATH) == 0)
			return 0;
		if (strcmp(m->path, "postgresql.conf") == 0)
			p->r->has_conf = true;
	}
	return begin_file(p, m, e);
}

static int
take_folder(struct pass *p, const struct tar_member *m, struct err *e)
{
	struct file *f;

	if (p->set > 1)
		return 0;
	f = files_find(&p->r->files, p->space, m->path);
	if (f != NULL && f->state == FILE_FOLDER)
		return 0;
	if ((f = add(p, m->path, e)) == NULL)
		return -1;
	f->state = FILE_FOLDER;
	return output_folder(p->r, f, e);
}

/* A tablespace's is made by us; where it pointed is of no interest. */
static int
take_link(const struct pass *p, const struct tar_member *m, struct err *e)
{
	char path[40];

	for (size_t i = 0; p->space == 0 && i < p->of->tablespace_count; i++) {
		snprintf(path, sizeof path, "pg_tblspc/%u",
		    p->of->tablespaces[i].oid);
		if (strcmp(m->path, path) == 0)
			return 0;
	}
	return err_set(e, ERR_CORRUPT, "\"%s\" is a link, and not that of a "
	    "tablespace", m->path);
}

static int
take_member(void *ctx, const struct tar_member *m, struct err *e)
{
	struct pass *p = ctx;

	if (stop_check(e) == -1)
		return -1;
	return m->type == '5' ? take_folder(p, m, e) : m->type == '2' ?
	    take_link(p, m, e) : take_file(p, m, e);
}

static int
take_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct pass *p = ctx;

	switch (p->mode) {
	case SKIP:
		return 0;
	case KEEP:
		return buf_add(p->keep, data, len, e);
	case CHANGED:
		if (!p->headed && increment_write(p->blocks, data, len,
		    e) == -1)
			return err_prefix(e, "\"%s\"", p->f->path);
		return 0;
	case BASE:
		return take_base(p, data, len, e);
	case WHOLE:
		return output_write(p->r, data, len, e);
	}
	return 0;
}

static int
take_end(void *ctx, struct err *e)
{
	struct pass *p = ctx;
	int rc = 0;

	if (p->mode == WHOLE)
		rc = output_end(p->r, e);
	else if (p->mode == CHANGED)
		rc = end_changed(p, e);
	else if (p->mode == BASE)
		rc = merge_end(p->r, e);
	p->f = NULL;
	p->mode = SKIP;
	return rc;
}

static int
pass_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	return sink_write(((struct pass *)s)->tar, data, len, e);
}

int
combine_skip(struct sink *s, uint64_t *skipped, struct err *e)
{
	struct pass *p = (struct pass *)s;
	bool idle = p->mode == SKIP || (p->mode == CHANGED && p->headed);

	*skipped = idle ? tar_left(p->tar) : 0;
	return tar_skip(p->tar, *skipped, e);
}

static int
pass_finish(struct sink *s, struct err *e)
{
	struct pass *p = (struct pass *)s;

	if (sink_finish(p->tar, e) == -1)
		return -1;
	return p->space != 0 ? 0 : !p->has_label ? err_set(e, ERR_CORRUPT,
	    "it has no backup_label") : label_take(p->r, p->set, &p->label, e);
}

static void
pass_free(struct sink *s)
{
	struct pass *p = (struct pass *)s;

	sink_free(p->tar);
	increment_reader_free(p->blocks);
	buf_free(&p->label);
	free(p);
}

struct sink *
combine_archive(struct recover *r, uint32_t space, unsigned set,
    struct err *e)
{
	static const struct sink_ops ops = { pass_write, pass_finish,
		pass_free };
	static const struct tar_take take = { take_member, take_data,
		take_end };
	struct pass *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	p->base.ops = &ops;
	p->r = r;
	p->of = r->chain[r->chain_count - set];
	p->space = space;
	p->set = set;
	p->label = (struct buf)BUF_INIT(LABEL_MAX);
	if ((p->tar = tar_reader(&take, p, e)) == NULL) {
		free(p);
		return NULL;
	}
	return &p->base;
}

/* What was cut off and grew again has all its blocks in the increments. */
int
combine_end(struct recover *r, unsigned set, struct err *e)
{
	for (size_t i = 0; i < r->files.count; i++) {
		struct file *f = r->files.items[i];

		if (f->state == FILE_OPEN && f->seen == set && f->limit == 0 &&
		    (merge_begin(r, f, e) == -1 || merge_end(r, e) == -1))
			return -1;
	}
	return 0;
}
