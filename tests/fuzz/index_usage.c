/*
 * index_usage: a sample of usage that is taken has its indexes in order, and
 * is the same when written and read again.
 */
#define FUZZ_REPLAY_COUNT 200000
#include "fuzz.h"

#include "index/usage.h"

#define HEAD "pgk-usage\t1\ncluster\t7312345678901234567\ndatabase\tmedtranslate\n"
#define NODE "node\tdb1:5432\tprimary\t2026-01-02T03:04:05Z\t2025-11-01T00:00:00Z\n"
#define SUM "c3c88a1e2f3a665d9a766acf003999fd"

static const char *const texts[] = {
	HEAD NODE "end\n",
	HEAD NODE "index\tpublic\tmessages\tidx_a\t" SUM
	    "\t12\t40\t8192\t7\t2026-01-01T00:00:00Z\n"
	    "index\tpublic\tmessages\tidx_b\\t\\x07\xea\xb0\x80\t" SUM
	    "\t0\t0\t0\t0\t-\n" "node\t/run:5433\tstandby\t2026-01-02T03:04:06Z\t-\n"
	    "index\tpublic\tmessages\tidx_a\t" SUM "\t1\t1\t8192\t0\t-\nend\n",
	HEAD "end\n", "pgk-usage\t2\n", HEAD NODE "index\n",
};

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	size_t n = sizeof texts / sizeof *texts;

	for (size_t i = 0; i < n && i < max; i++)
		out[i] = (struct fuzz_seed){ texts[i], strlen(texts[i]) };
	return n < max ? n : max;
}

static void
must(int good)
{
	if (!good)
		abort();
}

/* Every index is found where it stands. */
static void
look(const struct usage_sample *s)
{
	must(s->count > 0 && s->count <= USAGE_NODES_MAX);
	for (size_t k = 0; k < s->count; k++)
		for (size_t i = 0; i < s->nodes[k].count; i++) {
			const struct usage_index *x = &s->nodes[k].all[i];

			must(usage_find(&s->nodes[k], x->schema, x->name) ==
			    x);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct usage_sample s, t;
	struct err e = ERR_INIT;

	if (usage_parse((const char *)data, len, &s, &e) == -1) {
		must(e.kind == ERR_CORRUPT);
		return 0;
	}
	look(&s);
	if (usage_format(&s, &text, &e) == 0) {
		must(usage_parse(text.data, text.len, &t, &e) == 0);
		must(usage_format(&t, &again, &e) == 0);
		must(text.len == again.len &&
		    memcmp(text.data, again.data, text.len) == 0);
		usage_sample_free(&t);
	}
	usage_sample_free(&s);
	buf_free(&text);
	buf_free(&again);
	return 0;
}
