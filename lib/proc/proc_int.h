/*
 * proc_int: between start.c (the child is made), proc.c (it is read and
 * waited for) and said.c (what it said becomes an error).
 */
#ifndef PGK_PROC_INT_H
#define PGK_PROC_INT_H

#include <stdbool.h>

#include "proc/proc.h"
#include "stop/stop.h"

struct proc {
	pid_t pid;    /* also its process group; 0: none, or reaped */
	int status;   /* of waitpid(), once reaped */
	bool lost;    /* another took the status */
	int out, err; /* our ends of its stdout and stderr; -1 when closed */
	int wake;     /* eventfd: readable when a stop is requested */
	bool ended;   /* stdout was read to its end */
	char *program;
	struct stop_slot slot; /* registered while pid != 0 */
	size_t said_len;
	char said[PROC_SAID_MAX + 1];
};

/* Append to p->said, forgetting the oldest bytes. */
void proc_hear(struct proc *p, const char *data, size_t len);

/* Record how p->status ended and what was said, as proc_finish() says. */
int proc_judge(const struct proc *p, enum err_kind kind, struct err *e);

#endif
