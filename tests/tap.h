/*
 * tap: the few words our unit tests need; prints TAP for prove.
 *
 *	OK(cond)                one test; the condition's text is its name
 *	IS(a, b)                two strings are equal (either may be NULL)
 *	EQ(a, b)                two integers are equal
 *	FAILS(call, kind, word) the call returned -1 or NULL with this error kind
 *	                        and a text that contains word
 *	return done();          the plan and the exit status
 */
#ifndef PGK_TAP_H
#define PGK_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "err/err.h"

static unsigned tap_count, tap_failed;

static inline bool
tap_ok(bool good, const char *what, const char *file, int line)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++tap_count, what);
	if (!good) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

static inline void
tap_is(const char *got, const char *want, const char *what, const char *file,
    int line)
{
	bool good = got == NULL || want == NULL ? got == want :
	    strcmp(got, want) == 0;

	if (!tap_ok(good, what, file, line))
		printf("#  got: %s\n# want: %s\n", got ? got : "NULL",
		    want ? want : "NULL");
}

static inline void
tap_eq(intmax_t got, intmax_t want, const char *what, const char *file,
    int line)
{
	if (!tap_ok(got == want, what, file, line))
		printf("#  got: %" PRIdMAX "\n# want: %" PRIdMAX "\n", got,
		    want);
}

static inline void
tap_fails(bool failed, struct err *e, enum err_kind kind, const char *word,
    const char *what, const char *file, int line)
{
	bool good = failed && e->kind == kind &&
	    strstr(e->text, word) != NULL;

	if (!tap_ok(good, what, file, line))
		printf("# failed: %d kind: %d text: %s\n", failed,
		    (int)e->kind, e->text);
	err_clear(e);
}

static inline int
done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed > 0;
}

#define OK(cond) tap_ok((cond), #cond, __FILE__, __LINE__)
#define IS(a, b) tap_is((a), (b), #a " is " #b, __FILE__, __LINE__)
#define EQ(a, b) tap_eq((intmax_t)(a), (intmax_t)(b), #a " == " #b, \
    __FILE__, __LINE__)
/* `e` is the caller's struct err, cleared afterwards */
#define FAILS(failed, kind, word) tap_fails((failed), &e, (kind), (word), \
    #failed " fails with " #kind, __FILE__, __LINE__)

#endif
