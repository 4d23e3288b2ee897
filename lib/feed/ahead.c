/*
 * The process that fetches ahead. It is forked from a call that delivered a
 * segment, goes after what later calls write to "asked", and always ends by
 * itself; killed at any instant it leaves only files that the next one removes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "feed/feed_int.h"
#include "fsx/fsx.h"
#include "sink/sink.h"
#include "task/task.h"
#include "unit/unit.h"

#define ASKED "asked"
#define LOCK "lock"
#define POLL_NS (20L * 1000 * 1000)

struct ahead {
	struct archive *a;
	const struct feed_get *how;
	int dir, home;
	char tag[FEED_TAG + 1];
	uint32_t segment_size;
	struct lsn_name asked; /* of LSN_SEGMENT; timeline 0: none yet */
	/* shared by the workers */
	pthread_mutex_t lock;
	uint64_t next, end; /* segments: the next to fetch, behind the last */
};

static int
read_asked(const struct ahead *h, struct lsn_name *out)
{
	char name[LSN_SEGMENT_NAME + 1] = "";
	int fd = openat(h->dir, ASKED, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : fsx_read(fd, name, LSN_SEGMENT_NAME,
	    ASKED, NULL);

	fsx_close(fd);
	return n != LSN_SEGMENT_NAME || lsn_parse_name(name, h->segment_size,
	    out, NULL) == -1 || out->kind != LSN_SEGMENT ? -1 : 0;
}

static void
file_name(const struct ahead *h, uint64_t segment, char out[FEED_FILE])
{
	struct lsn_name n = h->asked;
	char name[LSN_NAME_MAX];

	n.segment = segment;
	snprintf(out, FEED_FILE, "%s.%s", lsn_write_name(&n, h->segment_size,
	    name), h->tag);
}

/* Whether it is a segment that is yet to be asked for. */
static bool
is_wanted(const struct ahead *h, const char *file)
{
	for (unsigned i = 1; i <= h->how->prefetch; i++) {
		char name[FEED_FILE];

		file_name(h, h->asked.segment + i, name);
		if (strcmp(name, file) == 0)
			return true;
	}
	return false;
}

/*
 * Remove what is not wanted: all with `all`. Files being written are ours or
 * abandoned; none is when this is called.
 */
static int
clear(const struct ahead *h, bool all)
{
	int fd = openat(h->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (d == NULL) {
		fsx_close(fd);
		return -1;
	}
	while ((entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (all || (strcmp(name, ASKED) != 0 &&
		    strcmp(name, LOCK) != 0 && !is_wanted(h, name)))
			unlinkat(h->dir, name, 0);
	}
	closedir(d);
	return 0;
}

/* fetching */

static int
fetch(struct ahead *h, uint64_t segment, struct err *e)
{
	char file[FEED_FILE], name[LSN_SEGMENT_NAME + 1];
	struct fsx_new *f;
	struct sink *s = NULL;
	int rc = -1;

	file_name(h, segment, file);
	if (faccessat(h->dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	memcpy(name, file, LSN_SEGMENT_NAME);
	name[LSN_SEGMENT_NAME] = '\0';
	if ((f = fsx_new_begin(h->dir, file, FSX_REPLACE | FSX_FLEETING,
	    e)) != NULL && (s = sink_fd(fsx_new_fd(f), file, e)) != NULL &&
	    archive_send(h->a, name, h->how->keys, false, s, e) == 0)
		rc = fsx_new_publish(f, e);
	sink_free(s);
	fsx_new_free(f);
	if (rc == 0)
		alarm(FEED_STUCK); /* the store answers */
	return rc;
}

/* The next segment, or false: there is none, or a later one is asked for. */
static bool
take_segment(struct ahead *h, uint64_t *segment)
{
	bool any;

	pthread_mutex_lock(&h->lock);
	if ((any = h->next < h->end))
		*segment = h->next++;
	pthread_mutex_unlock(&h->lock);
	return any;
}

static int
work(void *ctx, unsigned worker, struct err *e)
{
	struct ahead *h = ctx;
	struct err why = ERR_INIT;
	uint64_t segment;

	(void)worker;
	while (take_segment(h, &segment)) {
		if (fetch(h, segment, &why) == 0)
			continue;
		/* nothing behind it: what is there so far will do */
		pthread_mutex_lock(&h->lock);
		if (segment < h->end)
			h->end = segment;
		pthread_mutex_unlock(&h->lock);
		if (why.kind != ERR_ABSENT)
			return err_pass(e, &why);
		return 0;
	}
	return 0;
}

static unsigned
threads(const struct feed_get *how)
{
	unsigned n = how->threads < how->prefetch ? how->threads :
	    how->prefetch;

	/* each would take 256 MiB for a second */
	return how->keys != NULL && age_has_passphrase(how->keys) ? 1 : n;
}

static bool
is_recovering(const struct ahead *h)
{
	struct feed_signals s = feed_signals(h->home);

	return s.recovery || s.standby;
}

/*
 * Until nobody has asked for FEED_IDLE seconds, recovery has ended, or
 * something is wrong.
 */
static void
follow(struct ahead *h)
{
	const struct timespec poll = { 0, POLL_NS };
	bool recovering = is_recovering(h);
	double last = unit_clock();
	struct err e = ERR_INIT;

	for (;;) {
		struct lsn_name asked;

		alarm(FEED_STUCK);
		if (read_asked(h, &asked) == -1)
			return;
		if (asked.timeline == h->asked.timeline &&
		    asked.segment == h->asked.segment) {
			if (unit_clock() - last > FEED_IDLE ||
			    (recovering && !is_recovering(h)))
				return;
			nanosleep(&poll, NULL);
			continue;
		}
		h->asked = asked;
		h->next = asked.segment + 1;
		h->end = h->next + h->how->prefetch;
		last = unit_clock();
		if (clear(h, false) == -1 || task_crowd(threads(h->how),
		    work, NULL, h, &e) == -1)
			return;
	}
}

/* The caller's output and signals are not ours to hold. */
static void
let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	for (int fd = 0; fd <= 2; fd++)
		if (null != -1)
			dup2(null, fd);
	for (int s = 1; s < NSIG; s++)
		if (s != SIGPIPE)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
run(struct ahead *h, int folder)
{
	let_go();
	archive_set_threads(h->a, 1); /* several are fetched at a time */
	pthread_mutex_init(&h->lock, NULL);
	follow(h);
	/* the lock's file last, so that no other begins in what is going */
	clear(h, true);
	unlinkat(folder, FEED_FOLDER, AT_REMOVEDIR);
	_exit(0);
}

/* starting */

static int
write_asked(int dir, const char *name)
{
	int fd = openat(dir, ASKED, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, 0600);
	ssize_t n = fd == -1 ? -1 : pwrite(fd, name, LSN_SEGMENT_NAME, 0);

	fsx_close(fd);
	return n == LSN_SEGMENT_NAME ? 0 : -1;
}

/* -1 when another has it. */
static int
take_lock(int dir)
{
	int fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

void
feed_ahead(struct archive *a, int folder, int home, const char *name,
    const struct feed_get *how)
{
	struct ahead h = { .a = a, .how = how, .home = home };
	int lock = -1;

	if (mkdirat(folder, FEED_FOLDER, 0700) == -1 && errno != EEXIST)
		return;
	h.dir = openat(folder, FEED_FOLDER, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	if (h.dir != -1 && write_asked(h.dir, name) == 0 &&
	    (lock = take_lock(h.dir)) != -1 && feed_tag(a, h.tag) == 0 &&
	    archive_segment_size(a, &h.segment_size, NULL) == 0 &&
	    fork() == 0)
		run(&h, folder);
	fsx_close(lock);
	fsx_close(h.dir);
}
