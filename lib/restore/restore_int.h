/*
 * restore_int: one restore and the parts it is made by.
 *
 *	pieces.c   a file with an index: the order of things
 *	stream.c   any script, in sequence
 *	cluster.c  all databases of a snapshot, and roles
 *	guard.c    the environment's label, the database of the file
 *	target.c   the database to fill: empty, created; replace.c: replaced
 *	mark.c     the mark of what is unfinished
 *	session.c  connections, and the crew of workers
 *	script.c   statements, run or collected
 *	rows.c     the workers that load rows
 *	build.c    indexes and counts, side by side
 *	post.c     the rest of the definitions, in order
 *	foreign.c  foreign keys
 *	catalog.c  the target's relations; counts; ANALYZE
 *	pick.c     -t: what belongs to a table
 *	deed.c     what a statement does; rewrite.c: the same said otherwise
 */
#ifndef PGK_RESTORE_INT_H
#define PGK_RESTORE_INT_H

#include <pthread.h>

#include "piece/piece.h"
#include "progress/progress.h"
#include "restore/deed.h"
#include "restore/restore.h"
#include "sqltext/sqltext.h"

/* Statements kept: a section that is not run as it comes. */
struct statement {
	char *text;
	uint64_t line;
	enum deed_kind kind;
	bool done;
};
struct list {
	struct statement *items;
	size_t count, cap;
};
int list_add(struct list *l, enum deed_kind kind, const char *text,
    uint64_t line, struct err *e);
void list_free(struct list *l);

/* What a database is made with; NULL where not known. */
struct database_facts {
	const char *encoding, *collate, *ctype, *provider, *locale;
	const char *owner, *tablespace;
};

struct pick;

struct restore {
	const struct restore_options *o;
	const struct repo_set *set;  /* or NULL */
	struct blob *blob;           /* of a file with an index */
	struct piece_index *index;
	unsigned number;             /* the database in the file */
	const char *source;          /* its name there, or the script's */
	struct pg_target *target;    /* the database to fill */
	const char *name;            /* its name */
	enum restore_into into;
	struct pg *main;             /* runs the definitions */
	struct pick *pick;           /* -t, or NULL: all */
	struct progress *progress;

	/* the target */
	bool created;                /* made by us */
	bool marked;
	bool replaced_more;          /* it replaced one with settings, grants */
	char *former;                /* comment to put back, or NULL */
	struct list late;            /* on the database, for the end */
	char *encoding;              /* the script's SET client_encoding */

	/* the crew */
	struct pg **sessions;
	unsigned session_count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool failed;
};

void restore_init(struct restore *r, const struct restore_options *o);
void restore_release(struct restore *r);

/* pieces.c */

/* Fill a prepared database from the index, under the mark. */
int restore_fill(struct restore *r, struct err *e);
/* After a failure: say that it was stopped, and what is left. */
void restore_unfinished(const struct restore *r, struct err *e);

/* guard.c */

/* ERR_REFUSED when the labels forbid it. */
int guard_environment(const struct restore_options *o, const char *label,
    const char *what, struct err *e);
/* Both labels there may be: of the index and of the set. */
int guard_file(const struct restore *r, struct err *e);
/* Set r->number and r->source by name; NULL: the only one. */
int guard_database(struct restore *r, const char *name, struct err *e);
void guard_facts(const struct restore *r, struct database_facts *f);

/* target.c */

/*
 * Make the database ready to be filled, as r->into says, and open r->main.
 * `f` may be NULL. After it the database is empty (or -t is given) and
 * not marked yet.
 */
int target_prepare(struct restore *r, const struct database_facts *f,
    struct err *e);
/* A connection to the maintenance database. */
struct pg *target_maintenance(const struct restore_options *o,
    const char *name, struct err *e);
/* Whether r->name can be connected to, is empty and bears no mark. */
bool target_is_clean(struct restore *r);
/* 1 it exists, 0 not. */
int target_exists(struct pg *c, const char *name, struct err *e);

/* columns of sql_restore_database */
enum { DB_COMMENT, DB_OWNER, DB_TABLESPACE, DB_SIZE, DB_ENCODING, DB_COLLATE,
	DB_CTYPE, DB_PROVIDER, DB_LOCALE };

int target_create(struct restore *r, struct pg *c,
    const struct database_facts *f, struct err *e);

/* replace.c: drop the database that `db` tells of, and make it again */
int target_replace(struct restore *r, struct pg *c, const struct pg_rows *db,
    struct database_facts *f, struct err *e);

/* mark.c */

#define MARK_BEGIN "pgk-restore: unfinished restore of "
/* in the mark of a database that replaced one which had them */
#define MARK_LOST " in place of a database with settings or grants"
int mark_begin(struct restore *r, struct err *e);
/* The same over any connection, to a database that is not called so yet. */
int mark_database(struct restore *r, struct pg *c, const char *name,
    struct err *e);
/* Run r->late and take the mark away, at once and durably. */
int mark_end(struct restore *r, struct err *e);
/* The same for a table (-t). */
int mark_table(struct restore *r, const char *schema, const char *name,
    bool end, struct err *e);
/* The comment behind a mark; one that is no mark is its own. */
const char *mark_own(const char *comment);
/* ERR_REFUSED when the comment is a mark. */
int mark_check(const char *comment, const char *what, struct err *e);

/* session.c */

/* A session set up to load: durability at the end, no guesses, no limits. */
struct pg *session_open(struct restore *r, struct err *e);
/* o->jobs sessions, once; they take on r->encoding. */
int crew_open(struct restore *r, struct err *e);
void crew_close(struct restore *r);
/*
 * work() in each member's thread. When one fails, r->failed is set and the
 * others' sessions are ended.
 */
int crew_run(struct restore *r, int (*work)(void *ctx, struct pg *c,
    struct err *e), void *ctx, struct err *e);
/* The next of `count` jobs, or `count`; *next is shared. */
size_t crew_next(struct restore *r, size_t *next, size_t count);

/* script.c */

struct script {
	struct restore *r;
	struct pg *c;
	const char *part;  /* "pre-data", for messages */
	struct list *list; /* collect here instead of running */
	bool roles;        /* those that exist already are kept */
	bool stream;       /* a script of others: one database, no \connect */
	bool data;         /* with -t: only what belongs to the tables */
	/* the COPY being fed */
	bool skip;
	char excerpt[DEED_EXCERPT];
	uint64_t line;
};
extern const struct sqltext_ops script_ops;
/*
 * Run one statement; an error says which. What is there already and may be
 * (with `roles`: roles and tablespaces) is no error.
 */
int script_run(struct pg *c, const char *part, const char *text,
    uint64_t line, bool roles, struct err *e);
/* Feed all pieces of a kind to the script, to its end. */
int script_read(struct script *s, enum piece_kind kind, struct err *e);
/* Whether the options leave it out. */
bool script_skips(const struct restore_options *o, const struct deed *d);

/* rows.c */

int rows_load(struct restore *r, struct err *e);

/* catalog.c */

struct relation {
	const char *schema, *name;
	char kind;               /* pg_class.relkind */
	uint64_t bytes;
	bool partition;
	const char *root_schema, *root_name; /* to be counted there, or NULL */
};
struct catalog;
struct catalog *catalog_read(struct pg *c, struct err *e);
void catalog_free(struct catalog *k); /* NULL ok */
bool catalog_find(const struct catalog *k, const char *schema,
    const char *name, struct relation *out);

/* One table's rows to be compared. */
struct count {
	const char *schema, *name;
	bool only;
	uint64_t want, bytes;
};
int catalog_counts(struct restore *r, const struct catalog *k,
    struct count **counts, size_t *n, struct err *e); /* caller frees */
int catalog_count(struct pg *c, const struct count *n, struct err *e);
/* ANALYZE all tables (of -t), with the crew. */
int catalog_analyze(struct restore *r, struct err *e);

/* post.c and its parts */

int post_run(struct restore *r, struct list *post, struct err *e);

struct build {
	struct statement *s;
	const char *tablespace;  /* the SET in force */
	char *schema, *name;     /* the table */
	uint64_t bytes;
	bool plain;              /* an ordinary table */
	bool alone;              /* the table's only one */
	char *attach;            /* what is left to do when it was split */
	bool later;              /* it has to wait for its turn */
};
int build_all(struct restore *r, struct list *post, struct build **builds,
    size_t *count, struct err *e);
void build_free(struct build *builds, size_t count);

/* The foreign keys among items[from, to), in parallel. */
int foreign_run(struct restore *r, struct list *post, size_t from, size_t to,
    struct err *e);

/* pick.c */

/* The tables of -t by what the file says of them. ERR_ABSENT, ERR_USAGE. */
struct pick *pick_new(struct restore *r, const struct list *pre,
    const struct list *post, struct err *e);
void pick_free(struct pick *p); /* NULL ok */
/* See what is there already: ERR_REFUSED for a table with rows. */
int pick_look(struct restore *r, struct err *e);
/* Whether a definition belongs to a table that is to be made. */
int pick_wants(struct restore *r, const struct deed *d, struct err *e);
/* Whether rows or the value of a sequence are wanted. */
bool pick_rows(const struct pick *p, const char *schema, const char *name);
/* Mark the tables, or take the marks away. */
int pick_mark(struct restore *r, bool end, struct err *e);

#endif
