/*
 * lsn_history: a history that is taken is in order and answers for each LSN;
 * a name that is taken is written the same again.
 */
#define FUZZ_REPLAY_COUNT 200000
#include "fuzz.h"

#include "lsn/lsn.h"

static const char *const texts[] = {
	"1\t0/3000000\tno recovery target specified\n",
	"1\t0/3000000\tx\n2 0/5000060\tbefore 2025-01-27 03:00:00+09\n",
	"# remark\n\n  9 9/9 at restore point \"a\"\r\n10 FFFFFFFF/FFFFFFFF",
	"000000010000000000000001", "0000000A00000001000000FF.partial",
	"000000010000000000000001.00000028.backup", "00000010.history",
	"16/B374D848" };

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

static void
history(const char *data, size_t len)
{
	struct lsn_history h;
	struct err e = ERR_INIT;

	if (lsn_history_parse(data, len, 1000, &h, &e) == -1) {
		must(e.kind == ERR_CORRUPT);
		return;
	}
	must(h.count > 0);
	for (size_t i = 0; i < h.count; i++) {
		uint64_t end = h.items[i].end;
		uint32_t timeline = h.items[i].timeline;

		must(timeline > 0 && timeline < 1000);
		must(i == 0 || (timeline > h.items[i - 1].timeline &&
		    end >= h.items[i - 1].end));
		must(lsn_history_end(&h, timeline) == end);
		must(lsn_history_at(&h, end) > timeline);
		must(end == 0 || lsn_history_at(&h, end - 1) <= timeline);
	}
	lsn_history_free(&h);
}

static void
word(const char *text, uint32_t size)
{
	char again[LSN_NAME_MAX];
	struct lsn_name n;
	struct err e = ERR_INIT;
	uint64_t lsn, same;

	if (lsn_parse_name(text, size, &n, &e) == 0)
		must(strcmp(lsn_write_name(&n, size, again), text) == 0);
	else
		must(e.kind == ERR_USAGE);
	if (lsn_parse(text, &lsn, NULL) == 0)
		must(lsn_parse(lsn_text(lsn, again), &same, NULL) == 0 &&
		    same == lsn);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[128];

	history((const char *)data, len);
	if (len >= sizeof text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	for (unsigned shift = 20; shift <= 30; shift++)
		word(text, (uint32_t)1 << shift);
	return 0;
}
