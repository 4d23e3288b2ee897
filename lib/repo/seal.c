/*
 * The last line of a .json is the sum of all bytes before it, so that a
 * flipped bit in a host name is found as surely as one in a number. It
 * proves nothing about who wrote it: that is the signature's work.
 */
#include <string.h>

#include "repo/repo_int.h"

static const char before[] = "  \"sum\": \"";
static const char after[] = "\"\n}\n";

#define SEAL_SIZE (sizeof before - 1 + DIGEST_HEX - 1 + sizeof after - 1)

int
repo_seal(struct buf *json, struct err *e)
{
	static const char end[] = "\n}\n";
	size_t cut = sizeof end - 1;
	char hex[DIGEST_HEX];
	struct digest sum;

	if (json->len < cut || memcmp(json->data + json->len - cut, end,
	    cut) != 0)
		return err_set(e, ERR_CORRUPT, "the description has no end");
	json->len -= cut;
	if (buf_str(json, ",\n", e) == -1)
		return -1;
	digest_of(json->data, json->len, &sum);
	return buf_fmt(json, e, "%s%s%s", before, digest_hex(&sum, hex),
	    after);
}

int
repo_check_seal(const char *json, size_t len, struct err *e)
{
	char hex[DIGEST_HEX];
	const char *line;
	struct digest sum;

	if (len < SEAL_SIZE)
		goto bad;
	line = json + len - SEAL_SIZE;
	digest_of(json, len - SEAL_SIZE, &sum);
	digest_hex(&sum, hex);
	if (memcmp(line, before, sizeof before - 1) != 0 ||
	    memcmp(line + sizeof before - 1, hex, DIGEST_HEX - 1) != 0 ||
	    memcmp(json + len - (sizeof after - 1), after,
	    sizeof after - 1) != 0)
		goto bad;
	return 0;
bad:
	return err_set(e, ERR_CORRUPT, "its bytes are not those that were "
	    "written: the sum in the last line differs");
}
