/*
 * piece: the one-file dump: a plain SQL script made of pieces that
 * can be written by many threads and read in any order.
 *
 * The file is a series of compressed blocks that unpack, one after the other,
 * to an SQL script for psql. Runs of blocks form pieces; a piece of kind
 * PIECE_COPY is one complete "COPY ... FROM stdin; ... \.". The last piece is
 * the index: SQL comment lines beginning "--:" that tell of every piece where
 * it lies, what it holds and the BLAKE2b-256 of its stored bytes. A mark of
 * fixed size (codec.h) begins the file, so that a file cut short is known for
 * one of ours, and another ends it: that says where the index lies and the
 * first 8 bytes of the index's own sum. pgk-format(5) gives every byte.
 */
#ifndef PGK_PIECE_H
#define PGK_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"
#include "digest/digest.h"
#include "sink/sink.h"

#define PIECE_VERSION 1
#define PIECE_PLAIN ((size_t)8 << 20) /* plain bytes after which we cut */

enum piece_kind {
	PIECE_GLOBALS, /* roles, tablespaces: before any database */
	PIECE_PRE,     /* a database's pre-data */
	PIECE_COPY,    /* rows of one table */
	PIECE_DATA,    /* other data: large objects, sequences */
	PIECE_POST,    /* a database's post-data */
};

struct piece {
	enum piece_kind kind;
	unsigned database; /* index into the databases of the file */
	uint64_t off, len; /* stored bytes; set by the writer */
	uint64_t plain;    /* plain bytes */
	uint64_t rows;     /* PIECE_COPY */
	uint32_t head;     /* PIECE_COPY: bytes of the "COPY ...;\n" line(s) */
	const char *schema, *table; /* PIECE_COPY, unquoted; else NULL */
	struct digest sum; /* of the stored bytes */
};

/*
 * Writing. The writer owns `next` and may be used by many threads: each
 * makes its pieces in a maker of its own, and a finished piece is appended
 * to the file in one go under a lock.
 */
struct piece_writer;
struct piece_writer *piece_writer_new(struct sink *next,
    const struct codec *codec, struct err *e);

/* Name the next database; returns its number, -1 on failure. */
int piece_add_database(struct piece_writer *w, const char *name,
    struct err *e);
/* A fact of the whole file ("environment"), for piece_fact(). */
int piece_add_fact(struct piece_writer *w, const char *key,
    const char *value, struct err *e);

/* Write the index and the mark and finish `next`. Once. */
int piece_writer_finish(struct piece_writer *w, struct err *e);
void piece_writer_free(struct piece_writer *w); /* NULL ok */

/* Plain bytes in all pieces so far; any thread. */
uint64_t piece_writer_plain(struct piece_writer *w);

/*
 * One thread's maker: begin, write plain bytes (compressed every CODEC_BLOCK), end.
 * `spec` gives kind, database, schema and table; rows and head are given
 * at the end (put). The compressed bytes wait in memory until put: a piece
 * is not meant to be larger than PIECE_PLAIN plus one row. A piece without a
 * byte is not written. For streams of unknown length (PIECE_PRE, PIECE_DATA, PIECE_POST) the caller
 * cuts where it likes at PIECE_PLAIN: pieces of the same kind and database
 * follow one another in the order they were put.
 */
struct piece_maker;
struct piece_maker *piece_maker_new(struct piece_writer *w, struct err *e);
int piece_begin(struct piece_maker *m, const struct piece *spec,
    struct err *e); /* schema and table are borrowed until put */
int piece_write(struct piece_maker *m, const void *data, size_t len,
    struct err *e);
uint64_t piece_size(const struct piece_maker *m); /* plain bytes so far */
int piece_put(struct piece_maker *m, uint64_t rows, uint32_t head,
    struct err *e);
void piece_maker_free(struct piece_maker *m); /* NULL ok; begun is dropped */

/*
 * Reading. `piece_open` reads mark and index and checks that they are whole
 * and consistent (offsets ascending, adjoining, inside the file, the index's
 * sum): ERR_ABSENT when the file bears no mark (not ours: read it as a
 * stream), ERR_CORRUPT when it does and is damaged or cut short. `b` is
 * borrowed for the call.
 */
struct piece_index;
struct piece_index *piece_open(struct blob *b, struct err *e);
void piece_index_free(struct piece_index *x); /* NULL ok */
size_t piece_count(const struct piece_index *x);
const struct piece *piece_at(const struct piece_index *x, size_t i);
unsigned piece_databases(const struct piece_index *x);
const char *piece_database(const struct piece_index *x, unsigned i);
const char *piece_fact(const struct piece_index *x, const char *key); /* or NULL */
enum codec_kind piece_codec(const struct piece_index *x);

/*
 * Hand a piece's plain bytes to `out`: nothing is handed on before its stored
 * bytes proved to be those of the index. One reader per thread.
 */
struct piece_reader;
struct piece_reader *piece_reader_new(struct blob *b,
    const struct piece_index *x, struct err *e);
int piece_read(struct piece_reader *r, const struct piece *p,
    struct sink *out, struct err *e);
void piece_reader_free(struct piece_reader *r); /* NULL ok */

#endif
