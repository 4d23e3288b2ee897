/*
 * catalogue.h: what the tests of the catalogue share: sets, and a look at what
 * really lies in a folder.
 */
#ifndef PGK_TESTS_CATALOGUE_H
#define PGK_TESTS_CATALOGUE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repo/repo.h"

/* A set of kind with one object, its content `text`; not yet published. */
static inline struct repo_set *
make_set(struct repo_draft *d, enum repo_kind kind, const char *database,
    int64_t start, const char *text, struct err *e)
{
	struct repo_set *set = repo_set_new(kind, e);
	struct repo_object o = { .role = (char *)"sql",
		.codec = CODEC_GZIP, .stored = strlen(text),
		.plain = 3 * strlen(text) };
	struct repo_database db = { (char *)database, (char *)"UTF8", 1000 };
	struct repo_table t = { (char *)database, (char *)"public",
		(char *)"chat", 42 };
	struct sink *s = repo_draft_object(d, ".sql.gz", e);
	char name[REPO_NAME_MAX + 40];

	digest_of(text, strlen(text), &o.sum);
	snprintf(name, sizeof name, "%s.sql.gz", repo_draft_name(d));
	o.name = name;
	if (set == NULL || s == NULL ||
	    sink_write(s, text, strlen(text), e) == -1 ||
	    sink_finish(s, e) == -1 || repo_add_object(set, &o, e) == -1 ||
	    repo_add_database(set, &db, e) == -1 ||
	    repo_add_table(set, &t, e) == -1) {
		repo_set_free(set);
		set = NULL;
	} else {
		set->start = start;
		set->end = start + 60;
	}
	sink_free(s);
	return set;
}

/* Make and publish one: 0 or -1. */
static inline int
publish(struct repo *r, enum repo_kind kind, const char *stem, int64_t start,
    struct err *e)
{
	struct repo_draft *d = repo_draft_new(r, kind, stem, start,
	    "Asia/Seoul", e);
	struct repo_set *set = NULL;
	int rc = -1;

	if (d != NULL)
		set = make_set(d, kind, stem != NULL ? stem : "postgres",
		    start, "the dump", e);
	if (set != NULL)
		rc = repo_draft_publish(d, set, NULL, e);
	repo_set_free(set);
	repo_draft_free(d);
	return rc;
}

static inline int
tests_by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Every name in the folder but its locks, hidden ones too, sorted, each
 * followed by a space. Caller frees.
 */
static inline char *
look(const char *path)
{
	struct buf b = BUF_INIT(1 << 20);
	char *names[1000];
	size_t count = 0;
	DIR *d = opendir(path);

	buf_str(&b, "", NULL);
	for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0 &&
		    strncmp(entry->d_name, ".lock-", 6) != 0 && count < 1000)
			names[count++] = strdup(entry->d_name);
	if (d != NULL)
		closedir(d);
	qsort(names, count, sizeof *names, tests_by_text);
	for (size_t i = 0; i < count; i++) {
		buf_fmt(&b, NULL, "%s ", names[i]);
		free(names[i]);
	}
	return b.data;
}

#endif
