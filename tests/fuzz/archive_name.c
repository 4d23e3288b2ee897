/*
 * archive_name: what is taken for an object of the archive bears exactly the
 * name that it would be given.
 */
#define FUZZ_REPLAY_COUNT 200000
#include "fuzz.h"

#include "archive/archive_int.h"

static const char *const names[] = { "000000010000000000000001.gz",
	"0000000A00000001000000FF.partial.zst.age",
	"000000010000000000000001.00000028.backup.gz", "00000010.history.age",
	"000000010000000000000001.partial.00000000.00100000.gz",
	"000000010000000000000001.partial.000FFFFF.00100000",
	"system-identifier" };

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	size_t n = sizeof names / sizeof *names;

	for (size_t i = 0; i < n && i < max; i++)
		out[i] = (struct fuzz_seed){ names[i], strlen(names[i]) };
	return n < max ? n : max;
}

static void
must(int good)
{
	if (!good)
		abort();
}

static void
one(const char *leaf, uint32_t size)
{
	struct archive_variant v, again;
	struct archive_file f, same;
	const char *slash;

	if (!archive_parse_leaf(leaf, size, &f, &v))
		return;
	slash = strrchr(f.object, '/');
	must(slash != NULL && strcmp(slash + 1, leaf) == 0);
	must(store_check_name(f.object, NULL) == 0);
	must(f.name.timeline > 0);
	must(f.run ? f.begin < f.end && f.end <= size &&
	    f.name.kind == LSN_SEGMENT : f.begin == 0 && f.end == 0);
	must(archive_parse_leaf(slash + 1, size, &same, &again) &&
	    strcmp(same.object, f.object) == 0 && same.run == f.run &&
	    same.begin == f.begin && same.end == f.end &&
	    same.name.segment == f.name.segment && again.codec == v.codec &&
	    again.encrypted == v.encrypted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char leaf[300];

	if (len >= sizeof leaf)
		return 0;
	memcpy(leaf, data, len);
	leaf[len] = '\0';
	one(leaf, (uint32_t)1 << 20);
	one(leaf, LSN_SEGMENT_SIZE);
	one(leaf, (uint32_t)1 << 30);
	return 0;
}
