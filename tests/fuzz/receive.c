/*
 * fuzz: the messages of a walsender.
 */
#include "fuzz.h"
#include "receive/receive.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct receive_message m = { .len = 0 };
	struct err e = ERR_INIT;
	const char *message = (const char *)data;

	if (receive_decode(message, len, &m, &e) == -1) {
		if (e.kind != ERR_CORRUPT || m.len != 0)
			abort();
		return 0;
	}
	if (m.type == RECEIVE_DATA && (m.data < message ||
	    m.data + m.len != message + len || m.start + m.len < m.start))
		abort();
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const char data[] = "w\0\0\0\0\1\0\0\0\0\0\0\0\1\0\1\0"
	    "\0\2\x8b\0\0\0\0\0the log's bytes";
	static const char alive[] = "k\0\0\0\0\1\0\0\0\0\2\x8b\0\0\0\0\0\1";

	if (max < 2)
		return 0;
	out[0] = (struct fuzz_seed){ data, sizeof data - 1 };
	out[1] = (struct fuzz_seed){ alive, sizeof alive - 1 };
	return 2;
}
