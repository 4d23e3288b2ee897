#include "gaps/gaps.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"
#include "tap.h"
#include "walmake.h"

#define SIZE LSN_SEGMENT_SIZE
#define ID UINT64_C(7300000000000000001)

static struct err e;
static struct store *store;
static struct archive *a;
static struct repo *repo;
static const struct archive_how plain = { { CODEC_GZIP, 1 }, NULL, 2 };

static void
fresh(void)
{
	archive_close(a);
	repo_close(repo);
	store_close(store);
	if (system("rm -rf store") != 0)
		abort();
	store = store_open("store", STORE_CREATE, &e);
	a = archive_open(store, &e);
	repo = repo_open(store, NULL, &e);
	OK(a != NULL && repo != NULL);
}

static void
put(uint32_t named, uint64_t segment, uint32_t timeline)
{
	unsigned char *s = walmake(segment, timeline, ID, SIZE, 20, 0);
	char name[LSN_NAME_MAX];

	if (archive_put(a, lsn_segment_of(named, segment * SIZE, SIZE, name),
	    s, SIZE, &plain, &e) == -1)
		printf("# %s\n", e.text);
	free(s);
}

static void
put_history(const char *name, const char *text)
{
	EQ(archive_put(a, name, text, strlen(text), &plain, &e), 0);
}

static void
put_backup(const char *lsn, const char *end, uint32_t timeline, int64_t when)
{
	struct repo_set *set = repo_set_new(REPO_INCREMENTAL, &e);
	struct repo_draft *d = repo_draft_new(repo, REPO_INCREMENTAL,
	    "basebackup", when, NULL, &e);
	char name[REPO_NAME_MAX + 20], role[] = "base";
	struct repo_object o = { .name = name, .role = role, .stored = 5,
		.plain = 5, .codec = CODEC_NONE };
	struct sink *to;

	repo_set_string(&set->tool, "pgk test", &e);
	repo_set_string(&set->system_identifier, "7300000000000000001", &e);
	repo_set_string(&set->lsn, lsn, &e);
	repo_set_string(&set->end_lsn, end, &e);
	repo_set_string(&set->method, "full", &e);
	set->wal_segment_size = SIZE;
	set->timeline = timeline;
	set->start = set->end = when;
	if ((to = repo_draft_object(d, "/base.tar", &e)) == NULL ||
	    sink_write(to, "bytes", 5, &e) == -1 ||
	    sink_finish(to, &e) == -1)
		printf("# %s\n", e.text);
	sink_free(to);
	snprintf(name, sizeof name, "%s/base.tar", repo_draft_name(d));
	digest_of("bytes", 5, &o.sum);
	repo_add_object(set, &o, &e);
	if (repo_draft_publish(d, set, NULL, &e) == -1)
		printf("# %s\n", e.text);
	repo_draft_free(d);
	repo_set_free(set);
}

static struct gaps *
look(bool fast)
{
	const struct gaps_options o = { .fast = fast, .threads = 2 };
	struct gaps *g = gaps_look(a, repo, &o, &e);

	if (g == NULL) {
		printf("# %s\n", e.text);
		abort();
	}
	return g;
}

static void
range(const struct gaps *g, size_t i, uint32_t timeline, uint64_t start,
    uint64_t end, uint64_t segments, const char *missing)
{
	if (i >= g->range_count) {
		OK(i < g->range_count);
		return;
	}
	EQ(g->ranges[i].timeline, timeline);
	EQ(g->ranges[i].start, start);
	EQ(g->ranges[i].end, end);
	EQ(g->ranges[i].segments, segments);
	IS(g->ranges[i].missing, missing);
}

static void
print(const struct gaps *g, enum gaps_form form, const char *word)
{
	struct buf b = BUF_INIT(100000);
	struct sink *s = sink_buf(&b, &e);

	EQ(gaps_print(g, form, s, &e), 0);
	OK(b.data != NULL && strstr(b.data, word) != NULL);
	sink_free(s);
	buf_free(&b);
}

/* Timeline 2 left 1 in segment 6, and in a base backup of 1. */
static void
test_parting(void)
{
	struct gaps *g;

	fresh();
	for (uint64_t i = 3; i <= 8; i++)
		put(1, i, 1);
	put_backup("0/3000028", "0/3000130", 1, 1737946800);
	put_backup("0/6000028", "0/6000200", 1, 1737946900);
	put_history("00000002.history", "1\t0/6000100\tx\n");
	put(2, 6, 1);
	put(2, 7, 2);
	g = look(false);
	EQ(g->fault_count, 0);
	EQ(g->backups[0].end_timeline, 2);
	OK(g->backups[0].end == 0x8000000);
	EQ(g->backups[1].end_timeline, 1);
	OK(g->backups[1].end == 0x9000000);
	gaps_free(g);

	/* 1 ends before the segment in which 2 begins */
	for (uint64_t i = 5; i <= 8; i++) {
		char command[80];

		snprintf(command, sizeof command, "rm store/wal/"
		    "0000000100000000/00000001000000000000000%u.gz",
		    (unsigned)i);
		OK(system(command) == 0);
	}
	g = look(false);
	IS(g->backups[0].missing, "000000010000000000000005");
	EQ(g->missing, 2);
	IS(g->faults[0].name, "000000010000000000000006");
	IS(g->faults[1].name, "000000010000000000000005");
	IS(g->faults[1].text, "segment 000000010000000000000005 is missing, "
	    "and later ones are there");
	gaps_free(g);
}

int
main(void)
{
	char folder[] = "/tmp/pgk-gaps.XXXXXX", command[64];
	const struct lsn_name run = { LSN_SEGMENT, 2, 8, 0 };
	unsigned char *s;
	struct gaps *g;

	umask(077);
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		abort();
	fresh();
	g = look(false);
	EQ(g->range_count + g->fault_count + g->backup_count, 0);
	gaps_free(g);

	for (uint64_t i = 3; i <= 5; i++)
		put(1, i, 1);
	put_backup("0/3000028", "0/3000130", 1, 1737946800);
	g = look(false);
	EQ(g->range_count, 1);
	range(g, 0, 1, 0x3000000, 0x6000000, 3, "");
	IS(g->ranges[0].first, "000000010000000000000003");
	IS(g->ranges[0].last, "000000010000000000000005");
	EQ(g->backup_count, 1);
	OK(g->backups[0].usable && g->backups[0].start == 0x3000130 &&
	    g->backups[0].end == 0x6000000);
	IS(g->backups[0].last, "000000010000000000000005");
	IS(g->backups[0].missing, "");
	EQ(g->fault_count, 0);
	gaps_free(g);

	/* timeline 2 begins in 6, of which 1 has nothing yet */
	put(2, 7, 2);
	g = look(false);
	EQ(g->missing, 1);
	IS(g->faults[0].name, "00000002.history");
	gaps_free(g);
	put_history("00000002.history", "1\t0/6000100\tx\n");
	g = look(false);
	EQ(g->missing, 1);
	IS(g->faults[0].name, "000000020000000000000006");
	OK(g->backups[0].end == 0x6000000);
	IS(g->backups[0].missing, "000000020000000000000006");
	gaps_free(g);
	put(2, 6, 1);
	s = walmake(8, 2, ID, SIZE, 3, 0);
	EQ(archive_put_run(a, &run, SIZE, 0, 0x5000, s, &plain, NULL, &e), 0);
	free(s);
	g = look(false);
	EQ(g->missing, 0);
	range(g, 0, 1, 0x3000000, 0x6000000, 3, "");
	range(g, 1, 2, 0x6000100, 0x8005000, 2, "");
	OK(g->backups[0].end == 0x8005000);
	EQ(g->backups[0].end_timeline, 2);
	IS(g->backups[0].last, "000000020000000000000008");
	gaps_free(g);

	/* a backup whose own WAL is not there, and one of another way */
	put_backup("0/2000028", "0/2000130", 1, 1737946900);
	put_backup("0/6000200", "0/6000300", 1, 1737947000);
	g = look(true);
	EQ(g->backup_count, 3);
	OK(!g->backups[1].usable && !g->backups[2].usable);
	IS(g->backups[1].missing, "000000010000000000000002");
	IS(g->backups[2].missing, "000000010000000000000006");
	EQ(g->missing, 2);
	print(g, GAPS_TABLE, "basebackup_incremental");
	print(g, GAPS_TSV, "\nrange\t\t2\t0/6000100\t0/8005000\t2\t"
	    "000000020000000000000006\t000000020000000000000008\t2\t");
	print(g, GAPS_JSON, "\"usable\": false }");
	gaps_free(g);

	/* a hole, and damage that makes one */
	OK(unlink("store/wal/0000000100000000/"
	    "000000010000000000000004.gz") == 0);
	g = look(true);
	range(g, 0, 1, 0x3000000, 0x4000000, 1, "000000010000000000000004");
	range(g, 1, 1, 0x5000000, 0x6000000, 1, "");
	IS(g->backups[0].missing, "000000010000000000000004");
	OK(g->backups[0].usable && g->backups[0].end == 0x4000000);
	EQ(g->missing, 3);
	gaps_free(g);
	put(1, 4, 1);
	OK(truncate("store/wal/0000000200000000/"
	    "000000020000000000000007.gz", 3000) == 0);
	g = look(true);
	EQ(g->damaged, 0);
	gaps_free(g);
	g = look(false);
	EQ(g->damaged, 1);
	IS(g->faults[0].name, "000000020000000000000007");
	OK(strstr(g->faults[0].text, "000000020000000000000007.gz") != NULL);
	OK(g->backups[0].end == 0x7000000);
	gaps_free(g);
	OK(truncate("store/wal/0000000200000000/"
	    "000000020000000000000007.gz", 0) == 0);
	g = look(true);
	EQ(g->damaged, 1);
	range(g, 2, 2, 0x8000000, 0x8005000, 0, "");
	gaps_free(g);
	test_parting();

	archive_close(a);
	repo_close(repo);
	store_close(store);
	EQ(e.kind, ERR_NONE);
	snprintf(command, sizeof command, "rm -r %s", folder);
	OK(chdir("/") == 0 && system(command) == 0);
	return done();
}
