/*
 * The header of a page, in the byte order of the machine that wrote it:
 *
 *	 0 u16 magic    2 u16 flags    4 u32 timeline    8 u64 its own LSN
 *	16 u32 bytes of a record begun before    20 padding
 *
 * and behind it, on the first page of a segment,
 *
 *	24 u64 system identifier    32 u32 segment size    36 u32 page size
 */
#include "wal/wal_int.h"

#include <inttypes.h>

#include "lsn/lsn.h"

#define FLAGS_ALL 0x000f

#define MAGIC_LAST 0xD118 /* that we know */
#define MAGIC_MAX 0xD1FF  /* a later major's will be below this */

int
wal_major_of(uint16_t magic)
{
	static const struct { uint16_t magic; int major; } known[] = {
		{ 0xD106, 13 }, { 0xD10D, 14 }, { 0xD110, 15 },
		{ 0xD113, 16 }, { 0xD116, 17 }, { 0xD118, 18 } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].magic == magic)
			return known[i].major;
	return magic > MAGIC_LAST && magic <= MAGIC_MAX ? 0 : -1;
}

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "not a WAL segment: %s", why);
}

int
wal_read_info(const void *page, struct wal_info *out, struct err *e)
{
	const unsigned char *p = page;
	struct wal_info i = {
		.major = wal_major_of(wal_get16(p)),
		.timeline = wal_get32(p + 4),
		.start = wal_get64(p + 8),
		.system_identifier = wal_get64(p + 24),
		.segment_size = wal_get32(p + 32),
	};
	uint16_t flags = wal_get16(p + 2);

	if (i.major == -1)
		return bad(e, "its first page bears no magic number of "
		    "PostgreSQL 13 or later");
	if ((flags & WAL_PAGE_LONG) == 0 || (i.major > 0 &&
	    (flags & ~FLAGS_ALL) != 0) || i.timeline == 0)
		return bad(e, "its first page's header is damaged");
	if (!lsn_is_segment_size(i.segment_size) ||
	    i.start % i.segment_size != 0)
		return bad(e, "its first page's address is not where a "
		    "segment begins");
	if (wal_get32(p + 36) != WAL_PAGE)
		return bad(e, "its pages are not of 8192 bytes");
	*out = i;
	return 0;
}

/* The first page, or one behind it; s->head holds its header. */
static int
take_page(struct wal_scan *s, struct err *e)
{
	uint64_t number = s->taken / WAL_PAGE;
	bool ours;

	if (number == 0) {
		if (wal_read_info(s->head, &s->info, e) == -1)
			return -1;
		s->pages = 1;
		return 0;
	}
	ours = wal_major_of(wal_get16(s->head)) == s->info.major &&
	    wal_get64(s->head + 8) == s->info.start + number * WAL_PAGE;
	if (ours && s->ended && !s->loose)
		return err_set(e, ERR_CORRUPT, "WAL page %" PRIu64 " is "
		    "damaged: pages of the same segment follow it", s->pages);
	if (!ours)
		s->ended = true;
	else if (!s->ended)
		s->pages++;
	return 0;
}

int
wal_scan_take(struct wal_scan *s, const void *data, size_t len,
    struct err *e)
{
	const unsigned char *p = data;

	while (len > 0) {
		size_t at = s->taken % WAL_PAGE;
		size_t want = s->taken < WAL_PAGE ? WAL_LONG_HEADER :
		    WAL_SHORT_HEADER;
		size_t n = at < want ? want - at : WAL_PAGE - at;

		n = n < len ? n : len;
		if (at < want) {
			memcpy(s->head + at, p, n);
			if (at + n == want && take_page(s, e) == -1)
				return -1;
		}
		s->taken += n;
		if (s->pages > 0 && s->taken > s->info.segment_size)
			return err_set(e, ERR_CORRUPT, "a WAL segment of %"
			    PRIu32 " bytes has more", s->info.segment_size);
		p += n;
		len -= n;
	}
	return 0;
}

int
wal_scan_end(const struct wal_scan *s, uint64_t *end, struct err *e)
{
	if (s->pages == 0)
		return bad(e, "it is shorter than a page's header");
	if (s->taken != s->info.segment_size)
		return err_set(e, ERR_CORRUPT, "a WAL segment of %" PRIu32
		    " bytes has %" PRIu64, s->info.segment_size, s->taken);
	*end = s->info.start + s->pages * WAL_PAGE;
	return 0;
}

int
wal_check(const void *segment, size_t size, struct wal_info *info,
    uint64_t *end, struct err *e)
{
	struct wal_scan s = WAL_SCAN_INIT;

	if (wal_scan_take(&s, segment, size, e) == -1 ||
	    wal_scan_end(&s, end, e) == -1)
		return -1;
	*info = s.info;
	return 0;
}
