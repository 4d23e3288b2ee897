/*
 * progress_int: what a line shows, apart from when it is drawn.
 */
#ifndef PGK_PROGRESS_INT_H
#define PGK_PROGRESS_INT_H

#include <stddef.h>

#include "progress/progress.h"

#define PROGRESS_LINE_MAX 1024

struct progress_view {
	const char *label, *phase; /* any bytes; phase may be "" */
	enum progress_unit unit;
	uint64_t done, total;      /* total 0: not known */
	double rate;               /* a second; < 0: not known yet */
};

/*
 * The line for a terminal `columns` wide, at most columns - 1 of them, so
 * that it never wraps; one line of whole UTF-8 characters, whatever the
 * label holds. Returns `out`.
 */
const char *progress_line(const struct progress_view *v, unsigned columns,
    char out[PROGRESS_LINE_MAX]);

#endif
