/*
 * wal: any bytes are a segment or refused, and however they are cut the
 * answer is the same.
 */
#define FUZZ_REPLAY_COUNT 3000
#include "fuzz.h"

#include "lsn/lsn.h"
#include "wal/wal.h"
#include "walmake.h"

#define SIZE ((uint32_t)1 << 20)

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static unsigned char whole[SIZE], begun[3 * WAL_PAGE];
	unsigned char *s = walmake(7, 1, 1, SIZE, SIZE / WAL_PAGE, 0);

	(void)max;
	memcpy(whole, s, sizeof whole);
	memcpy(begun, s, sizeof begun);
	free(s);
	out[0] = (struct fuzz_seed){ whole, SIZE };
	out[1] = (struct fuzz_seed){ begun, sizeof begun };
	out[2] = (struct fuzz_seed){ begun, 48 };
	return 3;
}

static void
must(int good)
{
	if (!good)
		abort();
}

static void
one(const uint8_t *data, size_t len)
{
	struct wal_scan scan = WAL_SCAN_INIT;
	struct err e = ERR_INIT, again = ERR_INIT;
	struct wal_info info;
	uint64_t end = 0, other = 1;
	size_t step = len % 5000 + 1;
	int rc = wal_check(data, len, &info, &end, &e), rc2 = 0;

	for (size_t at = 0; at < len && rc2 == 0; at += step)
		rc2 = wal_scan_take(&scan, data + at, len - at < step ?
		    len - at : step, &again);
	if (rc2 == 0)
		rc2 = wal_scan_end(&scan, &other, &again);
	must(rc == rc2);
	if (rc == -1) {
		must(e.kind == ERR_CORRUPT && again.kind == ERR_CORRUPT);
		return;
	}
	must(end == other && len == info.segment_size);
	must(lsn_is_segment_size(len) && info.start % len == 0);
	must(end - info.start >= WAL_PAGE && end - info.start <= len);
}

/* By itself, and laid over a good segment at some place. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static unsigned char *good, *spoilt;
	size_t at;

	one(data, len);
	if (good == NULL) {
		good = walmake(7, 1, 1, SIZE, SIZE / WAL_PAGE, 0);
		spoilt = malloc(SIZE);
	}
	if (len > 64) /* a header's worth */
		len = 64;
	at = len < 2 ? 0 : ((size_t)data[0] << 8 | data[1]) % 300 * WAL_PAGE;
	if (at + len > SIZE)
		at = SIZE - len;
	memcpy(spoilt, good, SIZE);
	memcpy(spoilt + at, data, len);
	one(spoilt, SIZE);
	return 0;
}
