#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalogue.h"
#include "faultstore.h"
#include "log/log.h"
#include "prune/prune.h"
#include "tap.h"

#define DAY 86400
#define NOW 1737914400 /* 2025-01-27 03:00:00 in Seoul */

static struct err e;
static char top[64] = "/tmp/pgk-prune-XXXXXX";

/* judging, against an opinion arrived at in another way */

static uint64_t state = 88172645463325252u;

static unsigned
chance(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % below);
}

#define SETS_MAX 12

static struct repo_set *
random_set(unsigned i, unsigned n, unsigned mode)
{
	static const char *const names[] = { "a", "b", "c" };
	struct repo_set *set = repo_set_new(REPO_FULL, &e);
	unsigned age = (n - i) * 10 - chance(5);
	char name[16];

	snprintf(name, sizeof name, "s%u", i);
	repo_set_string(&set->name, name, &e);
	set->start = NOW - (int64_t)age * DAY;
	set->end = set->start + chance(3) * DAY / 2;
	set->sequence = mode == 1 ? 1 + chance(20) : i + 1;
	if (mode == 2 && chance(10) == 0)
		set->end = NOW + 500 + chance(300);
	if (mode == 3)
		set->start = set->end -= 200 * DAY;
	for (unsigned k = 0; k < 3; k++) {
		struct repo_database d = { (char *)names[k], NULL, 1 };

		if (chance(3) == 0)
			repo_add_database(set, &d, &e);
	}
	if (i > 0 && chance(3) == 0) {
		snprintf(name, sizeof name, "s%u", chance(n));
		repo_set_string(&set->parent, name, &e);
	}
	return set;
}

static bool
has(const struct repo_set *set, const char *database)
{
	if (*database == '\0')
		return set->database_count == 0;
	for (size_t i = 0; i < set->database_count; i++)
		if (strcmp(set->databases[i].name, database) == 0)
			return true;
	return false;
}

/* How many with this database come after set i, by time and by sequence. */
static bool
among_newest(const struct repo_list *l, size_t i, const char *database,
    unsigned min_keep)
{
	unsigned later = 0, higher = 0;

	if (!has(l->sets[i], database))
		return false;
	for (size_t k = 0; k < l->count; k++) {
		if (k == i || !has(l->sets[k], database))
			continue;
		later += k > i;
		higher += l->sets[k]->sequence > l->sets[i]->sequence ||
		    (l->sets[k]->sequence == l->sets[i]->sequence && k > i);
	}
	return later < min_keep || higher < min_keep;
}

static bool
expected(const struct repo_list *l, size_t i, int64_t keep,
    unsigned min_keep, unsigned depth)
{
	static const char *const names[] = { "a", "b", "c", "" };

	if (NOW - l->sets[i]->end <= keep)
		return true;
	for (unsigned k = 0; k < 4; k++)
		if (among_newest(l, i, names[k], min_keep))
			return true;
	for (size_t k = 0; k < l->count && depth < SETS_MAX; k++)
		if (l->sets[k]->parent != NULL &&
		    strcmp(l->sets[k]->parent, l->sets[i]->name) == 0 &&
		    expected(l, k, keep, min_keep, depth + 1))
			return true;
	return false;
}

static bool
judge_one(unsigned mode)
{
	struct repo_set *sets[SETS_MAX];
	struct prune_decision out[SETS_MAX];
	unsigned n = 1 + chance(SETS_MAX), min_keep = 1 + chance(3);
	struct repo_list l = { sets, n };
	int64_t keep = (1 + chance(60)) * DAY, newest = INT64_MIN;
	struct prune_rule rule = { NOW, keep, min_keep, 0 };
	bool future = false, good = true, free_to, stale;

	for (unsigned i = 0; i < n; i++) {
		sets[i] = random_set(i, n, mode);
		future |= sets[i]->end > NOW + 600;
		if (sets[i]->end > newest)
			newest = sets[i]->end;
	}
	stale = NOW - newest > keep && NOW - newest > DAY;
	free_to = prune_judge(&l, &rule, out);
	good = good && free_to == !(future || stale);
	for (unsigned i = 0; i < n; i++) {
		bool kept = out[i].verdict == PRUNE_KEEP;

		good = good && out[i].set == sets[i] &&
		    out[i].reason[0] != '\0';
		if (free_to)
			good = good && kept ==
			    expected(&l, i, keep, min_keep, 0);
		else
			good = good && kept;
	}
	for (unsigned i = 0; i < n; i++)
		repo_set_free(sets[i]);
	return good;
}

static void
test_judge(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 8000; i++)
		wrong += !judge_one(i % 4);
	EQ(wrong, 0);
}

/* chains, against an opinion arrived at from above */

static struct repo_set *
random_base(unsigned i, unsigned n)
{
	struct repo_set *set = repo_set_new(REPO_INCREMENTAL, &e);
	char name[16];

	snprintf(name, sizeof name, "s%u", i);
	repo_set_string(&set->name, name, &e);
	set->start = NOW - (int64_t)((n - i) * 10 - chance(5)) * DAY;
	set->end = set->start + chance(4) * DAY * 5;
	set->sequence = chance(4) == 0 ? 1 + chance(20) : i + 1;
	if (i > 0 && chance(2) == 0) {
		/* at times what is not there, itself, or a newer one */
		snprintf(name, sizeof name, "s%u", chance(8) == 0 ?
		    chance(n + 3) : chance(i));
		repo_set_string(&set->parent, name, &e);
	}
	return set;
}

/* Mark all that builds on set `base`, itself included. */
static void
spread(const struct repo_list *l, size_t base, bool in[SETS_MAX])
{
	if (in[base])
		return;
	in[base] = true;
	for (size_t i = 0; i < l->count; i++)
		if (l->sets[i]->parent != NULL &&
		    strcmp(l->sets[i]->parent, l->sets[base]->name) == 0)
			spread(l, i, in);
}

struct opinion {
	bool in[SETS_MAX];
	int64_t end;
	uint64_t sequence;
	bool kept;
};

/* Keep the best by end or by sequence among those not yet taken. */
static void
keep_best(struct opinion *o, size_t count, unsigned min_keep, bool sequence)
{
	bool taken[SETS_MAX] = { false };

	for (unsigned n = 0; n < min_keep; n++) {
		size_t best = count;

		for (size_t i = 0; i < count; i++) {
			if (taken[i])
				continue;
			if (best == count || (sequence &&
			    o[i].sequence > o[best].sequence) ||
			    ((!sequence || o[i].sequence ==
			    o[best].sequence) && o[i].end >= o[best].end))
				best = i;
		}
		if (best == count)
			return;
		taken[best] = o[best].kept = true;
	}
}

static bool
chains_one(void)
{
	struct repo_set *sets[SETS_MAX];
	struct prune_decision out[SETS_MAX];
	struct opinion o[SETS_MAX] = { 0 };
	bool kept[SETS_MAX], placed[SETS_MAX] = { false }, good = true;
	unsigned n = 1 + chance(SETS_MAX), min_keep = 1 + chance(3);
	struct repo_list l = { sets, n };
	struct prune_rule rule = { NOW, (1 + chance(60)) * DAY, min_keep,
		chance(2) == 0 ? 0 : (1 + chance(60)) * DAY };
	int64_t keep = rule.keep > rule.wal_keep ? rule.keep : rule.wal_keep;
	size_t roots = 0, anchor = SETS_MAX, anchored = 0;

	for (unsigned i = 0; i < n; i++)
		sets[i] = random_base(i, n);
	for (size_t i = 0; i < n; i++)
		if (sets[i]->end > NOW)
			sets[i]->end = NOW;
	for (size_t i = 0; i < n; i++) {
		if (sets[i]->parent != NULL)
			continue;
		spread(&l, i, o[roots].in);
		for (size_t k = 0; k < n; k++) {
			if (!o[roots].in[k])
				continue;
			placed[k] = true;
			if (sets[k]->end > o[roots].end)
				o[roots].end = sets[k]->end;
			if (sets[k]->sequence > o[roots].sequence)
				o[roots].sequence = sets[k]->sequence;
			if (NOW - sets[k]->end > rule.wal_keep &&
			    (anchor == SETS_MAX ||
			    sets[k]->end > sets[anchor]->end ||
			    (sets[k]->end == sets[anchor]->end &&
			    k > anchor))) {
				anchor = k;
				anchored = roots;
			}
		}
		o[roots].kept = NOW - o[roots].end <= keep;
		roots++;
	}
	keep_best(o, roots, min_keep, false);
	keep_best(o, roots, min_keep, true);
	if (rule.wal_keep > 0 && anchor < SETS_MAX)
		o[anchored].kept = true;
	for (size_t i = 0; i < n; i++) {
		kept[i] = false;
		for (size_t k = 0; k < roots; k++)
			kept[i] |= o[k].in[i] && o[k].kept;
	}
	if (!prune_judge(&l, &rule, out)) { /* the newest is too old */
		for (size_t i = 0; i < n; i++)
			good = good && out[i].verdict == PRUNE_KEEP;
	} else {
		for (size_t i = 0; i < n; i++)
			if (placed[i])
				good = good && kept[i] ==
				    (out[i].verdict == PRUNE_KEEP);
	}
	if (!good)
		for (size_t i = 0; i < n; i++)
			printf("# %s on %s, %d days, seq %d: %s, want %d\n",
			    sets[i]->name, sets[i]->parent != NULL ?
			    sets[i]->parent : "-",
			    (int)((NOW - sets[i]->end) / DAY),
			    (int)sets[i]->sequence, out[i].reason, kept[i]);
	for (unsigned i = 0; i < n; i++)
		repo_set_free(sets[i]);
	return good;
}

static void
test_chains(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 8000 && wrong < 3; i++)
		wrong += !chains_one();
	EQ(wrong, 0);
}

/* carrying out */

static struct buf said = BUF_INIT(1 << 20);

static void
say(void *ctx, const struct prune_decision *d, bool done)
{
	(void)ctx;
	buf_fmt(&said, &e, "%s %s: %s\n", done ? "-" : "+", d->set->name,
	    d->reason);
}

static struct conf conf;
static const enum repo_kind kinds[] = { REPO_FULL, REPO_INCREMENTAL,
	REPO_SNAPSHOT };

static int
prune(struct repo *r, unsigned min_keep, bool dry_run, struct err *err)
{
	struct prune_options o = { .conf = &conf, .kinds = kinds,
		.kind_count = 3, .min_keep = min_keep, .dry_run = dry_run,
		.now = NOW, .report = say };

	buf_reset(&said);
	buf_str(&said, "", &e);
	return prune_run(&o, r, err);
}

static struct store *store;
static struct repo *repo;

static void
fresh(void)
{
	static const unsigned char ages[] = { 40, 34, 29, 1 };
	FILE *f;

	if (system("rm -rf store") != 0)
		abort();
	repo_close(repo);
	store_close(store);
	store = store_open("store", STORE_CREATE, &e);
	repo = repo_open(store, NULL, &e);
	for (unsigned i = 0; i < sizeof ages; i++)
		if (publish(repo, REPO_FULL, "chat", NOW - ages[i] * DAY,
		    &e) == -1)
			abort();
	if (publish(repo, REPO_FULL, "rare", NOW - 90 * DAY, &e) == -1 ||
	    publish(repo, REPO_SNAPSHOT, NULL, NOW - 99 * DAY, &e) == -1)
		abort();
	/* what the old script made, from 2020, without a .json */
	f = fopen("store/full/chat_full_20200101_030000.sql.gz", "w");
	if (f == NULL || fclose(f) != 0)
		abort();
}

static void
test_run(void)
{
	struct repo_draft *d;
	struct repo_set *set;
	char *db = NULL, *files;

	fresh();
	/* `snapshot` has no policy: it keeps all */
	EQ(prune(repo, 1, true, &e), 0);
	IS(said.data,
	    "+ rare_full_20241029_030000: the newest of \"rare\"\n"
	    "- chat_full_20241218_030000: 39d old, kept 30d\n"
	    "- chat_full_20241224_030000: 33d old, kept 30d\n"
	    "+ chat_full_20241229_030000: 28d old, kept 30d\n"
	    "+ chat_full_20250126_030000: 23h old, kept 30d\n"
	    "+ snapshot_20241020_030000: the policy keeps all\n");
	EQ(prune(repo, 3, true, &e), 0);
	OK(strstr(said.data, "+ chat_full_20241224_030000: among the newest "
	    "3 of \"chat\"\n") != NULL);
	OK(strstr(said.data, "- chat_full_20241218_030000") != NULL);

	/* being read */
	set = repo_find(repo, "chat_full_20241224_030000", &db, &e);
	{
		struct store_lock *hold = repo_hold(repo, set, &e);

		EQ(prune(repo, 1, false, &e), 0);
		OK(strstr(said.data, "- chat_full_20241218_030000") != NULL);
		OK(strstr(said.data,
		    "+ chat_full_20241224_030000: being read\n") != NULL);
		store_unlock(hold);
	}
	repo_set_free(set);
	EQ(prune(repo, 1, false, &e), 0);
	files = look("store/full");
	IS(files, "chat_full_20200101_030000.sql.gz "
	    "chat_full_20241229_030000.json chat_full_20241229_030000.sql.gz "
	    "chat_full_20250126_030000.json chat_full_20250126_030000.sql.gz "
	    "rare_full_20241029_030000.json rare_full_20241029_030000.sql.gz "
	    );
	free(files);
	EQ(prune(repo, 1, false, &e), 0);
	OK(strstr(said.data, "- ") == NULL);

	/* what a killed run left goes, a live one's stays */
	d = repo_draft_new(repo, REPO_FULL, "live", NOW, "Asia/Seoul", &e);
	sink_free(repo_draft_object(d, ".sql.gz", &e));
	EQ(prune(repo, 1, false, &e), 0);
	files = look("store/full");
	OK(strstr(files, "live_full_20250127_030000.intent") != NULL);
	free(files);
	repo_draft_free(d);

	/* one at a time; looking is free */
	{
		struct store_lock *l = store_lock(store, "prune", &e);

		FAILS(prune(repo, 1, false, &e) == -1, ERR_BUSY, "another");
		EQ(prune(repo, 1, true, &e), 0);
		store_unlock(l);
	}
}

/* Nothing of a kind goes when ... */
static void
test_refusals(void)
{
	char *before, *after;

	fresh();
	OK(truncate("store/full/chat_full_20250126_030000.sql.gz", 1) == 0);
	conf.policy.kind[REPO_SNAPSHOT].set = true;
	conf.policy.kind[REPO_SNAPSHOT].keep = 7 * DAY;
	if (publish(repo, REPO_SNAPSHOT, NULL, NOW, &e) == -1)
		abort();
	before = look("store/full");
	FAILS(prune(repo, 1, false, &e) == -1, ERR_CORRUPT,
	    "nothing of kind \"full\" was deleted");
	OK(strstr(said.data, "chat") == NULL);
	/* the other kind is done all the same */
	IS(said.data,
	    "- snapshot_20241020_030000: 98d old, kept 7d\n"
	    "+ snapshot_20250127_030000: 0s old, kept 7d\n");
	after = look("store/full");
	IS(after, before);
	free(before);
	free(after);

	fresh();
	if (publish(repo, REPO_FULL, "z", NOW + 700, &e) == -1)
		abort();
	FAILS(prune(repo, 1, false, &e) == -1, ERR_REFUSED, "a clock is wrong");
	OK(strstr(said.data, "- chat") == NULL);

	/* a clock that went forward by a year, or backups that stopped */
	fresh();
	{
		struct prune_options o = { .conf = &conf,
			.kinds = kinds, .kind_count = 1,
			.now = NOW + 365 * DAY, .report = say };

		FAILS(prune_run(&o, repo, &e) == -1, ERR_REFUSED, "stopped");
	}
	conf.policy.kind[REPO_SNAPSHOT].set = false;
	conf.policy.kind[REPO_SNAPSHOT].keep = 0;
}

static int
publish_sized(const char *stem, int64_t start, const char *text)
{
	struct repo_draft *d = repo_draft_new(repo, REPO_FULL, stem, start,
	    "Asia/Seoul", &e);
	struct repo_set *set = make_set(d, REPO_FULL, stem, start, text, &e);
	int rc = repo_draft_publish(d, set, NULL, &e);

	repo_set_free(set);
	repo_draft_free(d);
	return rc;
}

/* A backup of which more than half is gone stops it. */
static void
test_shrunken(void)
{
	struct prune_options o = { .conf = &conf, .kinds = kinds,
		.kind_count = 1, .now = NOW, .report = say };

	fresh();
	EQ(publish_sized("chat", NOW - DAY / 2, "the "), 0);
	EQ(prune(repo, 1, true, &e), 0); /* half is enough */
	EQ(publish_sized("chat", NOW - DAY / 4, "t"), 0);
	FAILS(prune(repo, 1, false, &e) == -1, ERR_REFUSED, "nothing of kind "
	    "\"full\" was deleted: chat_full_20250126_210000 has 3 B, "
	    "the one before it 12 B");
	OK(strstr(said.data, "- ") == NULL);
	o.allow_shrunken = true;
	EQ(prune_run(&o, repo, &e), 0);
	OK(strstr(said.data, "- chat_full_20241224_030000") != NULL);
	o.allow_shrunken = false;
	EQ(prune_run(&o, repo, &e), 0); /* nothing would go */
	/* another database's size says nothing */
	fresh();
	EQ(publish_sized("tiny", NOW - DAY / 2, "t"), 0);
	EQ(prune_run(&o, repo, &e), 0);
}

static int
add_chain(const char *stem, int64_t start, const char *parent)
{
	struct repo_draft *d = repo_draft_new(repo, REPO_INCREMENTAL, stem,
	    start, "Asia/Seoul", &e);
	struct repo_set *set = make_set(d, REPO_INCREMENTAL, "x", start, "i",
	    &e);
	int rc = repo_set_string(&set->parent, parent, &e);

	if (rc == 0)
		rc = repo_draft_publish(d, set, NULL, &e);
	repo_set_free(set);
	repo_draft_free(d);
	return rc;
}

/* A chain goes as a whole; one of it that is being read holds all. */
static void
test_chain(void)
{
	struct repo_set *set;
	struct store_lock *hold;
	char *db = NULL;

	fresh();
	EQ(add_chain("a", NOW - 20 * DAY, NULL), 0);
	EQ(add_chain("b", NOW - 19 * DAY, "a_incremental_20250107_030000"), 0);
	EQ(add_chain("c", NOW - 18 * DAY, "b_incremental_20250108_030000"), 0);
	EQ(add_chain("d", NOW - DAY, NULL), 0);
	set = repo_find(repo, "b_incremental_20250108_030000", &db, &e);
	hold = repo_hold(repo, set, &e);
	EQ(prune(repo, 1, false, &e), 0);
	OK(strstr(said.data, "+ c_incremental_20250109_030000: its chain is "
	    "being read: b_incremental_20250108_030000") != NULL);
	OK(strstr(said.data, "+ b_incremental_20250108_030000: being read") !=
	    NULL);
	OK(strstr(said.data, "+ a_incremental_20250107_030000: its chain") !=
	    NULL);
	store_unlock(hold);
	FAILS(repo_delete(repo, set, &e) == -1, ERR_REFUSED,
	    "c_incremental_20250109_030000 builds on it");
	repo_set_free(set);
	/* as old as its newest: in time a young one keeps the old ones */
	EQ(add_chain("y", NOW - 2 * DAY, "c_incremental_20250109_030000"), 0);
	EQ(prune(repo, 1, false, &e), 0);
	OK(strstr(said.data, "+ a_incremental_20250107_030000: the newest of "
	    "its chain is 1d23h old, kept 7d") != NULL);
	EQ(add_chain("z", NOW - DAY / 2, NULL), 0);
	{
		struct prune_options o = { .conf = &conf, .kinds = kinds + 1,
			.kind_count = 1, .now = NOW + 6 * DAY,
			.report = say };

		EQ(prune_run(&o, repo, &e), 0);
	}
	OK(strstr(said.data, "- a_incremental") != NULL &&
	    strstr(said.data, "- b_incremental") != NULL &&
	    strstr(said.data, "- c_incremental") != NULL &&
	    strstr(said.data, "- y_incremental") != NULL &&
	    strstr(said.data, "+ d_incremental") != NULL);
}

static unsigned bads;

static void
count_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	printf("# bad: %s: %s\n", name, why->text);
	bads++;
}

/* Whole sets only, the young ones among them, and the stranger's file. */
static bool
holds_up(void)
{
	struct repo_list list;
	unsigned young = 0;
	bool good;

	bads = 0;
	if (repo_list(repo, REPO_FULL, &list, count_bad, NULL, &e) == -1)
		return false;
	for (size_t i = 0; i < list.count; i++)
		young += list.sets[i]->end > NOW - 30 * DAY ||
		    strncmp(list.sets[i]->name, "rare", 4) == 0;
	good = bads == 0 && young == 3 &&
	    access("store/full/chat_full_20200101_030000.sql.gz", F_OK) == 0;
	repo_list_free(&list);
	return good;
}

static void
test_faults(void)
{
	static const enum fault faults[] = { FAULT_BEFORE, FAULT_DIE_BEFORE,
		FAULT_DIE_AFTER };

	for (unsigned k = 0; k < 3; k++) {
		unsigned n, failed = 0;
		bool hit = true;
		char text[64];

		for (n = 1; hit && n < 1000; n++) {
			struct faultstore f;
			struct err why = ERR_INIT;
			struct repo *r;
			int status = 0;
			pid_t pid = 0;
			char *files;

			fresh();
			faultstore_init(&f, store, faults[k], n);
			r = repo_open(&f.base, NULL, &e);
			if (k > 0)
				pid = fork();
			if (pid == 0) {
				prune(r, 1, false, &why);
				if (k > 0)
					_exit(f.hit);
				hit = f.hit;
			} else {
				waitpid(pid, &status, 0);
				hit = WEXITSTATUS(status) != 0;
			}
			repo_close(r);
			failed += !holds_up();
			failed += prune(repo, 1, false, &e) != 0;
			failed += !holds_up();
			files = look("store/full");
			failed += strstr(files, "intent") != NULL ||
			    strstr(files, "20241218") != NULL ||
			    strstr(files, "20241224") != NULL;
			free(files);
		}
		snprintf(text, sizeof text, "fault %u, %u operations",
		    (unsigned)faults[k], n - 2);
		tap_ok(failed == 0 && n > 20 && n < 1000, text, __FILE__,
		    __LINE__);
	}
}

int
main(void)
{
	char command[128];

	if (mkdtemp(top) == NULL || chdir(top) == -1)
		return 1;
	log_open("prune", LOG_LEVEL_ERROR);
	conf.policy.kind[REPO_FULL].set = true;
	conf.policy.kind[REPO_FULL].keep = 30 * DAY;
	conf.policy.kind[REPO_INCREMENTAL].set = true;
	conf.policy.kind[REPO_INCREMENTAL].keep = 7 * DAY;
	test_judge();
	test_chains();
	test_run();
	test_refusals();
	test_shrunken();
	test_chain();
	test_faults();
	repo_close(repo);
	store_close(store);
	buf_free(&said);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return (chdir("/") == -1 || system(command) != 0) | done();
}
