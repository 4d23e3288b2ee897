/*
 * The driver for a folder. Every path is walked from a root held open, part
 * by part and without following links, so that nothing outside can be
 * reached by whatever someone puts into the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "store/file_int.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int
file_check_folder(int fd, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "could not stat folder \"%s\"", name);
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		err_set(e, ERR_REFUSED,
		    "folder \"%s\" belongs to another user", name);
		return err_hint(e, "run as the user whom the store belongs "
		    "to (number %lu)", (unsigned long)st.st_uid);
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		err_set(e, ERR_REFUSED,
		    "folder \"%s\" can be written to by group or others",
		    name);
		return err_hint(e, "chmod go-w \"%s\"", name);
	}
	return 0;
}

/* `dir` may be one that can be searched but not read, so itself not synced. */
static int
sync_folder(int dir, const char *shown, struct err *e)
{
	int fd = openat(dir, ".", FOLDER_FLAGS), rc;

	if (fd == -1)
		return err_sys(e, "could not sync folder \"%s\"", shown);
	rc = fsx_sync_dir(fd, shown, e);
	close(fd);
	return rc;
}

/* Open `part` in `dir`; `shown` is for messages. `made`: file_int.h */
static int
open_step(int dir, const char *part, const char *shown, bool *made,
    struct err *e)
{
	struct stat st;
	int fd = openat(dir, part, FOLDER_FLAGS);

	for (int i = 0; fd == -1 && errno == ENOENT && made != NULL; i++) {
		if (i == FILE_TRIES)
			break;
		if (mkdirat(dir, part, 0700) == -1 && errno != EEXIST)
			return err_sys(e, "could not make folder \"%s\"",
			    shown);
		*made = true;
		fd = openat(dir, part, FOLDER_FLAGS);
	}
	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no folder \"%s\"",
		    shown);
	if (fd == -1 && (errno == ENOTDIR || errno == ELOOP) &&
	    fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return err_set(e, ERR_REFUSED, "\"%s\" is a symbolic link",
		    shown);
	if (fd == -1)
		return err_sys(e, "could not open folder \"%s\"", shown);
	if (file_check_folder(fd, shown, e) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The first `len` bytes of `name` are a folder's name. */
static int
walk(const struct file_store *fs, const char *name, size_t len, bool *made,
    struct err *e)
{
	int dir = openat(fs->root, ".", FOLDER_FLAGS), next;
	struct stat st;
	size_t at = 0;

	if (dir == -1 || fstat(dir, &st) == -1) {
		err_sys(e, "could not open folder \"%s\"", fs->path);
		fsx_close(dir);
		return -1;
	}
	if (st.st_nlink == 0) { /* not an empty store, but none */
		close(dir);
		return err_set(e, ERR_SYS, "folder \"%s\" was removed",
		    fs->path);
	}
	while (at < len) {
		const char *slash = memchr(name + at, '/', len - at);
		size_t end = slash != NULL ? (size_t)(slash - name) : len;
		char part[NAME_MAX + 1], shown[PATH_MAX];

		memcpy(part, name + at, end - at);
		part[end - at] = '\0';
		snprintf(shown, sizeof shown, "%s/%.*s", fs->path, (int)end,
		    name);
		next = open_step(dir, part, shown, made, e);
		close(dir);
		if ((dir = next) == -1)
			return -1;
		at = end + 1;
	}
	return dir;
}

int
file_open_parent(const struct file_store *fs, const char *name, bool *made,
    const char **leaf, struct err *e)
{
	const char *slash = strrchr(name, '/');

	*leaf = slash != NULL ? slash + 1 : name;
	return walk(fs, name, slash != NULL ? (size_t)(slash - name) : 0,
	    made, e);
}

int
file_open_folder(const struct file_store *fs, const char *folder,
    struct err *e)
{
	return walk(fs, folder, strlen(folder), NULL, e);
}

int
file_sync_above(const struct file_store *fs, const char *name, struct err *e)
{
	const char *last = strrchr(name, '/');
	int rc = 0;

	/* each folder that holds another on the way, the root first */
	for (size_t len = 0; rc == 0 && last != NULL &&
	    len < (size_t)(last - name);) {
		int dir = walk(fs, name, len, NULL, e);

		rc = dir == -1 ? -1 : sync_folder(dir, name, e);
		fsx_close(dir);
		len += (len > 0) + strcspn(name + len + (len > 0), "/");
	}
	return rc;
}

bool
file_is_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

void
file_drop_folder(const struct file_store *fs, const char *folder)
{
	const char *leaf;
	int dir;

	if (strchr(folder, '/') == NULL)
		return;
	if ((dir = file_open_parent(fs, folder, NULL, &leaf, NULL)) == -1)
		return;
	unlinkat(dir, leaf, AT_REMOVEDIR);
	close(dir);
}

void
file_drop_parent(const struct file_store *fs, const char *name)
{
	const char *slash = strrchr(name, '/');
	char folder[PATH_MAX];

	if (slash == NULL)
		return;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
	file_drop_folder(fs, folder);
}

/*
 * A file's mark is its inode and when that was made: a rename keeps both,
 * and a later file that is given the same inode number was made later.
 */
int
file_mark_of(int fd, const char *leaf, const char *shown, char *mark,
    struct err *e)
{
	struct statx st;
	int flags = AT_SYMLINK_NOFOLLOW | (*leaf == '\0' ? AT_EMPTY_PATH : 0);

	if (statx(fd, leaf, flags, STATX_INO | STATX_BTIME, &st) == -1) {
		if (errno == ENOENT)
			return err_set(e, ERR_ABSENT,
			    "there is no object \"%s\"", shown);
		return err_sys(e, "could not stat \"%s\"", shown);
	}
	if ((st.stx_mask & STATX_BTIME) == 0)
		st.stx_btime.tv_sec = st.stx_btime.tv_nsec = 0;
	snprintf(mark, STORE_MARK_MAX, "%llx.%llx.%x",
	    (unsigned long long)st.stx_ino,
	    (unsigned long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
	return 0;
}

static int
file_mark(struct store *s, const char *name, char *mark, struct err *e)
{
	const char *leaf;
	int dir, rc;

	dir = file_open_parent((struct file_store *)s, name, NULL, &leaf, e);
	if (dir == -1)
		return -1;
	rc = file_mark_of(dir, leaf, name, mark, e);
	close(dir);
	return rc;
}

/* An object's file, and its folder. */
static int
open_object(struct store *s, const char *name, int *dir, struct err *e)
{
	const char *leaf;
	int fd;

	*dir = file_open_parent((struct file_store *)s, name, NULL, &leaf,
	    e);
	if (*dir == -1)
		return -1;
	/* not blocking: a FIFO must not hang us; blob_fd() refuses it */
	fd = openat(*dir, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		err_set(e, ERR_ABSENT, "there is no object \"%s\"", name);
	else if (fd == -1 && errno == ELOOP)
		err_set(e, ERR_REFUSED, "\"%s\" is a symbolic link", name);
	else if (fd == -1)
		err_sys(e, "could not open \"%s\"", name);
	if (fd == -1)
		close(*dir);
	return fd;
}

static struct blob *
file_get(struct store *s, const char *name, struct err *e)
{
	int dir, fd = open_object(s, name, &dir, e);

	if (fd == -1)
		return NULL;
	close(dir);
	return blob_fd(fd, name, e);
}

static int
file_sync(struct store *s, const char *name, struct err *e)
{
	int dir, fd = open_object(s, name, &dir, e), rc = -1;

	if (fd == -1)
		return -1;
	if (fsync(fd) == -1)
		err_sys(e, "could not sync \"%s\"", name);
	else
		rc = fsx_sync_dir(dir, name, e);
	close(fd);
	close(dir);
	return rc;
}

static int
file_del(struct store *s, const char *name, const char *mark, struct err *e)
{
	char found[STORE_MARK_MAX];
	const char *leaf;
	int dir, rc = -1;

	dir = file_open_parent((struct file_store *)s, name, NULL, &leaf, e);
	if (dir == -1)
		return -1;
	if (mark != NULL &&
	    file_mark_of(dir, leaf, name, found, e) == -1)
		goto done;
	if (mark != NULL && strcmp(mark, found) != 0)
		err_set(e, ERR_REFUSED, "\"%s\" is another object than the "
		    "one to delete", name);
	else if (unlinkat(dir, leaf, 0) == 0)
		rc = fsx_sync_dir(dir, name, e);
	else if (errno == ENOENT)
		err_set(e, ERR_ABSENT, "there is no object \"%s\"", name);
	else
		err_sys(e, "could not delete \"%s\"", name);
done:
	file_drop_parent((struct file_store *)s, name);
	close(dir);
	return rc;
}

static void
file_close(struct store *s)
{
	struct file_store *fs = (struct file_store *)s;

	fsx_close(fs->root);
	free(fs->path);
	free(fs);
}

/* Open the root: its last part alone may be made and may be no link. */
static int
open_root(char *path, int flags, struct err *e)
{
	/* links above the store are the host's own affair */
	const int above = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char *slash = strrchr(path, '/');
	const char *part = slash != NULL ? slash + 1 : path;
	bool made = false;
	int dir, fd;

	if (slash == NULL) {
		dir = open(".", above);
	} else if (slash == path) {
		dir = open("/", above);
	} else {
		*slash = '\0';
		dir = open(path, above);
		if (dir == -1 && errno == ENOENT)
			err_set(e, ERR_ABSENT, "there is no folder \"%s\"",
			    path);
		else if (dir == -1)
			err_sys(e, "could not open folder \"%s\"", path);
		*slash = '/';
	}
	if (dir == -1)
		return err_sys(e, "could not open the folder of \"%s\"", path);
	fd = open_step(dir, *part != '\0' ? part : ".", path,
	    (flags & STORE_CREATE) != 0 ? &made : NULL, e);
	if (fd != -1 && made && sync_folder(dir, path, e) == -1) {
		close(fd);
		fd = -1;
	}
	close(dir);
	return fd;
}

struct store *
store_file_open(const char *path, int flags, struct err *e)
{
	static const struct store_ops ops = {
		.put = file_put,
		.mark = file_mark,
		.get = file_get,
		.sync = file_sync,
		.list = file_list,
		.folders = file_folders,
		.del = file_del,
		.lock = file_lock,
		.unlock = file_unlock,
		.sweep = file_sweep,
		.close = file_close,
	};
	struct file_store *fs = calloc(1, sizeof *fs);
	size_t len = strlen(path);

	if (fs == NULL) {
		err_nomem(e);
		return NULL;
	}
	fs->base.ops = &ops;
	fs->root = -1;
	/* "store/" would follow a link "store" */
	while (len > 1 && path[len - 1] == '/')
		len--;
	if ((fs->path = strndup(path, len)) == NULL)
		err_nomem(e);
	else
		fs->root = open_root(fs->path, flags, e);
	if (fs->root == -1) {
		file_close(&fs->base);
		return NULL;
	}
	return &fs->base;
}
