/*
 * err: errors as values.
 *
 * A function that can fail returns 0 or a pointer on success, -1 or NULL on
 * failure, and a failure has always filled the caller's `struct err`. The
 * first error recorded wins: later ones, from cleaning up, do not replace it.
 * Only cmd/ prints an error, once, through log_error().
 */
#ifndef PGK_ERR_H
#define PGK_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_ABSENT,  /* the thing asked for was looked for and is not there */
	ERR_USAGE,   /* the caller's words: an option, an operand */
	ERR_CONF,    /* the configuration */
	ERR_BUSY,    /* another holds the lock */
	ERR_PG,      /* PostgreSQL: connection, permission, SQL, pg_dump */
	ERR_SYS,     /* storage, operating system, network */
	ERR_NOMEM,   /* memory, or a stated bound of ours */
	ERR_CORRUPT, /* stored data is damaged, truncated or forged */
	ERR_KEY,     /* key, passphrase or credential */
	ERR_REFUSED, /* a guard says no: environment, not empty, in use */
	ERR_STOPPED, /* SIGINT or SIGTERM */
};

#define ERR_TEXT_MAX 1024
#define ERR_HINT_MAX 512

struct err {
	enum err_kind kind;
	int sys;                 /* errno for err_sys(), else 0 */
	char text[ERR_TEXT_MAX]; /* one line, no full stop; cut if too long */
	char hint[ERR_HINT_MAX]; /* what to do next, or "" */
};

#define ERR_INIT {0}

/* Record an error unless one is recorded. `kind` is not ERR_NONE. Returns -1. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ERR_SYS, ": " and strerror(errno) at the end. Returns -1. */
int err_sys(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Record ERR_NOMEM "out of memory". Returns -1. */
int err_nomem(struct err *e);

/* Add the next step to the recorded error, unless it has one. Returns -1. */
int err_hint(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put `fmt` and ": " before the recorded text. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Copy `from` into `to` unless `to` has an error already: how a thread's
 * error reaches the one who waits for it. Returns -1 when `to` has an error
 * afterwards, else 0.
 */
int err_pass(struct err *to, const struct err *from);

/* Forget the error. */
void err_clear(struct err *e);

/* The exit status of pgk's tools for a kind: 0 for ERR_NONE, else 1..9. */
int err_status(enum err_kind kind);

#endif
