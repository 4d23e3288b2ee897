/*
 * Any text as an age header: the end is found at the same place however much
 * is there, and what parses keeps within its bounds.
 */
#include "fuzz.h"

#include "../lib/age_make.h"

static void
prepare(void)
{
	static struct age_keys keys;

	if (keys.identities == 0)
		make_keys(&keys);
}

/* Searched a little at a time, the answer is that of the whole. */
static void
check_end(const char *text, size_t len, int rc, size_t end)
{
	size_t seen = 0, at = 0;
	struct err e = ERR_INIT;
	int found = 0;

	for (size_t n = 0; n <= len && found == 0; n += 37)
		found = age_header_end(text, n, &seen, &at, &e);
	if (found == 1 && (rc != 1 || at != end))
		abort();
	if (rc == 0 && found != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct age_header h;
	const char *text = (const char *)data;
	struct err e = ERR_INIT;
	size_t seen = 0, end = 0;
	unsigned char note[3];
	int rc;

	prepare();
	rc = age_header_end(text, len, &seen, &end, &e);
	check_end(text, len, rc, end);
	if (rc == -1 && e.kind != ERR_CORRUPT)
		abort();
	if (rc != 1)
		return 0;
	if (end > len || end > AGE_HEADER_MAX)
		abort();
	err_clear(&e);
	if (age_header_parse(text, end, &h, &e) == -1) {
		if (e.kind != ERR_CORRUPT)
			abort();
		return 0;
	}
	if (h.stanzas == 0 || h.x25519s > AGE_STANZAS_MAX ||
	    h.x25519s > h.stanzas || (h.has_scrypt && h.stanzas != 1) ||
	    h.covered >= end || memcmp(text + h.covered - 3, "---", 3) != 0)
		abort();
	if (age_header_note(text, end, "note", note, sizeof note, &e) == -1 &&
	    e.kind != ERR_CORRUPT)
		abort();
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static struct buf seeds[4] = { BUF_INIT(1 << 20), BUF_INIT(1 << 20),
		BUF_INIT(1 << 20), BUF_INIT(1 << 20) };

	(void)max;
	prepare();
	make_file(&seeds[0], "$v$x$m");
	make_file(&seeds[1], "$v$s$m");
	make_file(&seeds[2], "$v-> a ! ~\nAAAA\n$o$x-> note AAAA\n\n$m$p");
	make_file(&seeds[3], "$v-> large x y z\n");
	for (unsigned i = 0; i < 20; i++)
		make_file(&seeds[3], "AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH"
		    "IIIIJJJJKKKKLLLLMMMMNNNNOOOOPPPP\n");
	make_file(&seeds[3], "\n$m");
	for (size_t i = 0; i < 4; i++)
		out[i] = (struct fuzz_seed){ seeds[i].data, seeds[i].len };
	return 4;
}
