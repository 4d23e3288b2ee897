/*
 * Pages with a wrong sum, read a second time. What asks a server here stands in
 * for the library's functions, in place of which the linker takes it.
 */
#include <stdlib.h>

#include "base/again.h"
#include "base/files.h"
#include "base/session.h"
#include "tap.h"

static struct err e;

static struct {
	unsigned opened, closed, reads;
	bool refuses, gone;
	size_t len;         /* of what it gives */
	unsigned good_from; /* the first read that is good; 0: none is */
	uint32_t number;    /* for the sum */
	char path[200];
	uint64_t offset;
} server;

struct pg *
base_session_open(const struct pg_target *target, uint64_t system,
    struct err *why)
{
	(void)target;
	if (system != 42)
		abort();
	server.opened++;
	if (!server.refuses)
		return (struct pg *)&server;
	err_set(why, ERR_PG, "may not");
	return NULL;
}

void
pg_close(struct pg *c)
{
	server.closed += c != NULL;
}

/* A page of ones, with its sum once it is good. */
static void
make_page(unsigned char *page, bool good)
{
	uint16_t sum;

	memset(page, 1, PAGE_SIZE_PG);
	memset(page, 0, 8);
	sum = page_checksum(page, server.number);
	sum = good ? sum : (uint16_t)(sum + 1);
	memcpy(page + 8, &sum, sizeof sum);
}

int
base_files_read(struct pg *pg, const char *folder,
    const struct base_part *parts, size_t count, int (*each)(void *ctx,
    size_t number, const void *data, size_t len, struct err *e), void *ctx,
    struct err *why)
{
	unsigned char page[PAGE_SIZE_PG];

	if ((void *)pg != &server || count != 1 ||
	    parts[0].len != PAGE_SIZE_PG)
		abort();
	server.reads++;
	server.offset = parts[0].offset;
	snprintf(server.path, sizeof server.path, "%s/%s", folder,
	    parts[0].name);
	if (server.gone)
		return each(ctx, 0, NULL, 0, why);
	make_page(page, server.good_from != 0 &&
	    server.reads >= server.good_from);
	return each(ctx, 0, page, server.len, why);
}

static struct base_again a;
static unsigned char page[PAGE_SIZE_PG];
static bool good;

static void
fresh(void)
{
	base_again_free(&a);
	memset(&server, 0, sizeof server);
	server.len = PAGE_SIZE_PG;
	server.number = 2 * PAGE_SEGMENT + 7;
	a = (struct base_again){ .system = 42, .start = 100 };
	memset(page, 0, sizeof page);
}

static int
ask(void *into)
{
	const struct page_file f = { 5, 16384, 2, PAGE_MAIN, false };

	good = !good;
	return base_again(&a, "base/5/16384.2", &f, 7, into, &good, &e);
}

static void
becomes_good(void)
{
	unsigned char want[PAGE_SIZE_PG];

	for (unsigned from = 1; from <= 6; from++) {
		fresh();
		server.good_from = from;
		EQ(ask(page), 0);
		EQ(good, from <= 5);
		EQ(server.reads, from <= 5 ? from : 5);
		make_page(want, good);
		OK(memcmp(page, want, sizeof want) == 0);
		EQ(a.wrong, from > 5);
	}
	IS(server.path, "./base/5/16384.2");
	EQ(server.offset, 7 * PAGE_SIZE_PG);
	EQ(server.opened, 1);
	EQ(ask(NULL), 0);
	EQ(server.opened, 1);
	OK(good);
}

/* A file that is gone, or shorter: replay drops it. */
static void
is_gone(void)
{
	fresh();
	server.gone = true;
	EQ(ask(page), 0);
	OK(good && server.reads == 1 && page[100] == 0);
	fresh();
	server.len = 8191;
	EQ(ask(page), 0);
	OK(good && server.reads == 1 && page[100] == 0);
}

static void
gives_up(void)
{
	fresh();
	server.refuses = true;
	EQ(ask(page), 0);
	OK(!good && page[100] == 0);
	EQ(ask(page), 0);
	OK(!good && server.opened == 1 && server.reads == 0);
	/* after so many that stay wrong it is a damage */
	fresh();
	a.wrong = BASE_AGAIN_MAX - 1;
	EQ(ask(page), 0);
	EQ(server.reads, 5);
	EQ(a.wrong, BASE_AGAIN_MAX);
	server.good_from = 1;
	EQ(ask(page), 0);
	OK(!good && server.reads == 5);
}

int
main(void)
{
	becomes_good();
	is_gone();
	gives_up();
	fresh();
	base_again_free(&a);
	EQ(e.kind, ERR_NONE);
	return done();
}
