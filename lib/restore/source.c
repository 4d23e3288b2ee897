#include <string.h>

#include "piece/piece.h"
#include "restore/restore.h"
#include "unpack/unpack.h"

/* 1 it has an index, 0 it is to be read as a stream, -1. */
static int
has_index(const struct restore_options *o, struct source *s, struct err *e)
{
	unsigned char first[64];
	struct piece_index *x;
	bool armored = false;
	size_t n;

	if (s->blob == NULL)
		return 0;
	n = s->blob->size < sizeof first ? (size_t)s->blob->size :
	    sizeof first;
	if (blob_read(s->blob, 0, first, n, e) == -1)
		return -1;
	if (age_sniff(first, n, &armored) && armored)
		return 0;
	if (source_unpack(s, o->keys, e) == -1)
		return -1;
	if ((x = piece_open(s->blob, e)) != NULL) {
		piece_index_free(x);
		return 1;
	}
	if (e->kind != ERR_ABSENT)
		return err_prefix(e, "\"%s\"", s->name);
	err_clear(e);
	return s->set == NULL ? 0 : err_set(e, ERR_CORRUPT,
	    "\"%s\" has lost its index", s->name);
}

static int
restore_stream(const struct restore_options *o, struct source *s,
    struct err *e)
{
	struct sink *out;
	int rc = -1;

	if (o->all || s->database != NULL || o->source_database != NULL)
		return err_set(e, ERR_USAGE, "\"%s\" has no index of "
		    "databases: it was not made by pgk-dump, or cannot be "
		    "read anywhere", s->name);
	out = restore_script(o, e);
	if (out != NULL && source_send(s, o->keys, out, e) == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

/* The roles' password hashes lie in an object of their own. */
static int
restore_passwords(const struct restore_options *o, struct source *s,
    struct repo *r, struct err *e)
{
	const struct repo_object *globals = s->set == NULL ? NULL :
	    repo_object(s->set, "globals");
	struct sink *out = NULL;
	struct blob *b;
	int rc = -1;

	if (globals == NULL || o->no_passwords)
		return 0;
	if ((b = repo_object_open(r, s->set, globals, e)) != NULL &&
	    (out = unpack_stream(restore_globals(o, e), o->keys, 1, e)) !=
	    NULL && blob_send(b, 0, b->size, out, e) == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	blob_free(b);
	return rc;
}

static int
restore(struct restore_options *o, struct source *s, struct repo *r,
    struct err *e)
{
	int indexed = has_index(o, s, e);

	if (indexed == -1)
		return -1;
	o->source = s->name;
	if (indexed == 0)
		return restore_stream(o, s, e);
	if (s->database != NULL)
		o->source_database = s->database;
	if (!o->all)
		return restore_pieces(o, s->blob, s->set, e);
	return restore_cluster(o, s->blob, s->set, e) == -1 ? -1 :
	    restore_passwords(o, s, r, e);
}

/* Damage is said of the object that is damaged. */
int
restore_source(const struct restore_options *o, struct source *s,
    struct repo *r, struct err *e)
{
	const char *name = s->object != NULL ? s->object->name : s->name;
	struct restore_options mine = *o;

	if (restore(&mine, s, r, e) == 0)
		return 0;
	if (e->kind == ERR_CORRUPT && strstr(e->text, name) == NULL)
		err_prefix(e, "\"%s\"", name);
	return -1;
}
