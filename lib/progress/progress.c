#include "progress/progress.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log/log.h"
#include "progress/progress_int.h"
#include "unit/unit.h"

#define DRAW_EVERY 0.1   /* seconds */
#define RATE_WINDOW 5.0  /* seconds the rate looks back on, about */
#define COLUMNS_DEFAULT 80
#define CLEAR "\r\033[K" /* to the first column, erase to the end */

/*
 * `lock` is taken while the line is on its way to the terminal, and between
 * log's hide and show. Under it nothing calls log, whose lock is the outer.
 */
struct progress {
	pthread_mutex_t lock;
	char *label;
	char phase[128];
	enum progress_unit unit;
	_Atomic uint64_t done, total;
	atomic_llong next_draw; /* microseconds of unit_clock() */
	bool drawn;
	double start, rate_at;
	double rate;            /* a second; < 0: not measured yet */
	uint64_t rate_done;
};

static int mode;
static atomic_bool alive; /* there is one line to draw on */

void
progress_mode(int never_or_always)
{
	mode = never_or_always;
}

static void
put(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static unsigned
columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == -1 ||
	    size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

static void
measure(struct progress *p, double now, uint64_t done)
{
	double span = now - p->rate_at, recent;
	double window = now - p->start;

	if (span < DRAW_EVERY / 2)
		return;
	recent = (double)(done - p->rate_done) / span;
	/* the average at first, then recent seconds count for more */
	if (window > RATE_WINDOW)
		window = RATE_WINDOW;
	p->rate = p->rate < 0 || span >= window ? recent :
	    p->rate + (recent - p->rate) * span / window;
	p->rate_at = now;
	p->rate_done = done;
}

/* With the lock held. */
static void
draw(struct progress *p)
{
	char line[sizeof CLEAR + PROGRESS_LINE_MAX] = "\r";
	double now = unit_clock();
	struct progress_view v = { .label = p->label, .phase = p->phase,
		.unit = p->unit, .done = atomic_load(&p->done),
		.total = atomic_load(&p->total) };

	measure(p, now, v.done);
	v.rate = p->rate;
	progress_line(&v, columns(), line + 1);
	strcat(line, "\033[K");
	put(line, strlen(line));
	p->drawn = true;
	atomic_store(&p->next_draw, (long long)((now + DRAW_EVERY) * 1e6));
}

static void
hide(void *arg)
{
	struct progress *p = arg;

	pthread_mutex_lock(&p->lock);
	if (p->drawn)
		put(CLEAR, strlen(CLEAR));
}

static void
show(void *arg)
{
	struct progress *p = arg;

	if (p->drawn)
		draw(p);
	pthread_mutex_unlock(&p->lock);
}

struct progress *
progress_new(const char *label, uint64_t total, enum progress_unit unit)
{
	struct progress *p;

	if (mode < 0 || (mode == 0 && !isatty(STDERR_FILENO)) ||
	    atomic_exchange(&alive, true))
		return NULL;
	p = calloc(1, sizeof *p);
	if (p == NULL || (p->label = strdup(label)) == NULL) {
		free(p);
		atomic_store(&alive, false);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->unit = unit;
	atomic_store(&p->total, total);
	p->rate = -1;
	p->start = p->rate_at = unit_clock();
	log_overlay(hide, show, p);
	progress_phase(p, "");
	return p;
}

void
progress_total(struct progress *p, uint64_t total)
{
	if (p != NULL)
		atomic_store(&p->total, total);
}

void
progress_add(struct progress *p, uint64_t more)
{
	if (p == NULL)
		return;
	atomic_fetch_add(&p->done, more);
	if ((long long)(unit_clock() * 1e6) < atomic_load(&p->next_draw) ||
	    pthread_mutex_trylock(&p->lock) != 0)
		return; /* too soon, or another thread draws */
	/* many come here at the same moment: one of them is enough */
	if ((long long)(unit_clock() * 1e6) >= atomic_load(&p->next_draw))
		draw(p);
	pthread_mutex_unlock(&p->lock);
}

/* Whole characters of a text that may be too long. */
static void
copy_phase(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		for (len = size - 1; len > 0 &&
		    ((unsigned char)from[len] & 0xc0) == 0x80; len--)
			;
	memcpy(to, from, len);
	to[len] = '\0';
}

void
progress_phase(struct progress *p, const char *text)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	copy_phase(p->phase, sizeof p->phase, text);
	draw(p);
	pthread_mutex_unlock(&p->lock);
}

void
progress_stage(struct progress *p, const char *text, uint64_t total,
    enum progress_unit unit)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->unit = unit;
	atomic_store(&p->done, 0);
	atomic_store(&p->total, total);
	p->rate = -1;
	p->rate_done = 0;
	p->start = p->rate_at = unit_clock();
	copy_phase(p->phase, sizeof p->phase, text);
	draw(p);
	pthread_mutex_unlock(&p->lock);
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	log_overlay(NULL, NULL, NULL); /* after it neither runs */
	put(CLEAR, strlen(CLEAR));
	pthread_mutex_destroy(&p->lock);
	free(p->label);
	free(p);
	atomic_store(&alive, false);
}
