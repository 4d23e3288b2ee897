/*
 * feed_int: what the files of this room share.
 */
#ifndef PGK_FEED_INT_H
#define PGK_FEED_INT_H

#include "feed/feed.h"

/* Where PATH points. */
struct feed_place {
	char folder[4096]; /* of PATH, for openat() */
	char home[4096];   /* the data folder, perhaps "." */
	const char *name;  /* PATH's last part */
};
int feed_place(struct feed_place *p, const char *path, struct err *e);

/*
 * The system identifier that a data folder's global/pg_control tells:
 * ERR_ABSENT when there is none to read.
 */
int feed_control_system(int datadir, uint64_t *id, struct err *e);

/* What else adopting asks of it. */
struct feed_control {
	uint64_t system_identifier;
	uint32_t state;    /* DBState */
	uint32_t timeline; /* of the newest checkpoint */
};
#define FEED_STATE_SHUT_DOWN 1
#define FEED_STATE_IN_PRODUCTION 6
int feed_control(int datadir, struct feed_control *out, struct err *e);

/* Which of the files that ask for recovery are there; `home` may be -1. */
struct feed_signals {
	bool recovery, standby;
};
struct feed_signals feed_signals(int home);

/*
 * Segments fetched before they are asked for lie in FEED_FOLDER beside the
 * place where PostgreSQL wants them, each as NAME.TAG; and with them
 *
 *	asked      the name of the segment that was asked for last
 *	lock       held (flock) by the one process that fetches
 *
 * TAG stands for the store and for this boot of the machine: what lies here is
 * not synced and worth nothing after a crash, and another store's segments
 * may be others.
 */
#define FEED_FOLDER "pgk-prefetch"
#define FEED_TAG 16 /* digits */
#define FEED_FILE (LSN_SEGMENT_NAME + 1 + FEED_TAG + 1)

/* take.c: -1 where a boot has no name; then nothing is fetched ahead. */
int feed_tag(struct archive *a, char tag[FEED_TAG + 1]);

/*
 * Take a segment that was fetched before: 1 when it now is `to` in `folder`, 0
 * when there is none that is right. `system` 0: the archive's identifier.
 */
int feed_take(struct archive *a, int folder, const char *name,
    uint64_t system, const char *to);

/*
 * ahead.c: tell the fetching process of `name`, starting it when there is none.
 * What goes wrong only costs time. `home`: the data folder, or -1.
 */
void feed_ahead(struct archive *a, int folder, int home, const char *name,
    const struct feed_get *how);

#endif
