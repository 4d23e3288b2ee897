/*
 * usage: how often indexes were scanned, on one server at one moment, and
 * such samples in a store. Private to the room.
 */
#ifndef PGK_INDEX_USAGE_H
#define PGK_INDEX_USAGE_H

#include "index/index.h"
#include "store/store.h"

struct usage_index {
	char *schema, *table, *name;
	char *definition;        /* a sum of it: another index has another */
	uint64_t scans, entries; /* since the counters began */
	uint64_t bytes, writes;
	int64_t last_scan;       /* 0: not known; 16 and later */
	/* of a server that was asked; not in samples */
	char *needed, *expressions, *undo; /* NULL: not */
	int64_t created; /* 0: not known */
	bool partitioned;
};

/* A server's counters. Its indexes stand in order of schema and name. */
struct usage_node {
	char *label; /* "HOST:PORT" */
	bool standby;
	int64_t taken; /* by its own clock */
	int64_t since; /* when its counters began; 0: not known */
	struct usage_index *all;
	size_t count;
	/* of a server that was asked */
	bool counts;       /* track_counts */
	uint64_t standbys; /* connected to it */
};

#define USAGE_NODES_MAX 32
#define USAGE_INDEXES_MAX 10000000
#define USAGE_TEXT_MAX ((size_t)1 << 30)

struct usage_sample {
	char *cluster;  /* system identifier */
	char *database;
	struct usage_node nodes[USAGE_NODES_MAX];
	size_t count;
};

void usage_sample_free(struct usage_sample *s); /* and empties it */

/* The index of this schema and name, or NULL. */
const struct usage_index *usage_find(const struct usage_node *n,
    const char *schema, const char *name);

/*
 * Ask the server behind `t` and add it to the sample. The first one says
 * which cluster and database it is of; ERR_USAGE for another one's, and for
 * the same server twice.
 */
int usage_ask(const struct pg_target *t, struct usage_sample *s,
    struct err *e);

/* Ask all: `first`, then the others; "no verdict" is said of a failure. */
int usage_ask_all(const struct index_nodes *nodes, struct usage_sample *s,
    struct err *e);

/* As text and back; the form is in pgk-format(5). ERR_CORRUPT. */
int usage_format(const struct usage_sample *s, struct buf *out,
    struct err *e);
int usage_parse(const char *text, size_t len, struct usage_sample *s,
    struct err *e);

/* "usage/CLUSTER-DATABASE". */
int usage_folder(const struct usage_sample *s, struct buf *out,
    struct err *e);

/* Names of the samples in a folder, oldest first: by their times. */
struct usage_names {
	char **all;
	size_t count;
};
int usage_names(struct store *store, const char *folder,
    struct usage_names *out, struct err *e);
void usage_names_free(struct usage_names *n);

/* Read one: ERR_CORRUPT also when it is another database's. */
int usage_read(struct store *store, const char *name,
    const struct usage_sample *of, struct usage_sample *out, struct err *e);

#endif
