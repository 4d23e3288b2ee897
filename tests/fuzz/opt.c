/* opt: any words are taken or refused, and operands stay within argv. */
#define FUZZ_REPLAY_COUNT 100000
#include "fuzz.h"

#include "opt/opt.h"

#define WORDS_MAX 32

static bool flag;
static const char *word;

static int
take(void *ctx, const char *value, struct err *e)
{
	(void)ctx;
	return value[0] == 'x' ? err_set(e, ERR_USAGE, "\"%s\"", value) : 0;
}

static const struct opt table[] = {
	{ 'j', "jobs", "N", "help", take, NULL, NULL, NULL },
	{ 'v', "verbose", NULL, "help", NULL, &flag, NULL, NULL },
	{ 'o', "output", "FILE", "help", NULL, NULL, &word, "FILE" },
	{ .name = NULL },
};
static const struct opt *const tables[] = { table, NULL };
static const struct opt_tool tool = { "t", "T.", "[OPTION]...", tables, NULL,
	0, 3, "1" };

/* Words end with a NUL byte. */
static const char first[] = "-vj4\0--jobs=5\0--output\0-\0db";
static const char second[] = "--\0-v\0--jobs\0";
static const char third[] = "-o\0a\0-vvv\0--verbose=1\0-jx";

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	if (max < 3)
		return 0;
	out[0] = (struct fuzz_seed){ first, sizeof first };
	out[1] = (struct fuzz_seed){ second, sizeof second };
	out[2] = (struct fuzz_seed){ third, sizeof third };
	return 3;
}

static bool
prints(const char *w)
{
	return strncmp(w, "--help", 6) == 0 || strncmp(w, "--opti", 6) == 0 ||
	    strncmp(w, "--comp", 6) == 0 || strncmp(w, "--vers", 6) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[1024], *argv[WORDS_MAX + 1] = { "t" };
	const char *const *operands = NULL;
	struct err e = ERR_INIT;
	unsigned count = 0;
	bool done;
	int argc = 1, rc;

	if (len >= sizeof text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	for (char *w = text; w < text + len && argc < WORDS_MAX;
	    w += strlen(w) + 1)
		if (!prints(w)) /* stdout is the fuzzer's */
			argv[argc++] = w;
	argv[argc] = NULL;
	rc = opt_parse(&tool, argc, argv, &done, &operands, &count, &e);
	if ((rc == -1) != (e.kind == ERR_USAGE))
		abort();
	if (rc == 0 && (count > 3 || (int)count >= argc + 1))
		abort();
	for (unsigned i = 0; rc == 0 && i < count; i++)
		if (operands[i] < text || operands[i] > text + len)
			abort();
	return 0;
}
