/*
 * pgk-prune: delete the sets that the policy no longer keeps.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "cli/cli.h"
#include "form/form.h"
#include "prune/prune.h"
#include "unit/unit.h"

struct tool {
	struct cli cli; /* first */
	bool dry_run;
	bool allow_shrunken;
	unsigned min_keep;
	enum repo_kind kinds[REPO_KINDS];
	size_t kind_count;
};

static struct tool tool = { .cli = CLI_INIT("pgk-prune"), .min_keep = 1 };

static int
take_min_keep(void *ctx, const char *value, struct err *e)
{
	int64_t n;

	if (unit_parse_number(value, 1, INT_MAX, &n, e) == -1)
		return -1;
	((struct tool *)ctx)->min_keep = (unsigned)n;
	return 0;
}

static const struct opt options[] = {
	{ 'n', "dry-run", NULL, "say what would go and why; delete nothing",
	    NULL, &tool.dry_run, NULL, NULL },
	{ 0, "min-keep", "N",
	    "keep the newest N of every database, or chains (default 1)",
	    take_min_keep, NULL, NULL, NULL },
	{ 0, "allow-shrunken", NULL,
	    "go on though a newest set is less than half of the one before",
	    NULL, &tool.allow_shrunken, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, cli_store_options,
	cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-prune",
	.purpose = "delete the backups that the policy no longer keeps.",
	.usage = "[OPTION]... [full|incremental|wal|snapshot]...",
	.tables = tables,
	.ctx = &tool,
	.operands_max = REPO_KINDS,
};

static bool
has_keep(const struct tool *t, enum repo_kind kind)
{
	const struct conf_policy *row = &t->cli.conf->policy.kind[kind];

	return row->set && row->keep > 0;
}

static bool
is_chosen(const struct tool *t, enum repo_kind kind)
{
	for (size_t i = 0; i < t->kind_count; i++)
		if (t->kinds[i] == kind)
			return true;
	return false;
}

/*
 * The kinds named must have something to say how long they are kept, and so
 * must one of all: a prune that by a slip of the configuration can never
 * delete anything is not well.
 */
static int
choose_kinds(struct tool *t, struct err *e)
{
	bool any = false;
	enum repo_kind kind;

	for (unsigned i = 0; i < t->cli.operand_count; i++) {
		if (repo_kind_parse(t->cli.operands[i], &kind, e) == -1)
			return -1;
		if (!has_keep(t, kind)) {
			err_set(e, ERR_CONF, "the policy does not say how "
			    "long kind \"%s\" is kept",
			    repo_kind_name(kind));
			return err_hint(e, "%s = EVERY KEEP RPO RTO AT, under "
			    "[policy] in pgk.conf", repo_kind_name(kind));
		}
		if (!is_chosen(t, kind))
			t->kinds[t->kind_count++] = kind;
	}
	if (t->kind_count > 0)
		return 0;
	for (unsigned i = 0; i < REPO_KINDS; i++) {
		t->kinds[t->kind_count++] = (enum repo_kind)i;
		any = any || has_keep(t, (enum repo_kind)i);
	}
	if (any)
		return 0;
	err_set(e, ERR_CONF, "the policy does not say how long backups are "
	    "kept");
	return err_hint(e, "full = 1d 30d 24h 4h 0 3 * * *, under [policy] in "
	    "pgk.conf, keeps them 30 days");
}

static void
report(void *ctx, const struct prune_decision *d, bool done)
{
	const struct tool *t = ctx;
	const char *kind = repo_kind_name(d->set->kind);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (t->cli.quiet || (!done && t->cli.verbose == 0 && !t->dry_run))
		return;
	/* a reason may hold a database's name */
	if (form_name(&b, d->reason, false, false, NULL) == 0)
		printf("%s %s/%s: %s\n", !done ? "keep" : t->dry_run ?
		    "would delete" : "deleted", kind, d->set->name, b.data);
	buf_free(&b);
}

static void
report_wal(void *ctx, const struct prune_range *r, bool done)
{
	const struct tool *t = ctx;

	if (t->cli.quiet || (!done && t->cli.verbose == 0 && !t->dry_run))
		return;
	printf("%s wal/%s", !done ? "keep" : t->dry_run ? "would delete" :
	    "deleted", r->name);
	if (r->segments > 1)
		printf(" (%" PRIu64 ")", r->segments);
	printf(": %s\n", r->reason);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if (choose_kinds(&tool, &e) == 0 && cli_open_repo(c, 0, &e) == 0 &&
	    cli_open_history_keys(c, &e) == 0) {
		struct prune_options o = {
			.conf = c->conf,
			.kinds = tool.kinds,
			.kind_count = tool.kind_count,
			.min_keep = tool.min_keep,
			.dry_run = tool.dry_run,
			.allow_shrunken = tool.allow_shrunken,
			.now = unit_now(),
			.report = report,
			.report_wal = report_wal,
			.keys = c->keys,
			.ctx = &tool,
		};

		prune_run(&o, c->repo, &e);
	}
	return cli_end(c, &e);
}
