#include "fsx/fsx.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define TMP_NAME ".pgk-0123456789abcdef.tmp"

static struct err e;
static char dir[] = "/tmp/pgk-fsx-XXXXXX";
static int dirfd_;

/* Names in the folder; the last one in *name. */
static unsigned
entries(char name[256])
{
	unsigned n = 0;
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0) {
			snprintf(name, 256, "%s", entry->d_name);
			n++;
		}
	if (d != NULL)
		closedir(d);
	return n;
}

static const char *
content(const char *name)
{
	static char text[64];
	int fd = openat(dirfd_, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? 0 : read(fd, text, sizeof text - 1);

	fsx_close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return fd == -1 ? NULL : text;
}

static struct fsx_new *
begin(const char *name, const char *text, int flags)
{
	struct fsx_new *f = fsx_new_begin(dirfd_, name, flags, &e);

	if (f != NULL)
		fsx_write(fsx_new_fd(f), text, strlen(text), name, &e);
	return f;
}

static void
publishes(void)
{
	char name[256], path[512];
	struct stat st;
	struct fsx_new *f = begin("a", "one", 0);

	EQ(entries(name), 1);
	OK(strncmp(name, ".pgk-", 5) == 0);
	OK(content("a") == NULL);
	EQ(fsx_new_publish(f, &e), 0);
	fsx_new_free(f);
	EQ(entries(name), 1);
	IS(content("a"), "one");
	snprintf(path, sizeof path, "%s/a", dir);
	stat(path, &st);
	EQ(st.st_mode & 07777, 0600);
	EQ(st.st_nlink, 1);
	/* discarded */
	f = begin("b", "two", 0);
	fsx_new_free(f);
	EQ(entries(name), 1);
	/* taken already: neither replaced nor left behind */
	f = begin("a", "three", 0);
	FAILS(fsx_new_publish(f, &e) == -1, ERR_BUSY, "\"a\" exists already");
	fsx_new_free(f);
	IS(content("a"), "one");
	EQ(entries(name), 1);
	f = begin("a", "four", FSX_REPLACE);
	EQ(fsx_new_publish(f, &e), 0);
	fsx_new_free(f);
	IS(content("a"), "four");
	umask(022);
	f = begin("a", "five", FSX_REPLACE | FSX_WORLD);
	EQ(fsx_new_publish(f, &e), 0);
	fsx_new_free(f);
	umask(077);
	stat(path, &st);
	EQ(st.st_mode & 07777, 0644);
	/* a symbolic link in the way is replaced, not followed */
	unlink(path);
	EQ(symlink("/nowhere/x", path), 0);
	f = begin("a", "six", 0);
	FAILS(fsx_new_publish(f, &e) == -1, ERR_BUSY, "exists already");
	fsx_new_free(f);
	f = begin("a", "six", FSX_REPLACE);
	EQ(fsx_new_publish(f, &e), 0);
	fsx_new_free(f);
	IS(content("a"), "six");
	unlink(path);
	fsx_new_free(NULL);
	FAILS(fsx_new_begin(-1, "x", 0, &e) == NULL, ERR_SYS, "\"x\"");
}

/* A writer's process: begins, tells, and waits to be killed. */
static pid_t
start_writer(void)
{
	int fds[2];
	char c;
	pid_t pid;

	if (pipe(fds) == -1)
		return -1;
	fflush(stdout);
	if ((pid = fork()) == 0) {
		struct fsx_new *f = begin("set", "half", 0);

		if (f == NULL || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(fds[0], &c, 1) != 1)
		pid = -1;
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void
abandons(void)
{
	static const char *const not_ours[] = { "a", ".pgk-", ".pgk-x.tmp",
		".pgk-0123456789abcdef.tmp2", ".pgk-0123456789abcdeF.tmp",
		".pgk-0123456789abcdef0.tmp", "0123456789abcdef.tmp",
		".pgk-0123456789abcdef.tmp/", "" };
	char name[256];
	pid_t pid = start_writer();
	struct fsx_new *f;

	EQ(entries(name), 1);
	EQ(fsx_new_abandoned(dirfd_, name, &e), 0);
	EQ(fsx_new_abandoned(dirfd_, name, &e), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EQ(entries(name), 1);
	EQ(fsx_new_abandoned(dirfd_, name, &e), 1);
	unlinkat(dirfd_, name, 0);
	EQ(fsx_new_abandoned(dirfd_, name, &e), 0); /* gone: not an error */
	/* a writer of our own process is alive as well */
	f = begin("set", "x", 0);
	entries(name);
	EQ(fsx_new_abandoned(dirfd_, name, &e), 0);
	fsx_new_free(f);
	for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
		EQ(fsx_new_abandoned(dirfd_, not_ours[i], &e), 0);
	EQ(e.kind, ERR_NONE);
	/* a link or a folder of that name is none of ours */
	EQ(symlinkat("/etc/passwd", dirfd_, TMP_NAME), 0);
	EQ(fsx_new_abandoned(dirfd_, TMP_NAME, &e), 0);
	unlinkat(dirfd_, TMP_NAME, 0);
	EQ(mkdirat(dirfd_, TMP_NAME, 0700), 0);
	EQ(fsx_new_abandoned(dirfd_, TMP_NAME, &e), 0);
	unlinkat(dirfd_, TMP_NAME, AT_REMOVEDIR);
}

static bool sweeping;

/* What a later run does, over and over. */
static void *
sweep(void *arg)
{
	struct err mine = ERR_INIT;
	char name[256];

	while (__atomic_load_n(&sweeping, __ATOMIC_SEQ_CST))
		if (entries(name) > 0 &&
		    fsx_new_abandoned(dirfd_, name, &mine) == 1)
			unlinkat(dirfd_, name, 0);
	return arg;
}

/* A sweep never takes a file from a writer that has just begun. */
static void
swept(void)
{
	pthread_t t;
	int failed = 0;

	sweeping = true;
	pthread_create(&t, NULL, sweep, NULL);
	for (int i = 0; i < 6000; i++) {
		struct fsx_new *f = fsx_new_begin(dirfd_, "s", 0, &e);
		struct stat st = { .st_nlink = 0 };

		for (int look = 0; f != NULL && look < 3; look++) {
			sched_yield();
			fstat(fsx_new_fd(f), &st);
		}
		failed += st.st_nlink != 1;
		fsx_new_free(f);
	}
	__atomic_store_n(&sweeping, false, __ATOMIC_SEQ_CST);
	pthread_join(t, NULL);
	EQ(failed, 0);
	IS(e.text, "");
}

#define RACERS 4

static int won[RACERS];

static void *
race(void *arg)
{
	int n = *(int *)arg;
	struct err mine = ERR_INIT;
	char text[2] = { (char)('0' + n), '\0' };
	struct fsx_new *f = fsx_new_begin(dirfd_, "race", 0, &mine);

	if (f == NULL ||
	    fsx_write(fsx_new_fd(f), text, 1, "race", &mine) == -1)
		won[n] = -1;
	else if (fsx_new_publish(f, &mine) == 0)
		won[n] = 1;
	else
		won[n] = mine.kind == ERR_BUSY ? 0 : -1;
	fsx_new_free(f);
	return NULL;
}

/* Many publish one name: one wins, the others are told, none is left over. */
static void
races(void)
{
	char name[256], want[2] = "";
	int bad = 0;

	for (int round = 0; round < 50; round++) {
		pthread_t t[RACERS];
		int n[RACERS], sum = 0;

		for (int i = 0; i < RACERS; i++) {
			n[i] = i;
			pthread_create(&t[i], NULL, race, &n[i]);
		}
		for (int i = 0; i < RACERS; i++) {
			pthread_join(t[i], NULL);
			sum += won[i] == -1 ? 100 : won[i];
			if (won[i] == 1)
				want[0] = (char)('0' + i);
		}
		bad += sum != 1 || strcmp(content("race"), want) != 0 ||
		    entries(name) != 1;
		unlinkat(dirfd_, "race", 0);
	}
	EQ(bad, 0);
}

static void
make_file(const char *name, const char *text, mode_t mode, char path[512])
{
	struct fsx_new *f = begin(name, text, FSX_REPLACE);

	fchmod(fsx_new_fd(f), mode);
	fsx_new_publish(f, &e);
	fsx_new_free(f);
	snprintf(path, 512, "%s/%s", dir, name);
}

static void
slurps(void)
{
	struct buf b = BUF_INIT(100);
	char path[512], link[512];

	make_file("f", "secret", 0600, path);
	EQ(fsx_slurp(path, 6, FSX_PRIVATE | FSX_TRUSTED, &b, &e), 0);
	EQ(fsx_slurp(path, 6, 0, &b, &e), 0);
	IS(b.data, "secretsecret");
	FAILS(fsx_slurp(path, 5, 0, &b, &e) == -1, ERR_SYS,
	    "larger than 5 bytes");
	IS(b.data, "secretsecret");
	b.max = 14;
	FAILS(fsx_slurp(path, 6, 0, &b, &e) == -1, ERR_NOMEM, "14 bytes");
	buf_free(&b);
	b.max = 6; /* a bound that is met exactly */
	EQ(fsx_slurp(path, 6, 0, &b, &e), 0);
	buf_free(&b);
	b.max = 100;
	make_file("f", "", 0600, path);
	EQ(fsx_slurp(path, 0, 0, &b, &e), 0);
	IS(b.data, "");
	make_file("f", "x", 0640, path);
	FAILS(fsx_slurp(path, 6, FSX_PRIVATE, &b, &e) == -1, ERR_KEY,
	    "by group or others");
	EQ(fsx_slurp(path, 6, FSX_TRUSTED, &b, &e), 0);
	make_file("f", "x", 0604, path);
	FAILS(fsx_slurp(path, 6, FSX_PRIVATE, &b, &e) == -1, ERR_KEY, path);
	make_file("f", "x", 0620, path);
	FAILS(fsx_slurp(path, 6, FSX_TRUSTED, &b, &e) == -1, ERR_REFUSED,
	    "written by group or others");
	make_file("f", "x", 0602, path);
	FAILS(fsx_slurp(path, 6, FSX_TRUSTED, &b, &e) == -1, ERR_REFUSED,
	    path);
	if (geteuid() == 0) {
		make_file("f", "x", 0600, path);
		if (chown(path, 65534, 65534) == 0)
			FAILS(seteuid(65533) == 0 && seteuid(0) == 0 &&
			    fsx_slurp(path, 6, FSX_PRIVATE, &b, &e) == -1,
			    ERR_KEY, "belongs to another user");
	}
	FAILS(fsx_slurp(dir, 6, 0, &b, &e) == -1, ERR_SYS,
	    "not a regular file");
	unlink(path);
	FAILS(fsx_slurp(path, 6, 0, &b, &e) == -1, ERR_ABSENT, path);
	strcat(path, "/x");
	FAILS(fsx_slurp(path, 6, 0, &b, &e) == -1, ERR_ABSENT, path);
	/* neither a FIFO nor a device makes us wait */
	snprintf(link, sizeof link, "%s/fifo", dir);
	EQ(mkfifo(link, 0600), 0);
	FAILS(fsx_slurp(link, 6, 0, &b, &e) == -1, ERR_SYS,
	    "not a regular file");
	unlink(link);
	buf_free(&b);
}

static void
transfers(void)
{
	char path[512], data[8] = "";
	int fd, fds[2];

	make_file("f", "0123456789", 0600, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	EQ(fsx_read(fd, data, 4, path, &e), 4);
	EQ(fsx_read(fd, data, 7, path, &e), 6);
	EQ(fsx_read(fd, data, 7, path, &e), 0);
	EQ(fsx_pread(fd, data, 4, 8, path, &e), 2);
	OK(memcmp(data, "89", 2) == 0);
	EQ(fsx_pread(fd, data, 4, 100, path, &e), 0);
	FAILS(fsx_write(fd, "x", 1, "f", &e) == -1, ERR_SYS,
	    "could not write \"f\"");
	close(fd);
	FAILS(fsx_read(dirfd_, data, 1, "d", &e) == -1, ERR_SYS, "\"d\"");
	FAILS(fsx_pread(-1, data, 1, 0, "d", &e) == -1, ERR_SYS, "\"d\"");
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	FAILS(fsx_write(fd, "x", 1, "full", &e) == -1, ERR_SYS,
	    "could not write \"full\": No space left");
	close(fd);
	/* short reads of a pipe are put together */
	EQ(pipe(fds), 0);
	fflush(stdout);
	if (fork() == 0) {
		for (int i = 0; i < 4; i++) {
			usleep(5000);
			if (write(fds[1], "ab", 2) != 2)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	EQ(fsx_read(fds[0], data, 7, "pipe", &e), 7);
	EQ(fsx_read(fds[0], data, 7, "pipe", &e), 1);
	close(fds[0]);
	while (wait(NULL) > 0)
		;
	fsx_close(-1);
	unlink(path);
}

static void
folders(void)
{
	int fd;

	EQ(mkdirat(dirfd_, "d", 0700), 0);
	EQ(symlinkat("d", dirfd_, "l"), 0);
	fd = fsx_open_dir(dirfd_, "d", &e);
	OK(fd >= 0);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(fsx_sync_dir(fd, "d", &e), 0);
	fsx_close(fd);
	FAILS(fsx_open_dir(dirfd_, "l", &e) == -1, ERR_SYS, "\"l\"");
	FAILS(fsx_open_dir(dirfd_, "no", &e) == -1, ERR_ABSENT, "\"no\"");
	FAILS(fsx_sync_dir(-1, "no", &e) == -1, ERR_SYS, "\"no\"");
	unlinkat(dirfd_, "l", 0);
	unlinkat(dirfd_, "d", AT_REMOVEDIR);
}

/* Started with 0..2 closed, a file of ours must not become stdout. */
static void
std_fds(void)
{
	int status = -1, fd;
	pid_t pid;
	char c;

	fflush(stdout);
	for (int mask = 0; mask < 8; mask++) {
		if ((pid = fork()) == 0) {
			for (int i = 0; i < 3; i++)
				if (mask & 1 << i)
					close(i);
			if (fsx_std_fds(&e) == -1)
				_exit(1);
			for (int i = 0; i < 3; i++)
				if (fcntl(i, F_GETFD) != 0)
					_exit(2);
			if (((mask & 1) && read(0, &c, 1) != -1) ||
			    ((mask & 2) && write(1, "x", 1) != -1))
				_exit(4);
			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			_exit(fd > 2 ? 0 : 3);
		}
		waitpid(pid, &status, 0);
		EQ(status, 0);
	}
}

int
main(void)
{
	alarm(60);
	umask(077);
	if (mkdtemp(dir) == NULL ||
	    (dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return !tap_ok(false, "a folder", __FILE__, __LINE__);
	publishes();
	abandons();
	swept();
	races();
	slurps();
	transfers();
	folders();
	std_fds();
	close(dirfd_);
	EQ(rmdir(dir), 0);
	return done();
}
