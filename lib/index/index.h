/*
 * index: the indexes of a database, judged and kept.
 *
 * A judgement is a report: findings, each about an index or a table, with a
 * word for what it is, numbers, a reason for people, and the SQL that mends
 * it and takes that back. All commands of pgk-index give reports of this one
 * shape, printed as a table, TSV or JSON.
 *
 * Names are as the catalogue has them, in UTF-8 (of a database in SQL_ASCII
 * as they are), never quoted; SQL is quoted.
 */
#ifndef PGK_INDEX_H
#define PGK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "pg/pg.h"
#include "policy/policy.h"
#include "sink/sink.h"
#include "store/store.h"

/* INDEX_OK and INDEX_NOTE are said, but nothing was found wrong. */
enum index_severity { INDEX_OK, INDEX_NOTE, INDEX_WARNING, INDEX_ERROR };

/* A figure or word more of a finding: "idx_scan" 3, "method" "estimate". */
struct index_fact {
	const char *name; /* static, lower case with '_' */
	char *value;
	bool number;      /* as JSON has them; else a string */
};

#define INDEX_FACTS_MAX 16

struct index_finding {
	enum index_severity severity;
	const char *verdict; /* static, one word in capitals: "MISSING" */
	char *schema, *table, *index; /* NULL: does not apply */
	bool sized;          /* whether `bytes` is known */
	uint64_t bytes;      /* of the index, or of the table without one */
	uint64_t line;       /* of the policy's file, from 1; 0: not in it */
	char *reason;        /* for people: one sentence, no full stop */
	char *fix, *undo;    /* SQL with its ';', or NULL */
	struct index_fact facts[INDEX_FACTS_MAX];
	size_t fact_count;
};

struct index_report {
	const char *check; /* static: the command, "diff" */
	struct index_finding *findings;
	size_t count;
};

#define INDEX_REPORT_INIT(name) { .check = (name) }
/* Empty and usable again. */
void index_report_free(struct index_report *r);

/* Findings that are INDEX_WARNING or worse: with any, the answer is no. */
size_t index_report_bad(const struct index_report *r);

/*
 * A new finding at the end, the caller's to fill until the next one is
 * added; NULL with ERR_NOMEM.
 */
struct index_finding *index_add(struct index_report *r,
    enum index_severity severity, const char *verdict, struct err *e);

/* Copies of names; NULL for what does not apply. */
int index_name(struct index_finding *f, const char *schema, const char *table,
    const char *index, struct err *e);

/* Set a text of the finding: index_text(&f->reason, e, "..."). */
int index_text(char **field, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Facts: a string (NULL: left out), a count, or one with a decimal point. */
int index_fact_text(struct index_finding *f, const char *name,
    const char *value, struct err *e);
int index_fact_count(struct index_finding *f, const char *name,
    int64_t value, struct err *e);
int index_fact_real(struct index_finding *f, const char *name, double value,
    struct err *e);

/* Order by the line of the policy, then by schema, table, index, verdict. */
void index_report_sort(struct index_report *r);

/*
 * Print. The table leaves INDEX_OK out unless `all`, has a column of lines if
 * there are any, and fix and undo as lines under a row. TSV: headings, then
 * check, severity, verdict, schema, table, index, bytes, line, reason, fix,
 * undo, facts ("name=value", separated by commas), escaped as form_name()
 * does. JSON: a list of objects with those fields, what is not known left out, facts an object. INDEX_SQL:
 * the fixes as a script for psql, each behind a comment.
 */
enum index_form { INDEX_TABLE, INDEX_TSV, INDEX_JSON, INDEX_SQL };
int index_print(const struct index_report *r, enum index_form form, bool all,
    struct sink *out, struct err *e);

const char *index_severity_name(enum index_severity s); /* "warning" */

/*
 * A connection as the commands want it: client_encoding UTF8, lock_timeout
 * 2 s, so that no question waits behind a lock. ERR_PG.
 */
struct pg *index_connect(const struct pg_target *t, struct err *e);

/*
 * What a server tells. Each adds to the report; the connection is that of
 * index_connect(). `fix` drops or makes what is to go or come, `undo` makes
 * the index anew with its tablespace and comment. LOCKED is a note: a table
 * that others hold was not looked at.
 *
 * duplicate: DUPLICATE, PREFIX (of a longer btree), COVERED (by one that
 * INCLUDEs more). Facts: covered_by, cover_bytes.
 */
int index_duplicate(struct pg *c, struct index_report *r, struct err *e);

/*
 * invalid: INVALID (a build that failed), LEFTOVER (of a REINDEX
 * CONCURRENTLY), HALF-DROPPED, INCOMPLETE (a partitioned one that lacks
 * partitions); INDEX_ERROR for one that rejects duplicates though. BUILDING
 * and DROPPING are notes. Facts: slows_writes, rejects_duplicates ("yes",
 * "no").
 */
int index_invalid(struct pg *c, struct index_report *r, struct err *e);

/*
 * missing-fk: MISSING-FK. Facts: constraint, columns, refers_to, on_delete,
 * parent_changes (deletes and key updates there since the counters began),
 * tables (partitions that lack the index).
 */
int index_missing_fk(struct pg *c, struct index_report *r, struct err *e);

/*
 * bloat: BLOATED: a btree of min_bytes or more, min_percent or more of which
 * a REINDEX would give back. By pgstatindex() for those that the estimate
 * brings near the bar, if that is installed and not estimate_only. UNKNOWN
 * is a note: without statistics there is no estimate. Facts: bloat_percent,
 * method ("estimate", "pgstatindex"), error_points (what the method is off
 * by, at most, in nine of ten cases), ideal_bytes, wasted_bytes, rows,
 * changes_since_analyze, analyzed.
 */
struct index_bloat_options {
	double min_percent;
	uint64_t min_bytes;
	bool estimate_only;
};
int index_bloat(struct pg *c, const struct index_bloat_options *o,
    struct index_report *r, struct err *e);

/*
 * Servers of one cluster, the primary first, then those with --also: one
 * that cannot be asked is an error, since queries run there too.
 */
struct index_nodes {
	const struct pg_target *const *all;
	size_t count;
};

/*
 * unused: UNUSED: not scanned on any server for min_age seconds, which is
 * proved: an index was there all the time (a sample shows it, its last scan or its
 * creation's commit time), and the counters counted. Notes: IDLE (not
 * scanned, but its age is not known, or a standby that is connected was not
 * asked), EARLY (the counters are younger than min_age). OK are USED, and
 * NEEDED: unique, of a constraint, replica identity, clustered by, leading
 * with a foreign key's column, an extension's. Facts: scans, entries, writes,
 * counted_since, last_scan, needed, proved_seconds, not_scanned_seconds,
 * samples, servers; statistics_first: expressions whose statistics go with
 * the index.
 */
struct index_unused_options {
	struct store *store; /* with samples, or NULL */
	int64_t min_age;
	uint64_t max_scans;  /* that many are as none: EXPLAIN counts too */
	bool alone;          /* standbys not given run no queries */
};
int index_unused(const struct index_nodes *nodes,
    const struct index_unused_options *o, struct index_report *r,
    struct err *e);

/*
 * watch-usage: put a sample of the counters into the store, and delete those
 * older than `keep` seconds. One finding, INDEX_OK TAKEN, with the fact
 * object.
 */
int index_usage_watch(const struct index_nodes *nodes, struct store *store,
    int64_t keep, struct index_report *r, struct err *e);

/* lint: what policy_load() and policy_lint() find (their ctx: a report). */
int index_lint_found(void *report, const struct policy_finding *f,
    struct err *e);

/*
 * diff: drift between a policy and the database, both ways.
 *
 *	OK          there, valid, the same
 *	MISSING     declared and not there
 *	RENAMED     there under another name
 *	CHANGED     of this name, but another index
 *	INVALID     left by a build that failed, or not on all partitions
 *	BUILDING    being built this moment
 *	NAME-CLASH  something else bears the name
 *	REDUNDANT   another one declared, or a constraint's, does the same
 *	UNDECLARED  of the policy's tables, and not declared
 *	NO-TABLE    the table is not there
 *	REFUSED     the server refuses the statement
 *	UNVERIFIED  there, of an expression on whole rows: not compared (a note)
 *	UNSUPPORTED missing on a table with a foreign partition
 *
 * Compared are what the server makes of the statements, not texts. ERR_CONF:
 * the policy (policy_check()); ERR_PG.
 */
int index_diff(struct pg *c, const struct policy *f,
    struct index_report *r, struct err *e);

/*
 * apply: make the database as the policy has it, online. Indexes are built
 * one at a time, concurrently, without a timeout for locks: waiting for other
 * transactions hurts nobody, while a timeout would leave an invalid index.
 * A second connection watches and ends a build that waits too long. A build
 * is not begun while a dump runs, which it would have to wait for.
 *
 * The report says of every statement and undeclared index what was done:
 *	BUILT REPAIRED RENAMED REPLACED DROPPED   done (notes)
 *	POSTPONED   not, for now: others kept it waiting, the window ended
 *	FAILED      not: the server's words
 * and otherwise what index_diff() says. Nothing at all is done when a table is
 * not there or a statement is refused. A failed build leaves nothing behind.
 * Without the options nothing valid is ever dropped.
 *
 * ERR_BUSY: another pgk-index is at work; ERR_STOPPED: what was done is
 * reported, and the build under way was taken back; ERR_REFUSED: PostgreSQL
 * 14.0 to 14.3, whose concurrent builds may corrupt.
 */
struct index_apply_options {
	const struct pg_target *target;
	bool dry_run;     /* only report, as index_diff() */
	bool drop_extra;  /* drop undeclared ones that enforce nothing */
	bool replace;     /* replace CHANGED ones */
	int64_t max_wait; /* seconds to wait for others in one build; 0: any */
	int64_t until;    /* seconds since 1970 when all must end; 0: never */
};
int index_apply(const struct index_apply_options *o,
    const struct policy *f, struct index_report *r, struct err *e);

/*
 * analyze: ANALYZE of the tables whose statistics are stale: never made, or
 * more rows changed since than 50 and stale_percent of all, or an index on
 * an expression has none. Of a policy (`file`, or NULL for all tables) its
 * tables, with any change, or when max_age seconds old; so are partitioned
 * tables, which autovacuum passes over. A table that others lock is not
 * waited for longer than 2 s.
 *	FRESH       OK
 *	STALE       with dry_run: a warning
 *	ANALYZED    done (a note)
 *	POSTPONED   others hold a lock
 *	NO-RIGHT FAILED NO-TABLE
 * Facts: rows, changes_since_analyze, analyzed (before), seconds.
 */
struct index_analyze_options {
	const struct pg_target *target;
	double stale_percent;
	int64_t max_age;
	bool dry_run;
};
int index_analyze(const struct index_analyze_options *o,
    const struct policy *file, struct index_report *r, struct err *e);

/*
 * reindex: REINDEX CONCURRENTLY of the indexes named (as SQL writes names; of
 * a partitioned one those of its partitions), or of those that index_bloat()
 * finds; before that, what former ones left is dropped. With the limits,
 * locks and cleaning up of index_apply().
 *	REINDEXED DROPPED   done (notes)
 *	POSTPONED FAILED    not
 *	NO-SPACE    less is free than 1.2 times its size
 *	NO-RIGHT REFUSED (no way online) NO-INDEX (then nothing is done)
 *	PLANNED BLOATED LEFTOVER   with dry_run
 * What is free can only be known where the server is reached by a socket and
 * says where its data lies. Facts: free_space ("known", "unknown"),
 * free_bytes, bytes_before, bytes_after, seconds, waited_seconds.
 */
struct index_reindex_options {
	const struct pg_target *target;
	struct index_bloat_options bloat;
	const char *const *names;
	size_t name_count; /* 0: those that are bloated */
	bool dry_run;
	int64_t max_wait, until; /* as in index_apply_options */
};
int index_reindex(const struct index_reindex_options *o,
    struct index_report *r, struct err *e);

/*
 * suggest: indexes that statements of pg_stat_statements want. Each is
 * planned, never run, in a READ ONLY transaction; *unplanned says of how
 * many that failed (no right, a table that went).
 *	SUGGESTED   hypopg says that a plan would cost 30 % less or better
 *	GUESS       a note, without hypopg
 *	NEEDS       a note: an extension is missing
 *	SEQ-SCANS   a note, without pg_stat_statements: a large table is often
 *	            read from end to end
 * Facts: columns, statements, calls, milliseconds, percent (of the time of
 * all statements), writes (rows of the table, since the counters began),
 * query (its beginning), cost_before, cost_after, index_bytes; extension;
 * seq_scans, rows_read, index_scans, rows.
 */
int index_suggest(struct pg *c, struct index_report *r, unsigned *unplanned,
    struct err *e);

/*
 * A command of pgk-index, as it was asked for: what the options said, in their
 * words; NULL for what was not given.
 */
#define INDEX_ALSO_MAX 31
struct index_asked {
	struct cli *cli; /* after cli_parse(); its store is opened by need */
	const char *const *operands; /* behind the command's word */
	unsigned operand_count;
	bool dry_run, drop_extra, replace, estimate, alone;
	const char *max_wait, *until, *stale, *min_bloat, *min_size;
	const char *min_age, *max_scans, *keep;
	const char *also[INDEX_ALSO_MAX]; /* conninfo of standbys */
	size_t also_count;
};

/*
 * The commands, by name, ended by one without; what each makes of its words is
 * what the functions above say. `run` fills the report, of which all is to be
 * printed, also after a failure. ERR_USAGE: a word that is no number or
 * duration, or out of range; and as those functions have it.
 */
struct index_command {
	struct cli_command base; /* first */
	int (*run)(struct index_asked *a, struct index_report *r,
	    struct err *e);
};
extern const struct index_command index_commands[];

#endif
