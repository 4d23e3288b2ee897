/* Which files of a folder an incremental backup sends, and what of them. */
#include "base/hashes.h"
#include "base/sender.h"
#include "increment/increment.h"
#include "stage.h"
#include "tap.h"

static struct err e;
static struct base_sender s;
static struct base_changed *changed;
static struct buf object = BUF_INIT((size_t)64 << 20);
static struct base_folder d;
static struct base_file files[16];
static struct base_entry x;

/* What the parent has: files of 100 blocks but for 16390 and 16391. */
static const struct base_relation had[] = {
	{ 0, { 5, 16384, 0, PAGE_MAIN, false }, 100 },
	{ 0, { 5, 16384, 0, PAGE_FSM, false }, 3 },
	{ 0, { 5, 16384, 0, PAGE_VM, false }, 100 },
	{ 0, { 5, 16384, 0, PAGE_INIT, false }, 100 },
	{ 0, { 5, 16384, 1, PAGE_MAIN, false }, 100 },
	{ 0, { 5, 16385, 0, PAGE_MAIN, false }, 100 },
	{ 0, { 5, 16390, 0, PAGE_MAIN, false }, 50 },
	{ 0, { 5, 16391, 0, PAGE_MAIN, false }, 150 },
	{ 0, { 5, 16392, 0, PAGE_MAIN, false }, INCREMENT_BLOCKS_MAX },
	{ 99, { 5, 16386, 0, PAGE_MAIN, false }, 100 },
	{ 0, { 0, 1262, 0, PAGE_MAIN, false }, 100 },
};

static void
make_parent(void)
{
	static const unsigned char key[DIGEST_KEY] = "a key";
	struct hashes_writer *w = hashes_writer_new(key, &e);
	struct sink *out = sink_buf(&object, &e);

	EQ(hashes_start(w, out, &e), 0);
	for (size_t i = 0; i < sizeof had / sizeof *had; i++) {
		uint64_t *now = hashes_file(w, &had[i], &e);

		if (now == NULL)
			abort();
		memset(now, 0, had[i].blocks * sizeof *now);
	}
	EQ(hashes_finish(w, &e), 0);
	hashes_writer_free(w);
	sink_free(out);
	s.parent = hashes_open(blob_mem(object.data, object.len, &e), &e);
	OK(s.parent != NULL);
}

static void
fresh(void)
{
	base_changed_free(changed);
	s.changed = changed = base_changed_new(&e);
}

static void
change(enum wal_changed what, uint32_t relation, uint32_t block)
{
	const struct wal_change w = { what, 1663, 5, relation, WAL_MAIN,
		block, 0 };

	if (base_changed_add(changed, &w, &e) == -1)
		abort();
}

/* The folder choose() is asked in, without files. */
static void
within(const char *archive, uint32_t tablespace)
{
	d = (struct base_folder){ .tablespace = tablespace };
	snprintf(d.archive, sizeof d.archive, "%s", archive);
	d.list.files = files;
}

static void
choose_size(const char *name, uint64_t size)
{
	static struct base_file f;

	f = (struct base_file){ name, size, 1700000000, false };
	memset(&x, 0xee, sizeof x);
	base_choose(&s, &d, &f, &x);
	if (x.file != &f)
		OK(x.file == &f);
}

static void
choose(const char *name, uint32_t blocks)
{
	choose_size(name, (uint64_t)blocks * PAGE_SIZE_PG);
}

static bool
is_skipped(const char *name)
{
	choose(name, 100);
	return x.skip;
}

/* All of it, as a relation's pages or as any file. */
static bool
is_whole(bool pages)
{
	return !x.skip && !x.increment && x.pages == pages;
}

static bool
is_increment(uint32_t count, uint32_t limit)
{
	if (!x.skip && x.increment && x.pages && x.parent != NULL &&
	    x.count == count && x.touched.limit == limit)
		return true;
	printf("# skip %d increment %d count %u limit %u\n", x.skip,
	    x.increment, x.count, x.touched.limit);
	return false;
}

static void
names(void)
{
	static const char *const not_sent[] = { "postgresql.auto.conf.tmp",
		"current_logfiles.tmp", "backup_label", "tablespace_map",
		"backup_manifest", "postmaster.pid", "postmaster.opts",
		"pg_internal.init", "pg_internal.init.4711", ".s.PGSQL.5432",
		".s.PGSQL.5432.lock", "pgsql_tmp", "pgsql_tmp4711.0" };
	static const char *const sent[] = { "postgresql.auto.conf",
		"backup_label.old", "PG_VERSION", "pg_filenode.map",
		"pg_internal.ini", "xpgsql_tmp", "pg_control", "pgsql_tm" };
	struct base_file folder = { "pg_xact", 8192, 0, true };

	fresh();
	within("", 0);
	for (size_t i = 0; i < sizeof not_sent / sizeof *not_sent; i++)
		OK(is_skipped(not_sent[i]));
	for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
		choose(sent[i], 1);
		OK(is_whole(false));
	}
	base_choose(&s, &d, &folder, &x);
	OK(x.skip);
	OK(base_is_temporary("pgsql_tmp") && !base_is_temporary("pgsql"));
	within("base/5/", 0);
	OK(is_skipped("pg_internal.init"));
	choose("pg_control", 1);
	OK(is_whole(false));
	within("global/", 0);
	OK(is_skipped("pg_control"));
	choose("pg_control.old", 1);
	OK(is_whole(false));
	/* longer than an archive's path: told when it is put there */
	within("", 0);
	memset(d.archive, 'a', sizeof d.archive - 2);
	choose("16384", 100);
	OK(is_whole(false));
}

/* Temporary ones, unlogged ones. */
static void
no_log(void)
{
	static const char *const list[] = { "16383_init", "16384",
		"16385", "16385.1", "16385_fsm", "16385_init", "16385_vm" };

	fresh();
	within("base/5/", 0);
	OK(is_skipped("t3_16384"));
	OK(is_skipped("t0_16384_fsm"));
	OK(is_skipped("t12_16384.1"));
	choose("16385_init", 100);
	OK(is_whole(true));
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		files[d.list.count++] = (struct base_file){ list[i], 8192, 0,
			false };
	OK(is_skipped("16385"));
	OK(is_skipped("16385.1"));
	OK(is_skipped("16385_fsm"));
	OK(is_skipped("16385_vm"));
	OK(!is_skipped("16385_init"));
	OK(!is_skipped("16384"));
	OK(!is_skipped("1638"));
	/* of whatever size */
	choose("16385", 0);
	OK(x.skip);
	choose_size("16385", 8193);
	OK(x.skip);
}

/* What is never an increment. */
static void
whole(void)
{
	fresh();
	within("base/5/", 0);
	choose("16384_fsm", 3);
	OK(is_whole(true));
	choose("16384_vm", 100);
	OK(is_whole(true));
	choose("16999", 100); /* the parent has no such file */
	OK(is_whole(true) && x.f.blocks == 100 && x.f.file.relation == 16999);
	choose("16384.2", 100);
	OK(is_whole(true) && x.f.file.segment == 2);
	choose("16384_init", 100);
	OK(is_increment(0, 100));
	choose("16384_x", 100);
	OK(is_whole(false));
	choose("016384", 100);
	OK(is_whole(false));
	choose("16384", 0);
	OK(is_whole(false));
	choose_size("16384", 100 * PAGE_SIZE_PG + 1);
	OK(is_whole(false));
	choose_size("16384", 100 * PAGE_SIZE_PG - 1);
	OK(is_whole(false));
	choose("16392", INCREMENT_BLOCKS_MAX);
	OK(is_increment(0, INCREMENT_BLOCKS_MAX));
	choose("16392", INCREMENT_BLOCKS_MAX + 1);
	OK(is_whole(false));
	choose_size("16384", UINT64_MAX - 8191);
	OK(is_whole(false));
	/* a tablespace that lies in the data folder */
	choose("16384", 100);
	OK(is_increment(0, 100));
	d.whole = true;
	choose("16384", 100);
	OK(is_whole(true));
	/* other folders' files are others */
	within("base/6/", 0);
	choose("16384", 100);
	OK(is_whole(true));
	within("pg_xact/", 0);
	choose("16384", 100);
	OK(is_whole(false));
	within("PG_15_202209061/5/", 98);
	choose("16386", 100);
	OK(is_whole(true) && x.f.tablespace == 98);
	d.tablespace = 99;
	choose("16386", 100);
	OK(is_increment(0, 100));
	within("global/", 0);
	choose("1262", 100);
	OK(is_increment(0, 100));
}

static void
increments(void)
{
	fresh();
	within("base/5/", 0);
	choose("16384", 100);
	OK(is_increment(0, 100));
	change(WAL_BLOCK, 16384, 3);
	change(WAL_BLOCK, 16384, 77);
	change(WAL_BLOCK, 16384, 99);
	change(WAL_BLOCK, 16384, 100); /* gone again */
	change(WAL_BLOCK, 16384, PAGE_SEGMENT + 8);
	choose("16384", 100);
	OK(is_increment(3, 100));
	choose("16384", 99);
	OK(is_increment(2, 100));
	/* grown: block 100, and 101 that the log need not tell */
	choose("16384", 102);
	OK(is_increment(5, 100));
	choose("16384.1", 100);
	OK(is_increment(1, 100));
	/* the parent's shorter; longer */
	change(WAL_BLOCK, 16390, 7);
	change(WAL_BLOCK, 16390, 60);
	choose("16390", 100);
	OK(is_increment(51, 50));
	change(WAL_BLOCK, 16391, 98);
	change(WAL_BLOCK, 16391, 140);
	choose("16391", 100);
	OK(is_increment(1, 150));
	/* cut off, then grown again */
	change(WAL_CUT, 16385, 110);
	choose("16385", 100);
	OK(is_increment(0, 100));
	change(WAL_BLOCK, 16385, 10);
	change(WAL_BLOCK, 16385, 90);
	change(WAL_CUT, 16385, 80);
	choose("16385", 100);
	OK(is_increment(21, 80));
	choose("16385", 80);
	OK(is_increment(1, 80));
	choose("16385", 50);
	OK(is_increment(1, 80));
	change(WAL_CUT, 16385, 0);
	choose("16385", 50);
	OK(is_whole(true));
	change(WAL_DATABASE, 0, 0);
	choose("16384", 100);
	OK(is_whole(true));
}

/* Nine tenths, the header's page included. */
static void
tenths(void)
{
	fresh();
	within("base/5/", 0);
	for (uint32_t i = 0; i < 88; i++)
		change(WAL_BLOCK, 16384, i);
	choose("16384", 100);
	OK(is_increment(88, 100));
	change(WAL_BLOCK, 16384, 90);
	choose("16384", 100);
	OK(is_whole(true));
	change(WAL_BLOCK, 16385, 0);
	choose("16385", 1);
	OK(is_whole(true));
	choose("16385", 2);
	OK(is_whole(true));
	choose("16385", 3);
	OK(is_increment(1, 100));
	/* bits far apart are counted like those side by side */
	for (uint32_t i = 0; i < 5000; i++)
		change(WAL_BLOCK, 16392, i * 26 + 1);
	choose("16392", INCREMENT_BLOCKS_MAX);
	OK(is_increment(5000, INCREMENT_BLOCKS_MAX));
}

int
main(void)
{
	make_parent();
	names();
	no_log();
	whole();
	increments();
	tenths();
	base_changed_free(changed);
	hashes_close((struct hashes *)(uintptr_t)s.parent);
	buf_free(&object);
	EQ(e.kind, ERR_NONE);
	return done();
}
