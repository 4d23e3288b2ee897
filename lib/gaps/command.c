/* pgk-wal check: what its options say, made into a look and an answer. */
#include "gaps/gaps.h"
#include "log/log.h"
#include "unit/unit.h"

/* What is wrong, a line each on stderr; the exit status says the worst. */
static int
judge(const struct gaps_asked *a, const struct gaps *g, struct err *e)
{
	for (size_t i = 0; i < g->fault_count; i++) {
		bool damaged = g->faults[i].kind == ERR_CORRUPT;

		log_warning("%s%s", damaged ? "damaged: " : "",
		    g->faults[i].text);
	}
	if (g->damaged > 0)
		return err_set(e, ERR_CORRUPT, "%zu %s of the archive %s "
		    "damaged, %zu missing", g->damaged, g->damaged == 1 ?
		    "file" : "files", g->damaged == 1 ? "is" : "are",
		    g->missing);
	a->cli->status_no = g->missing > 0 ||
	    (g->range_count == 0 && g->backup_count == 0);
	return 0;
}

static struct gaps *
look(const struct gaps_asked *a, struct err *e)
{
	struct cli *c = a->cli;
	struct gaps_options o = { .keys = c->keys, .fast = a->fast,
		.threads = c->jobs, .now = unit_now(),
		.keep = c->conf->policy.kind[CONF_WAL].keep };
	struct gaps *g = gaps_look(c->archive, c->repo, &o, e);

	if (g != NULL)
		return g;
	e->hint[0] = '\0';
	if (e->kind == ERR_KEY)
		err_hint(e, "give the identity with --identity, or look at "
		    "names and sizes only with --fast");
	return NULL;
}

int
gaps_command(const struct gaps_asked *a, struct sink *out, struct err *e)
{
	struct gaps *g;
	int rc = -1;

	if (a->json && a->tsv)
		return err_set(e, ERR_USAGE, "--json and --tsv: only one can "
		    "be meant");
	if (cli_open_identities(a->cli, e) == -1 ||
	    cli_open_repo(a->cli, 0, e) == -1 ||
	    cli_open_archive(a->cli, 0, e) == -1 || (g = look(a, e)) == NULL)
		return -1;
	if (gaps_print(g, a->json ? GAPS_JSON : a->tsv ? GAPS_TSV :
	    GAPS_TABLE, out, e) == 0)
		rc = judge(a, g, e);
	gaps_free(g);
	return rc;
}
