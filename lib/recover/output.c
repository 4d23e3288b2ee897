#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "recover/recover_int.h"

static int
open_folder(struct recover *r, uint32_t space, const char *path, size_t len,
    struct err *e)
{
	int fd;

	if (r->folder != NULL && r->folder_space == space &&
	    strlen(r->folder) == len && memcmp(r->folder, path, len) == 0)
		return 0;
	fsx_close(r->folder_fd);
	r->folder_fd = -1;
	free(r->folder);
	r->folder = NULL;
	if ((fd = walk_open(r->spaces[space].fd, path, len, e)) == -1) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return err_set(e, ERR_CORRUPT, "there is no folder \"%.*s\"",
		    (int)len, path);
	}
	r->folder_fd = fd;
	r->folder_space = space;
	if ((r->folder = strndup(path, len)) == NULL)
		return err_nomem(e);
	return 0;
}

int
output_parent(struct recover *r, uint32_t space, const char *path,
    const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');

	*name = slash == NULL ? path : slash + 1;
	if (slash == NULL)
		return r->spaces[space].fd;
	if (open_folder(r, space, path, (size_t)(slash - path), e) == -1)
		return -1;
	return r->folder_fd;
}

static int
make_folder(struct recover *r, int parent, const char *name, struct err *e)
{
	struct stat st;

	if (mkdirat(parent, name, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "could not make folder \"%s\"", name);
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "could not stat \"%s\"", name);
	if (S_ISDIR(st.st_mode))
		return fchmodat(parent, name, 0700, 0) == 0 ? 0 :
		    err_sys(e, "could not make folder \"%s\" private", name);
	if (!r->o->delta)
		return err_set(e, ERR_REFUSED,
		    "\"%s\" appeared while it was restored", name);
	if (unlinkat(parent, name, 0) == -1 || mkdirat(parent, name, 0700) ==
	    -1)
		return err_sys(e, "could not make folder \"%s\"", name);
	return 0;
}

int
output_folder(struct recover *r, struct file *f, struct err *e)
{
	const char *name;
	int parent = output_parent(r, f->space, f->path, &name, e);

	return parent == -1 ? -1 : make_folder(r, parent, name, e);
}

/*
 * A file of a former data folder is written into only if it is a plain one
 * of ours with no other name; else it is replaced. -1 with errno.
 */
static int
open_former(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd == -1 && errno == ENOENT)
		return -1;
	if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && st.st_uid == geteuid() &&
	    ((st.st_mode & 07777) == 0600 || fchmod(fd, 0600) == 0))
		return fd;
	fsx_close(fd);
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode)) {
		struct err ignored = ERR_INIT;

		fd = openat(parent, name, O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);
		if (fd != -1)
			walk_empty(fd, NULL, NULL, &ignored);
		fsx_close(fd);
		unlinkat(parent, name, AT_REMOVEDIR);
	} else
		unlinkat(parent, name, 0);
	errno = ENOENT;
	return -1;
}

static int
open_file(struct recover *r, const struct file *f, struct err *e)
{
	const char *name;
	int fd = -1, parent = output_parent(r, f->space, f->path, &name, e);

	if (parent == -1)
		return -1;
	if (!r->o->delta || (fd = open_former(parent, name)) == -1)
		fd = openat(parent, name, O_RDWR | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(e, "could not make \"%s/%s\"",
		    r->spaces[f->space].path, f->path);
	return fd;
}

/*
 * A former file is written into, here and at once, only where it differs; a
 * new one behind our back.
 */
int
output_begin(struct recover *r, struct file *f, struct err *e)
{
	char name[PATH_MAX];
	int fd;

	if (r->behind == NULL && (r->behind = behind_new(e)) == NULL)
		return -1;
	if ((fd = open_file(r, f, e)) == -1)
		return -1;
	f->crc = 0;
	r->writing = f;
	r->off = 0;
	r->fd = -1;
	if (r->o->delta) {
		r->fd = fd;
		return 0;
	}
	snprintf(name, sizeof name, "%s/%s", r->spaces[f->space].path,
	    f->path);
	return behind_begin(r->behind, fd, true, name, e);
}

static int
write_at(const struct recover *r, const char *data, size_t len, uint64_t off,
    struct err *e)
{
	const struct file *f = r->writing;

	while (len > 0) {
		ssize_t n = pwrite(r->fd, data, len, (off_t)off);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not write \"%s/%s\"",
			    r->spaces[f->space].path, f->path);
		data += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Blocks that are there already are left alone. */
static int
write_where_differs(const struct recover *r, const char *data, size_t len,
    struct err *e)
{
	static _Thread_local char there[8 * BLOCK];
	uint64_t off = r->off;

	while (len > 0) {
		size_t n = len < sizeof there ? len : sizeof there;
		ssize_t got = fsx_pread(r->fd, there, n, off,
		    r->writing->path, e);

		if (got == -1)
			return -1;
		for (size_t at = 0, m; at < n; at += m) {
			m = n - at < BLOCK ? n - at : BLOCK;
			if ((at + m > (size_t)got || memcmp(there + at,
			    data + at, m) != 0) && write_at(r, data + at, m,
			    off + at, e) == -1)
				return -1;
		}
		data += n;
		off += n;
		len -= n;
	}
	return 0;
}

int
output_write(struct recover *r, const void *data, size_t len, struct err *e)
{
	struct file *f = r->writing;

	f->crc = digest_crc32c(f->crc, data, len);
	if ((r->o->delta ? write_where_differs(r, data, len, e) :
	    behind_write(r->behind, data, len, e)) == -1)
		return -1;
	r->off += len;
	return 0;
}

static int
end_former(const struct recover *r, struct err *e)
{
	struct stat st;

	if (fstat(r->fd, &st) == -1)
		return err_sys(e, "could not stat \"%s\"", r->writing->path);
	if ((uint64_t)st.st_size != r->off &&
	    ftruncate(r->fd, (off_t)r->off) == -1)
		return err_sys(e, "could not set the length of \"%s\"",
		    r->writing->path);
	return 0;
}

int
output_end(struct recover *r, struct err *e)
{
	int rc = r->o->delta ? end_former(r, e) : behind_end(r->behind, e);

	fsx_close(r->fd);
	r->fd = -1;
	r->writing = NULL;
	return rc;
}

int
output_drain(struct recover *r, struct err *e)
{
	return r->behind == NULL ? 0 : behind_drain(r->behind, e);
}

void
output_free(struct recover *r)
{
	behind_free(r->behind);
	fsx_close(r->fd);
	fsx_close(r->folder_fd);
	free(r->folder);
	r->behind = NULL;
	r->fd = r->folder_fd = -1;
	r->folder = NULL;
}

int
output_text(struct recover *r, const char *path, const void *data, size_t len,
    struct err *e)
{
	struct file *f = files_find(&r->files, 0, path);

	if (f == NULL && (f = files_add(&r->files, 0, path, e)) == NULL)
		return -1;
	f->state = FILE_DONE;
	f->size = len;
	f->mtime = r->now;
	return output_begin(r, f, e) == -1 || output_write(r, data, len,
	    e) == -1 ? -1 : output_end(r, e);
}
