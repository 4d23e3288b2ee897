#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"
#include "progress/progress.h"
#include "progress/progress_int.h"
#include "tap.h"

static char line[PROGRESS_LINE_MAX];

static void
looks(void)
{
	struct progress_view v = { "dump chat", "indexes", PROGRESS_BYTES,
		210000000, 499100000, 35200000 };

	IS(progress_line(&v, 101, line), "dump chat  [===========>"
	    "                ]   42%  210.0 MB of 499.1 MB  35.2 MB/s  "
	    "0:08 left  indexes");
	IS(progress_line(&v, 80, line), "dump chat  [=======>           ]   42%  "
	    "210.0 MB  35.2 MB/s  0:08 left  indexes");
	IS(progress_line(&v, 60, line), "dump chat   42%  210.0 MB  "
	    "35.2 MB/s  0:08 left  indexes");
	v.phase = "";
	IS(progress_line(&v, 76, line), "dump chat  [=====>      ]   42%  "
	    "210.0 MB of 499.1 MB  35.2 MB/s  0:08 left");
	IS(progress_line(&v, 61, line), "dump chat  [===>     ]   42%  "
	    "210.0 MB  35.2 MB/s  0:08 left");
	IS(progress_line(&v, 20, line), "dump chat   42%  21");
	IS(progress_line(&v, 1, line), "");
	IS(progress_line(&v, 0, line), "");
	v.total = 0;
	v.phase = "indexes";
	IS(progress_line(&v, 80, line),
	    "dump chat  210.0 MB  35.2 MB/s  indexes");
	v.done = 0;
	v.phase = "";
	IS(progress_line(&v, 80, line), "dump chat");
	v = (struct progress_view){ "prune", "", PROGRESS_COUNT, 3, 12, -1 };
	IS(progress_line(&v, 50, line), "prune  [======>            "
	    "      ]   25%  3 of 12");
	/* a total that was too small is no reason to show 110 % */
	v.done = 13;
	v.rate = 1;
	IS(progress_line(&v, 40, line), "prune  100%  13 of 12  1/s  "
	    "0:00 left");
	v.rate = 0;
	v.done = 1;
	IS(progress_line(&v, 40, line), "prune    8%  1 of 12  0/s  "
	    "--:-- left");
	v.total = 1 + 3600 * 27 + 62;
	v.rate = 1;
	IS(progress_line(&v, 50, line), "prune  [>          ]    0%  1  "
	    "1/s  27:01:02 left");
	v.done = UINT64_MAX - 1;
	v.total = UINT64_MAX;
	v.rate = 1e300;
	OK(strlen(progress_line(&v, 1000, line)) < PROGRESS_LINE_MAX);
}

static void
hostile_labels(void)
{
	struct progress_view v = { "a\n\033[31m\x80\xff\xc3", "",
		PROGRESS_COUNT, 0, 0, -1 };

	IS(progress_line(&v, 80, line), "a??[31m???");
	/* seven characters of two columns each, never a half one */
	v.label = "의료번역채팅방";
	IS(progress_line(&v, 80, line), v.label);
	IS(progress_line(&v, 15, line), v.label);
	IS(progress_line(&v, 14, line), "의료번역채팅");
	IS(progress_line(&v, 4, line), "의");
	IS(progress_line(&v, 2, line), "");
	v.label = "e\xcc\x81" "x\xe2\x80\xaetxt"; /* U+202E turns text round */
	IS(progress_line(&v, 3, line), "ex");
}

/* stderr becomes a terminal of `columns`; what is drawn comes from *master. */
static int
open_terminal(unsigned short columns, int *master)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	int slave;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master == -1 || grantpt(*master) == -1 ||
	    unlockpt(*master) == -1 ||
	    (slave = open(ptsname(*master), O_RDWR | O_NOCTTY)) == -1)
		return -1;
	ioctl(slave, TIOCSWINSZ, &size);
	fcntl(*master, F_SETFL, O_NONBLOCK);
	dup2(slave, STDERR_FILENO);
	close(slave);
	return 0;
}

/* Count the times the line was drawn, and keep all that was. */
static char drawn[1 << 20];

static size_t
read_terminal(int master)
{
	size_t len = 0;
	ssize_t n;

	while (len < sizeof drawn - 1 && (n = read(master, drawn + len,
	    sizeof drawn - 1 - len)) > 0)
		len += (size_t)n;
	drawn[len] = '\0';
	return len;
}

static unsigned
times(const char *word)
{
	unsigned n = 0;

	for (const char *p = drawn; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

static void *
add_often(void *arg)
{
	struct timespec t = { 0, 100000 };

	for (int i = 0; i < 2000; i++) {
		progress_add(arg, 10);
		nanosleep(&t, NULL);
	}
	return NULL;
}

static void
on_terminal(int master)
{
	struct progress *p = progress_new("dump chat", 0, PROGRESS_COUNT);
	pthread_t t[2];

	OK(p != NULL);
	OK(progress_new("another", 0, PROGRESS_COUNT) == NULL);
	read_terminal(master);
	IS(drawn, "\rdump chat\033[K");
	progress_phase(p, "waiting for a lock");
	read_terminal(master);
	IS(drawn, "\rdump chat  waiting for a lock\033[K");
	/* a line of log pushes it aside and it comes back */
	log_warning("careful");
	read_terminal(master);
	IS(drawn, "\r\033[Kpgk: warning: careful\r\n"
	    "\rdump chat  waiting for a lock\033[K");
	progress_phase(p, "");
	progress_total(p, 40000);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, add_often, p);
	for (int i = 0; i < 20; i++)
		log_warning("while it moves");
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	read_terminal(master);
	EQ(times("while it moves\r\n"), 20);
	/* 4000 calls in some 0.3 s: drawn for the log lines and then few */
	OK(times("\033[K") < 20 * 2 + 20);
	OK(times(" of 40000") >= 1);
	progress_phase(p, "end");
	read_terminal(master);
	OK(times("100%  40000 of 40000") == 1);
	progress_free(p);
	read_terminal(master);
	IS(drawn, "\r\033[K");
	log_warning("after");
	read_terminal(master);
	IS(drawn, "pgk: warning: after\r\n");
}

/* Text too long for the copy is cut between characters. */
static void
long_phase(int master)
{
	struct progress *p = progress_new("x", 0, PROGRESS_COUNT);
	char text[200];

	for (size_t i = 0; i + 3 < sizeof text; i += 3)
		memcpy(text + i, "번", 4);
	progress_phase(p, text);
	read_terminal(master);
	OK(strchr(drawn, '?') == NULL && strstr(drawn, "번") != NULL);
	progress_free(p);
	read_terminal(master);
}

int
main(void)
{
	int master, saved = dup(STDERR_FILENO), null;

	looks();
	hostile_labels();
	null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO);
	OK(progress_new("x", 0, PROGRESS_COUNT) == NULL);
	progress_add(NULL, 1);
	progress_total(NULL, 1);
	progress_phase(NULL, "x");
	progress_free(NULL);
	if (open_terminal(200, &master) == -1)
		return !tap_ok(false, "a terminal", __FILE__, __LINE__);
	on_terminal(master);
	long_phase(master);
	progress_mode(-1);
	OK(progress_new("x", 0, PROGRESS_COUNT) == NULL);
	close(master);
	dup2(null, STDERR_FILENO);
	progress_mode(1);
	progress_free(progress_new("x", 0, PROGRESS_COUNT));
	dup2(saved, STDERR_FILENO);
	return done();
}
