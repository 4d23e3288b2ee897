/*
 * index_int: what the files of this room share.
 *
 *	report.c print.c   findings and their forms
 *	file.c parse.c     the policy
 *	lint.c             judged without a server
 */
#ifndef PGK_INDEX_INT_H
#define PGK_INDEX_INT_H

#include "index/index.h"

/*
 * One statement of a policy into `s`, zeroed by the caller, who frees it also
 * after a failure. ERR_CONF: it is none that a policy may hold, and why.
 */
int index_parse_statement(const char *text, struct index_statement *s,
    struct err *e);

/* The words of text[0..len) with one space between: for comparing. Caller frees. */
char *index_words(const char *text, size_t len, struct err *e);

#endif
