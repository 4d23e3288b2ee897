/*
 * pgk-list: the catalogue: a table for people, TSV and JSON for pipes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "list/list.h"
#include "log/log.h"
#include "unit/unit.h"

struct tool {
	struct cli cli; /* first */
	bool json, tsv;
	struct repo_list all;
	struct list_base *bases; /* of each set, or NULL */
	unsigned bad_count;
	struct err bad; /* the first */
};

static struct tool tool = { .cli = CLI_INIT("pgk-list") };

static const struct opt options[] = {
	{ 0, "json", NULL, "print a JSON list: every set's .json, and sums",
	    NULL, &tool.json, NULL, NULL },
	{ 0, "tsv", NULL, "print tab-separated values with headings",
	    NULL, &tool.tsv, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, cli_store_options,
	cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-list",
	.purpose = "list the backups in the store.",
	.usage = "[OPTION]... [full|incremental|wal|snapshot]",
	.tables = tables,
	.ctx = &tool,
	.operands_max = 1,
};

static void
note_bad(void *ctx, const char *name, const struct err *why)
{
	struct tool *t = ctx;

	(void)name; /* the text names it */
	log_warning("damaged: %s", why->text);
	err_pass(&t->bad, why);
	t->bad_count++;
}

/* Move a kind's sets to the others. */
static int
add_kind(struct tool *t, enum repo_kind kind, struct err *e)
{
	struct repo_list list;
	void *p;

	if (repo_list(t->cli.repo, kind, &list, note_bad, t, e) == -1)
		return -1;
	p = reallocarray(t->all.sets, t->all.count + list.count + 1,
	    sizeof *list.sets);
	if (p == NULL) {
		repo_list_free(&list);
		return err_nomem(e);
	}
	t->all.sets = p;
	for (size_t i = 0; i < list.count; i++)
		t->all.sets[t->all.count++] = list.sets[i];
	free(list.sets);
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct repo_set *x = *(struct repo_set *const *)a;
	const struct repo_set *y = *(struct repo_set *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static int
gather(struct tool *t, struct err *e)
{
	enum repo_kind only;

	if (t->cli.operand_count == 1) {
		if (repo_kind_parse(t->cli.operands[0], &only, e) == -1)
			return -1;
		if (only == REPO_WAL)
			log_hint("the log has no sets: pgk-wal check --fast "
			    "shows what there is of it");
		return add_kind(t, only, e);
	}
	for (unsigned i = 0; i < REPO_KINDS; i++)
		if (add_kind(t, (enum repo_kind)i, e) == -1)
			return -1;
	qsort(t->all.sets, t->all.count, sizeof *t->all.sets, by_time);
	return 0;
}

static int
look_at_wal(struct tool *t, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < t->all.count; i++)
		any = any || t->all.sets[i]->method != NULL;
	if (any && cli_open_spare_identities(&t->cli, e) == -1)
		return -1;
	return list_bases(t->cli.repo, t->cli.keys, t->all.sets,
	    t->all.count, &t->bases, e);
}

static int
print(struct tool *t, struct err *e)
{
	struct sink *out = sink_fd(STDOUT_FILENO, "stdout", e);
	struct repo_list *l = &t->all;
	int64_t now = unit_now();
	int rc = 0;

	if (out == NULL)
		return -1;
	if (t->json)
		rc = list_json(t->cli.repo, l->sets, t->bases, l->count, now,
		    out, e);
	else if (t->tsv)
		rc = list_tsv(l->sets, t->bases, l->count, now, out, e);
	else if (l->count > 0)
		rc = list_table(l->sets, t->bases, l->count,
		    t->cli.conf->policy.time_zone, now, out, e);
	if (rc == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if (tool.json && tool.tsv)
		err_set(&e, ERR_USAGE, "--json and --tsv: only one can be "
		    "meant");
	else if (cli_open_repo(c, 0, &e) == 0 && gather(&tool, &e) == 0 &&
	    look_at_wal(&tool, &e) == 0 && print(&tool, &e) == 0 && tool.bad_count > 0)
		err_set(&e, tool.bad.kind, "%u %s cannot be read or %s "
		    "damaged", tool.bad_count, tool.bad_count == 1 ? "set" :
		    "sets", tool.bad_count == 1 ? "is" : "are");
	c->status_no = tool.all.count == 0;
	free(tool.bases);
	repo_list_free(&tool.all);
	return cli_end(c, &e);
}
