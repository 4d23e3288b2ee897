/*
 * mkset - put sets into a store without a server
 *
 *	mkset STORE put KIND STEM START [PARENT]    publish one; prints its name
 *	mkset STORE base START LSN END_LSN TIMELINE [PARENT]   a base backup
 *	mkset STORE abandon KIND STEM START         die before the .json
 *	mkset STORE hold NAME                       read it until killed
 *	mkset STORE lock NAME                       hold a lock until killed
 *
 * STEM is the escaped database name, "-" for none. START is a time as in
 * "2025-01-27T03:00:00Z", or an age such as "34d". The last two print
 * "ready" when they hold it. A base backup takes a minute, is of the system
 * 7000000000000000001, and has two objects in its folder. In the environment,
 * MKSET_PLAIN is how many bytes each has unpacked; with MKSET_NAP the parent is
 * held, and so many milliseconds go by before publishing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "unit/unit.h"

static int
parse_start(const char *word, int64_t *start, struct err *e)
{
	int64_t age;

	if (unit_parse_duration(word, &age, NULL) == 0) {
		*start = unit_now() - age;
		return 0;
	}
	return unit_parse_rfc3339(word, start, e);
}

/* argv: KIND STEM START [PARENT] */
static int
make(struct repo *r, char **argv, bool die, struct err *e)
{
	const char *stem = strcmp(argv[1], "-") == 0 ? NULL : argv[1];
	struct buf database = BUF_INIT(1000);
	struct repo_draft *d;
	struct repo_set *set;
	enum repo_kind kind;
	int64_t start;

	if (repo_kind_parse(argv[0], &kind, e) == -1 ||
	    parse_start(argv[2], &start, e) == -1 ||
	    buf_unescape(&database, stem != NULL ? stem : "postgres",
	        strlen(stem != NULL ? stem : "postgres"), e) == -1 ||
	    (d = repo_draft_new(r, kind, stem, start, "Asia/Seoul",
	        e)) == NULL ||
	    (set = make_set(d, kind, database.data, start, "the dump\n",
	        e)) == NULL)
		return -1;
	if (die)
		_exit(0);
	if (repo_set_string(&set->parent, argv[3], e) == -1 ||
	    repo_draft_publish(d, set, NULL, e) == -1)
		return -1;
	printf("%s\n", set->name);
	repo_set_free(set);
	repo_draft_free(d);
	buf_free(&database);
	return 0;
}

/* One object in the set's own folder. */
static int
add_inside(struct repo_draft *d, struct repo_set *set, const char *suffix,
    const char *role, struct err *e)
{
	const char *plain = getenv("MKSET_PLAIN");
	struct sink *s = repo_draft_object(d, suffix, e);
	char name[REPO_NAME_MAX + 40];
	struct repo_object o = { .name = name, .role = (char *)role,
		.codec = CODEC_GZIP, .stored = strlen(role),
		.plain = plain != NULL ? strtoull(plain, NULL, 10) : 1000 };
	int rc = -1;

	digest_of(role, strlen(role), &o.sum);
	if (s != NULL && sink_write(s, role, strlen(role), e) == 0 &&
	    sink_finish(s, e) == 0) {
		snprintf(name, sizeof name, "%s%s", repo_draft_name(d),
		    suffix);
		rc = repo_add_object(set, &o, e);
	}
	sink_free(s);
	return rc;
}

static struct store_lock *
hold_set(struct repo *r, const char *name, struct err *e)
{
	char *database = NULL;
	struct repo_set *set = repo_find(r, name, &database, e);
	struct store_lock *l = set != NULL ? repo_hold(r, set, e) : NULL;

	repo_set_free(set);
	free(database);
	return l;
}

/* argv: START LSN END_LSN TIMELINE [PARENT] */
static int
make_base(struct repo *r, char **argv, struct err *e)
{
	struct repo_set *set = repo_set_new(REPO_INCREMENTAL, e);
	const char *nap = getenv("MKSET_NAP");
	struct store_lock *hold = NULL;
	struct repo_draft *d;
	int64_t start;

	if (set == NULL || parse_start(argv[0], &start, e) == -1 ||
	    (argv[4] != NULL && nap != NULL &&
	        (hold = hold_set(r, argv[4], e)) == NULL) ||
	    (d = repo_draft_new(r, REPO_INCREMENTAL, NULL, start,
	        "Asia/Seoul", e)) == NULL ||
	    add_inside(d, set, "/base.tar.gz", "base", e) == -1 ||
	    add_inside(d, set, "/backup_manifest.gz", "manifest", e) == -1)
		return -1;
	if (nap != NULL)
		usleep((unsigned)atoi(nap) * 1000);
	set->start = start;
	set->end = start + 60;
	set->timeline = (uint32_t)strtoul(argv[3], NULL, 10);
	set->wal_segment_size = 16 << 20;
	if (repo_set_string(&set->lsn, argv[1], e) == -1 ||
	    repo_set_string(&set->end_lsn, argv[2], e) == -1 ||
	    repo_set_string(&set->method, argv[4] != NULL ? "blocks" : "full",
	        e) == -1 ||
	    repo_set_string(&set->system_identifier, "7000000000000000001",
	        e) == -1 ||
	    repo_set_string(&set->parent, argv[4], e) == -1 ||
	    repo_draft_publish(d, set, NULL, e) == -1)
		return -1;
	printf("%s\n", set->name);
	repo_set_free(set);
	repo_draft_free(d);
	store_unlock(hold);
	return 0;
}

static int
keep(struct repo *r, const char *verb, const char *name, struct err *e)
{
	struct store_lock *l = strcmp(verb, "lock") == 0 ?
	    store_lock(repo_store(r), name, e) : hold_set(r, name, e);

	if (l == NULL)
		return -1;
	printf("ready\n");
	fflush(stdout);
	pause();
	return 0;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct store *s;
	struct repo *r;
	int rc = -1;

	if (argc < 4) {
		fprintf(stderr, "usage: mkset STORE VERB ...\n");
		return 2;
	}
	s = store_open(argv[1], STORE_CREATE, &e);
	r = s != NULL ? repo_open(s, NULL, &e) : NULL;
	if (r == NULL)
		rc = -1;
	else if (argc >= 6 && strcmp(argv[2], "put") == 0)
		rc = make(r, argv + 3, false, &e);
	else if (argc >= 7 && strcmp(argv[2], "base") == 0)
		rc = make_base(r, argv + 3, &e);
	else if (argc == 6 && strcmp(argv[2], "abandon") == 0)
		rc = make(r, argv + 3, true, &e);
	else if (strcmp(argv[2], "hold") == 0 || strcmp(argv[2], "lock") == 0)
		rc = keep(r, argv[2], argv[3], &e);
	else
		err_set(&e, ERR_USAGE, "no such verb: \"%s\"", argv[2]);
	if (rc == -1)
		fprintf(stderr, "mkset: %s\n", e.text);
	repo_close(r);
	store_close(s);
	return rc == 0 ? 0 : err_status(e.kind);
}
