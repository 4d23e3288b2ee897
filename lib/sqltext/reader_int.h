/*
 * reader: what the files that cut a script share.
 *
 * The rules are those of psqlscan.l. Text waits in `text` from the current
 * statement's first byte on; `pos` is how far it was looked at, and where a
 * token needs bytes that have not come yet, `pos` stays in front of it.
 */
#ifndef PGK_SQLTEXT_READER_INT_H
#define PGK_SQLTEXT_READER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "sqltext/sqltext.h"

#define TAG_MAX ((size_t)4096) /* of a dollar quote; psql has no bound */

enum sqltext_state {
	IN_TEXT,
	IN_QUOTE,   /* '...' */
	IN_ESCAPE,  /* E'...' */
	IN_IDENT,   /* "..." */
	IN_DOLLAR,  /* $tag$...$tag$ */
	IN_LINE,    /* -- ... */
	IN_COMMENT, /* slash star, nested */
	IN_META,    /* \word ... */
	IN_COPY,    /* behind "COPY ... FROM stdin;", before its newline */
	IN_ROWS,
};

/* After E'...' a further '...' goes on with it: at once or on a new line. */
enum sqltext_again { AGAIN_NO, AGAIN_HERE, AGAIN_BLANK, AGAIN_LINE };

struct sqltext_reader {
	struct sink base;
	const struct sqltext_ops *ops;
	void *ctx;
	struct buf text;
	size_t pos, start; /* start: of the statement, once begun */
	uint64_t line, start_line;
	enum sqltext_state state;
	bool final;        /* no more bytes will come */
	bool begun;        /* a statement has begun */
	bool escapes;      /* standard_conforming_strings is off */
	enum sqltext_again again;
	size_t mark;       /* IN_DOLLAR: where the tag lies; IN_LINE: the -- */
	size_t tag_len;
	unsigned depth;    /* IN_COMMENT */
	uint64_t parens;
	/* a word being read, and what the statement's words said so far */
	bool in_word;
	char word[16];
	size_t word_len;
	unsigned words;    /* unquoted ones */
	char opening[4];   /* first letters of create or replace function */
	bool after_begin;
	uint64_t blocks;   /* of BEGIN ATOMIC and the CASEs in it */
	/* IN_ROWS */
	bool line_start;
	char hold[3];      /* what may be the beginning of "\.\r\n" */
	size_t hold_len;
};

/* Move on to `to`, counting the lines passed. */
void sqltext_pass(struct sqltext_reader *r, size_t to);

/* Forget the statement's words; the next begins at `pos`. */
void sqltext_reset(struct sqltext_reader *r);

/*
 * One for each state: take what can be taken from `pos` on. 0; -1 with *e
 * set; or NEED_MORE, when nothing can be told before more bytes come.
 */
#define NEED_MORE 1
int sqltext_scan_text(struct sqltext_reader *r, struct err *e);
int sqltext_scan_quoted(struct sqltext_reader *r);
int sqltext_scan_escape(struct sqltext_reader *r);
int sqltext_scan_dollar(struct sqltext_reader *r);
int sqltext_scan_line(struct sqltext_reader *r, struct err *e);
int sqltext_scan_comment(struct sqltext_reader *r);
int sqltext_scan_meta(struct sqltext_reader *r, struct err *e);
int sqltext_scan_copy(struct sqltext_reader *r, struct err *e);

/*
 * IN_ROWS: hand on rows of data[0..len), from `text` or from what is written.
 * Returns how many bytes were taken, all unless the rows ended; *rc becomes -1
 * with *e set when a call failed.
 */
size_t sqltext_take_rows(struct sqltext_reader *r, const char *data,
    size_t len, struct err *e, int *rc);

#endif
