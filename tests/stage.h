/*
 * stage: what the tests of streams share: a sink that fails when told to, bytes
 * to send, a folder of its own, and other programs to compare with.
 */
#ifndef PGK_STAGE_H
#define PGK_STAGE_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf/buf.h"
#include "fsx/fsx.h"
#include "sink/sink.h"

/* Lets `steps` writes and finishes pass, then fails with ERR_SYS "injected". */
struct failing {
	struct sink base;
	struct sink *next;
	unsigned steps;
};

static inline int
failing_step(struct failing *f, struct err *e)
{
	return f->steps-- == 0 ? err_set(e, ERR_SYS, "injected") : 0;
}

static inline int
failing_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct failing *f = (struct failing *)s;

	return failing_step(f, e) == -1 ? -1 :
	    sink_write(f->next, data, len, e);
}

static inline int
failing_finish(struct sink *s, struct err *e)
{
	struct failing *f = (struct failing *)s;

	return failing_step(f, e) == -1 ? -1 : sink_finish(f->next, e);
}

static inline void
failing_free(struct sink *s)
{
	sink_free(((struct failing *)s)->next);
	free(s);
}

static inline struct sink *
failing_sink(struct sink *next, unsigned steps)
{
	static const struct sink_ops ops = { failing_write, failing_finish,
		failing_free };
	struct failing *f = malloc(sizeof *f);

	if (f == NULL || next == NULL)
		abort();
	*f = (struct failing){ { &ops }, next, steps };
	return &f->base;
}

/* Write data in pieces of `cut` bytes (0: at once), finish, free. */
static inline int
send_all(struct sink *s, const void *data, size_t len, size_t cut,
    struct err *e)
{
	const char *p = data;
	int rc = s == NULL ? -1 : 0;

	while (rc == 0 && len > 0) {
		size_t n = cut == 0 || cut > len ? len : cut;

		rc = sink_write(s, p, n, e);
		p += n;
		len -= n;
	}
	if (rc == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc;
}

/* The same bytes in every run. */
static inline uint64_t
stage_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static inline unsigned char *
noise(size_t len)
{
	unsigned char *p = malloc(len + 8);

	if (p == NULL)
		abort();
	for (size_t i = 0; i < len; i += 8) {
		uint64_t x = stage_random();

		memcpy(p + i, &x, 8);
	}
	return p;
}

/* Rows as COPY prints them, which pack about four to one. */
static inline unsigned char *
rows(size_t len)
{
	static const char *words[] = { "refund", "예약", "interpreter",
		"통역합니다", "appointment", "혈액", "price", "피부까지" };
	char *p = malloc(len + 256);
	size_t n = 0;

	if (p == NULL)
		abort();
	for (int id = 1; n < len; id++) {
		n += (size_t)snprintf(p + n, 64, "%d\t%d\tagent", 3000000 + id,
		    (int)(stage_random() % 70000));
		for (int i = 0; i < 5; i++)
			n += (size_t)snprintf(p + n, 32, " %s",
			    words[stage_random() % 8]);
		p[n++] = '\n';
	}
	return (unsigned char *)p;
}

static inline bool
holds(const struct buf *b, const void *data, size_t len)
{
	return b->len == len && (len == 0 || memcmp(b->data, data, len) == 0);
}

/* A folder for this run, gone after leave_dir(). */
static char stage_dir[64];

static inline void
enter_dir(void)
{
	snprintf(stage_dir, sizeof stage_dir, "/tmp/pgk-test.XXXXXX");
	if (mkdtemp(stage_dir) == NULL || chdir(stage_dir) == -1) {
		perror(stage_dir);
		exit(1);
	}
}

static inline void
leave_dir(void)
{
	char line[128];

	snprintf(line, sizeof line, "rm -r '%s'", stage_dir);
	if (chdir("/") == -1 || system(line) != 0)
		perror(line);
}

static inline void
put_file(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(name, "wb");

	if (f == NULL || (len > 0 && fwrite(data, 1, len, f) != len) ||
	    fclose(f) != 0) {
		perror(name);
		exit(1);
	}
}

/* Run a shell line; its stdout in `out` (emptied first); whether it gave 0. */
static inline bool output(struct buf *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool
output(struct buf *out, const char *fmt, ...)
{
	static char chunk[65536];
	char line[512];
	struct err e = ERR_INIT;
	va_list ap;
	FILE *f;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	buf_reset(out);
	if ((f = popen(line, "r")) == NULL)
		return false;
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		if (buf_add(out, chunk, n, &e) == -1)
			abort();
	return pclose(f) == 0;
}

/* Whether a program is here; a test of what is not here says so. */
static inline bool
have(const char *program)
{
	char line[128];

	snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
	if (system(line) == 0)
		return true;
	printf("# %s is not installed: not compared with\n", program);
	return false;
}

/*
 * The most memory this process has had so far, in KiB. Under the thread
 * sanitizer most of it would be the sanitizer's: 0 there.
 */
static inline long
peak_kib(void)
{
#ifdef __SANITIZE_THREAD__
	return 0;
#else
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
#endif
}

#endif
