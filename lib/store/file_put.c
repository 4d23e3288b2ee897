#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "behind/behind.h"
#include "fsx/fsx.h"
#include "store/file_int.h"

struct put_sink {
	struct sink base;
	const struct file_store *fs;
	struct fsx_new *f;
	struct behind *bytes; /* what is written, on its way to f */
	int dir;
	char *name;
	bool published;
};

static int
put_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct put_sink *p = (struct put_sink *)s;

	return behind_write(p->bytes, data, len, e);
}

static int
put_finish(struct sink *s, struct err *e)
{
	struct put_sink *p = (struct put_sink *)s;

	if (behind_end(p->bytes, e) == -1 ||
	    behind_drain(p->bytes, e) == -1 || fsx_new_publish(p->f, e) == -1)
		return -1;
	p->published = true;
	return 0;
}

static void
put_free(struct sink *s)
{
	struct put_sink *p = (struct put_sink *)s;

	behind_free(p->bytes);
	fsx_new_free(p->f);
	fsx_close(p->dir);
	if (!p->published && p->name != NULL)
		file_drop_parent(p->fs, p->name);
	free(p->name);
	free(p);
}

/*
 * Where a file cannot be locked before it has a name (NFS) a sweep may come
 * in between, take it for an abandoned one, lock and remove it: then our lock
 * fails or is on a file without a name, and another file is made.
 */
static struct fsx_new *
begin(int dir, const char *leaf, struct err *e)
{
	for (int i = 0;; i++) {
		struct err why = ERR_INIT;
		struct fsx_new *f = fsx_new_begin(dir, leaf, 0, &why);
		struct stat st;

		if (f != NULL && fstat(fsx_new_fd(f), &st) == -1)
			err_sys(&why, "could not stat \"%s\"", leaf);
		else if (f != NULL && st.st_nlink > 0)
			return f;
		fsx_new_free(f);
		if (i == FILE_TRIES || (why.kind != ERR_NONE &&
		    why.sys != EWOULDBLOCK)) {
			err_set(&why, ERR_BUSY, "\"%s\" is swept away", leaf);
			err_pass(e, &why);
			return NULL;
		}
	}
}

/* Open the folder and begin; it may go in between (file_drop_folder()). */
static int
open_and_begin(struct put_sink *p, struct err *e)
{
	const char *leaf;
	bool made = false;

	for (int i = 0;; i++) {
		struct err why = ERR_INIT;

		p->dir = file_open_parent(p->fs, p->name, &made, &leaf, e);
		if (p->dir == -1)
			return -1;
		if ((p->f = begin(p->dir, leaf, &why)) != NULL)
			return made ? file_sync_above(p->fs, p->name, e) : 0;
		if (i == FILE_TRIES || !file_is_removed(p->dir))
			return err_pass(e, &why);
		fsx_close(p->dir);
	}
}

struct sink *
file_put(struct store *s, const char *name, char *mark, struct err *e)
{
	static const struct sink_ops ops = { put_write, put_finish, put_free };
	struct put_sink *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	p->base.ops = &ops;
	p->fs = (struct file_store *)s;
	p->dir = -1;
	if ((p->name = strdup(name)) == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (open_and_begin(p, e) == -1 || (p->bytes = behind_new(e)) == NULL ||
	    behind_begin(p->bytes, fsx_new_fd(p->f), false, name, e) == -1)
		goto fail;
	if (mark != NULL &&
	    file_mark_of(fsx_new_fd(p->f), "", name, mark, e) == -1)
		goto fail;
	return &p->base;
fail:
	put_free(&p->base);
	return NULL;
}
