#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "restore/restore_int.h"

/* Every server has these: they are filled, and made only if they are not as
 * initdb left them. */
static bool
is_builtin(const char *name)
{
	return strcmp(name, "postgres") == 0 || strcmp(name, "template1") == 0;
}

/* One look at all names before anything is done. */
static int
check_names(const struct restore_options *o, const struct piece_index *x,
    struct pg *c, struct err *e)
{
	for (unsigned i = 0; i < piece_databases(x); i++) {
		const char *name = piece_database(x, i);
		int there;

		if (is_builtin(name) || o->into == RESTORE_REPLACE)
			continue;
		if ((there = target_exists(c, name, e)) == -1)
			return -1;
		if (there == 1) {
			err_set(e, ERR_REFUSED, "database \"%s\" exists",
			    name);
			return err_hint(e, "--replace drops it first");
		}
	}
	return 0;
}

static int
run_globals(struct restore *r, struct pg *c, struct err *e)
{
	struct script s = { .r = r, .c = c, .part = "the globals",
		.roles = true };

	return script_read(&s, PIECE_GLOBALS, e);
}

static int
restore_one(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct piece_index *x, unsigned number,
    struct err *e)
{
	struct database_facts f;
	struct restore r;
	int rc = -1;

	restore_init(&r, o);
	r.blob = b;
	r.set = set;
	r.index = x;
	if (guard_database(&r, piece_database(x, number), e) == -1 ||
	    (r.target = pg_target_copy(o->target, e)) == NULL ||
	    pg_target_set(r.target, "dbname", r.source, e) == -1)
		goto done;
	r.name = pg_target_get(r.target, "dbname");
	r.into = o->into == RESTORE_REPLACE ? RESTORE_REPLACE :
	    is_builtin(r.name) ? RESTORE_EXISTING : RESTORE_CREATE;
	if (is_builtin(r.name) && target_is_clean(&r))
		r.into = RESTORE_EXISTING;
	guard_facts(&r, &f);
	log_info("restoring database \"%s\"", r.name);
	if (target_prepare(&r, &f, e) == 0)
		rc = restore_fill(&r, e);
done:
	restore_release(&r);
	return rc;
}

int
restore_cluster(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct err *e)
{
	struct pg *c = NULL;
	struct restore r;
	int rc = -1;

	if (o->table_count > 0)
		return err_set(e, ERR_USAGE,
		    "tables can be restored from one database at a time");
	restore_init(&r, o);
	r.blob = b;
	r.set = set;
	if ((r.index = piece_open(b, e)) == NULL || guard_file(&r, e) == -1 ||
	    (c = target_maintenance(o, NULL, e)) == NULL ||
	    check_names(o, r.index, c, e) == -1 ||
	    run_globals(&r, c, e) == -1)
		goto done;
	/* or it would hold a database that is to be replaced */
	pg_close(c);
	c = NULL;
	rc = 0;
	for (unsigned i = 0; rc == 0 && i < piece_databases(r.index); i++)
		rc = restore_one(o, b, set, r.index, i, e);
done:
	pg_close(c);
	piece_index_free(r.index);
	restore_release(&r);
	return rc;
}

/* roles alone, from a script */

struct globals {
	struct sink base;
	struct restore r;
	struct script script;
	struct sink *text;
};

static int
globals_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	return sink_write(((struct globals *)s)->text, data, len, e);
}

static int
globals_finish(struct sink *s, struct err *e)
{
	return sink_finish(((struct globals *)s)->text, e);
}

static void
globals_free(struct sink *s)
{
	struct globals *g = (struct globals *)s;

	sink_free(g->text);
	pg_close(g->script.c);
	restore_release(&g->r);
	free(g);
}

struct sink *
restore_globals(const struct restore_options *o, struct err *e)
{
	static const struct sink_ops ops = { globals_write, globals_finish,
		globals_free };
	struct globals *g = calloc(1, sizeof *g);

	if (g == NULL) {
		err_nomem(e);
		return NULL;
	}
	g->base.ops = &ops;
	restore_init(&g->r, o);
	g->script = (struct script){ .r = &g->r, .part = "the globals",
		.roles = true, .stream = true };
	if ((g->script.c = target_maintenance(o, NULL, e)) == NULL ||
	    (g->text = sqltext_reader(&script_ops, &g->script, e)) == NULL) {
		globals_free(&g->base);
		return NULL;
	}
	return &g->base;
}
