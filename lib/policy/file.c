#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "policy/policy_int.h"
#include "sqltext/sqltext.h"

/* What reads a file's statements. */
struct loader {
	struct policy *file;
	const struct policy_report *report; /* NULL: a bad one ends it */
};

void
policy_statement_free(struct policy_statement *s)
{
	free(s->name);
	free(s->schema);
	free(s->table);
	free(s->rest);
	free(s->method);
	free(s->with);
	free(s->predicate);
	for (size_t i = 0; i < s->key_count; i++) {
		free(s->keys[i].what);
		free(s->keys[i].kind);
	}
	for (size_t i = 0; i < s->include_count; i++)
		free(s->included[i]);
}

void
policy_free(struct policy *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		policy_statement_free(&f->all[i]);
	free(f->all);
	free(f->path);
	free(f);
}

/* A statement that is refused: a finding, or the end of it. */
static int
refuse(struct loader *l, uint64_t line, const char *why, struct err *e)
{
	const struct policy_finding f = { .severity = POLICY_ERROR,
		.verdict = "REFUSED", .line = line, .reason = why };

	if (l->report != NULL)
		return l->report->found(l->report->ctx, &f, e);
	return err_set(e, ERR_CONF, "\"%s\" line %llu: %s", l->file->path,
	    (unsigned long long)line, why);
}

static struct policy_statement *
next_statement(struct policy *f, struct err *e)
{
	void *p = buf_more(f->all, f->count, sizeof *f->all, e);

	if (p == NULL)
		return NULL;
	f->all = p;
	return &f->all[f->count];
}

static int
on_statement(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct loader *l = ctx;
	struct policy_statement *s = next_statement(l->file, e);
	struct err why = ERR_INIT;

	(void)len;
	if (s == NULL)
		return -1;
	s->line = line;
	if (policy_parse_statement(text, s, &why) == 0) {
		l->file->count++;
		return 0;
	}
	policy_statement_free(s);
	return why.kind == ERR_CONF ? refuse(l, line, why.text, e) :
	    err_pass(e, &why);
}

static int
on_copy(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	(void)text;
	(void)len;
	return refuse(ctx, line, "COPY is no CREATE INDEX", e);
}

static int
on_rows(void *ctx, const char *data, size_t len, struct err *e)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)e;
	return 0; /* of a COPY refused above */
}

static int
on_copy_end(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

/* What stops psql at the first error is no harm. */
static int
on_meta(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	static const char allowed[] = "\\set ON_ERROR_STOP";
	size_t n = sizeof allowed - 1;

	if (len >= n && memcmp(text, allowed, n) == 0 &&
	    (len == n || text[n] == ' ' || text[n] == '\t'))
		return 0;
	return refuse(ctx, line, "a psql command is no CREATE INDEX", e);
}

static const struct sqltext_ops ops = { on_statement, on_copy, on_rows,
	on_copy_end, on_meta, NULL };

/* A file cut short or with a NUL byte: a mistake in the file, said as such. */
static int
blame(struct loader *l, struct err *why, struct err *e)
{
	if (why->kind != ERR_CORRUPT)
		return err_pass(e, why);
	return err_set(e, ERR_CONF, "\"%s\": %s", l->file->path, why->text);
}

struct policy *
policy_parse(const char *text, size_t len, const char *path,
    const struct policy_report *report, struct err *e)
{
	struct loader l = { calloc(1, sizeof *l.file), report };
	struct err why = ERR_INIT;
	struct sink *s;

	if (l.file == NULL || (l.file->path = strdup(path)) == NULL) {
		err_nomem(e);
		policy_free(l.file);
		return NULL;
	}
	s = sqltext_reader(&ops, &l, &why);
	if (s == NULL || sink_write(s, text, len, &why) == -1 ||
	    sink_finish(s, &why) == -1) {
		blame(&l, &why, e);
		policy_free(l.file);
		l.file = NULL;
	}
	sink_free(s);
	return l.file;
}

/* Like fsx_slurp(), but from pipes too. */
static int
slurp(int fd, const char *name, struct buf *text, struct err *e)
{
	ssize_t n;

	do {
		if (buf_reserve(text, 65536, e) == -1)
			return err_prefix(e, "\"%s\"", name);
		n = fsx_read(fd, text->data + text->len, 65536, name, e);
		if (n > 0)
			text->len += (size_t)n;
	} while (n > 0);
	return n == 0 ? 0 : -1;
}

int
policy_slurp(const char *path, const char **name, struct buf *text,
    struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	*name = is_stdin ? "stdin" : path;
	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no file \"%s\"",
		    path);
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"", path);
	rc = slurp(fd, *name, text, e);
	if (!is_stdin)
		fsx_close(fd);
	return rc;
}

struct policy *
policy_load(const char *path, const struct policy_report *report,
    struct err *e)
{
	struct buf text = BUF_INIT(POLICY_TEXT_MAX + 65536);
	struct policy *f = NULL;
	const char *name;

	if (policy_slurp(path, &name, &text, e) == 0)
		f = policy_parse(text.data, text.len, name, report, e);
	buf_free(&text);
	return f;
}
