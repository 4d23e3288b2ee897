#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx/fsx.h"

/*
 * Temporary files are ".pgk-" + 16 hex digits + ".tmp": the name says
 * nothing of the final one, so that it never grows too long. The lock (flock)
 * is what tells a live writer from a dead one: the kernel drops it when the
 * writer dies, on this host or over NFS.
 */
#define TMP_PREFIX ".pgk-"
#define TMP_SUFFIX ".tmp"
#define TMP_DIGITS 16
#define TMP_SIZE (sizeof TMP_PREFIX + TMP_DIGITS + sizeof TMP_SUFFIX)

struct fsx_new {
	int dirfd, fd;
	int flags;
	char tmp[TMP_SIZE];
	char *name;
};

static int
pick_name(char tmp[TMP_SIZE], struct err *e)
{
	unsigned char r[TMP_DIGITS / 2];
	size_t at = strlen(TMP_PREFIX);

	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return err_sys(e, "could not get random bytes");
	memcpy(tmp, TMP_PREFIX, at);
	for (size_t i = 0; i < sizeof r; i++, at += 2)
		snprintf(tmp + at, 3, "%02x", r[i]);
	memcpy(tmp + at, TMP_SUFFIX, sizeof TMP_SUFFIX);
	return 0;
}

/*
 * Make the file, locked before it has a name: a sweep that looks for
 * abandoned files must not meet one between its birth and its lock. Where a
 * file cannot be born nameless (NFS) that instant remains; then publishing
 * fails, and nothing is lost but the run.
 */
static int
open_nameless(int dirfd, const char *tmp, mode_t mode)
{
	char self[32];
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);

	if (fd == -1)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    linkat(AT_FDCWD, self, dirfd, tmp, AT_SYMLINK_FOLLOW) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
open_named(int dirfd, const char *tmp, mode_t mode, const char *name,
    struct err *e)
{
	int fd = openat(dirfd, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, mode);

	if (fd == -1)
		return err_sys(e, "could not create a file for \"%s\"", name);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err_sys(e, "could not lock the file for \"%s\"", name);
	unlinkat(dirfd, tmp, 0);
	close(fd);
	return -1;
}

struct fsx_new *
fsx_new_begin(int dirfd, const char *name, int flags, struct err *e)
{
	struct fsx_new *f = calloc(1, sizeof *f);
	mode_t mode = (flags & FSX_WORLD) ? 0666 : 0600;

	if (f == NULL) {
		err_nomem(e);
		return NULL;
	}
	f->dirfd = dirfd;
	f->flags = flags;
	f->fd = -1;
	if ((f->name = strdup(name)) == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (pick_name(f->tmp, e) == -1)
		goto fail;
	if ((f->fd = open_nameless(dirfd, f->tmp, mode)) == -1 &&
	    (f->fd = open_named(dirfd, f->tmp, mode, name, e)) == -1)
		goto fail;
	return f;
fail:
	fsx_new_free(f);
	return NULL;
}

int
fsx_new_fd(const struct fsx_new *f)
{
	return f->fd;
}

int
fsx_new_publish(struct fsx_new *f, struct err *e)
{
	unsigned how = (f->flags & FSX_REPLACE) ? 0 : RENAME_NOREPLACE;
	bool sync = (f->flags & FSX_FLEETING) == 0;
	int rc;

	if (sync && fsync(f->fd) == -1)
		return err_sys(e, "could not sync \"%s\"", f->name);
	rc = renameat2(f->dirfd, f->tmp, f->dirfd, f->name, how);
	if (rc == -1 && (errno == EINVAL || errno == ENOSYS) && how != 0) {
		/* a file system without NOREPLACE: link() never replaces */
		rc = linkat(f->dirfd, f->tmp, f->dirfd, f->name, 0);
		if (rc == 0)
			unlinkat(f->dirfd, f->tmp, 0);
	}
	if (rc == -1 && errno == EEXIST)
		return err_set(e, ERR_BUSY, "\"%s\" exists already", f->name);
	if (rc == -1)
		return err_sys(e, "could not rename a file to \"%s\"",
		    f->name);
	fsx_close(f->fd);
	f->fd = -1;
	return sync ? fsx_sync_dir(f->dirfd, f->name, e) : 0;
}

void
fsx_new_free(struct fsx_new *f)
{
	if (f == NULL)
		return;
	if (f->fd != -1) {
		unlinkat(f->dirfd, f->tmp, 0);
		fsx_close(f->fd);
	}
	free(f->name);
	free(f);
}

static bool
is_temporary(const char *name)
{
	size_t head = strlen(TMP_PREFIX);

	return strlen(name) == TMP_SIZE - 2 &&
	    strncmp(name, TMP_PREFIX, head) == 0 &&
	    strspn(name + head, "0123456789abcdef") == TMP_DIGITS &&
	    strcmp(name + head + TMP_DIGITS, TMP_SUFFIX) == 0;
}

int
fsx_new_abandoned(int dirfd, const char *name, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (!is_temporary(name))
		return 0;
	fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK);
	/* gone, a link or a folder: we make regular files only */
	if (fd == -1 && (errno == ENOENT || errno == ELOOP ||
	    errno == EISDIR))
		return 0;
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"", name);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		fsx_close(fd);
		return 0;
	}
	rc = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (rc == 0 && errno != EWOULDBLOCK)
		rc = err_sys(e, "could not lock \"%s\"", name);
	fsx_close(fd);
	return rc;
}
