/*
 * log: what is said to people, on stderr and in the log file.
 *
 * Lines on stderr are "PROGRAM: text", "PROGRAM: warning: text" and
 * "PROGRAM: hint: text"; under -v also what is being done, under -vv details.
 * The log file, when there is one, gets the same lines behind an RFC 3339
 * time and the process id, down to `level`. Control bytes and invalid UTF-8
 * are written as \xNN, so that one event stays one line whatever a name holds.
 * Secrets are never passed to this room. Safe to call from any thread.
 */
#ifndef PGK_LOG_H
#define PGK_LOG_H

#include "err/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG };

/* Name the program (borrowed for ever) and say how much stderr gets. */
void log_open(const char *program, enum log_level level);

/* The program's name as given to log_open(), "pgk" before that. */
const char *log_program(void);

/* Also append lines down to `level` to the file `path` (created 0600). */
int log_to_file(const char *path, enum log_level level, struct err *e);

/* "error|warning|info|debug" to a level: 0, or -1 for another word. */
int log_parse_level(const char *word, enum log_level *level);

void log_error(const struct err *e); /* its text, then its hint if any */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* log_info() for the file alone: what a tool says on stdout itself. */
void log_record(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How many warnings were given: a tool that did its work exits 3 if any. */
unsigned log_warnings(void);

/*
 * A line of progress shares the terminal: `hide` is called before a line is
 * written and `show` after it. NULL, NULL ends that. Not from within them.
 */
void log_overlay(void (*hide)(void *arg), void (*show)(void *arg), void *arg);

#endif
