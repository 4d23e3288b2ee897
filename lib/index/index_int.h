/*
 * index_int: what the files of this room share.
 *
 *	report.c print.c   findings and their forms
 *	catalogue.c        the indexes of tables, and comparing them
 *	plan.c             the policy beside the catalogue
 *	shadow.c           what the server makes of a statement
 *	diff.c             what is said of that
 *	steps.c            the SQL that mends it
 *	crew.c             running it, in order and in time
 *	build.c watch.c    one build or drop; whom it waits for
 *	apply.c            the policy, made so
 *	ask.c              duplicate, invalid, missing-fk; rows to findings
 *	bloat.c            estimated and measured
 *	unused.c proof.c   since when nobody scanned an index
 *	reindex.c          REINDEX CONCURRENTLY, and what it left
 *	suggest.c hypo.c   indexes that statements want; trying them
 *	analyze.c          statistics that are stale, and ANALYZE
 *	usage*.c           counters of servers, and samples of them
 */
#ifndef PGK_INDEX_INT_H
#define PGK_INDEX_INT_H

#include "index/index.h"
#include "progress/progress.h"

/* An index of the catalogue; texts are borrowed from its rows. */
struct index_entry {
	const char *oid, *table_oid, *name, *method;
	bool valid, unique, partitioned;
	uint64_t bytes;
	/* what it is compared by; parts of the first five end in INDEX_PART */
	const char *keys, *options, *reversed, *included, *columns;
	const char *predicate, *kind, *storage;
	const char *definition; /* CREATE INDEX ... */
	const char *constraint; /* made of it or leaning on it, or NULL */
	bool pinned;            /* replica identity, or clustered by */
	const char *attached;   /* oid of the index it is a partition's of */
	const char *builder;    /* server process that builds it, or NULL */
};

#define INDEX_PART '\x1f'

struct index_catalogue {
	struct pg_rows *rows;
	struct index_entry *all;
	size_t count;
};

/* All indexes of the tables "{1,2}" (oids). */
int index_catalogue_read(struct pg *c, const char *oids,
    struct index_catalogue *out, struct err *e);
void index_catalogue_free(struct index_catalogue *k);

/* Whether they are the same but for name and place. */
bool index_same(const struct index_entry *a, const struct index_entry *b);

/* Whether `a` does all that `b` does: the same, or b's columns lead a's. */
bool index_covers(const struct index_entry *a, const struct index_entry *b);

/* The policy beside the catalogue. */

enum index_state { STATE_OK, STATE_MISSING, STATE_RENAMED, STATE_CHANGED,
	STATE_INVALID, STATE_BUILDING, STATE_CLASH, STATE_REDUNDANT,
	STATE_NO_TABLE, STATE_REFUSED, STATE_UNVERIFIED,
	STATE_UNSUPPORTED };

struct index_item {
	const struct policy_statement *s;
	enum index_state state;
	char *schema, *table, *oid; /* of the table, found; else NULL */
	bool partitioned;           /* the table */
	/* what the statement makes; empty when the server would not say */
	struct index_catalogue shadow;
	const struct index_entry *entry; /* what there is, or NULL */
	const struct index_entry *cover; /* makes it redundant, or NULL */
	const char *cover_name;
	char *why;       /* of CLASH and of the last four states */
};

struct index_plan {
	const struct policy *file;
	struct index_item *items; /* one for each statement */
	struct index_catalogue catalogue; /* of all tables named */
};

/*
 * Compare. Of the server's parser, not of texts: each statement is run on
 * an empty temporary copy of its table, which is rolled back. Reads no rows,
 * locks each table but against DDL, for a moment. ERR_PG: also a standby, or
 * no right to make temporary tables.
 */
int index_plan_make(struct pg *c, const struct policy *f,
    struct index_plan *out, struct err *e);
void index_plan_free(struct index_plan *p);

/*
 * Find the item's table and fill in its shadow, or else its state. Within a
 * transaction, which is rolled back.
 */
int index_shadow(struct pg *c, struct index_item *x, struct err *e);

/* Whether `y` is what the item declares, but for its name. */
bool index_is_item(const struct index_item *x, const struct index_entry *y);

/* The item that `entry` is, or is to be by another name; NULL: none. */
const struct index_item *index_plan_owner(const struct index_plan *p,
    const struct index_entry *entry);

/* Whether an index in no policy may be dropped: it holds no rule up. */
bool index_is_droppable(const struct index_entry *x);

/* The item whose table this is. */
const struct index_item *index_plan_table(const struct index_plan *p,
    const char *table_oid);

/* Findings of a plan: all, of one item, of one that is not declared. */
int index_plan_report(struct pg *c, const struct index_plan *p,
    struct index_report *r, struct err *e);
struct index_finding *index_plan_item(struct pg *c,
    const struct index_plan *p, const struct index_item *x,
    struct index_report *r, struct err *e);
struct index_finding *index_plan_undeclared(const struct index_plan *p,
    const struct index_entry *y, struct index_report *r, struct err *e);

/* Whether an index is the policy's business and not in it. */
bool index_is_undeclared(const struct index_plan *p,
    const struct index_entry *y);

/*
 * What mends a matter: statements, one after the other, each as psql could
 * run it.
 */
enum index_step_kind {
	STEP_BUILD, /* CREATE INDEX CONCURRENTLY: waits for others */
	STEP_REINDEX, /* REINDEX INDEX CONCURRENTLY: the same */
	STEP_DROP,  /* DROP INDEX CONCURRENTLY: the same */
	STEP_SHORT, /* takes a lock that others wait for, for a moment */
};

struct index_step {
	enum index_step_kind kind;
	char *sql; /* without ';' */
	char *schema, *index; /* that it makes or drops; NULL for STEP_SHORT */
};

struct index_steps {
	struct index_step *all;
	size_t count;
};

void index_steps_free(struct index_steps *s);

/*
 * The steps for an item: none for what is well or cannot be mended. For a
 * CHANGED one the new index is built beside the old.
 */
int index_steps_item(struct pg *c, const struct index_plan *p,
    const struct index_item *x, struct index_steps *s, struct err *e);

/* The one that builds an index anew beside itself. */
int index_steps_reindex(const char *schema, const char *index,
    struct index_steps *s, struct err *e);

/* The one that drops an index that is invalid. */
int index_steps_leftover(const char *schema, const char *index,
    struct index_steps *s, struct err *e);

/* Those that drop an index. */
int index_steps_drop(const char *schema, const struct index_entry *x,
    struct index_steps *s, struct err *e);

/* One that renames. */
int index_steps_rename(const char *schema, const char *from, const char *to,
    struct index_steps *s, struct err *e);

/* All of them as one text with ';', NULL when there are none. Caller frees. */
int index_steps_text(const struct index_steps *s, char **text,
    struct err *e);

/*
 * ask.c: a finding of row i, whose first three columns are schema,
 * table and index. NULL: ERR_NOMEM.
 */
struct index_finding *index_add_row(struct index_report *r,
    enum index_severity severity, const char *verdict,
    const struct pg_rows *rows, size_t i, struct err *e);

/*
 * ask.c: "schema"."function" of an extension if that is installed and the
 * function ours to call; else nothing is appended.
 */
int index_extension(struct pg *c, const char *extension,
    const char *function, struct buf *name, struct err *e);

/*
 * ask.c: what REINDEX CONCURRENTLY left, among the rows of the
 * invalid ones: the next one from row *i on, which moves; false: no more.
 */
struct index_leftover {
	const char *schema, *table, *index, *origin; /* borrowed from rows */
	uint64_t bytes;
};
int index_leftovers(struct pg *c, struct pg_rows **rows, struct err *e);
bool index_leftover_next(const struct pg_rows *rows, size_t *i,
    struct index_leftover *out);

void index_size(struct index_finding *f, uint64_t bytes);

/* A copy of what is SQL already; NULL leaves the field as it is. */
int index_sql(char **field, const char *sql, struct err *e);

/* VERB "schema"."name"; */
int index_quoted(char **field, const char *verb, const char *schema,
    const char *name, struct err *e);

/*
 * Two connections: `work` builds and is cut off by a stop; `watch` sees to
 * it, drops, and cleans up after a stop, which leaves it alone.
 */
struct index_crew {
	const struct pg_target *target;
	struct pg *work, *watch;
	int64_t max_wait, until; /* as in index_apply_options */
	bool over;               /* the window has ended: begin nothing */
	double waited;           /* seconds of the last step, for others */
	char who[512];           /* whom it waited for last */
};

#define CREW_POLL_MS 500 /* between two looks at a build */

/* Looking at a server process that builds or drops. */
struct crew_view {
	struct progress *line;
	double began, last;  /* unit_clock() */
	int64_t said;        /* pid of whom was told of */
	double waited_since_said;
	char stage[128];
};
void crew_look(struct index_crew *w, struct pg *eyes, int pid,
    struct crew_view *v);

/* Whether a step is to be ended, and why; saying so in *why returns 1. */
enum crew_ended { NOT_ENDED, ENDED_WAIT, ENDED_WINDOW };
enum crew_ended crew_is_time(struct index_crew *w);
int crew_say_ended(struct index_crew *w, enum crew_ended ended,
    const char *also, char **why, struct err *e);

/*
 * A drop that is cancelled leaves an invalid index: so it is not; when
 * the time is over (limit_ms, or 0: that of the crew) the server is left to
 * finish it alone, and 1 returned.
 */
int crew_drop(struct index_crew *w, const char *sql, int limit_ms,
    struct err *e);

/* A build or reindex; results are those of index_crew_run(). */
int crew_build(struct index_crew *w, const struct index_step *s, char **why,
    bool *failed, struct err *e);

/* `work` as index_connect() makes it, after a step that set it otherwise. */
int crew_settle(struct index_crew *w, struct err *e);

/* The watch's connection, anew. */
int crew_open_watch(struct index_crew *w, struct err *e);
void crew_rest(int ms);

/* Connect both. ERR_PG, ERR_REFUSED, ERR_BUSY: another pgk-index. */
int index_crew_open(struct index_crew *w, const struct pg_target *t,
    struct err *e);
void index_crew_close(struct index_crew *w);

/*
 * Run the steps. 0: all done; 1: postponed, *why says for what; -1 with *e:
 * ERR_PG with `failed` set is the statement's own fault, and another one may
 * go well. An index whose build ended otherwise than well is gone, or is
 * about to: then *why says what holds it up.
 */
int index_crew_run(struct index_crew *w, const struct index_steps *s,
    char **why, bool *failed, struct err *e);

#endif
