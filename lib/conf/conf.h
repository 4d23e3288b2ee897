/*
 * conf: pgk.conf, and what every tool's common options add to it.
 *
 * INI by inih; sections [server] [store] [crypt] [policy] [log]; unknown
 * sections, unknown keys, keys given twice (unless repeatable) and bad values
 * are ERR_CONF with file and line. pgk.conf(5) is the reference.
 */
#ifndef PGK_CONF_H
#define PGK_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

#define CONF_LIST_MAX 64
#define CONF_DEFAULT_PATH "/etc/pgk.conf"

struct conf_list {
	char *items[CONF_LIST_MAX];
	size_t count;
};

/* A row of the policy table; 0 means "-", not set. Seconds. */
struct conf_policy {
	bool set;
	int64_t every, keep, rpo, rto;
	char *at; /* five crontab fields, checked, or NULL for "-" */
};
enum conf_kind { CONF_FULL, CONF_INCREMENTAL, CONF_WAL, CONF_SNAPSHOT,
	CONF_KINDS };

struct conf {
	char *path; /* the file read, or NULL */
	struct {
		char *conninfo;
		char *environment; /* label: [A-Za-z0-9._-]{1,63} */
		char *bindir;      /* of pg_dump and friends, or NULL: PATH */
	} server;
	struct {
		char *url;
	} store;
	struct {
		struct conf_list recipient;      /* age1... */
		struct conf_list recipients_file;
		struct conf_list identity;       /* files */
		char *passphrase_file;
		char *sign_key;                  /* minisign secret key file */
		struct conf_list trust;          /* minisign public keys */
	} crypt;
	struct {
		char *time_zone; /* IANA, or NULL: the system's */
		struct conf_policy kind[CONF_KINDS];
		/* how old a chain's full base backup may become; seconds */
		int64_t base_interval;
	} policy;
	struct {
		char *file;
		char *level; /* error warning info debug; NULL: info */
	} log;
};

/*
 * Read `path`; NULL: $PGK_CONF is the caller's business, here it means
 * CONF_DEFAULT_PATH if that exists, else an empty configuration. A file that others
 * than its owner and root can write to is ERR_REFUSED.
 */
struct conf *conf_load(const char *path, struct err *e);

/* The same from memory, `name` for messages: for tests and fuzzing. */
struct conf *conf_parse(const char *text, size_t len, const char *name,
    struct err *e);
void conf_free(struct conf *c); /* NULL ok */

/* Whether `word` may label an environment. */
bool conf_is_label(const char *word);

/* "1d 30d 24h 4h 0 3 * * *" into a row. ERR_CONF. */
int conf_parse_policy(const char *text, struct conf_policy *row,
    struct err *e);

#endif
