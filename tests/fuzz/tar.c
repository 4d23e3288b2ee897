/*
 * tar: any bytes, at once and in pieces, tell the same; what is told is in
 * bounds, and a member's header written again reads as the same member.
 */
#define FUZZ_REPLAY_COUNT 40000
#include "fuzz.h"

#include "tar/tar.h"

struct told {
	uint64_t sum; /* of all that was told */
	uint64_t left;
	bool inside;
};

static void
mix(struct told *t, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		t->sum = (t->sum ^ p[i]) * 0x100000001b3u;
}

static int
again(void *ctx, const struct tar_member *m, struct err *e)
{
	const struct tar_member *want = ctx;

	(void)e;
	if (strcmp(m->path, want->path) != 0 || m->type != want->type ||
	    strcmp(m->link, want->link) != 0 || m->mode != want->mode ||
	    m->size != want->size || m->mtime != want->mtime)
		abort();
	return 0;
}

static int
nothing(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static void
write_again(const struct tar_member *m)
{
	static const struct tar_take take = { .member = again,
		.end = nothing };
	struct tar_member copy = *m;
	unsigned char header[TAR_BLOCK];
	struct err e = ERR_INIT;
	struct sink *s;

	if (tar_header(m, header, &e) == -1) {
		if (e.kind != ERR_USAGE)
			abort();
		return;
	}
	s = tar_reader(&take, &copy, &e);
	if (s == NULL || sink_write(s, header, TAR_BLOCK, &e) == -1)
		abort();
	sink_free(s);
}

static int
on_member(void *ctx, const struct tar_member *m, struct err *e)
{
	struct told *t = ctx;

	(void)e;
	if (t->inside || m->path[0] == '/' || m->path[0] == '\0' ||
	    strstr(m->path, "//") != NULL || strstr(m->path, "/../") != NULL ||
	    (m->type != '0' && m->size != 0) || m->mode > 07777)
		abort();
	t->inside = m->type == '0';
	t->left = m->size;
	mix(t, m->path, strlen(m->path));
	mix(t, m->link, strlen(m->link));
	mix(t, &m->size, sizeof m->size);
	write_again(m);
	return 0;
}

static int
on_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct told *t = ctx;

	(void)e;
	if (!t->inside || len > t->left)
		abort();
	t->left -= len;
	mix(t, data, len);
	return 0;
}

static int
on_end(void *ctx, struct err *e)
{
	struct told *t = ctx;

	(void)e;
	if (!t->inside || t->left > 0)
		abort();
	t->inside = false;
	mix(t, "end", 3);
	return 0;
}

static int
read_all(const uint8_t *data, size_t len, size_t cut, struct told *t)
{
	static const struct tar_take take = { on_member, on_data, on_end };
	struct err e = ERR_INIT;
	struct sink *s = tar_reader(&take, t, &e);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += cut)
		rc = sink_write(s, data + at, len - at < cut ? len - at : cut,
		    &e);
	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	if (rc == -1 && e.kind != ERR_CORRUPT)
		abort();
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct told a = { .sum = 1 }, b = { .sum = 1 };
	int rc = read_all(data, len, len + 1, &a);

	if (read_all(data, len, 100, &b) != rc || (rc == 0 && a.sum != b.sum))
		abort();
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static unsigned char seed[8 * TAR_BLOCK];
	static const struct tar_member members[] = {
		{ .path = "backup_label", .type = '0', .size = 600 },
		{ .path = "base", .type = '5', .mode = 0700, .mtime = 77 },
		{ .path = "pg_tblspc/1", .link = "/x", .type = '2' },
		{ .path = "f", .type = '0', .mtime = -1 },
	};
	static const size_t at[] = { 0, 3, 4, 5 };
	struct err e = ERR_INIT;

	(void)max;
	memset(seed + TAR_BLOCK, 'x', 600);
	for (int i = 0; i < 4; i++)
		tar_header(&members[i], seed + at[i] * TAR_BLOCK, &e);
	out[0] = (struct fuzz_seed){ seed, sizeof seed };
	out[1] = (struct fuzz_seed){ seed + 3 * TAR_BLOCK, TAR_BLOCK };
	return 2;
}
