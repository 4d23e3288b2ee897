/*
 * Publishing, deleting and recovering, each with every single operation on
 * the store failing in turn, or the process ending before or after it.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "catalogue.h"
#include "faultstore.h"
#include "log/log.h"
#include "tap.h"

#define T0 1737914400 /* 2025-01-27 03:00:00 in Seoul */
#define FOREIGN "medtranslate_full_20250120_030000.sql.gz "

static struct err e;
static char top[64] = "/tmp/pgk-crash-XXXXXX";
static const char *part = ".globals.sql.gz"; /* the second object's suffix */
static char *first_alone; /* the folder with the first set only */

static void
empty(const char *path)
{
	DIR *d = opendir(path);
	char inner[400];

	for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) == 0)
			continue;
		snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
		empty(inner);
		if (rmdir(inner) == -1)
			abort();
	}
	if (d != NULL)
		closedir(d);
}

static void
fresh(void)
{
	struct store *s;
	struct repo *r;
	FILE *f;

	empty("store/full");
	s = store_open("store", STORE_CREATE, &e);
	r = repo_open(s, NULL, &e);
	if (publish(r, REPO_FULL, "first", T0, &e) == -1)
		abort();
	repo_close(r);
	store_close(s);
	f = fopen("store/full/medtranslate_full_20250120_030000.sql.gz", "w");
	if (f == NULL || fclose(f) != 0)
		abort();
}

/* What a fault is to hit. */

static int
act_publish(struct repo *r, struct err *err)
{
	struct repo_draft *d = repo_draft_new(r, REPO_FULL, "second",
	    T0 + 5, "Asia/Seoul", err);
	struct repo_set *set = NULL;
	struct repo_object o = { .role = (char *)"globals", .stored = 1 };
	struct sink *s = NULL;
	char name[REPO_NAME_MAX + 40];
	int rc = -1;

	if (d == NULL || (set = make_set(d, REPO_FULL, "second", T0 + 5,
	    "dump", err)) == NULL)
		goto done;
	snprintf(name, sizeof name, "%s%s", repo_draft_name(d), part);
	o.name = name;
	if ((s = repo_draft_object(d, part, err)) != NULL &&
	    sink_write(s, "x", 1, err) == 0 && sink_finish(s, err) == 0 &&
	    repo_add_object(set, &o, err) == 0)
		rc = repo_draft_publish(d, set, NULL, err);
done:
	sink_free(s);
	repo_set_free(set);
	repo_draft_free(d);
	return rc;
}

static int
act_delete(struct repo *r, struct err *err)
{
	struct repo_list list;
	int rc = -1;

	if (repo_list(r, REPO_FULL, &list, NULL, NULL, err) == -1)
		return -1;
	if (list.count == 2)
		rc = repo_delete(r, list.sets[1], err);
	repo_list_free(&list);
	return rc;
}

static int
act_recover(struct repo *r, struct err *err)
{
	return repo_recover(r, REPO_FULL, false, NULL, err);
}

/* Run `act` with a fault at operation n: what it returned, or death. */
static int
run(int (*act)(struct repo *r, struct err *err), enum fault fault,
    unsigned n, bool *hit)
{
	struct store *s = store_open("store", 0, &e);
	struct faultstore f;
	struct err why = ERR_INIT;
	struct repo *r;
	pid_t pid = 0;
	int rc, status = 0;

	faultstore_init(&f, s, fault, n);
	if (fault == FAULT_DIE_BEFORE || fault == FAULT_DIE_AFTER)
		pid = fork();
	if (pid > 0) {
		waitpid(pid, &status, 0);
		status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		/* what failed by itself is hit, but is not died after */
		*hit = status != 0 && status != 1;
		store_close(s);
		return status == FAULT_DEATH ? status : -(status & 1);
	}
	r = repo_open(&f.base, NULL, &why);
	rc = act(r, &why);
	repo_close(r);
	*hit = f.hit;
	if (fault == FAULT_DIE_BEFORE || fault == FAULT_DIE_AFTER)
		_exit((rc != 0) | (f.hit ? 2 : 0));
	store_close(s);
	return rc;
}

static unsigned bads;

static void
count_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	printf("# bad: %s: %s\n", name, why->text);
	bads++;
}

/* How many sets are listed; -1 if one of them is not whole. */
static int
listed(void)
{
	struct store *s = store_open("store", 0, &e);
	struct repo *r = repo_open(s, NULL, &e);
	struct repo_list list;
	int n = -1;

	bads = 0;
	if (repo_list(r, REPO_FULL, &list, count_bad, NULL, &e) == 0) {
		n = bads > 0 ? -1 : (int)list.count;
		repo_list_free(&list);
	}
	repo_close(r);
	store_close(s);
	return n;
}

/*
 * After any fault: whole sets only, 1 or 2 of them; after recovery nothing
 * but these and the foreign file; and the same act then succeeds if it has
 * not yet. Returns whether all that holds.
 */
static bool
holds(int (*act)(struct repo *r, struct err *err), int rc, int before,
    int after, enum fault fault)
{
	bool died = rc == FAULT_DEATH, hit, good = true;
	int n = listed();
	char *files;

	good = good && (n == before || n == after);
	good = good && (rc != 0 || n == after);
	/* a live process that could still reach its store has tidied up */
	if (!died && rc == -1 && fault == FAULT_BEFORE &&
	    act == act_publish) {
		files = look("store/full");
		good = good && n == before && strcmp(files, first_alone) == 0;
		free(files);
	}
	good = good && run(act_recover, FAULT_BEFORE, 0, &hit) == 0;
	good = good && listed() == n;
	files = look("store/full");
	good = good && strstr(files, "intent") == NULL &&
	    strstr(files, ".tmp") == NULL && strstr(files, FOREIGN) != NULL;
	if (n == 1)
		good = good && strcmp(files, first_alone) == 0;
	if (!good)
		printf("# rc %d, %d sets, files %s\n", rc, n, files);
	free(files);
	if (n == before && n != after)
		good = good && run(act, FAULT_BEFORE, 0, &hit) == 0 &&
		    listed() == after;
	return good;
}

static void
sweep(int (*act)(struct repo *r, struct err *err), const char *what,
    void (*prepare)(void), int before, int after)
{
	for (unsigned fault = 0; fault < FAULTS; fault++) {
		unsigned n = 0, failed = 0;
		bool hit = true;
		char text[128];

		for (n = 1; hit && n < 1000; n++) {
			int rc;

			prepare();
			rc = run(act, (enum fault)fault, n, &hit);
			if (!holds(act, rc, before, after,
			    (enum fault)fault)) {
				printf("# %s, fault %u at %u\n", what, fault,
				    n);
				failed++;
			}
		}
		snprintf(text, sizeof text, "%s: fault %u, %u operations",
		    what, fault, n - 2);
		/* a sweep over nothing proves nothing */
		tap_ok(failed == 0 && n > 5 && n < 1000, text, __FILE__,
		    __LINE__);
	}
}

static void
two_sets(void)
{
	bool hit;

	fresh();
	if (run(act_publish, FAULT_BEFORE, 0, &hit) != 0)
		abort();
}

/* Whether the second set's second object is there. */
static bool
has_part(void)
{
	char path[200];

	snprintf(path, sizeof path,
	    "store/full/second_full_20250127_030005%s", part);
	return access(path, F_OK) == 0;
}

/* The worst that publishing leaves: all but the .json. */
static void
died_before_json(void)
{
	static unsigned at;
	bool hit;

	for (;; at++) {
		char *files;
		bool found;

		fresh();
		run(act_publish, FAULT_DIE_BEFORE, at == 0 ? 1 : at, &hit);
		files = look("store/full");
		found = strstr(files, ".intent-2 ") != NULL && has_part();
		free(files);
		if (found && listed() == 1)
			return;
		if (!hit && at > 0)
			abort();
	}
}

/* The worst that deleting leaves: all but the .json. */
static void
died_deleting(void)
{
	static unsigned at;
	bool hit;

	for (;; at++) {
		char *files;
		bool found;

		two_sets();
		run(act_delete, FAULT_DIE_AFTER, at == 0 ? 1 : at, &hit);
		files = look("store/full");
		found = strstr(files, "second") != NULL && listed() == 1;
		free(files);
		if (found)
			return;
		if (!hit && at > 0)
			abort();
	}
}

/* A run is killed and a stranger's file stands where its object was to be. */
static void
test_stranger(void)
{
	bool hit = true, seen = false;

	for (unsigned n = 1; hit; n++) {
		char *files;
		FILE *f;

		fresh();
		run(act_publish, FAULT_DIE_BEFORE, n, &hit);
		files = look("store/full");
		if (strstr(files, ".intent ") == NULL ||
		    strstr(files, "second_full_20250127_030005.sql.gz ") !=
		    NULL) {
			free(files);
			continue;
		}
		free(files);
		seen = true;
		f = fopen("store/full/second_full_20250127_030005.sql.gz",
		    "w");
		if (f == NULL || fputs("theirs", f) == EOF || fclose(f) != 0)
			abort();
		EQ(run(act_recover, FAULT_BEFORE, 0, &(bool){ false }), 0);
		files = look("store/full");
		OK(strstr(files, ".intent") == NULL);
		OK(strstr(files, "second_full_20250127_030005.sql.gz ") !=
		    NULL);
		free(files);
	}
	OK(seen);
}

static void
sweep_all(void)
{
	sweep(act_publish, "publish", fresh, 1, 2);
	sweep(act_delete, "delete", two_sets, 2, 1);
	sweep(act_recover, "recover from publish", died_before_json, 1, 1);
	sweep(act_recover, "recover from delete", died_deleting, 1, 1);
}

int
main(void)
{
	char command[128];

	if (mkdtemp(top) == NULL || chdir(top) == -1)
		return 1;
	log_open("repo_crash", LOG_LEVEL_ERROR);
	fresh();
	first_alone = look("store/full");
	sweep_all();
	test_stranger();
	part = "/base.tar.gz";
	sweep_all();
	free(first_alone);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return (chdir("/") == -1 || system(command) != 0) | done();
}
