#include "stop/stop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stop/stop_int.h"

int stop_grace = 20;

static atomic_int requested;

/* Held while actions run: that is what lets stop_forget() wait for them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stop_slot *slots;

static void
unlink_slot(struct stop_slot *s)
{
	if (s->link == NULL)
		return;
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	s->next = NULL;
	s->link = NULL;
}

static void
request(int sig)
{
	pthread_mutex_lock(&lock);
	atomic_store(&requested, sig);
	while (slots != NULL) {
		struct stop_slot *s = slots;

		unlink_slot(s);
		s->action(s->arg);
	}
	pthread_mutex_unlock(&lock);
}

#define SAME_MS 500 /* a signal repeated so soon is the same */

static int64_t
ms_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static void *
watch(void *arg)
{
	const sigset_t *set = arg;
	struct timespec begin, end, now, left;
	int first, sig;

	do
		first = sigwaitinfo(set, NULL);
	while (first == -1);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	end = begin;
	end.tv_sec += stop_grace;
	request(first);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left.tv_sec = end.tv_sec - now.tv_sec;
		left.tv_nsec = end.tv_nsec - now.tv_nsec;
		if (left.tv_nsec < 0) {
			left.tv_sec--;
			left.tv_nsec += 1000000000L;
		}
		if (left.tv_sec < 0)
			_exit(128 + first);
		sig = sigtimedwait(set, NULL, &left);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (sig == -1 || (sig == first &&
	    ms_of(&now) - ms_of(&begin) < SAME_MS));
	_exit(128 + sig);
}

/* The signals we end by; one that nohup made ignored stays so. */
static void
fill_set(sigset_t *set)
{
	struct sigaction hup;

	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	if (sigaction(SIGHUP, NULL, &hup) == -1 || hup.sa_handler != SIG_IGN)
		sigaddset(set, SIGHUP);
}

int
stop_install(struct err *e)
{
	static sigset_t set;
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	sigaction(SIGPIPE, &ignore, NULL);
	fill_set(&set);
	if ((rc = pthread_sigmask(SIG_BLOCK, &set, NULL)) == 0 &&
	    (rc = pthread_attr_init(&attr)) == 0) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&thread, &attr, watch, &set);
		pthread_attr_destroy(&attr);
	}
	if (rc != 0)
		return err_set(e, ERR_SYS,
		    "could not prepare for signals: %s", strerror(rc));
	return 0;
}

int
stop_requested(void)
{
	return atomic_load(&requested);
}

static const char *
signal_name(int sig)
{
	switch (sig) {
	case SIGINT:
		return "SIGINT";
	case SIGHUP:
		return "SIGHUP";
	default:
		return "SIGTERM";
	}
}

int
stop_check(struct err *e)
{
	int sig = stop_requested();

	if (sig == 0)
		return 0;
	return err_set(e, ERR_STOPPED, "stopped by %s", signal_name(sig));
}

void
stop_register(struct stop_slot *slot, void (*action)(void *arg), void *arg)
{
	slot->action = action;
	slot->arg = arg;
	slot->next = NULL;
	slot->link = NULL;
	pthread_mutex_lock(&lock);
	if (atomic_load(&requested) != 0) {
		action(arg);
	} else {
		slot->next = slots;
		if (slots != NULL)
			slots->link = &slot->next;
		slot->link = &slots;
		slots = slot;
	}
	pthread_mutex_unlock(&lock);
}

void
stop_forget(struct stop_slot *slot)
{
	pthread_mutex_lock(&lock);
	unlink_slot(slot);
	pthread_mutex_unlock(&lock);
}
