#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "log/log.h"
#include "receive/receive_int.h"
#include "unit/unit.h"

/* Larger segments are held in a file, of which so much is in use at once. */
#define MEMORY_MAX ((uint32_t)32 << 20)

/* No run is longer. */
#define RUN_MAX ((uint32_t)16 << 20)

/*
 * So many runs of about one size are merged into one of the next: a segment
 * never has more than this times the number of sizes, and each byte is
 * written at most once a size.
 */
#define MERGE_RUNS 16

/* A file without a name, its blocks there already: writing to the map cannot fail. */
static int
map_file(struct growing *g, const char *scratch, struct err *e)
{
	void *p;
	int error;

	g->fd = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (g->fd == -1)
		return err_sys(e, "could not make a file in \"%s\" for a "
		    "segment", scratch);
	if ((error = posix_fallocate(g->fd, 0, g->size)) != 0) {
		errno = error;
		return err_sys(e, "could not reserve %u bytes in \"%s\"",
		    g->size, scratch);
	}
	p = mmap(NULL, g->size, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, "could not map %u bytes", g->size);
	g->data = p;
	return 0;
}

int
growing_new(struct growing *g, uint32_t size, const char *scratch,
    struct err *e)
{
	*g = (struct growing){ .size = size, .fd = -1 };
	if (size > MEMORY_MAX)
		return map_file(g, scratch, e);
	if ((g->data = malloc(size)) == NULL)
		return err_nomem(e);
	return 0;
}

void
growing_free(struct growing *g)
{
	if (g->size > MEMORY_MAX) {
		if (g->data != NULL)
			munmap(g->data, g->size);
		fsx_close(g->fd);
	} else {
		free(g->data);
	}
	free(g->runs);
	*g = (struct growing){ .fd = -1 };
}

/* Pages of a map count as ours until they are let go. */
static void
relax(struct growing *g)
{
	if (g->size > MEMORY_MAX)
		madvise(g->data, g->size, MADV_DONTNEED);
}

void
growing_begin(struct growing *g, uint32_t timeline, uint64_t number)
{
	g->name = (struct lsn_name){ .kind = LSN_SEGMENT,
		.timeline = timeline, .segment = number };
	g->filled = g->published = 0;
	g->run_count = 0;
	g->since = 0;
}

uint64_t
growing_start(const struct growing *g)
{
	return g->name.segment * g->size;
}

uint64_t
growing_durable(const struct growing *g)
{
	return growing_start(g) + g->published;
}

int
growing_add_run(struct growing *g, const struct archive_file *run,
    struct err *e)
{
	if (g->run_count == g->run_cap) {
		size_t cap = g->run_cap > 0 ? g->run_cap * 2 : 64;
		struct archive_file *runs = realloc(g->runs,
		    cap * sizeof *runs);

		if (runs == NULL)
			return err_nomem(e);
		g->runs = runs;
		g->run_cap = cap;
	}
	g->runs[g->run_count++] = *run;
	return 0;
}

int
growing_take(struct growing *g, uint32_t offset, const void *data,
    uint32_t len, struct err *e)
{
	uint32_t known = g->filled - offset < len ? g->filled - offset : len;
	char name[LSN_NAME_MAX];

	if (memcmp(g->data + offset, data, known) != 0) {
		err_set(e, ERR_REFUSED, "the server's segment %s is not what "
		    "was received of it before",
		    lsn_write_name(&g->name, g->size, name));
		return err_hint(e, "it was put back to an earlier state "
		    "without a new timeline: receive it into another store");
	}
	if (known == len)
		return 0;
	memcpy(g->data + g->filled, (const char *)data + known, len - known);
	if ((g->filled + len - known) / RUN_MAX != g->filled / RUN_MAX)
		relax(g);
	g->filled += len - known;
	if (g->filled > g->published && g->since <= 0)
		g->since = unit_clock();
	return 0;
}

static int
put_run(struct growing *g, uint32_t begin, uint32_t end,
    const struct receive_options *o, struct archive_file *run, struct err *e)
{
	struct archive_how how = o->how;

	how.threads = 1;
	if (archive_put_run(o->archive, &g->name, g->size, begin, end,
	    g->data + begin, &how, run, e) == -1)
		return -1;
	relax(g);
	return 0;
}

/* Somebody else may have cleaned up. */
static int
delete_runs(const struct archive_file *runs, size_t count,
    const struct receive_options *o, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct err why = ERR_INIT;

		if (archive_delete(o->archive, &runs[i], &why) == -1 &&
		    why.kind != ERR_ABSENT)
			return err_pass(e, &why);
	}
	return 0;
}

/* 0 for less than 4 KiB, then one for every factor of 16. */
static unsigned
size_class(const struct archive_file *run)
{
	uint32_t n = (run->end - run->begin) >> 12;
	unsigned class = 0;

	for (; n > 0; n >>= 4)
		class++;
	return class;
}

/* How many runs at the end are no larger in class than the last. */
static size_t
mergeable(const struct growing *g)
{
	size_t i = g->run_count;
	unsigned last;

	if (i == 0)
		return 0;
	last = size_class(&g->runs[i - 1]);
	while (i > 0 && size_class(&g->runs[i - 1]) <= last)
		i--;
	return g->run_count - i;
}

/* The longer run first, then without the shorter ones: bytes are never gone. */
static int
merge(struct growing *g, const struct receive_options *o, struct err *e)
{
	size_t n;

	while ((n = mergeable(g)) >= MERGE_RUNS) {
		struct archive_file *first = &g->runs[g->run_count - n];
		uint32_t end = g->runs[g->run_count - 1].end;
		struct archive_file whole;

		if (end - first->begin > RUN_MAX)
			return 0;
		if (put_run(g, first->begin, end, o, &whole, e) == -1 ||
		    delete_runs(first, n, o, e) == -1)
			return -1;
		*first = whole;
		g->run_count -= n - 1;
	}
	return 0;
}

static int
put_whole(struct growing *g, const char *name,
    const struct receive_options *o, struct err *e)
{
	struct blob *b;
	int fd, rc;

	if (g->fd == -1)
		return archive_put(o->archive, name, g->data, g->size,
		    &o->how, e);
	relax(g);
	if ((fd = fcntl(g->fd, F_DUPFD_CLOEXEC, 3)) == -1)
		return err_sys(e, "could not read the segment %s again",
		    name);
	if ((b = blob_fd(fd, name, e)) == NULL)
		return -1;
	rc = archive_put_blob(o->archive, name, b, &o->how, e);
	blob_free(b);
	return rc;
}

static int
put_segment(struct growing *g, const struct receive_options *o,
    struct err *e)
{
	char name[LSN_NAME_MAX];

	lsn_write_name(&g->name, g->size, name);
	if (put_whole(g, name, o, e) == -1)
		return -1;
	log_debug("received %s", name);
	if (delete_runs(g->runs, g->run_count, o, e) == -1)
		return -1;
	g->run_count = 0;
	return 0;
}

static int
put_runs(struct growing *g, const struct receive_options *o, struct err *e)
{
	while (g->filled > g->published) {
		struct archive_file run;
		uint32_t end = g->filled - g->published > RUN_MAX ?
		    g->published + RUN_MAX : g->filled;

		if (put_run(g, g->published, end, o, &run, e) == -1 ||
		    growing_add_run(g, &run, e) == -1)
			return -1;
		g->published = end;
		if (merge(g, o, e) == -1)
			return -1;
	}
	return 0;
}

int
growing_publish(struct growing *g, const struct receive_options *o,
    struct err *e)
{
	if (g->filled < g->size) {
		if (put_runs(g, o, e) == -1)
			return -1;
	} else {
		if (put_segment(g, o, e) == -1)
			return -1;
		g->published = g->filled;
	}
	g->since = 0;
	return 0;
}
