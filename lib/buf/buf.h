/*
 * buf: bytes that grow, up to a bound.
 *
 * `struct buf b = BUF_INIT(max);` owns nothing until something is added.
 * data[len] is always a NUL byte once data is not NULL, so that text can be
 * read as a string. Growing past `max` is ERR_NOMEM and changes nothing.
 */
#ifndef PGK_BUF_H
#define PGK_BUF_H

#include <stddef.h>

#include "err/err.h"

struct buf {
	char *data;
	size_t len; /* bytes in use, without the NUL */
	size_t cap;
	size_t max; /* len never passes this */
};

#define BUF_INIT(bound) { NULL, 0, 0, (bound) }
#define BUF_TEXT_MAX ((size_t)64 << 20) /* a bound for texts and messages */

/* Release the memory; the buffer is empty and usable again. */
void buf_free(struct buf *b);

/* Forget the content, keep the memory. */
void buf_reset(struct buf *b);

/* Overwrite the content with zeros and release it: for secrets. */
void buf_wipe(struct buf *b);

/* Make room for `more` bytes after len. */
int buf_reserve(struct buf *b, size_t more, struct err *e);

int buf_add(struct buf *b, const void *data, size_t len, struct err *e);
int buf_str(struct buf *b, const char *text, struct err *e);
int buf_byte(struct buf *b, char c, struct err *e);
int buf_fmt(struct buf *b, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Drop the first `n` bytes (n <= len), moving the rest to the front. */
void buf_drop(struct buf *b, size_t n);

/*
 * Arrays of other things, grown by one: room for another item of `size` bytes
 * behind `count`, zeroed. It doubles where the count is a power of two, so that
 * none needs to know its room; what is grown here is grown nowhere else.
 * Returns the array, which may have moved, or NULL (ERR_NOMEM): then it is as
 * it was.
 */
void *buf_more(void *items, size_t count, size_t size, struct err *e);

/*
 * Percent encoding for names in our own files: bytes outside
 * [A-Za-z0-9._-] become %XX (upper case), and so do a leading '.' and '-';
 * the empty name is "%". Decoding refuses anything else (ERR_CORRUPT), also
 * an encoded NUL and what needed no encoding: a name has one encoding.
 */
int buf_escape(struct buf *b, const char *name, struct err *e);
int buf_unescape(struct buf *b, const char *text, size_t len, struct err *e);

#endif
