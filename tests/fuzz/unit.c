/* unit: any word is parsed or refused, and what is parsed is in range. */
#define FUZZ_REPLAY_COUNT 200000
#include "fuzz.h"

#include "unit/unit.h"

static const char *const words[] = { "1h30m", "30d", "12w", "64kB", "2GB",
	"18446744073709551615", "-9223372036854775808",
	"2025-01-27T03:00:00Z", "2025-01-27T12:00:00.5+09:00", "Asia/Seoul" };

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	size_t n = sizeof words / sizeof *words;

	for (size_t i = 0; i < n && i < max; i++)
		out[i] = (struct fuzz_seed){ words[i], strlen(words[i]) };
	return n < max ? n : max;
}

static void
must(int good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char word[256], text[UNIT_TEXT_MAX];
	int64_t n, again;
	uint64_t bytes;
	struct err e = ERR_INIT;

	if (len >= sizeof word)
		return 0;
	memcpy(word, data, len);
	word[len] = '\0';
	if (unit_parse_duration(word, &n, NULL) == 0) {
		must(n >= 0 && n <= INT64_C(3155760000));
		must(unit_parse_duration(unit_duration(n, text), &again,
		    NULL) == 0 && again == n);
	}
	if (unit_parse_size(word, &bytes, NULL) == 0)
		must(unit_size(bytes, text)[0] != '\0');
	if (unit_parse_number(word, -5, 70000, &n, &e) == 0)
		must(n >= -5 && n <= 70000);
	else
		must(e.kind == ERR_USAGE);
	if (unit_parse_rfc3339(word, &n, NULL) == 0 && n >= -62167219200 &&
	    n <= INT64_C(253402300799))
		must(unit_parse_rfc3339(unit_rfc3339(n, text), &again,
		    NULL) == 0 && again == n);
	return 0;
}
