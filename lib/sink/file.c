#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "behind/behind.h"
#include "fsx/fsx.h"
#include "sink/sink.h"

/* A file that appears under its name when it is whole. */

struct file_sink {
	struct sink base;
	struct fsx_new *new; /* a regular file, and its bytes, or */
	struct behind *bytes;
	int fd;              /* a device or FIFO, written as it is */
	int dirfd;
	char *path;
};

static int
file_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct file_sink *f = (struct file_sink *)s;

	return f->new != NULL ? behind_write(f->bytes, data, len, e) :
	    fsx_write(f->fd, data, len, f->path, e);
}

static int
file_finish(struct sink *s, struct err *e)
{
	struct file_sink *f = (struct file_sink *)s;
	int rc;

	if (f->new != NULL)
		return behind_end(f->bytes, e) == -1 || behind_drain(f->bytes,
		    e) == -1 ? -1 : fsx_new_publish(f->new, e);
	rc = close(f->fd);
	f->fd = -1;
	return rc == -1 ? err_sys(e, "could not write \"%s\"", f->path) : 0;
}

static void
file_free(struct sink *s)
{
	struct file_sink *f = (struct file_sink *)s;

	behind_free(f->bytes);
	fsx_new_free(f->new);
	fsx_close(f->fd);
	fsx_close(f->dirfd);
	free(f->path);
	free(f);
}

static int
open_regular(struct file_sink *f, struct err *e)
{
	char *slash = strrchr(f->path, '/');
	const char *name = slash != NULL ? slash + 1 : f->path;
	const char *folder = slash == NULL ? "." : slash == f->path ? "/" :
	    f->path;

	if (*name == '\0')
		return err_set(e, ERR_USAGE, "\"%s\" is no file name",
		    f->path);
	if (slash != NULL && slash != f->path)
		*slash = '\0';
	f->dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dirfd == -1)
		return err_sys(e, "could not open folder \"%s\"", folder);
	if (slash != NULL && slash != f->path)
		*slash = '/';
	if ((f->new = fsx_new_begin(f->dirfd, name, FSX_REPLACE, e)) == NULL ||
	    (f->bytes = behind_new(e)) == NULL)
		return -1;
	return behind_begin(f->bytes, fsx_new_fd(f->new), false, f->path, e);
}

struct sink *
sink_file(const char *path, struct err *e)
{
	static const struct sink_ops ops = { file_write, file_finish,
		file_free };
	struct file_sink *f = calloc(1, sizeof *f);
	struct stat st;

	if (f == NULL || (f->path = strdup(path)) == NULL) {
		free(f);
		err_nomem(e);
		return NULL;
	}
	f->base.ops = &ops;
	f->fd = f->dirfd = -1;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (f->fd == -1) {
			err_sys(e, "could not open \"%s\"", path);
			goto fail;
		}
	} else if (open_regular(f, e) == -1) {
		goto fail;
	}
	return &f->base;
fail:
	file_free(&f->base);
	return NULL;
}
