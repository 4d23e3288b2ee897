/*
 * pgk-cat: any artifact, decrypted and decompressed, on stdout.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "digest/digest.h"
#include "piece/piece.h"
#include "source/source.h"
#include "sqltext/sqltext.h"
#include "unpack/unpack.h"

#define TABLES_MAX 256

struct table {
	char schema[256], name[256];
	bool found;
};

struct tool {
	struct cli cli; /* first */
	const char *output, *role;
	struct table tables[TABLES_MAX];
	size_t table_count;
};

static int
take_table(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;
	struct table *x = &t->tables[t->table_count];
	const char *at = value;

	if (t->table_count == TABLES_MAX)
		return err_set(e, ERR_USAGE, "given more than %d times",
		    TABLES_MAX);
	if (!sqltext_name(&at, x->schema, x->name) || *at != '\0')
		return err_set(e, ERR_USAGE, "\"%s\" is no SCHEMA.TABLE",
		    value);
	t->table_count++;
	return 0;
}

static struct tool tool = { .cli = CLI_INIT("pgk-cat") };

static const struct opt options[] = {
	{ 't', "table", "SCHEMA.TABLE", "only the rows of this table, as COPY",
	    take_table, NULL, NULL, NULL },
	{ 'o', "output", "FILE", "write to FILE instead of stdout",
	    NULL, NULL, &tool.output, "FILE" },
	{ 0, "object", "ROLE",
	    "which object of a set: sql (default) or globals",
	    NULL, NULL, &tool.role, "sql globals" },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, cli_decrypt_options,
	cli_store_options, cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-cat",
	.purpose = "write a backup's content, decrypted and decompressed.",
	.usage = "[OPTION]... SET|latest[:KIND[:DATABASE]]|FILE|-",
	.tables = tables,
	.ctx = &tool,
	.operands_min = 1,
	.operands_max = 1,
};

static bool
is_wanted(struct tool *t, const struct piece *p)
{
	bool wanted = t->table_count == 0;

	for (size_t i = 0; i < t->table_count && p->kind == PIECE_COPY; i++) {
		struct table *x = &t->tables[i];

		if (strcmp(x->name, p->table) == 0 && (x->schema[0] == '\0' ||
		    strcmp(x->schema, p->schema) == 0))
			wanted = x->found = true;
	}
	return wanted;
}

static int
write_text(struct sink *out, const char *word, const char *key, struct err *e)
{
	if (key == NULL)
		return 0;
	return sink_write(out, word, strlen(word), e) == -1 ||
	    sink_write(out, key, strlen(key), e) == -1 ||
	    sink_write(out, "\n", 1, e) == -1 ? -1 : 0;
}

/* The number of the database asked for; -1 for all, -2 with *e. */
static int
database_number(const struct piece_index *x, const char *name, struct err *e)
{
	if (name == NULL)
		return -1;
	for (unsigned i = 0; i < piece_databases(x); i++)
		if (strcmp(piece_database(x, i), name) == 0)
			return (int)i;
	err_set(e, ERR_ABSENT, "the set has no database \"%s\"", name);
	return -2;
}

static int
check_found(const struct tool *t, struct err *e)
{
	for (size_t i = 0; i < t->table_count; i++)
		if (!t->tables[i].found)
			return err_set(e, ERR_ABSENT, "there are no rows of "
			    "table \"%s%s%s\"", t->tables[i].schema,
			    t->tables[i].schema[0] ? "." : "",
			    t->tables[i].name);
	return 0;
}

/* Some pieces of a file with an index; each is proven before it is written. */
static int
cat_pieces(struct tool *t, struct source *s, struct sink *out, struct err *e)
{
	struct piece_index *x = piece_open(s->blob, e);
	struct piece_reader *r = NULL;
	const char *key;
	int number, rc = -1;

	if (x == NULL && e->kind == ERR_ABSENT) {
		err_clear(e);
		return err_set(e, ERR_REFUSED, "\"%s\" has no index of its "
		    "tables: it was not made by pgk-dump", s->name);
	}
	if (x == NULL || (number = database_number(x, s->database, e)) == -2 ||
	    (r = piece_reader_new(s->blob, x, e)) == NULL)
		goto done;
	/* a whole database's script has its own; rows alone need it as much */
	key = t->table_count > 0 ? piece_fact(x, "restrict") : NULL;
	if (write_text(out, "\\restrict ", key, e) == -1)
		goto done;
	for (size_t i = 0; i < piece_count(x); i++) {
		const struct piece *p = piece_at(x, i);

		if ((number == -1 || (int)p->database == number) &&
		    is_wanted(t, p) && piece_read(r, p, out, e) == -1)
			goto done;
	}
	if (write_text(out, "\\unrestrict ", key, e) == 0)
		rc = check_found(t, e);
done:
	piece_reader_free(r);
	piece_index_free(x);
	return rc;
}

static int
cat(struct tool *t, struct source *s, struct sink *out, struct err *e)
{
	if (t->table_count > 0 || s->database != NULL) {
		if (source_unpack(s, t->cli.keys, e) == -1)
			return -1;
		return cat_pieces(t, s, out, e);
	}
	return source_send(s, t->cli.keys, out, e);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;
	struct source s = SOURCE_INIT;
	struct sink *out = NULL;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if (cli_open_identities(c, &e) == 0 &&
	    source_open(&s, c, c->operands[0],
	    tool.role != NULL ? tool.role : "sql", &e) == 0) {
		out = tool.output != NULL ? sink_file(tool.output, &e) :
		    sink_fd(STDOUT_FILENO, "stdout", &e);
		if (out != NULL && cat(&tool, &s, out, &e) == 0)
			sink_finish(out, &e);
	}
	sink_free(out);
	source_close(&s);
	return cli_end(c, &e);
}
