/*
 * dump_int: one dump and the parts it is made by.
 *
 *	dump.c     one database, or all: the order of things
 *	plan.c     the snapshot, the tables, the facts
 *	rows.c     the workers that copy tables
 *	script.c   pg_dump's sections
 *	cluster.c  globals, databases, \connect
 *	set.c      as a set in a store
 */
#ifndef PGK_DUMP_INT_H
#define PGK_DUMP_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "dump/dump.h"
#include "piece/piece.h"
#include "proc/proc.h"
#include "progress/progress.h"

/* Heap blocks copied by one query of a table that is split. */
#define DUMP_RANGE 1024
#define DUMP_PAGE 8192

struct dump_table {
	char *schema, *name;
	char *columns; /* quoted list, or NULL: none */
	char *root_schema, *root_name; /* load through this one, or NULL */
	uint64_t bytes;
	bool heap;
	bool ours;     /* copied by us; otherwise left to pg_dump */
	uint64_t rows; /* copied so far */
};

struct dump_run {
	const struct dump_options *o;
	struct piece_writer *writer;
	struct repo_set *set;
	struct progress *progress;
	char *restrict_key; /* pg_dump's \restrict of this database, or NULL */

	/* the database being dumped */
	struct pg_target *target;
	struct pg *coordinator;
	int number; /* piece_add_database() */
	char *snapshot;
	struct dump_table *tables; /* largest first */
	size_t table_count;
	bool split; /* the server has TID range scans: 14 and later */
	struct proc *data, *post; /* pg_dump's sections, running */
	struct piece_maker *post_maker;

	/* what the workers share */
	pthread_mutex_t lock;
	bool data_taken, post_taken;
	atomic_bool failed; /* also looked at without the lock */
	size_t next_table;
	uint64_t next_block;
	struct pg **sessions; /* o->jobs of them */
};

/* plan.c */

/* Connect, take the snapshot, list and lock the tables, note the facts. */
int dump_plan(struct dump_run *r, const char *database, struct err *e);
/* Release all that belongs to the database being dumped. */
void dump_unplan(struct dump_run *r);
/* Settings of a session whose COPY output is to be read back anywhere. */
int dump_settle(struct pg *c, struct err *e);

/* script.c */

/* ERR_PG unless this pg_dump is there and new enough for the server. */
int dump_check_program(const struct dump_options *o, int server_version,
    struct err *e);
/* The path of "pg_dump" or "pg_dumpall". Caller frees. */
char *dump_program(const struct dump_options *o, const char *name,
    struct err *e);

enum dump_section { DUMP_PRE, DUMP_DATA, DUMP_POST };
struct proc *dump_section_start(struct dump_run *r, enum dump_section s,
    bool create, struct err *e);
/*
 * Read a section to its end into pieces of `m`, put as they fill up, except
 * for DUMP_POST, which stays in the maker until the caller puts it.
 */
int dump_section_read(struct dump_run *r, struct proc *p,
    enum dump_section s, struct piece_maker *m, const char *before,
    struct err *e);

/* rows.c */

/* Copy all tables that are ours, and read the data and post sections. */
int dump_rows(struct dump_run *r, struct err *e);

/* cluster.c */

/* Roles and tablespaces, behind the lines `before`. */
int dump_globals(struct dump_run *r, const char *before, struct err *e);
int dump_hashes(struct dump_run *r, struct sink *globals, struct err *e);
/* Names of the databases, one pg_rows column. */
int dump_databases(struct dump_run *r, struct pg_rows **rows, struct err *e);
/*
 * Whether pg_dump makes the database itself (-C); if not, append to `script`
 * what stands before its first section.
 */
int dump_connect_script(struct dump_run *r, const char *name, bool *create,
    struct buf *script, struct err *e);

#endif
