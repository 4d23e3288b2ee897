#include "index/index.h"

int
index_lint_found(void *report, const struct policy_finding *x, struct err *e)
{
	static const enum index_severity severity[] = {
		[POLICY_NOTE] = INDEX_NOTE,
		[POLICY_WARNING] = INDEX_WARNING,
		[POLICY_ERROR] = INDEX_ERROR,
	};
	struct index_finding *f = index_add(report, severity[x->severity],
	    x->verdict, e);

	if (f == NULL)
		return -1;
	f->line = x->line;
	return index_name(f, x->schema, x->table, x->index, e) == -1 ||
	    index_fact_text(f, "covered_by", x->covered_by, e) == -1 ||
	    index_text(&f->reason, e, "%s", x->reason) == -1 ? -1 : 0;
}
