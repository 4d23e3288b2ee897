/*
 * stream: what BASE_BACKUP sends, told as archives: from 15 on one COPY of
 * typed messages, before that one COPY of raw tar an archive (PostgreSQL's
 * documentation: "Streaming Replication Protocol", BASE_BACKUP).
 */
#ifndef PGK_BASE_STREAM_H
#define PGK_BASE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/pg.h"
#include "repo/repo.h"

/* Archives one after the other; `oid` 0 is the data folder, the last. */
struct base_take {
	int (*begin)(void *ctx, uint32_t oid, struct err *e);
	int (*data)(void *ctx, const void *data, size_t len, struct err *e);
	int (*end)(void *ctx, struct err *e);
};

/*
 * The messages of 15 and later. `expected` (borrowed): the archives that the
 * server announced besides the data folder's; each must come, once, and
 * nothing after the data folder. ERR_CORRUPT for anything else.
 */
struct base_messages {
	const struct base_take *take;
	void *ctx;
	const struct repo_tablespace *expected;
	size_t expected_count, begun; /* begun: the data folder's too */
	bool *seen;                   /* of expected_count, all false */
	bool open, last;
};
int base_message(struct base_messages *m, const char *data, size_t len,
    struct err *e);
int base_messages_end(struct base_messages *m, struct err *e);

/* What BASE_BACKUP is asked for. */
struct base_command {
	int server_version;
	const char *label;
	bool fast;
	uint64_t max_rate;
	const char *option; /* one more from 15 on, or NULL */
};
/* Append the command in the server's grammar. */
int base_command(const struct base_command *c, struct buf *out,
    struct err *e);

/*
 * Send it and take what is said before the first archive: where the backup
 * begins, the tablespaces into `set`, and the bytes expected.
 */
struct base_begin {
	uint64_t start;
	uint32_t timeline;
	uint64_t size;
};
int base_stream_begin(struct pg *pg, const struct base_command *c,
    struct base_begin *out, struct repo_set *set, struct err *e);

/*
 * Take the archives to their end, and where the backup ends. ERR_PG when that
 * is on another timeline than `begun` says.
 */
int base_stream_take(struct pg *pg, const struct base_begin *begun,
    const struct repo_set *set, const struct base_take *take, void *ctx,
    uint64_t *end, struct err *e);

#endif
