/*
 * base_send_make: a server's data folder, in memory, which changes between
 * being listed and being read, and the archives that are made of it. What
 * asks a server here stands in for the library's functions, in place of which
 * the linker takes it.
 */
#ifndef PGK_BASE_SEND_MAKE_H
#define PGK_BASE_SEND_MAKE_H

#include "base/hashes.h"
#include "base/sender.h"
#include "stage.h"
#include "tap.h"

static struct err e;

/* What the server has; paths are of its data folder. */
static struct fake {
	char path[128];
	unsigned char *bytes; /* NULL: a folder */
	size_t size;          /* when it is listed */
	size_t now;           /* when it is read */
	bool gone;            /* by then */
} fakes[6000];
static size_t fake_count;

#define FAKE_TIME 1700000000

/* What it was asked for, and what it does then. */
static struct {
	int version;
	unsigned reads;    /* calls */
	uint64_t bytes;
	char last[128];    /* the path of the last part */
	unsigned fail_at;  /* the call that fails, from 1 on */
	void (*before)(const char *path); /* each part */
} server;

/* Pages that were asked for again, and what they are then. */
static struct {
	unsigned count;
	uint32_t block;
	char path[128];
	const unsigned char *page; /* or NULL: as wrong as before */
} again;

static struct fake *
folder(const char *path)
{
	struct fake *f = &fakes[fake_count++];

	*f = (struct fake){ .size = 4096 };
	snprintf(f->path, sizeof f->path, "%s", path);
	return f;
}

static struct fake *
file(const char *path, size_t size)
{
	struct fake *f = folder(path);

	f->bytes = noise(size);
	f->size = f->now = size;
	return f;
}

/* A server without anything, of version 15. */
static void
server_new(void)
{
	for (size_t i = 0; i < fake_count; i++)
		free(fakes[i].bytes);
	fake_count = 0;
	memset(&server, 0, sizeof server);
	memset(&again, 0, sizeof again);
	server.version = 150018;
}

/* "./base/5" and "16384": "base/5/16384"; "." is the data folder. */
static void
join(const char *dir, const char *name, char out[160])
{
	if (strncmp(dir, ".", 1) != 0 || (dir[1] != '\0' && dir[1] != '/'))
		abort();
	snprintf(out, 160, "%s%s%s", dir[1] == '\0' ? "" : dir + 2,
	    dir[1] == '\0' ? "" : "/", name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct base_file *)a)->name,
	    ((const struct base_file *)b)->name);
}

int
base_files_list(struct pg *pg, const char *dir, struct base_files *out,
    struct err *why)
{
	char prefix[160];
	size_t n;

	(void)why;
	join(dir, "", prefix);
	n = strlen(prefix);
	if (pg != NULL || out->count != 0 ||
	    (out->files = calloc(fake_count + 1, sizeof *out->files)) == NULL)
		abort();
	for (size_t i = 0; i < fake_count; i++)
		if (strncmp(fakes[i].path, prefix, n) == 0 &&
		    strchr(fakes[i].path + n, '/') == NULL)
			out->files[out->count++] = (struct base_file){
				fakes[i].path + n, fakes[i].size, FAKE_TIME,
				fakes[i].bytes == NULL };
	qsort(out->files, out->count, sizeof *out->files, by_name);
	return 0;
}

void
base_files_free(struct base_files *f)
{
	free(f->files);
	f->files = NULL;
	f->count = 0;
}

static const struct fake *
fake_at(const char *path)
{
	static size_t near;

	for (size_t i = 0; i < fake_count; i++) {
		near = near + 1 < fake_count ? near + 1 : 0;
		if (strcmp(fakes[near].path, path) == 0)
			return &fakes[near];
	}
	abort();
}

int
base_files_read(struct pg *pg, const char *dir, const struct base_part *parts,
    size_t count, int (*each)(void *ctx, size_t number, const void *data,
    size_t len, struct err *e), void *ctx, struct err *why)
{
	if (pg != NULL || count == 0 || count > BASE_PARTS_MAX)
		abort();
	if (++server.reads == server.fail_at)
		return err_set(why, ERR_PG, "the server is gone");
	for (size_t i = 0; i < count; i++) {
		const struct base_part *p = &parts[i];
		const struct fake *f;
		char path[160];
		uint64_t n;

		join(dir, p->name, path);
		if (server.before != NULL)
			server.before(path);
		f = fake_at(path);
		if (p->len == 0 || p->len > BASE_PART_MAX ||
		    p->offset + p->len > f->size)
			abort();
		n = f->now < p->offset ? 0 : f->now - p->offset;
		n = n < p->len ? n : p->len;
		server.bytes += p->len;
		snprintf(server.last, sizeof server.last, "%s", path);
		if (each(ctx, i, f->gone ? NULL : f->bytes + p->offset,
		    f->gone ? 0 : (size_t)n, why) == -1)
			return -1;
	}
	return 0;
}

int
base_again(struct base_again *a, const char *path, const struct page_file *f,
    uint32_t block, void *page, bool *good, struct err *why)
{
	(void)a;
	(void)f;
	(void)why;
	again.count++;
	again.block = block;
	snprintf(again.path, sizeof again.path, "%s", path);
	*good = again.page != NULL;
	if (*good)
		memcpy(page, again.page, PAGE_SIZE_PG);
	return 0;
}

int
pg_server_version(const struct pg *c)
{
	(void)c;
	return server.version;
}

/* the archive that comes of it */

static struct got {
	struct tar_member m;
	unsigned char *bytes;
	size_t len;
} got[6000];
static size_t got_count;
static unsigned archives;
static uint32_t archive_oid;
static struct sink *reader;

static int
got_member(void *ctx, const struct tar_member *m, struct err *why)
{
	(void)ctx;
	(void)why;
	got[got_count].m = *m;
	got[got_count].len = 0;
	if ((got[got_count++].bytes = malloc(m->size + 1)) == NULL)
		abort();
	return 0;
}

static int
got_data(void *ctx, const void *data, size_t len, struct err *why)
{
	struct got *g = &got[got_count - 1];

	(void)ctx;
	(void)why;
	memcpy(g->bytes + g->len, data, len);
	g->len += len;
	return 0;
}

static int
got_end(void *ctx, struct err *why)
{
	(void)ctx;
	(void)why;
	return 0;
}

static int
take_begin(void *ctx, uint32_t oid, struct err *why)
{
	static const struct tar_take take = { got_member, got_data, got_end };

	(void)ctx;
	for (size_t i = 0; i < got_count; i++)
		free(got[i].bytes);
	got_count = 0;
	archive_oid = oid;
	sink_free(reader);
	return (reader = tar_reader(&take, NULL, why)) == NULL ? -1 : 0;
}

static int
take_data(void *ctx, const void *data, size_t len, struct err *why)
{
	(void)ctx;
	return sink_write(reader, data, len, why);
}

static int
take_end(void *ctx, struct err *why)
{
	(void)ctx;
	archives++;
	return sink_finish(reader, why);
}

static const struct base_take take_all = { take_begin, take_data, take_end };

static const struct got *
got_at(const char *path)
{
	for (size_t i = 0; i < got_count; i++)
		if (strcmp(got[i].m.path, path) == 0)
			return &got[i];
	return NULL;
}

/* Whether that file came, and has these bytes and zeros up to its size. */
static bool
came(const char *path, const void *bytes, size_t len, size_t size)
{
	const struct got *g = got_at(path);
	bool good = g != NULL && g->m.type == '0' && g->len == size &&
	    g->m.size == size && memcmp(g->bytes, bytes, len) == 0;

	for (size_t i = len; good && i < size; i++)
		good = g->bytes[i] == 0;
	return good;
}

#endif
