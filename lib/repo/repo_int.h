/*
 * repo_int: what the parts of the room share.
 */
#ifndef PGK_REPO_INT_H
#define PGK_REPO_INT_H

#include "repo/repo.h"

struct repo {
	struct store *store;
	const struct sign_trust *trust;
};

/* name.c */

/* "KIND/NAME" + suffix: any NAME and suffix that pass fit. */
#define REPO_PATH_MAX 512
struct repo_path {
	char text[REPO_PATH_MAX];
};
struct repo_path repo_path(enum repo_kind kind, const char *name,
    const char *suffix);

/* [A-Za-z0-9_%-]{1,REPO_NAME_MAX}, not beginning with '-'. */
bool repo_is_name(const char *name);

/*
 * ".sql.gz.age", "/base.tar.gz.age": what an object has behind NAME; none of
 * our own words.
 */
bool repo_is_suffix(const char *suffix);

/* Whether a folder in a kind's has a name as we make them. */
bool repo_is_ours(enum repo_kind kind, const char *folder);

/* set.c: additions that take the strings of *x, on failure too. */
int repo_take_object(struct repo_set *set, struct repo_object *x,
    struct err *e);
int repo_take_database(struct repo_set *set, struct repo_database *x,
    struct err *e);
int repo_take_table(struct repo_set *set, struct repo_table *x,
    struct err *e);
int repo_take_tablespace(struct repo_set *set, struct repo_tablespace *x,
    struct err *e);
int repo_take_line(char ***list, size_t *count, char *line, struct err *e);
void repo_drop_tables(struct repo_set *set);

/* base64.c: standard alphabet with padding; decoding also refuses NUL. */
int repo_base64(struct buf *out, const void *data, size_t len,
    struct err *e);
int repo_unbase64(struct buf *out, const char *text, struct err *e);

/* list.c */

/* Read KIND/NAME.json and check all but its objects. */
struct repo_set *repo_read(struct repo *r, enum repo_kind kind,
    const char *name, struct err *e);

/* repo_list(), the objects looked at only if asked. */
int repo_scan(struct repo *r, enum repo_kind kind, bool objects,
    struct repo_list *out,
    void (*bad)(void *ctx, const char *name, const struct err *why),
    void *ctx, struct err *e);

/* intent.c */

struct repo_item {
	char name[REPO_PATH_MAX]; /* without the folder */
	char mark[STORE_MARK_MAX];
};

struct repo_intent {
	int first; /* the number to try first; 0 is 1 */
	struct repo_path path;
	struct store_lock *lock;
};

/*
 * The lock of a kind's catalogue is for moments: it covers the numbering of
 * sets, and the time between an intent's coming and its being held. Waits up
 * to 10 seconds, then ERR_BUSY.
 */
struct store_lock *repo_lock_catalogue(struct repo *r, enum repo_kind kind,
    struct err *e);

/*
 * Put an intent for the set and hold it; `locked` says that the caller has
 * the catalogue's lock. Begin with *intent = {0}; at most 99 a set.
 */
int repo_intent_put(struct repo *r, enum repo_kind kind, const char *name,
    const char *action, const struct repo_item *items, size_t count,
    bool locked, struct repo_intent *intent, struct err *e);

/* Take the intent away and let go of it. */
int repo_intent_end(struct repo *r, struct repo_intent *intent,
    struct err *e);

/* Let go of it and leave it for repo_recover(). */
void repo_intent_leave(struct repo_intent *intent);

/*
 * An intent's text back: *items (caller frees). ERR_CORRUPT unless it is one
 * of the set `name`.
 */
int repo_intent_parse(const char *text, size_t len, const char *name,
    struct repo_item **items, size_t *count, struct err *e);

/* Whether there is such an object: 1, 0, or -1 with *e. */
int repo_exists(struct repo *r, const char *path, struct err *e);

/*
 * seal.c: end a .json (in place, behind its last field) with the sum of what
 * stands before; and check that end: ERR_CORRUPT.
 */
int repo_seal(struct buf *json, struct err *e);
int repo_check_seal(const char *json, size_t len, struct err *e);

#endif
