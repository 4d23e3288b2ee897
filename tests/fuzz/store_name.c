/*
 * No accepted name leaves the store: whatever passes store_check_name() has
 * only plain parts, and text that does not pass reaches no file.
 */
#include "fuzz.h"

#include "store/store.h"

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const char *const seeds[] = {
		"full/medtranslate_full_20250127_030000.json",
		"wal/0000000100000000/000000010000000000000001.gz.age",
		"RESTORE.txt", "a/../../etc/passwd", "a/./b", "%2E%2E/x",
		".lock-x", "-rf", "a//b", "",
	};
	size_t n = sizeof seeds / sizeof *seeds;

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct fuzz_seed){ seeds[i], strlen(seeds[i]) };
	return n;
}

static void
check_part(const char *part, size_t len)
{
	if (len == 0 || len > 255 || part[0] == '.' || part[0] == '-')
		abort();
	for (size_t i = 0; i < len; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
		    "wxyz0123456789._%-", part[i]) == NULL || part[i] == '\0')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	char *name = malloc(len + 1);
	size_t parts = 0, n;

	if (name == NULL)
		return 0;
	memcpy(name, data, len);
	name[len] = '\0';
	if (store_check_name(name, &e) == 0) {
		for (const char *p = name;; p += n + 1) {
			n = strcspn(p, "/");
			check_part(p, n);
			if (++parts > 8)
				abort();
			if (p[n] == '\0')
				break;
		}
	} else if (e.kind != ERR_USAGE) {
		abort();
	}
	free(name);
	return 0;
}
