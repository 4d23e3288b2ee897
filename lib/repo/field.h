/*
 * field: fields of a JSON object that may be anyone's, each checked. All
 * return -1 with ERR_CORRUPT naming the field; an optional one that is not
 * there leaves *out as it was.
 */
#ifndef PGK_REPO_FIELD_H
#define PGK_REPO_FIELD_H

#include <jansson.h>

#include "repo/repo_int.h"

/* An object of the text, and its place in it for messages. */
struct field_at {
	const json_t *o;
	char place[32]; /* "objects[3]." or "" */
	struct err *e;
};

/* Record that the field `what` ("is missing"). Returns -1. */
int field_bad(const struct field_at *at, const char *key, const char *what);

/* KEY, or KEY_base64 decoded; *out is replaced, caller frees. */
int field_text(const struct field_at *at, const char *key, bool need,
    char **out);
int field_number(const struct field_at *at, const char *key, bool need,
    uint64_t min, uint64_t max, uint64_t *out);
int field_name(const struct field_at *at, const char *key, bool need,
    char **out); /* NAME of a set */
int field_time(const struct field_at *at, const char *key, int64_t *out);
int field_sum(const struct field_at *at, const char *key, struct digest *out);

/* Short text of `allowed` bytes only; NULL is good. */
int field_check(const struct field_at *at, const char *key, const char *text,
    const char *allowed);

/* The list under `key`: 1, 0 if there is none, -1 if it is no list. */
int field_list(const struct field_at *at, const char *key,
    const json_t **list);

/* Make *in the object list[i] of the list under `key`. */
int field_enter(const json_t *list, const char *key, size_t i,
    struct field_at *in, struct err *e);

/* A list of texts, each "..." or {"base64": "..."}, appended to *lines. */
int field_lines(const struct field_at *at, const char *key, char ***lines,
    size_t *count);

#endif
