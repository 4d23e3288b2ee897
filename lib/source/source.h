/*
 * source: what a reading tool's operand names: a set of the store, a file,
 * or stdin.
 */
#ifndef PGK_SOURCE_H
#define PGK_SOURCE_H

#include "age/age.h"
#include "cli/cli.h"
#include "repo/repo.h"
#include "sink/sink.h"

struct source {
	char *name;             /* for messages: the set's name or the path */
	struct repo_set *set;   /* NULL: a file or stdin */
	const struct repo_object *object; /* of set */
	struct store_lock *hold; /* so that prune leaves the set alone */
	char *database;         /* the DB of "latest:DB", or NULL */
	struct blob *blob;      /* NULL: a stream, to be read from fd */
	int fd;                 /* -1 unless a stream */
};

#define SOURCE_INIT { .fd = -1 }

/*
 * Open `word`: "-" is stdin; a word with '/' or the name of an existing file is a file,
 * unless it is a set's KIND/NAME; else it is looked up in the store named
 * by the options (cli_open_repo). `role` is the object of a set that is
 * wanted. Regular files, on stdin too, become blobs.
 */
int source_open(struct source *s, struct cli *c, const char *word,
    const char *role, struct err *e);
void source_close(struct source *s);

/*
 * Take encryption off, so that s->blob is what piece_open() wants. A stream
 * is ERR_USAGE.
 */
int source_unpack(struct source *s, const struct age_keys *keys,
    struct err *e);

/*
 * Send the whole, decrypted and decompressed, to `out` (borrowed, not
 * finished). A set's object must have the sum recorded, and a file of
 * pgk-dump each of its pieces; otherwise ERR_CORRUPT, though `out` has then
 * taken what came before.
 */
int source_send(struct source *s, const struct age_keys *keys,
    struct sink *out, struct err *e);

#endif
