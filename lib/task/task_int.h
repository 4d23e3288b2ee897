/*
 * task_int: how crowd, line (task.c) and queue (queue.c) start a thread.
 */
#ifndef PGK_TASK_INT_H
#define PGK_TASK_INT_H

#include <pthread.h>

#include "task/task.h"

/* With all signals blocked: stop's thread alone takes them. */
int task_start(pthread_t *thread, void *(*run)(void *arg), void *arg,
    struct err *e);

#endif
