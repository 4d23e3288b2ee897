/*
 * row: rows of COPY's binary format (PostgreSQL's documentation: COPY, "Binary
 * Format"), which spares both sides the making and reading of text: a head,
 * with the first row or before it; rows of a u16 count and fields, each an i32
 * length, -1 for NULL, and bytes; at the end a count of -1. Numbers are
 * big-endian.
 */
#ifndef PGK_BASE_ROW_H
#define PGK_BASE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

#define BASE_FIELDS_MAX 4

struct base_row {
	unsigned count; /* of fields, set before: 1..BASE_FIELDS_MAX */
	struct base_field {
		const char *data; /* of the message; NULL for NULL */
		size_t len;
	} fields[BASE_FIELDS_MAX];
	bool begun, ended;
};
#define BASE_ROW_INIT(n) { .count = (n) }

/*
 * A message of the COPY: 1 with a row, 0 when it has none. ERR_CORRUPT for what
 * is no such format, or has another number of fields.
 */
int base_row_take(struct base_row *r, const char *data, size_t len,
    struct err *e);

/* The COPY is over: ERR_CORRUPT when its end was not seen. */
int base_row_end(const struct base_row *r, struct err *e);

/* A field that is a bigint of 0 or more. */
int base_row_number(const struct base_row *r, unsigned field, uint64_t *out,
    struct err *e);

#endif
