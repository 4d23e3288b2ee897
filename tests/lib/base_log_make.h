/*
 * base_log_make: a log of known changes in an archive, and a server's pg_wal
 * with the same: base_files_read() here stands in for the library's, in place
 * of which the linker takes it.
 */
#ifndef PGK_BASE_LOG_MAKE_H
#define PGK_BASE_LOG_MAKE_H

#include "archive/archive.h"
#include "base/files.h"
#include "recmake.h"
#include "stage.h"
#include "tap.h"

#define SIZE ((uint32_t)1 << 20)
#define ID UINT64_C(7300000000000000001)
#define FIRST 5
#define SEGMENTS 4

static struct err e;
static struct store *store;
static struct archive *a;
static struct recmake r;

static void put(uint32_t i, const struct age_keys *keys);

/* What the server has of `r`, and what it was asked for. */
static struct {
	bool has[SEGMENTS];
	bool moves[SEGMENTS]; /* into the archive while it is read */
	uint32_t size;  /* of each of its files */
	bool fails;
	unsigned calls[SEGMENTS];
	uint64_t bytes[SEGMENTS];
} server;

static uint32_t
segment_named(const char *name)
{
	char want[LSN_NAME_MAX];

	for (uint32_t i = 0; i < SEGMENTS; i++) {
		lsn_segment_of(1, r.start + (uint64_t)i * SIZE, SIZE, want);
		if (strcmp(name, want) == 0)
			return i;
	}
	abort();
}

int
base_files_read(struct pg *pg, const char *folder,
    const struct base_part *parts, size_t count, int (*each)(void *ctx,
    size_t number, const void *data, size_t len, struct err *e), void *ctx,
    struct err *why)
{
	const uint32_t i = segment_named(parts[0].name);

	if (pg != NULL || strcmp(folder, "./pg_wal") != 0 || count == 0 ||
	    count > BASE_PARTS_MAX)
		abort();
	server.calls[i]++;
	if (server.fails)
		return err_set(why, ERR_PG, "the server is gone");
	for (size_t k = 0; k < count; k++) {
		const struct base_part *p = &parts[k];
		uint64_t end = p->offset + p->len;

		if (strcmp(p->name, parts[0].name) != 0 || p->len == 0 ||
		    p->len > BASE_PART_MAX || end > SIZE)
			abort();
		end = end < server.size ? end : server.size;
		end = end < p->offset ? p->offset : end;
		if (!server.has[i] ? each(ctx, k, NULL, 0, why) == -1 :
		    each(ctx, k, r.bytes + (size_t)i * SIZE + p->offset,
		    (size_t)(end - p->offset), why) == -1)
			return -1;
		server.bytes[i] += end - p->offset;
		if (server.moves[i] && k == count / 2) {
			put(i, NULL);
			server.has[i] = false;
		}
	}
	return 0;
}

/* A record that changes a block of relation 7. */
static uint64_t
block(uint32_t number)
{
	unsigned char body[20] = { 0 }, head[24];

	walmake_put(body + 4, 1663, 4);
	walmake_put(body + 8, 5, 4);
	walmake_put(body + 12, 7, 4);
	walmake_put(body + 16, number, 4);
	r.at = (r.at + 7) & ~(size_t)7;
	if (r.at % WAL_PAGE == 0)
		recmake_page(&r, 0, 0);
	walmake_head(head, 10, 0, r.last, body, sizeof body);
	r.last = r.start + r.at;
	recmake_bytes(&r, head, sizeof head, 24 + sizeof body);
	recmake_bytes(&r, body, sizeof body, sizeof body);
	return r.last;
}

/*
 * Blocks 0..11, block n in segment n / 3 or beginning there; the last of the
 * second segment, 5, ends in the third, the third ends with a switch.
 */
static uint64_t at[12];

static void
make_log(void)
{
	free(r.bytes);
	r = recmake_new(FIRST, SEGMENTS, 1, ID, SIZE);
	for (uint32_t i = 0; i < 12; i++) {
		at[i] = block(i);
		if (i == 4) /* block 5 has its first 8 bytes only there */
			recmake_other(&r, (uint32_t)(2 * SIZE - 8 - r.at -
			    (SIZE - r.at % SIZE) / WAL_PAGE * 24 - 29 - 4));
		else if (i == 2 || i == 8)
			recmake_switch(&r);
		else if (i != 5 && i != 11)
			recmake_other(&r, 150000);
	}
}

static void
fresh(void)
{
	archive_close(a);
	store_close(store);
	if (system("rm -rf store") != 0)
		abort();
	store = store_open("store", STORE_CREATE, &e);
	a = archive_open(store, &e);
	memset(&server, 0, sizeof server);
	server.size = SIZE;
	if (a == NULL)
		abort();
	make_log();
}

static void
put(uint32_t i, const struct age_keys *keys)
{
	struct archive_how how = { { CODEC_GZIP, 1 }, keys, 1 };
	char name[LSN_NAME_MAX];

	lsn_segment_of(1, r.start + (uint64_t)i * SIZE, SIZE, name);
	EQ(archive_put(a, name, r.bytes + (size_t)i * SIZE, SIZE, &how, &e),
	    0);
}

#endif
