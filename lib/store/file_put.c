#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "store/file_int.h"

#define BEGIN_TRIES 100

struct put_sink {
	struct sink base;
	struct fsx_new *f;
	int dir;
	char *name;
};

static int
put_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct put_sink *p = (struct put_sink *)s;

	return fsx_write(fsx_new_fd(p->f), data, len, p->name, e);
}

static int
put_finish(struct sink *s, struct err *e)
{
	return fsx_new_publish(((struct put_sink *)s)->f, e);
}

static void
put_free(struct sink *s)
{
	struct put_sink *p = (struct put_sink *)s;

	fsx_new_free(p->f);
	fsx_close(p->dir);
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
		if (i == BEGIN_TRIES || (why.kind != ERR_NONE &&
		    why.sys != EWOULDBLOCK)) {
			err_set(&why, ERR_BUSY, "\"%s\" is swept away", leaf);
			err_pass(e, &why);
			return NULL;
		}
	}
}

struct sink *
file_put(struct store *s, const char *name, char *mark, struct err *e)
{
	static const struct sink_ops ops = { put_write, put_finish, put_free };
	struct put_sink *p = calloc(1, sizeof *p);
	const char *leaf;

	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	p->base.ops = &ops;
	p->dir = file_open_parent((struct file_store *)s, name, true, &leaf,
	    e);
	if (p->dir == -1)
		goto fail;
	if ((p->name = strdup(name)) == NULL) {
		err_nomem(e);
		goto fail;
	}
	if ((p->f = begin(p->dir, leaf, e)) == NULL)
		goto fail;
	if (mark != NULL &&
	    file_mark_of(fsx_new_fd(p->f), "", name, mark, e) == -1)
		goto fail;
	return &p->base;
fail:
	put_free(&p->base);
	return NULL;
}
