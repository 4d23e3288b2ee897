#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "recover/recover_int.h"

#define DEPTH_MAX 64

int
walk_open(int root, const char *path, size_t len, struct err *e)
{
	int fd = -1, next;

	for (size_t at = 0, n; at < len; at += n + 1) {
		char part[256];

		n = strcspn(path + at, "/");
		if (n > len - at)
			n = len - at;
		if (n >= sizeof part)
			return err_set(e, ERR_CORRUPT,
			    "a name of %zu bytes", n);
		memcpy(part, path + at, n);
		part[n] = '\0';
		next = fsx_open_dir(fd == -1 ? root : fd, part, e);
		fsx_close(fd);
		if ((fd = next) == -1)
			return -1;
	}
	return fd;
}

/* Each entry of a folder but "." and "..". */
struct walk {
	int (*each)(struct walk *w, int dirfd, const char *name,
	    const struct stat *st, struct err *e);
	char path[4096]; /* of the folder, with '/' behind it, or "" */
	size_t len;
	unsigned depth;
	bool (*keep)(void *ctx, const char *path);
	void *ctx;
	uint64_t size;
};

static int
walk(struct walk *w, int dirfd, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;
	int rc = 0;

	if (d == NULL) {
		err_sys(e, "could not open folder \"%s\"", w->path);
		fsx_close(fd);
		return -1;
	}
	while (rc == 0 && (errno = 0, entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd, entry->d_name, &st,
		    AT_SYMLINK_NOFOLLOW) == -1)
			rc = err_sys(e, "could not stat \"%s%s\"", w->path,
			    entry->d_name);
		else
			rc = w->each(w, dirfd, entry->d_name, &st, e);
	}
	if (rc == 0 && entry == NULL && errno != 0)
		rc = err_sys(e, "could not read folder \"%s\"", w->path);
	closedir(d);
	return rc;
}

/* The same in a folder within. */
static int
walk_down(struct walk *w, int dirfd, const char *name, struct err *e)
{
	size_t was = w->len;
	int n, rc, fd;

	n = snprintf(w->path + was, sizeof w->path - was, "%s/", name);
	if (n < 0 || (size_t)n >= sizeof w->path - was ||
	    w->depth == DEPTH_MAX) {
		w->path[was] = '\0';
		return err_set(e, ERR_SYS, "folders too deep in \"%s\"",
		    w->path);
	}
	if ((fd = fsx_open_dir(dirfd, name, e)) == -1)
		return -1;
	w->len += (size_t)n;
	w->depth++;
	rc = walk(w, fd, e);
	w->depth--;
	w->len = was;
	w->path[was] = '\0';
	fsx_close(fd);
	return rc;
}

static int
empty_each(struct walk *w, int dirfd, const char *name, const struct stat *st,
    struct err *e)
{
	bool is_dir = S_ISDIR(st->st_mode), kept = false;
	size_t was = w->len;

	if (w->keep != NULL) {
		if (snprintf(w->path + was, sizeof w->path - was, "%s",
		    name) >= (int)(sizeof w->path - was))
			return err_set(e, ERR_SYS, "path too long");
		kept = w->keep(w->ctx, w->path);
		w->path[was] = '\0';
	}
	if (is_dir && walk_down(w, dirfd, name, e) == -1)
		return -1;
	if (!kept && unlinkat(dirfd, name, is_dir ? AT_REMOVEDIR : 0) == -1)
		return err_sys(e, "could not remove \"%s%s\"", w->path, name);
	return 0;
}

int
walk_empty(int dirfd, bool (*keep)(void *ctx, const char *path), void *ctx,
    struct err *e)
{
	struct walk w = { .each = empty_each, .keep = keep, .ctx = ctx };

	return walk(&w, dirfd, e);
}

static int
size_each(struct walk *w, int dirfd, const char *name, const struct stat *st,
    struct err *e)
{
	w->size += (uint64_t)st->st_blocks * 512;
	return S_ISDIR(st->st_mode) ? walk_down(w, dirfd, name, e) : 0;
}

int
walk_size(int dirfd, uint64_t *size, struct err *e)
{
	struct walk w = { .each = size_each };

	if (walk(&w, dirfd, e) == -1)
		return -1;
	*size += w.size;
	return 0;
}

static int
count_each(struct walk *w, int dirfd, const char *name, const struct stat *st,
    struct err *e)
{
	(void)dirfd;
	(void)name;
	(void)st;
	(void)e;
	w->size++;
	return 0;
}

int
walk_is_empty(int dirfd, bool *empty, struct err *e)
{
	struct walk w = { .each = count_each };

	if (walk(&w, dirfd, e) == -1)
		return -1;
	*empty = w.size == 0;
	return 0;
}
