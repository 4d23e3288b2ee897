/*
 * sink: where bytes go, and blob: where bytes are.
 *
 * A sink takes a stream from front to back. A filter is a sink with a `next`;
 * a source is a function that writes into a sink. A blob is a finished object
 * that can be read anywhere. Both hide what lies behind: a file, a store, age.
 *
 *	s = store_put(...);              the far end first
 *	s = digest_tee(s, &sum, e);      sees the stored bytes
 *	s = age_writer(s, keys, 2, e);
 *	s = codec_writer(s, &codec, 2, e);   nearest the source
 *	if (s != NULL && ... sink_write(s, ...) ... && sink_finish(s, e) == 0)
 *		rc = 0;
 *	sink_free(s);
 *
 * Constructors take `next`: it is released with the returned stage, or by the
 * constructor on failure; a NULL `next` is passed through as NULL (its error
 * stands already), so that they can be stacked unchecked.
 */
#ifndef PGK_SINK_H
#define PGK_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

/* One thread at a time per sink. */
struct sink;
struct sink_ops {
	/* take all of it or fail */
	int (*write)(struct sink *s, const void *data, size_t len,
	    struct err *e);
	/* flush, then finish next; runs once; the only thing that publishes */
	int (*finish)(struct sink *s, struct err *e);
	/* release s and next; unfinished means discarded */
	void (*free)(struct sink *s);
};
struct sink {
	const struct sink_ops *ops; /* embedded first in a stage's own struct */
};

/* After a failure of write or finish only sink_free() may follow. */
int sink_write(struct sink *s, const void *data, size_t len, struct err *e);
int sink_finish(struct sink *s, struct err *e);
void sink_free(struct sink *s); /* NULL ok */

/*
 * What a constructor of a stage begins with: `size` bytes of zeros for it, or
 * NULL when `next` is NULL, or when memory is short, with `next` released.
 */
void *sink_stage(struct sink *next, size_t size, struct err *e);

/*
 * sink_decoder: what the stages that decompress share. Such a stage embeds it
 * first in its own struct.
 *
 *	decode   take some of in[0..len) (*used) and put plain bytes into
 *	         d->plain (*got). 0; 1 when it has more to give though all may
 *	         be used, and is to be called again; -1 with *e set
 *	end      -1 with *e set when the input may not end here
 *	release  what the stage holds itself; also of one half made
 */
#define SINK_DECODER_PLAIN ((size_t)128 << 10)
struct sink_decoder;
struct sink_decoder_ops {
	int (*decode)(struct sink_decoder *d, const void *in, size_t len,
	    size_t *used, size_t *got, struct err *e);
	int (*end)(struct sink_decoder *d, struct err *e);
	void (*release)(struct sink_decoder *d);
};
struct sink_decoder {
	struct sink base;
	struct sink *next;
	const struct sink_decoder_ops *ops;
	unsigned char plain[SINK_DECODER_PLAIN];
};

/* `size` bytes that begin with one, zeros behind it, or NULL: sink_stage(). */
void *sink_decoder(struct sink *next, size_t size,
    const struct sink_decoder_ops *ops, struct err *e);

/* Write to a descriptor; finish syncs nothing and closes nothing. */
struct sink *sink_fd(int fd, const char *name, struct err *e);

/*
 * Make the file `path` (0600), which appears, or replaces a former one, only
 * when finish has synced it; until then nothing shows under its name. A device or FIFO is
 * written as it is.
 */
struct sink *sink_file(const char *path, struct err *e);

/*
 * Append to `out` (borrowed until freed). Past out->max: ERR_NOMEM from here.
 */
struct buf;
struct sink *sink_buf(struct buf *out, struct err *e);

/* Take everything and forget it. */
struct sink *sink_null(struct err *e);

/*
 * Write to `next` without owning it: finish and free leave it alone. For
 * many streams one after the other into one place.
 */
struct sink *sink_keep(struct sink *next, struct err *e);

/* Hand small writes on in pieces of up to 64 KiB. */
struct sink *sink_gather(struct sink *next, struct err *e);

/* Count what passes into *count (set to 0 here). */
struct sink *sink_count(struct sink *next, uint64_t *count, struct err *e);

/*
 * sink_crew: what stages that work on many threads share. The owner fills one
 * job at a time and pushes it; threads work on them; what they made of each is
 * written to `next` in the order of pushing. At most 2 * threads + 1 jobs
 * exist, and each is used again.
 *
 *   size    bytes of a job; all zeros when it is new
 *   begin   makes a new or used job ready to be filled
 *   work    on a thread; `worker` tells which (0..threads-1)
 *   result  what is to be written to next
 *   end     releases what a job holds; may be NULL
 */
struct sink_crew;
struct sink_crew_ops {
	size_t size;
	void (*begin)(void *job);
	int (*work)(void *ctx, unsigned worker, void *job, struct err *e);
	const void *(*result)(const void *job, size_t *len);
	void (*end)(void *job);
};

/* threads: 1..TASK_THREADS_MAX. `next` is taken; ctx is borrowed. */
struct sink_crew *sink_crew_new(struct sink *next, unsigned threads,
    const struct sink_crew_ops *ops, void *ctx, struct err *e);
/* The job being filled, or NULL; and the same, begun if there is none. */
void *sink_crew_job(const struct sink_crew *c);
void *sink_crew_take(struct sink_crew *c, struct err *e);
/* Send the job being filled on its way. */
int sink_crew_push(struct sink_crew *c, struct err *e);
/* Wait until all that was pushed is written. */
int sink_crew_drain(struct sink_crew *c, struct err *e);
struct sink *sink_crew_next(const struct sink_crew *c); /* still the crew's */
void sink_crew_free(struct sink_crew *c); /* and next; NULL ok */

/* Send all that can be read from a descriptor, to its end. */
int sink_send_fd(int fd, const char *name, struct sink *s, struct err *e);

/*
 * blob: `size` bytes, readable at any offset. read is safe to call from many
 * threads at once. A short object is ERR_CORRUPT, never a short count.
 */
struct blob;
struct blob_ops {
	int (*read)(struct blob *b, uint64_t off, void *data, size_t len,
	    struct err *e);
	void (*free)(struct blob *b);
};
struct blob {
	const struct blob_ops *ops;
	uint64_t size; /* fixed while it is open */
};

/* off + len <= size, else ERR_CORRUPT. */
int blob_read(struct blob *b, uint64_t off, void *data, size_t len,
    struct err *e);
void blob_free(struct blob *b); /* NULL ok */

/* A regular file by descriptor, taken; closed on failure too. */
struct blob *blob_fd(int fd, const char *name, struct err *e);

/* Memory, borrowed. */
struct blob *blob_mem(const void *data, size_t len, struct err *e);

/* Send a part of a blob, in order, in pieces of at most 256 KiB. */
int blob_send(struct blob *b, uint64_t off, uint64_t len, struct sink *s,
    struct err *e);

#endif
