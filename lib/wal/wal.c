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
#include "wal/wal.h"

#include <inttypes.h>
#include <string.h>

#include "lsn/lsn.h"

#define SHORT_HEADER 24
#define FLAG_LONG 0x0002
#define FLAGS_ALL 0x000f

#define MAGIC_LAST 0xD118 /* that we know */
#define MAGIC_MAX 0xD1FF  /* a later major's will be below this */

static uint16_t
get16(const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint32_t
get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t
get64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* The major that writes this magic, 0 for a later one, -1 for none. */
static int
major_of(uint16_t magic)
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
		.major = major_of(get16(p)),
		.timeline = get32(p + 4),
		.start = get64(p + 8),
		.system_identifier = get64(p + 24),
		.segment_size = get32(p + 32),
	};
	uint16_t flags = get16(p + 2);

	if (i.major == -1)
		return bad(e, "its first page bears no magic number of "
		    "PostgreSQL 13 or later");
	if ((flags & FLAG_LONG) == 0 || (i.major > 0 &&
	    (flags & ~FLAGS_ALL) != 0) || i.timeline == 0)
		return bad(e, "its first page's header is damaged");
	if (!lsn_is_segment_size(i.segment_size) ||
	    i.start % i.segment_size != 0)
		return bad(e, "its first page's address is not where a "
		    "segment begins");
	if (get32(p + 36) != WAL_PAGE)
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
	ours = major_of(get16(s->head)) == s->info.major &&
	    get64(s->head + 8) == s->info.start + number * WAL_PAGE;
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
		    SHORT_HEADER;
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
