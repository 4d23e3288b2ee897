#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"

#define LOOK_BYTES ((size_t)4096)

struct stream {
	struct sink base;
	struct restore r;
	struct script script;
	struct sqltext_ops ops;
	struct sink *text;
	struct buf head;    /* until it was looked at */
	bool open;          /* pg_dump began and has not said "complete" */
};

static bool
begins(const struct buf *b, const char *word)
{
	size_t n = strlen(word);

	return b->len >= n && memcmp(b->data, word, n) == 0;
}

/* pgk-dump says in its first lines what environment it was made in. */
static int
look_at_label(const struct restore_options *o, const struct buf *b,
    struct err *e)
{
	static const char word[] = "\n-- environment: ";
	const char *at = memmem(b->data, b->len, word, strlen(word));
	char label[65];
	size_t n = 0;

	if (at == NULL)
		return 0;
	for (at += strlen(word); *at != '\n' && *at != '\0' &&
	    n + 1 < sizeof label; at++)
		label[n++] = *at;
	label[n] = '\0';
	return guard_environment(o, label, o->source != NULL ? o->source :
	    "the script", e);
}

/* What is no script of one database is refused while nothing happened yet. */
static int
look(const struct restore_options *o, const struct buf *b, struct err *e)
{
	if (b->len == 0)
		return err_set(e, ERR_CORRUPT, "the script is empty");
	if (begins(b, "PGDMP")) {
		err_set(e, ERR_REFUSED,
		    "this is a dump in pg_dump's custom format");
		return err_hint(e, "pg_restore restores it");
	}
	if (b->len > 262 && memcmp(b->data + 257, "ustar", 5) == 0) {
		err_set(e, ERR_REFUSED, "this is a tar file%s",
		    begins(b, "toc.dat") ? ", a dump in pg_dump's tar format" :
		    "");
		return begins(b, "toc.dat") ?
		    err_hint(e, "pg_restore restores it") : -1;
	}
	if (memchr(b->data, '\0', b->len) != NULL)
		return err_set(e, ERR_REFUSED, "this is no SQL script");
	if (memmem(b->data, b->len, "-- PostgreSQL database cluster dump\n",
	    36) != NULL) {
		err_set(e, ERR_REFUSED, "this is a dump of a whole cluster");
		return err_hint(e, "psql restores it; pgk-restore --all "
		    "or --from-database a file that pgk-dump --all made");
	}
	return look_at_label(o, b, e);
}

static bool
is_line(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int
on_comment(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct script *script = ctx;
	struct stream *s = (struct stream *)((char *)script -
	    offsetof(struct stream, script));

	(void)line;
	(void)e;
	if (is_line(text, len, "-- PostgreSQL database dump"))
		s->open = true;
	else if (is_line(text, len, "-- PostgreSQL database dump complete"))
		s->open = false;
	return 0;
}

/*
 * As a session of psql's would be, but for what a restore must have: the
 * script itself says what else it wants.
 */
static int
settle(struct pg *c, struct err *e)
{
	if (pg_exec(c, "RESET ALL; SET synchronous_commit = off", e) == -1 ||
	    pg_no_timeouts(c, e) == -1)
		return -1;
	return pg_server_version(c) < 140000 ? 0 :
	    pg_exec(c, "SET client_connection_check_interval = '2s'", e);
}

static int
start(struct stream *s, struct err *e)
{
	struct restore *r = &s->r;

	if (look(r->o, &s->head, e) == -1 ||
	    target_prepare(r, NULL, e) == -1 ||
	    mark_begin(r, e) == -1 || settle(r->main, e) == -1)
		return -1;
	s->script = (struct script){ .r = r, .c = r->main,
		.part = "the script", .stream = true };
	s->ops = script_ops;
	s->ops.comment = on_comment;
	if ((s->text = sqltext_reader(&s->ops, &s->script, e)) == NULL)
		return -1;
	r->progress = progress_new(r->name, 0, PROGRESS_BYTES);
	progress_phase(r->progress, "script");
	progress_add(r->progress, s->head.len);
	return sink_write(s->text, s->head.data, s->head.len, e);
}

static int
take(struct stream *s, const char *data, size_t len, struct err *e)
{
	size_t n = LOOK_BYTES - s->head.len;

	if (s->text == NULL) {
		n = n < len ? n : len;
		if (buf_add(&s->head, data, n, e) == -1)
			return -1;
		if (s->head.len == LOOK_BYTES && start(s, e) == -1)
			return -1;
		data += n;
		len -= n;
	}
	if (len == 0)
		return 0;
	progress_add(s->r.progress, len);
	return sink_write(s->text, data, len, e);
}

static int
fail(struct stream *s, struct err *e)
{
	restore_unfinished(&s->r, e);
	return -1;
}

static int
stream_write(struct sink *base, const void *data, size_t len, struct err *e)
{
	struct stream *s = (struct stream *)base;

	return take(s, data, len, e) == -1 ? fail(s, e) : 0;
}

/* calls of sqltext that do nothing */

static int
no_statement(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	(void)ctx, (void)text, (void)len, (void)line, (void)e;
	return 0;
}

static int
no_rows(void *ctx, const char *data, size_t len, struct err *e)
{
	(void)ctx, (void)data, (void)len, (void)e;
	return 0;
}

static int
no_end(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	return 0;
}

/* A script so short that all of it is here is read before it is begun. */
static int
rehearse(const struct buf *b, struct err *e)
{
	static const struct sqltext_ops ops = { no_statement, no_statement,
		no_rows, no_end, no_statement, NULL };
	struct sink *s = sqltext_reader(&ops, NULL, e);
	int rc = s == NULL || sink_write(s, b->data, b->len, e) == -1 ? -1 :
	    sink_finish(s, e);

	sink_free(s);
	return rc;
}

/* What the script did to its session must not matter to what follows. */
static int
settle_end(struct pg *c, struct err *e)
{
	struct err none = ERR_INIT;

	if (pg_exec(c, "SAVEPOINT pgk", &none) == 0)
		return err_set(e, ERR_CORRUPT, "the script is cut short: it "
		    "ends within a transaction");
	if (strcmp(pg_sqlstate(c), "25P01") != 0) {
		err_pass(e, &none);
		return -1;
	}
	return pg_exec(c, "RESET SESSION AUTHORIZATION; RESET ROLE; "
	    "SET search_path = ''", e);
}

static int
end(struct stream *s, struct err *e)
{
	if (s->text == NULL && (look(s->r.o, &s->head, e) == -1 ||
	    rehearse(&s->head, e) == -1 || start(s, e) == -1))
		return -1;
	if (sink_finish(s->text, e) == -1)
		return -1;
	if (s->open)
		return err_set(e, ERR_CORRUPT, "the script is cut short: it "
		    "does not say \"PostgreSQL database dump complete\"");
	if (settle_end(s->r.main, e) == -1)
		return -1;
	if (s->r.o->analyze && catalog_analyze(&s->r, e) == -1)
		return -1;
	return mark_end(&s->r, e);
}

static int
stream_finish(struct sink *base, struct err *e)
{
	struct stream *s = (struct stream *)base;

	return end(s, e) == -1 ? fail(s, e) : 0;
}

static void
stream_free(struct sink *base)
{
	struct stream *s = (struct stream *)base;

	sink_free(s->text);
	buf_free(&s->head);
	restore_release(&s->r);
	free(s);
}

struct sink *
restore_script(const struct restore_options *o, struct err *e)
{
	static const struct sink_ops ops = { stream_write, stream_finish,
		stream_free };
	struct stream *s;

	if (o->table_count > 0) {
		err_set(e, ERR_USAGE,
		    "-t needs a file of pgk-dump, not a stream");
		return NULL;
	}
	if ((s = calloc(1, sizeof *s)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	s->base.ops = &ops;
	s->head.max = LOOK_BYTES;
	restore_init(&s->r, o);
	s->r.source = o->source != NULL ? o->source : "script";
	if ((s->r.target = pg_target_copy(o->target, e)) == NULL) {
		stream_free(&s->base);
		return NULL;
	}
	s->r.name = pg_target_get(s->r.target, "dbname");
	return &s->base;
}
