/*
 * form_int: what the files of this room share.
 */
#ifndef PGK_FORM_INT_H
#define PGK_FORM_INT_H

#include <stddef.h>

/* Bytes of the UTF-8 character at s and which it is; 0 when there is none. */
size_t form_char(const unsigned char *s, unsigned *code);

#endif
