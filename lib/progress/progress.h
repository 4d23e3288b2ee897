/*
 * progress: one line on the terminal, none under cron.
 *
 * Drawn on stderr, at most ten times a second, only when stderr is a terminal
 * and the tool was not told otherwise; it yields to lines of `log`. All calls
 * take NULL (no progress) and any thread. There is no thread behind it: the
 * calls draw, so that a line that stands still is work that stands still.
 */
#ifndef PGK_PROGRESS_H
#define PGK_PROGRESS_H

#include <stdint.h>

struct progress;

/*
 * Begin. `label` is copied ("dump medtranslate"). `total` in units of
 * `unit`, PROGRESS_BYTES or PROGRESS_COUNT; 0 when not known: then the amount
 * and rate are shown without a bar. NULL when there is nothing to draw on,
 * another line is being drawn already, or there is no memory for it.
 */
enum progress_unit { PROGRESS_BYTES, PROGRESS_COUNT };
struct progress *progress_new(const char *label, uint64_t total,
    enum progress_unit unit);

void progress_total(struct progress *p, uint64_t total);
void progress_add(struct progress *p, uint64_t more);

/* What is being done now ("indexes", "waiting for a lock"); copied. */
void progress_phase(struct progress *p, const char *text);

/* Another kind of work begins: count from 0 again, to a total of its own. */
void progress_stage(struct progress *p, const char *text, uint64_t total,
    enum progress_unit unit);

/* Remove the line and release. */
void progress_free(struct progress *p);

/*
 * Turn progress off for this process (-q, a "dumb" terminal), or on without
 * a terminal. Before the first progress_new().
 */
void progress_mode(int never_or_always); /* -1 never, 0 auto, 1 always */

#endif
