/*
 * receive_int: what the files of this room share.
 */
#ifndef PGK_RECEIVE_INT_H
#define PGK_RECEIVE_INT_H

#include "receive/receive.h"

/*
 * The segment that grows. `data[0, filled)` is in memory, [0, published) is
 * durable as runs; after a restart `filled` begins at 0 again while the
 * server sends the segment once more, so either may be the larger.
 */
struct growing {
	unsigned char *data;
	uint32_t size;
	int fd;                /* of a large one, whose map `data` is; else -1 */
	struct lsn_name name;
	uint32_t filled, published;
	struct archive_file *runs; /* in the store, one behind the other */
	size_t run_count, run_cap;
	double since;          /* clock of the oldest byte not durable; 0 */
};

/* One segment's room, reused; `scratch` as in receive.h. */
int growing_new(struct growing *g, uint32_t size, const char *scratch,
    struct err *e);
void growing_free(struct growing *g);

/* Begin a segment, of which nothing is there yet. */
void growing_begin(struct growing *g, uint32_t timeline, uint64_t number);

/* The LSN of its first byte. */
uint64_t growing_start(const struct growing *g);

/* Everything before this LSN is durable. */
uint64_t growing_durable(const struct growing *g);

/* A run found in the store, in the list's order. */
int growing_add_run(struct growing *g, const struct archive_file *run,
    struct err *e);

/*
 * Take bytes at `offset` <= filled, within the segment. Those that were
 * taken before must be the same: ERR_REFUSED.
 */
int growing_take(struct growing *g, uint32_t offset, const void *data,
    uint32_t len, struct err *e);

/*
 * Make all that is filled durable: as a run, and when the segment is whole
 * by putting it and deleting its runs.
 */
int growing_publish(struct growing *g, const struct receive_options *o,
    struct err *e);

/* Where the log goes on, and the connection it comes by. */
struct receiver {
	const struct receive_options *o;
	struct pg *c;
	uint64_t system;          /* 0 before the first connection */
	uint32_t segment_size;
	bool placed;              /* grow and floor are known */
	struct growing grow;
	uint64_t floor;           /* durable on an ancestor of its timeline */
	uint64_t position;        /* of the next byte from this connection */
	double heard, spoke;      /* clocks of the last message each way */
	bool streaming;           /* since the last loss */
	bool behind;              /* a standby that has not got so far yet */
	bool over;                /* `end` is durable */
	bool gap_accepted;
	/* of the server as connected */
	uint32_t server_timeline;
	uint64_t server_position;
	struct lsn_history history;
};

/* Everything before this is in the store. */
uint64_t receiver_durable(const struct receiver *r);

/* Connect, look who it is, and find where to go on. */
int receiver_connect(struct receiver *r, struct err *e);

/* Set r->grow by what the archive holds, the first time. */
int receiver_place(struct receiver *r, struct err *e);

/* r->grow's timeline in the server's ancestry: go on with its successor. */
int receiver_follow(struct receiver *r, struct err *e);

/* Go on at `at` on `timeline`, which was left for it at `floor`. */
int receiver_move(struct receiver *r, uint32_t timeline, uint64_t at,
    struct err *e);

/* TIMELINE_HISTORY; the text is put into the archive too. */
int receiver_history(struct receiver *r, uint32_t timeline,
    struct lsn_history *out, struct err *e);

/* Where the slot begins, 0 if that cannot be known. */
int receiver_slot_start(struct receiver *r, uint64_t *lsn, struct err *e);

/* Go on at the slot's or server's position, whatever is missing before. */
int receiver_skip(struct receiver *r, struct err *e);

/* ERR_REFUSED when the server cannot have what was received of it. */
int receiver_check_position(struct receiver *r, struct err *e);

/* Stream along the timelines until r->over; -1 for all else. */
int receiver_stream(struct receiver *r, struct err *e);

#endif
