/*
 * Locks by flock(): the kernel drops them when their holder dies, and each
 * open file description holds its own, so they conflict within a process as
 * well. A lock without an object is on a hidden file ".lock-NAME", which is
 * left in place: removing it while another process opens it would give two
 * holders of one name.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "store/file_int.h"

struct held {
	struct store_lock base;
	int fd;
};

/*
 * An exclusive flock() over NFS needs a descriptor opened for writing; a
 * store mounted read-only can be held but not seized.
 */
static int
open_lock(int dir, const char *leaf, enum store_lock_how how)
{
	int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char hidden[NAME_MAX + 1];

	if (how == STORE_HOLD)
		return openat(dir, leaf, O_RDONLY | flags);
	if (how == STORE_SEIZE)
		return openat(dir, leaf, O_RDWR | flags);
	snprintf(hidden, sizeof hidden, ".lock-%s", leaf);
	return openat(dir, hidden, O_RDWR | O_CREAT | flags, 0600);
}

/* The file to lock, its folder (fsx_close() it, on failure too) and leaf. */
static int
open_both(const struct file_store *fs, const char *name,
    enum store_lock_how how, int *dir, const char **leaf, struct err *e)
{
	bool made; /* a lock need not outlive the system */
	int fd;

	for (int i = 0;; i++) {
		*dir = file_open_parent(fs, name,
		    how == STORE_LOCK ? &made : NULL, leaf, e);
		if (*dir == -1)
			return -1;
		if ((fd = open_lock(*dir, *leaf, how)) != -1)
			return fd;
		if (i == FILE_TRIES || how != STORE_LOCK || errno != ENOENT ||
		    !file_is_removed(*dir))
			break;
		fsx_close(*dir);
	}
	if (errno == ENOENT && how != STORE_LOCK)
		return err_set(e, ERR_ABSENT, "there is no object \"%s\"",
		    name);
	return err_sys(e, "could not open \"%s\" to lock it", name);
}

/*
 * Whether the locked file still is the one that bears the name: its last
 * holder may have deleted it while we opened it.
 */
static int
check_linked(int dir, const char *leaf, int fd, const char *name,
    struct err *e)
{
	struct stat ours, named;

	if (fstat(fd, &ours) == -1)
		return err_sys(e, "could not stat \"%s\"", name);
	if (fstatat(dir, leaf, &named, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno != ENOENT)
			return err_sys(e, "could not stat \"%s\"", name);
	} else if (named.st_dev == ours.st_dev &&
	    named.st_ino == ours.st_ino) {
		if (S_ISREG(ours.st_mode))
			return 0;
		return err_set(e, ERR_SYS, "\"%s\" is not a regular file",
		    name);
	}
	return err_set(e, ERR_ABSENT, "there is no object \"%s\"", name);
}

struct store_lock *
file_lock(struct store *s, const char *name, enum store_lock_how how,
    struct err *e)
{
	int op = (how == STORE_HOLD ? LOCK_SH : LOCK_EX) | LOCK_NB;
	struct held *h = calloc(1, sizeof *h);
	const char *leaf;
	int dir = -1;

	if (h == NULL) {
		err_nomem(e);
		return NULL;
	}
	h->base.ops = s->ops;
	h->fd = -1;
	h->fd = open_both((struct file_store *)s, name, how, &dir, &leaf, e);
	if (h->fd == -1)
		goto fail;
	if (flock(h->fd, op) == -1) {
		if (errno == EWOULDBLOCK)
			err_set(e, ERR_BUSY, "\"%s\" is in use", name);
		else
			err_sys(e, "could not lock \"%s\"", name);
		goto fail;
	}
	if (how != STORE_LOCK &&
	    check_linked(dir, leaf, h->fd, name, e) == -1)
		goto fail;
	close(dir);
	return &h->base;
fail:
	fsx_close(dir);
	file_unlock(&h->base);
	return NULL;
}

void
file_unlock(struct store_lock *l)
{
	struct held *h = (struct held *)l;

	/* a child process that is about to exec may share the descriptor */
	if (h->fd != -1)
		flock(h->fd, LOCK_UN);
	fsx_close(h->fd);
	free(h);
}
