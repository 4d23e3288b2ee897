/*
 * feed: between PostgreSQL and the archive: what archive_command and
 * restore_command do with one file, and the guard of a restored server.
 *
 * PATH is what PostgreSQL gives for %p: relative to the data folder, which is
 * where its commands run, or absolute. The data folder is the one above
 * PATH's, if that is called pg_wal, else the current one.
 */
#ifndef PGK_FEED_H
#define PGK_FEED_H

#include <stdbool.h>

#include "archive/archive.h"
#include "cli/cli.h"

/* 0 if this could be a file of pg_wal, else ERR_USAGE. */
int feed_check_name(const char *name, struct err *e);

/*
 * Put the file PATH into the archive under its own name. Beyond what
 * archive_put() refuses: ERR_REFUSED while the data folder has a guard, or
 * when its global/pg_control is of another cluster than the archive.
 */
int feed_push(struct archive *a, const char *path,
    const struct archive_how *how, struct err *e);

/*
 * Write the file `name` of the archive to PATH, whole or not at all; not
 * synced, for PostgreSQL fetches again after a crash. ERR_ABSENT is an answer
 * of the archive: it is there, it is this cluster's, and has no such file;
 * in recovery that is to end when WAL ends (recovery.signal without
 * standby.signal) a segment behind which its timeline goes on, by what is there
 * of it or where others left it, is not absent but missing: ERR_CORRUPT.
 *
 * With prefetch > 0 a process of its own is left behind that fetches up to so
 * many following segments into pgk-prefetch/ beside PATH, where later calls
 * find them. It is the only one, follows what is asked for, and ends, leaving
 * nothing, FEED_IDLE seconds after the last call, when recovery has ended, or
 * when the store has not answered for FEED_STUCK.
 */
#define FEED_IDLE 3
#define FEED_STUCK 30
#define FEED_PREFETCH_MAX 64
struct feed_get {
	const struct age_keys *keys; /* or NULL */
	bool partial;
	unsigned prefetch;
	unsigned threads; /* that unpack, and of the process left behind */
};
int feed_get(struct archive *a, const char *name, const char *path,
    const struct feed_get *how, struct err *e);

/*
 * feed_adoption: whether the server in a data folder may leave its guard
 * behind. 0: it was promoted, *g is the guard and *timeline its own now.
 * ERR_ABSENT: there is no guard, or, as the hint then says, its setting alone;
 * ERR_REFUSED says why not.
 */
int feed_adoption(int datadir, struct archive_guard *g, uint32_t *timeline,
    struct err *e);

/*
 * Remove the guard, durably, its file last. *reload: a server that runs has to
 * reload its configuration for it.
 */
int feed_adopt(int datadir, bool *reload, struct err *e);

/*
 * What pgk-wal's push, get and adopt were asked for: what the options said, in
 * their words; NULL for what was not given.
 */
struct feed_asked {
	struct cli *cli; /* after cli_parse(); archive and keys: by need */
	const char *const *operands; /* behind the command's word */
	const char *compress, *prefetch;
	const char *datadir;
	bool partial, yes; /* yes: adopt asks nobody */
};

/*
 * The commands; what each makes of its words is what the functions above say.
 * ERR_USAGE: a word that is no method, number or name of a file.
 *
 * get: what is not there in recovery is no error but sets cli->status_no.
 * adopt: a person is asked first if there is one; ERR_REFUSED: who said no.
 */
int feed_push_command(const struct feed_asked *a, struct err *e);
int feed_get_command(const struct feed_asked *a, struct err *e);
int feed_adopt_command(const struct feed_asked *a, struct err *e);

/*
 * The exit status, of cli_end()'s; also for words that could not be parsed.
 * What PostgreSQL makes of it decides. Of restore_command 0 is a file, 143 a
 * shutdown, more than 125 a failure that stops recovery, and anything else says
 * that WAL ends here. Of archive_command 0 is a file archived, and more than
 * 125 restarts the archiver.
 */
int feed_push_exit(const struct err *e, int status);
int feed_get_exit(const struct err *e, int status);

#endif
