/* The archives of a backup by the log: which folders, in which order. */
#include "base_send_make.h"
#include "unit/unit.h"

static struct base_sender s;
static struct base_changed *changed;
static struct hashes *parent;
static struct hashes_writer *writer;
static struct sink *nowhere;
static struct buf object = BUF_INIT(10000);

/* A parent that has a file in the data folder, and one in a tablespace. */
static void
make_parent(void)
{
	static const unsigned char key[DIGEST_KEY] = "a key";
	static const uint32_t spaces[] = { 0, 98 };
	struct sink *out = sink_buf(&object, &e);

	writer = hashes_writer_new(key, &e);
	hashes_start(writer, out, &e);
	for (int i = 0; i < 2; i++) {
		const struct base_relation f = { spaces[i], { 5, 16384, 0,
			PAGE_MAIN, false }, 10 };
		uint64_t *now = hashes_file(writer, &f, &e);

		memset(now, 0, f.blocks * sizeof *now);
	}
	EQ(hashes_finish(writer, &e), 0);
	hashes_writer_free(writer);
	sink_free(out);
	parent = hashes_open(blob_mem(object.data, object.len, &e), &e);
	writer = hashes_writer_new(key, &e);
	nowhere = sink_null(&e);
	hashes_start(writer, nowhere, &e);
	changed = base_changed_new(&e);
}

static void
fresh(void)
{
	server_new();
	archives = 0;
	s = (struct base_sender){ .changed = changed, .parent = parent,
		.hashes = writer, .take = &take_all };
}

static int
send_data(const struct repo_tablespace *spaces, size_t count)
{
	if (base_send_data(&s, spaces, count, &e) == -1)
		return -1;
	return base_send_end(&s, &e);
}

/* The paths of the archive, one behind the other, folders with a '/'. */
static const char *
paths(void)
{
	static char text[4096];
	size_t n = 0;

	for (size_t i = 0; i < got_count; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s ",
		    got[i].m.path, got[i].m.type == '5' ? "/" : "");
	return text;
}

/* Files of the data folder that are in each of these. */
static void
put_all(void)
{
	static const char *const folders[] = { "base", "base/5", "global",
		"pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial",
		"pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans",
		"pg_tblspc", "pg_tblspc/99", "pg_tblspc/99/PG_15_1",
		"pg_wal", "pg_wal/archive_status", "pg_xact", "pgsql_tmp",
		"base/pgsql_tmp" };
	char path[64];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		folder(folders[i]);
		snprintf(path, sizeof path, "%s/f", folders[i]);
		file(path, 100);
	}
	file("PG_VERSION", 3);
	file("postmaster.pid", 3);
	file("global/pg_control", 8192);
	file("global/pgsql_tmp1", 10);
}

static void
data(void)
{
	fresh();
	put_all();
	EQ(send_data(NULL, 0), 0);
	IS(paths(), "PG_VERSION base/ base/f base/5/ base/5/f global/ global/f "
	    "pg_dynshmem/ pg_notify/ pg_replslot/ pg_serial/ pg_snapshots/ "
	    "pg_stat/ pg_stat/f pg_stat_tmp/ pg_subtrans/ pg_tblspc/ pg_wal/ "
	    "pg_wal/archive_status/ pg_xact/ pg_xact/f global/pg_control ");
	EQ(archives, 1);
	EQ(archive_oid, 0);
	EQ(got_at("base/5")->m.mode, 0700);
	EQ(got_at("base/5/f")->m.mode, 0600);
	EQ(got_at("base/5")->m.mtime, FAKE_TIME);
	EQ(got_at("base/5/f")->m.mtime, FAKE_TIME);
	OK(came("base/5/f", fakes[3].bytes, 100, 100));
	fresh();
	put_all();
	server.version = 170001;
	s.group_access = true;
	EQ(send_data(NULL, 0), 0);
	OK(strstr(paths(), "pg_wal/ pg_wal/archive_status/ pg_wal/summaries/ "
	    "pg_xact/") != NULL);
	EQ(got_at("base/5")->m.mode, 0750);
	EQ(got_at("base/5/f")->m.mode, 0640);
	EQ(got_at("global/pg_control")->m.mode, 0640);
}

/* Within the data folder whole; elsewhere archives of their own. */
static void
tablespaces(void)
{
	const struct repo_tablespace spaces[] = {
		{ .oid = 98, .location = (char *)(uintptr_t)"/space" },
		{ .oid = 99, .location = (char *)(uintptr_t)"pg_tblspc/99" } };

	fresh();
	put_all();
	EQ(send_data(spaces, 1), 0);
	OK(strstr(paths(), " pg_tblspc/ pg_wal/") != NULL);
	EQ(send_data(spaces, 2), 0);
	OK(strstr(paths(), " pg_tblspc/ pg_tblspc/99/ pg_tblspc/99/f "
	    "pg_tblspc/99/PG_15_1/ pg_tblspc/99/PG_15_1/f pg_wal/") != NULL);
	archives = 0;
	folder("pg_tblspc/98");
	file("pg_tblspc/98/lost", 10);
	folder("pg_tblspc/98/PG_14_1");
	file("pg_tblspc/98/PG_14_1/f", 10);
	folder("pg_tblspc/98/PG_15_1");
	folder("pg_tblspc/98/PG_15_1/5");
	file("pg_tblspc/98/PG_15_1/5/16385", 8192);
	folder("pg_tblspc/98/PG_15_1/pgsql_tmp");
	file("pg_tblspc/98/PG_15_1/pgsql_tmp/pgsql_tmp9.0", 10);
	folder("pg_tblspc/98/PG_150_1");
	EQ(base_send_tablespace(&s, 98, &e), 0);
	EQ(archive_oid, 98);
	EQ(archives, 1);
	IS(paths(), "PG_15_1/ PG_15_1/5/ PG_15_1/5/16385 ");
	/* one that was dropped meanwhile */
	EQ(base_send_tablespace(&s, 97, &e), 0);
	EQ(archive_oid, 97);
	EQ(archives, 2);
	EQ(got_count, 0);
}

/* Whose relation a file is: of a tablespace within the data folder nobody's. */
static void
increments(void)
{
	static const char *const folders[] = { "base", "base/5", "base/6",
		"pg_tblspc", "pg_tblspc/98", "pg_tblspc/98/PG_15_1",
		"pg_tblspc/98/PG_15_1/5", "pg_tblspc/97",
		"pg_tblspc/97/PG_15_1", "pg_tblspc/97/PG_15_1/5" };
	const struct repo_tablespace within = { .oid = 97,
		.location = (char *)(uintptr_t)"pg_tblspc/97" };

	fresh();
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		folder(folders[i]);
	file("base/5/16384", 81920);
	file("base/6/16384", 81920);
	file("pg_tblspc/98/PG_15_1/5/16384", 81920);
	file("pg_tblspc/97/PG_15_1/5/16384", 81920);
	file("global/pg_control", 8192);
	EQ(send_data(&within, 1), 0);
	IS(paths(), "base/ base/5/ base/5/INCREMENTAL.16384 base/6/ "
	    "base/6/16384 pg_tblspc/ pg_tblspc/97/ pg_tblspc/97/PG_15_1/ "
	    "pg_tblspc/97/PG_15_1/5/ pg_tblspc/97/PG_15_1/5/16384 "
	    "global/pg_control ");
	EQ(base_send_tablespace(&s, 98, &e), 0);
	IS(paths(), "PG_15_1/ PG_15_1/5/ PG_15_1/5/INCREMENTAL.16384 ");
	EQ(base_send_tablespace(&s, 97, &e), 0);
	IS(paths(), "PG_15_1/ PG_15_1/5/ PG_15_1/5/16384 ");
}

/* More files than are looked at together. */
static void
many(void)
{
	size_t wrong = 0;
	char path[64];

	fresh();
	folder("base");
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof path, "base/f%d", i);
		file(path, (size_t)i % 3);
	}
	file("global/pg_control", 8192);
	EQ(send_data(NULL, 0), 0);
	EQ(got_count, 5002);
	for (size_t i = 1; i <= 5000; i++)
		wrong += !came(fakes[i].path, fakes[i].bytes, fakes[i].size,
		    fakes[i].size);
	EQ(wrong, 0);
}

static unsigned changes; /* so often it does */

static void
change_control(const char *path)
{
	struct fake *f = &fakes[fake_count - 1];

	if (strcmp(path, f->path) == 0 && changes > 0) {
		changes--;
		f->bytes[77]++;
	}
}

/* The last of all, as it stood still, and of one size. */
static void
control(void)
{
	struct fake *f;

	for (unsigned i = 1; i < 30; i += 6) {
		fresh();
		file("z", 100);
		f = file("global/pg_control", 8192);
		changes = i;
		server.before = change_control;
		if (i < 20) {
			EQ(send_data(NULL, 0), 0);
			OK(changes == 0 && came("global/pg_control", f->bytes,
			    8192, 8192));
			EQ(server.reads, 1 + i + 1);
		} else {
			FAILS(send_data(NULL, 0), ERR_PG, "hold still");
		}
		IS(server.last, "global/pg_control");
	}
	for (int i = 0; i < 2; i++) {
		fresh();
		f = file("global/pg_control", 8192);
		f->gone = i == 0;
		f->now = 8191;
		FAILS(send_data(NULL, 0), ERR_PG, "not of 8192 bytes");
	}
	fresh();
	file("z", 100);
	file("global/pg_control", 8192);
	server.fail_at = 2;
	FAILS(send_data(NULL, 0), ERR_PG, "is gone");
	EQ(got_count, 1);
}

/* What is known at the end stands behind it. */
static void
texts(void)
{
	fresh();
	file("global/pg_control", 8192);
	EQ(base_send_data(&s, NULL, 0, &e), 0);
	EQ(archives, 0);
	EQ(base_send_text(&s, "backup_label", "START\n", &e), 0);
	EQ(base_send_text(&s, "tablespace_map", "", &e), 0);
	EQ(base_send_end(&s, &e), 0);
	EQ(archives, 1);
	IS(paths(), "global/pg_control backup_label tablespace_map ");
	OK(came("backup_label", "START\n", 6, 6));
	OK(came("tablespace_map", "", 0, 0));
	OK(got_at("backup_label")->m.mtime > FAKE_TIME);
}

/* Folders in folders, up to where there must be a circle of links. */
static void
deep(void)
{
	char path[80] = "a";

	fresh();
	folder(path);
	for (int i = 2; i <= 32; i++) {
		strcat(path, "/a");
		folder(path);
	}
	strcat(path, "/f");
	file(path, 1);
	file("global/pg_control", 8192);
	EQ(send_data(NULL, 0), 0);
	OK(got_at(path) != NULL);
	path[strlen(path) - 1] = 'a';
	folder(path);
	FAILS(send_data(NULL, 0), ERR_PG, "too long");
}

/* Not faster than it was told to. */
static void
rate(void)
{
	const double begun = unit_clock();

	fresh();
	file("f", 300 << 10);
	file("global/pg_control", 8192);
	s.max_rate = 1 << 20;
	EQ(send_data(NULL, 0), 0);
	OK(unit_clock() - begun >= 0.29);
}

int
main(void)
{
	make_parent();
	data();
	tablespaces();
	increments();
	many();
	control();
	texts();
	deep();
	rate();
	server_new();
	take_begin(NULL, 0, &e);
	sink_free(reader);
	base_changed_free(changed);
	hashes_close(parent);
	hashes_writer_free(writer);
	sink_free(nowhere);
	buf_free(&object);
	EQ(e.kind, ERR_NONE);
	return done();
}
