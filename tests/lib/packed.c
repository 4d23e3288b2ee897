/* gz and zst: what holds of both. What each has of its own: gz.c, zst.c. */
#include "packing.h"

/* What each is tried with. */
struct trial {
	const struct packing *packing;
	const char *program, *name; /* its own, and a file's for it */
	const char *parts;   /* for small_file() */
	const char *mark;    /* "ABCDEFGHIJKLMNOP" as a mark */
	const char *bomb;    /* 100 MB of zeros, by a shell line, */
	long bomb_kib;       /* read with less memory than this */
	int last, step;      /* levels from 1 that others read */
	const char *readers[7][2]; /* program and shell line, of `name` */
	const char *test;    /* prints nothing when it is well */
	const char *writers[10][2]; /* of f, or f2, which is smaller */
};

static const struct trial trials[] = {
	{ &gzip, "gzip", "f.gz", "166",
	    "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x14\0PG\x10\0"
	    "ABCDEFGHIJKLMNOP\x03\0\0\0\0\0\0\0\0\0",
	    "head -c 100000000 /dev/zero | gzip -9n", 2048,
	    3, 2,
	    { { "gunzip", "gunzip -c f.gz" },
	    { "pigz", "pigz -dc f.gz" },
	    { "igzip", "igzip -dc f.gz" },
	    { "zstd", "zstd -dcq f.gz" },
	    { "python3", "python3 -c 'import gzip, sys; "
	    "sys.stdout.buffer.write(gzip.open(\"f.gz\").read())'" },
	    { "perl", "perl -MIO::Uncompress::Gunzip=:all -e 'gunzip "
	    "\"f.gz\", \"-\", MultiStream => 1 or die'" } },
	    "gunzip -t f.gz 2>&1",
	    { { "gzip", "gzip -1 -c f" }, { "gzip", "gzip -9 -c f" },
	    { "gzip", "gzip -c <f" }, { "pigz", "pigz -p 2 -b 128 -c f" },
	    { "pigz", "pigz -11 -c f2" }, { "igzip", "igzip -c f" },
	    { "igzip", "igzip -3 -c f" },
	    { "python3", "python3 -c 'import gzip; import sys; "
	    "sys.stdout.buffer.write(gzip.compress(open(\"f\", \"rb\")"
	    ".read(), 4))'" } } },
	{ &zstd, "zstd", "f.zst", "1m9",
	    "\x50\x2a\x4d\x18\x18\0\0\0pgk markABCDEFGHIJKLMNOP",
	    /* level 3 has a window of 2 MiB */
	    "head -c 100000000 /dev/zero | zstd -qc -3", 2 * 4096,
	    19, 9,
	    { { "zstd", "zstd -dcq f.zst" } },
	    "zstd -tq f.zst 2>&1",
	    { { "zstd", "zstd -qc -1 f" }, { "zstd", "zstd -qc -3 <f" },
	    { "zstd", "zstd -qc -19 f2" }, { "zstd", "zstd -qc --fast=5 f" },
	    { "zstd", "zstd -qc -T2 f" }, { "zstd", "zstd -qc --no-check f" },
	    { "zstd", "zstd -qc --long=27 <f" },
	    { "zstd", "zstd -qc --no-content-size f" },
	    { "pzstd", "pzstd -qc f" } } },
};

/* A thousand to one: what is small stays small in memory. */
static void
bombs(const struct trial *t)
{
	uint64_t count = 0;
	long before;

	if (!have(t->program))
		return;
	OK(output(&packed, "%s", t->bomb));
	OK(packed.len < 100000);
	before = peak_kib();
	OK(send_all(packing->reader(sink_count(sink_null(&e), &count, &e),
	    &e), packed.data, packed.len, 0, &e) == 0);
	OK(count == 100000000);
	OK(peak_kib() - before < t->bomb_kib);
}

/* Every level, kinds of data from the best to the worst to pack. */
static void
round_trips(void)
{
	static const size_t sizes[] = { 0, 1, 2, 255, 256, 65535, 65536,
		65791, 65792, 300000 };
	const unsigned count = sizeof sizes / sizeof *sizes;
	unsigned char *data[3] = { rows(300000), noise(300000),
		calloc(1, 300000) };
	char word[32];

	snprintf(word, sizeof word, "no level %d", packing->level_max + 1);
	FAILS(packing->enc_new(0, &e) == NULL, ERR_USAGE, "no level 0");
	FAILS(packing->enc_new(packing->level_max + 1, &e) == NULL, ERR_USAGE,
	    word);
	for (int l = 1; l <= packing->level_max; l += packing->level_step) {
		bool good = true;

		for (unsigned i = 0; i < 3 * count; i++) {
			size_t n = sizes[i % count];

			buf_reset(&packed);
			pack(l, data[i / count], n);
			good = good && packed.len <= n + n / 8 + 4096 &&
			    unpack(packed.data, packed.len) == 0 &&
			    holds(&plain, data[i / count], n) &&
			    read_all(packed.data, packed.len, 0) == 0 &&
			    holds(&plain, data[i / count], n);
		}
		if (!tap_ok(good, "round trips of a level", __FILE__, __LINE__))
			printf("# level %d: %s\n", l, e.text);
	}
	for (int i = 0; i < 3; i++)
		free(data[i]);
}

static void
largest(void)
{
	size_t len = packing->block_max;
	unsigned char *data = noise(len);

	buf_reset(&packed);
	pack(1, data, len);
	OK(packed.len <= len + len / 8 + 4096);
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, data, len));
	OK(read_all(packed.data, packed.len, 0) == 0);
	OK(holds(&plain, data, len));
	free(data);
}

/* A compressor that was used before gives what a new one gives. */
static void
deterministic(void)
{
	size_t len = 200000;
	unsigned char *a = rows(len), *b = noise(len);
	struct buf again = BUF_INIT(OUT_MAX);

	for (int l = 1; l <= packing->level_max; l += packing->level_step) {
		void *enc = packing->enc_new(l, &e);

		buf_reset(&packed);
		pack(l, a, len);
		for (int i = 0; i < 3; i++) {
			buf_reset(&again);
			packing->enc_block(enc, b, len - (size_t)i, &again,
			    &e);
		}
		buf_reset(&again);
		packing->enc_block(enc, a, len, &again, &e);
		OK(holds(&again, packed.data, packed.len));
		packing->enc_free(enc);
	}
	buf_free(&again);
	free(a);
	free(b);
}

static void
no_room(void)
{
	for (int level = 1; level <= 2; level++) {
		struct buf small = BUF_INIT(30);
		void *enc = packing->enc_new(level, &e);

		buf_str(&small, "before", &e);
		FAILS(packing->enc_block(enc, "abc", 3, &small, &e) == -1,
		    ERR_NOMEM, "30 bytes");
		EQ(small.len, 6);
		packing->enc_free(enc);
		buf_free(&small);
	}
}

/* Whole blocks are a whole file: the index knows better. */
static bool
is_end(const char *parts, size_t at)
{
	for (size_t i = 0; parts[i] != '\0'; i++)
		if (at == part_ends[i])
			return true;
	return false;
}

static void
truncations(const char *parts)
{
	size_t len;
	unsigned char *file = small_file(parts, &len);
	unsigned missed = 0, wrong = 0;

	for (size_t n = 0; n < len; n++) {
		unsigned char *part = malloc(n + 1); /* ASan sees its end */

		memcpy(part, file, n);
		missed += (unpack(part, n) == 0) != is_end(parts, n);
		wrong += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		for (size_t cut = 0; cut < 3; cut++) {
			missed += (read_all(part, n, cut) == 0) !=
			    is_end(parts, n);
			wrong += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
			err_clear(&e);
		}
		free(part);
	}
	EQ(missed, 0);
	EQ(wrong, 0);
	free(file);
}

static void
marks(const struct trial *t)
{
	const unsigned char *want = (const unsigned char *)t->mark;
	unsigned char data[16], bad[64];
	unsigned taken = 0;

	buf_reset(&packed);
	OK(packing->mark((const unsigned char *)"ABCDEFGHIJKLMNOP", &packed,
	    &e) == 0);
	OK(holds(&packed, want, packing->mark_size));
	OK(packing->mark_read(want, data) == 0);
	OK(memcmp(data, "ABCDEFGHIJKLMNOP", 16) == 0);
	for (unsigned i = 0; i < 8 * packing->mark_size; i++) {
		memcpy(bad, want, packing->mark_size);
		bad[i / 8] ^= (unsigned char)(1u << i % 8);
		taken += packing->mark_read(bad, data) == 0;
	}
	EQ(taken, 8 * 16); /* the bits of the data alone */
}

/* Asked with all that is there, and with no more than was asked for. */
static void
reaching(void)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 5000, 300000 };
	unsigned char *data[2] = { rows(300000), noise(300000) };
	bool whole = false;

	for (unsigned i = 0; i < 2 * 6; i++) {
		size_t n = sizes[i % 6], at = 1, len;

		buf_reset(&packed);
		pack(2, data[i / 6], n);
		len = packed.len;
		pack(1, "abc", 3);
		EQ(packing->reach(packed.data, packed.len, n, &whole), len);
		OK(whole);
		OK(n == 0 || packing->reach(packed.data, packed.len, n - 1,
		    &whole) == 0);
		whole = false;
		for (int steps = 0; !whole && steps < 20; steps++)
			at = packing->reach(packed.data, at, n, &whole);
		EQ(at, len);
		OK(packing->reach(packed.data, len - 1, n, &whole) == len &&
		    !whole);
	}
	buf_reset(&packed);
	packing->mark(data[0], &packed, &e);
	EQ(packing->reach(packed.data, packed.len, 5000, &whole), 0);
	free(data[0]);
	free(data[1]);
}

static void
others_read_ours(const struct trial *t)
{
	size_t len = (3 << 20) + 17;
	unsigned char *data = rows(len);

	for (int level = 1; level <= t->last; level += t->step) {
		buf_reset(&packed);
		for (size_t at = 0; at < len; at += 1 << 20)
			pack(level, data + at, len - at < 1 << 20 ? len - at :
			    1 << 20);
		pack(level, "", 0);
		packing->mark(data, &packed, &e);
		put_file(t->name, packed.data, packed.len);
		for (unsigned i = 0; t->readers[i][0] != NULL; i++) {
			if (!have(t->readers[i][0]))
				continue;
			tap_ok(output(&plain, "%s", t->readers[i][1]) &&
			    holds(&plain, data, len), t->readers[i][1],
			    __FILE__, __LINE__);
		}
		if (have(t->program))
			OK(output(&plain, "%s", t->test) && plain.len == 0);
	}
	free(data);
}

static void
we_read_others(const struct trial *t)
{
	size_t len = 700001;
	unsigned char *data = rows(len);

	put_file("f", data, len);
	put_file("f2", data, 50000);
	for (unsigned i = 0; t->writers[i][0] != NULL; i++) {
		const char *line = t->writers[i][1];
		size_t want = strstr(line, "f2") != NULL ? 50000 : len;

		if (!have(t->writers[i][0]))
			continue;
		OK(output(&packed, "%s", line));
		tap_ok(read_all(packed.data, packed.len, 4093) == 0 &&
		    holds(&plain, data, want), line, __FILE__, __LINE__);
	}
	free(data);
}

static void
failing_steps(void)
{
	size_t len = 400000;
	unsigned char *data = rows(len);
	unsigned steps = 0;
	int rc = -1;

	buf_reset(&packed);
	pack(1, data, len / 2);
	pack(1, data + len / 2, len / 2);
	for (; rc == -1; steps++) {
		buf_reset(&plain);
		rc = send_all(packing->reader(failing_sink(sink_buf(&plain,
		    &e), steps), &e), packed.data, packed.len, 30000, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	OK(steps > 3);
	OK(holds(&plain, data, len));
	free(data);
}

static void
all(const struct trial *t)
{
	round_trips();
	largest();
	deterministic();
	no_room();
	truncations(t->parts);
	marks(t);
	reaching();
	others_read_ours(t);
	we_read_others(t);
	failing_steps();
	OK(packing->reader(NULL, &e) == NULL);
}

int
main(void)
{
	const size_t count = sizeof trials / sizeof *trials;

	enter_dir();
	/* first: later on the most memory was had already, and tells nothing */
	for (size_t i = 0; i < count; i++) {
		packing = trials[i].packing;
		bombs(&trials[i]);
	}
	for (size_t i = 0; i < count; i++) {
		printf("# %s\n", trials[i].program);
		packing = trials[i].packing;
		all(&trials[i]);
	}
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
