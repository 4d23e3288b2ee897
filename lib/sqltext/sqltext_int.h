/*
 * What the files of this room share: the classes of characters of
 * PostgreSQL's scan.l.
 */
#ifndef PGK_SQLTEXT_INT_H
#define PGK_SQLTEXT_INT_H

#include <stdbool.h>

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ident_start and dolq_start: letters, '_' and every byte beyond ASCII */
static inline bool
is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (unsigned char)c >= 0x80;
}

/* dolq_cont */
static inline bool
is_tag(char c)
{
	return is_word_start(c) || is_digit(c);
}

/* ident_cont */
static inline bool
is_word(char c)
{
	return is_tag(c) || c == '$';
}

static inline char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

#endif
