#include "fsx/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void
fsx_close(int fd)
{
	if (fd != -1)
		close(fd);
}

int
fsx_write(int fd, const void *data, size_t len, const char *name,
    struct err *e)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not write \"%s\"", name);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t
fsx_read(int fd, void *data, size_t len, const char *name, struct err *e)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)data + got, len - got);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not read \"%s\"", name);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t
fsx_pread(int fd, void *data, size_t len, uint64_t off, const char *name,
    struct err *e)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)data + got, len - got,
		    (off_t)(off + got));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not read \"%s\"", name);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int
check_private(const struct stat *st, const char *path, struct err *e)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(e, ERR_KEY, "\"%s\" belongs to another user",
		    path);
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		err_set(e, ERR_KEY,
		    "\"%s\" can be reached by group or others", path);
		return err_hint(e, "chmod 600 \"%s\"", path);
	}
	return 0;
}

static int
check_trusted(const struct stat *st, const char *path, struct err *e)
{
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return 0;
	err_set(e, ERR_REFUSED, "\"%s\" can be written by group or others",
	    path);
	return err_hint(e, "chmod go-w \"%s\"", path);
}

int
fsx_slurp(const char *path, size_t max, int flags, struct buf *out,
    struct err *e)
{
	struct stat st;
	ssize_t n;
	int fd, rc = -1;

	/* not blocking: a FIFO must not hang us, and is refused below */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_ABSENT, "there is no file \"%s\"",
		    path);
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"", path);
	if (fstat(fd, &st) == -1) {
		err_sys(e, "could not stat \"%s\"", path);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_SYS, "\"%s\" is not a regular file", path);
		goto done;
	}
	if ((flags & FSX_PRIVATE) && check_private(&st, path, e) == -1)
		goto done;
	if ((flags & FSX_TRUSTED) && check_trusted(&st, path, e) == -1)
		goto done;
	if ((uint64_t)st.st_size > max) {
		err_set(e, ERR_SYS, "\"%s\" is larger than %zu bytes", path,
		    max);
		goto done;
	}
	if (buf_reserve(out, (size_t)st.st_size, e) == -1)
		goto done;
	n = fsx_read(fd, out->data + out->len, (size_t)st.st_size, path, e);
	if (n == -1)
		goto done;
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	rc = 0;
done:
	fsx_close(fd);
	return rc;
}

int
fsx_sync_dir(int dirfd, const char *name, struct err *e)
{
	if (fsync(dirfd) == -1)
		return err_sys(e, "could not sync folder \"%s\"", name);
	return 0;
}

int
fsx_open_dir(int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no folder \"%s\"",
		    name);
	if (fd == -1)
		return err_sys(e, "could not open folder \"%s\"", name);
	return fd;
}

int
fsx_std_fds(struct err *e)
{
	/* the wrong way round: what is read or printed fails, as it would */
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", modes[fd]) != fd)
			return err_sys(e, "could not open \"/dev/null\"");
	return 0;
}
