/*
 * proc: a child program read through a pipe, and never left behind.
 *
 * No shell: argv goes to execvp as it is. The child dies with us
 * (PR_SET_PDEATHSIG), inherits no descriptor but 0 (/dev/null), 1 (the pipe)
 * and 2 (a pipe of ours), has default signal handling, a process group of
 * its own (the terminal's ^C reaches it through us; it cannot ask for a
 * password), and LC_MESSAGES=C. What it says on stderr is kept (the last
 * 4 KiB) for the error message. When a stop is requested (stop.h) it gets
 * SIGTERM and whoever reads from it or waits for it fails with ERR_STOPPED.
 *
 * The kernel ties PR_SET_PDEATHSIG to the thread that started the child:
 * call proc_start() from a thread that lives until proc_free(), else the
 * child is killed when that thread ends. One thread at a time per struct.
 */
#ifndef PGK_PROC_H
#define PGK_PROC_H

#include <stddef.h>
#include <sys/types.h>

#include "err/err.h"

#define PROC_SAID_MAX 4096

struct proc;

/*
 * Start argv[0] (searched in PATH). `env` holds NAME=VALUE strings, NULL at
 * the end, put over our own environment; NULL for none. ERR_ABSENT when
 * the program is not installed.
 */
struct proc *proc_start(const char *const *argv, const char *const *env,
    struct err *e);

/* Read its stdout: bytes, 0 at the end, -1 on failure (ERR_STOPPED too). */
ssize_t proc_read(struct proc *p, void *data, size_t len, struct err *e);

/*
 * Wait for it. 0 when it exited 0; else -1 with `kind` and one line: the
 * program's name, how it ended, and the last "error:" line it said with the
 * "detail:" lines after it (else its last line); its "hint:" becomes the
 * hint. A call that did not read to the end kills the child first and fails.
 */
int proc_finish(struct proc *p, enum err_kind kind, struct err *e);

/* What it said on stderr so far, cut to the last 4 KiB. */
const char *proc_said(const struct proc *p);

/*
 * End it if it runs (SIGTERM, so that pg_dump cancels its query; SIGKILL
 * after 2 seconds), reap it, release. NULL ok.
 */
void proc_free(struct proc *p);

/*
 * Run to the end and collect at most `max` bytes of stdout as a string in
 * *out (caller frees). Used for `pg_dump --version`.
 */
int proc_capture(const char *const *argv, const char *const *env, size_t max,
    char **out, enum err_kind kind, struct err *e);

#endif
