#include "behind/behind.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "tap.h"

static struct err e;
static char dir[] = "/tmp/pgk-behind-XXXXXX";

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 31 + i / 4096 + (i >> 20) * 7);
}

static int
make(const char *folder, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", folder, name);
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* `len` bytes in writes of up to `step`. */
static int
put(struct behind *b, size_t len, size_t step)
{
	unsigned char *data = malloc(step);
	int rc = data == NULL ? -1 : 0;

	for (size_t at = 0; rc == 0 && at < len;) {
		size_t n = len - at < step ? len - at : step;

		for (size_t i = 0; i < n; i++)
			data[i] = byte_at(at + i);
		rc = behind_write(b, data, n, &e);
		at += n;
	}
	free(data);
	return rc;
}

static bool
holds(const char *path, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *data = malloc(len + 1);
	bool good = fd != -1 && data != NULL &&
	    fsx_read(fd, data, len + 1, path, &e) == (ssize_t)len;

	for (size_t i = 0; good && i < len; i++)
		good = data[i] == byte_at(i);
	free(data);
	fsx_close(fd);
	return good;
}

static const size_t sizes[] = { 0, 1, 4095, 4096, 70000, BEHIND_PIECE - 1,
	BEHIND_PIECE, BEHIND_PIECE + 1, 2 * BEHIND_PIECE,
	3 * BEHIND_PIECE + 4096, 9 * BEHIND_PIECE + 77 };
#define SIZES (sizeof sizes / sizeof *sizes)

/* One after the other without waiting; whole after the drain. */
static void
many(const char *folder, size_t step)
{
	char paths[SIZES][256], name[32];
	struct behind *b = behind_new(&e);
	bool began = b != NULL, right = true;
	int fds[SIZES];

	for (size_t i = 0; began && i < SIZES; i++) {
		snprintf(name, sizeof name, "%zu-%zu", i, step);
		fds[i] = make(folder, name, paths[i]);
		began = fds[i] != -1 && behind_begin(b, fds[i], true,
		    paths[i], &e) == 0 && put(b, sizes[i], step) == 0 &&
		    behind_end(b, &e) == 0;
	}
	OK(began && behind_drain(b, &e) == 0);
	for (size_t i = 0; began && i < SIZES; i++) {
		right = right && holds(paths[i], sizes[i]) &&
		    fcntl(fds[i], F_GETFD) == -1;
		unlink(paths[i]);
	}
	OK(right);
	behind_free(b);
}

/* A borrowed descriptor stays open, and is as it was. */
static void
borrowed(void)
{
	char path[256];
	struct behind *b = behind_new(&e);
	int fd = make(dir, "borrowed", path);

	OK(behind_begin(b, fd, false, path, &e) == 0);
	OK(put(b, 3 * BEHIND_PIECE + 5, 100000) == 0);
	OK(behind_end(b, &e) == 0 && behind_drain(b, &e) == 0);
	behind_free(b);
	OK((fcntl(fd, F_GETFL) & O_DIRECT) == 0);
	OK(holds(path, 3 * BEHIND_PIECE + 5));
	fsx_close(fd);
	unlink(path);
}

/* Whether it is the first piece that cannot be written, or a later one. */
static void
fails(const char *path, int flags, size_t len, const char *word)
{
	struct behind *b = behind_new(&e);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int rc = behind_begin(b, fd, true, "the file", &e);

	if (rc == 0)
		rc = put(b, len, 65536);
	if (rc == 0)
		rc = behind_end(b, &e);
	if (rc == 0)
		rc = behind_drain(b, &e);
	FAILS(rc, ERR_SYS, word);
	behind_free(b);
	OK(fcntl(fd, F_GETFD) == -1);
}

/*
 * In place of the system's: when `slow`, the first piece of a file takes a while
 * for its first half, and there is no room for others.
 */
static atomic_bool slow;
static atomic_uint halves, astray;

ssize_t
pwrite(int fd, const void *data, size_t len, off_t off)
{
	const struct timespec nap = { 0, 200000000 };

	if (!slow)
		return syscall(SYS_pwrite64, fd, data, len, off);
	if (fcntl(fd, F_GETFD) == -1)
		astray++;
	if (off >= (off_t)BEHIND_PIECE) {
		errno = ENOSPC;
		return -1;
	}
	if (off > 0)
		return (ssize_t)len;
	halves++;
	nanosleep(&nap, NULL);
	return (ssize_t)len / 2;
}

/* A file is there as long as anybody writes it, whoever failed. */
static void
slow_and_full(void)
{
	const struct timespec nap = { 0, 50000000 };
	struct behind *b = behind_new(&e);
	char path[256];
	int fd = make(dir, "slow", path);

	slow = true;
	OK(behind_begin(b, fd, true, "the file", &e) == 0);
	OK(put(b, 2 * BEHIND_PIECE + 5, BEHIND_PIECE) == 0);
	nanosleep(&nap, NULL);
	FAILS(behind_end(b, &e), ERR_SYS, "No space left on device");
	behind_free(b);
	slow = false;
	EQ(halves, 1);
	EQ(astray, 0);
	OK(fcntl(fd, F_GETFD) == -1);
	unlink(path);
}

static void
full_disk(void)
{
	const struct rlimit limit = { 5 * BEHIND_PIECE, RLIM_INFINITY };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	char path[256];

	fails("/dev/full", O_WRONLY, 10,
	    "could not write \"the file\": No space left on device");
	fails("/dev/full", O_WRONLY, 10 * BEHIND_PIECE,
	    "could not write \"the file\": No space left on device");
	fails("/dev/null", O_RDONLY, 10, "could not write \"the file\"");
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof path, "%s/limited", dir);
	OK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	fails(path, O_WRONLY | O_CREAT, 9 * BEHIND_PIECE, "File too large");
	OK(setrlimit(RLIMIT_FSIZE, &none) == 0);
	unlink(path);
}

/* Given up at any moment: nothing is left open, nothing hangs. */
static void
abandoned(void)
{
	static const size_t lens[] = { 0, 10, BEHIND_PIECE,
		4 * BEHIND_PIECE + 10 };
	char path[256];

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
		for (int end = 0; end < 2; end++) {
			struct behind *b = behind_new(&e);
			int fd = make(dir, "left", path);

			OK(behind_begin(b, fd, true, path, &e) == 0 &&
			    put(b, lens[i], 4000) == 0 &&
			    (end == 0 || behind_end(b, &e) == 0));
			behind_free(b);
			OK(fcntl(fd, F_GETFD) == -1);
			unlink(path);
		}
	behind_free(NULL);
}

int
main(void)
{
	OK(mkdtemp(dir) != NULL);
	many(dir, 1000);
	many(dir, BEHIND_PIECE);
	many(dir, 3 * BEHIND_PIECE + 1);
	/* memory, whose file system may not know O_DIRECT */
	if (access("/dev/shm", W_OK) == 0) {
		char shm[] = "/dev/shm/pgk-behind-XXXXXX";

		OK(mkdtemp(shm) != NULL);
		many(shm, 300000);
		rmdir(shm);
	}
	borrowed();
	full_disk();
	slow_and_full();
	abandoned();
	OK(rmdir(dir) == 0);
	return done();
}
