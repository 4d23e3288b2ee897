/*
 * stop: SIGINT, SIGTERM and SIGHUP end a tool by unwinding, not by dying.
 *
 * stop_install() blocks the signals in every thread and starts one thread
 * that waits for them. On the first signal stop_requested() turns true and
 * every registered action runs (kill a child, cancel a query), so that
 * whoever is blocked fails soon and unwinds through its ordinary cleanup. A
 * second signal, or 20 seconds, ends the process at once with 128 + signal;
 * the same one within half a second is no second one, since timeout(1) sends
 * it to the process and to its group.
 * SIGHUP stays ignored when it was (nohup). SIGPIPE is ignored: a closed
 * pipe is an ordinary write error.
 */
#ifndef PGK_STOP_H
#define PGK_STOP_H

#include <stdbool.h>

#include "err/err.h"

/* Once, before any other thread exists. */
int stop_install(struct err *e);

/* The signal received, or 0. */
int stop_requested(void);

/* ERR_STOPPED "stopped by SIGTERM" if requested, else 0. */
int stop_check(struct err *e);

/*
 * Run `action(arg)` in the signal's thread when a stop is requested; at once
 * if it has been. Actions must not block, call stop_register() or
 * stop_forget(), or take locks that their owner holds while blocked. `slot`
 * is the caller's memory until stop_forget(), after which the action is not
 * running and will not run. Works without stop_install() too: then nothing
 * is ever requested.
 */
struct stop_slot {
	void (*action)(void *arg);
	void *arg;
	struct stop_slot *next, **link;
};
void stop_register(struct stop_slot *slot, void (*action)(void *arg),
    void *arg);
void stop_forget(struct stop_slot *slot);

#endif
