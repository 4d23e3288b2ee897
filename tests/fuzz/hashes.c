/*
 * hashes: any bytes are refused as damage, or are hashes of files that are all
 * found again, with as many blocks as the file says.
 */
#include "fuzz.h"

#include "base/hashes.h"

static void
look_up(struct hashes *h, const unsigned char *raw, uint64_t left)
{
	static uint64_t out[131072];
	struct err e = ERR_INIT;
	struct hashes_entry x;
	const struct hashes_entry *found;

	if (hashes_get_entry(raw, &x) == -1)
		abort();
	found = hashes_find(h, &x.relation);
	if (found == NULL || found->first != x.first ||
	    found->relation.blocks != x.relation.blocks ||
	    x.relation.blocks > left || hashes_read(h, found, out, &e) == -1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct hashes *h = hashes_open(blob_mem(data, len, &e), &e);
	uint64_t files;

	if (h == NULL) {
		if (e.kind != ERR_CORRUPT && e.kind != ERR_NOMEM)
			abort();
		return 0;
	}
	memcpy(&files, data + len - HASHES_TAIL, 8);
	for (uint64_t i = 0; i < files; i++)
		look_up(h, data + len - HASHES_TAIL - (files - i) *
		    HASHES_ENTRY, len / 8);
	hashes_close(h);
	return 0;
}

static void
put(unsigned char *file, size_t at, uint32_t relation, uint32_t blocks,
    uint64_t first)
{
	const struct hashes_entry x = { { 0, { 5, relation, 0, PAGE_MAIN,
	    false }, blocks }, first };

	hashes_put_entry(&x, file + at);
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static unsigned char empty[HASHES_HEAD + HASHES_TAIL];
	static unsigned char three[sizeof empty + 7 * 8 + 3 * HASHES_ENTRY];
	size_t index = HASHES_HEAD + 7 * 8;

	(void)max;
	memcpy(empty, HASHES_MAGIC, 16);
	memcpy(empty + sizeof empty - 16, HASHES_END, 16);
	memcpy(three, HASHES_MAGIC, 16);
	put(three, index, 9, 4, 0);
	put(three, index + HASHES_ENTRY, 7, 2, 4);
	put(three, index + 2 * HASHES_ENTRY, 8, 1, 6);
	three[sizeof three - HASHES_TAIL] = 3;
	three[sizeof three - HASHES_TAIL + 8] = 7;
	memcpy(three + sizeof three - 16, HASHES_END, 16);
	out[0] = (struct fuzz_seed){ empty, sizeof empty };
	out[1] = (struct fuzz_seed){ three, sizeof three };
	return 2;
}
