/*
 * Records stand one behind the other on the pages, each at a multiple of 8,
 * and go on behind the header of the next page where they do not fit. Their
 * header:
 *
 *	 0 u32 length of the record    4 u32 xid    8 u64 LSN of the one before
 *	16 u8 info   17 u8 resource manager    18 padding
 *	20 u32 CRC-32C of what is behind the header, then of its first 20 bytes
 */
#include "digest/digest.h"
#include "wal/wal_int.h"

#define HEADER 24
#define CRC_AT 20
#define ALIGNMENT 8

#define RMID_XLOG 0
#define XLOG_SWITCH 0x40 /* the rest of the segment is empty */

static uint32_t
length_of(const struct wal_walk *w)
{
	return wal_get32(w->head);
}

bool
wal_walk_within(const struct wal_walk *w)
{
	return !w->ended && (w->done > 0 || w->skip > 0);
}

/* pages */

/* The first page: where everything begins. */
static bool
start(struct wal_walk *w)
{
	struct err ignored = ERR_INIT;

	if (wal_read_info(w->page, &w->info, &ignored) == -1)
		return false;
	w->started = true;
	w->at = w->info.start; /* its header is counted by the caller */
	if (wal_get16(w->page + 2) & WAL_PAGE_CONTINUES)
		w->skip = wal_get32(w->page + 16);
	return true;
}

static size_t
header_size(const struct wal_walk *w)
{
	const uint64_t page = w->at - w->at % WAL_PAGE;

	return !w->started || page % w->info.segment_size == 0 ?
	    WAL_LONG_HEADER : WAL_SHORT_HEADER;
}

/* Whether a page's header, of the page at w->at, is the one that must come. */
static bool
go_on(struct wal_walk *w)
{
	const uint16_t flags = wal_get16(w->page + 2);
	const uint64_t rest = w->skip > 0 ? w->skip :
	    w->done > 0 ? length_of(w) - w->done : 0;

	if (wal_major_of(wal_get16(w->page)) != w->info.major ||
	    wal_get64(w->page + 8) != w->at ||
	    (header_size(w) == WAL_LONG_HEADER) !=
	    ((flags & WAL_PAGE_LONG) != 0))
		return false;
	if (flags & WAL_PAGE_OVERWRITES) {
		w->skip = 0;
		w->done = 0;
		return true;
	}
	return (flags & WAL_PAGE_CONTINUES) ?
	    rest > 0 && wal_get32(w->page + 16) == rest : rest == 0;
}

/* Gather a page's header; how many bytes of `p` belong to it. */
static size_t
take_header(struct wal_walk *w, const unsigned char *p, size_t len)
{
	const size_t in = w->at % WAL_PAGE, size = header_size(w);
	const size_t n = size - in < len ? size - in : len;

	memcpy(w->page + in, p, n);
	if (in + n == size) {
		w->at -= in;
		w->ended = !(w->started ? go_on(w) : start(w));
		w->at += in;
	}
	return n;
}

/* records */

/* Its header is here. */
static bool
begin(struct wal_walk *w)
{
	const uint64_t before = wal_get64(w->head + 8);

	if (length_of(w) < HEADER || (w->last != 0 ? before != w->last :
	    before >= w->next))
		return false;
	w->crc = 0;
	if (w->on_event != NULL)
		wal_parse_begin(&w->parse, w->head, w->info.major);
	if (w->on_change != NULL)
		wal_find_begin(&w->found, w->head, w->info.major);
	return true;
}

/* Tell of the record at w->last. */
static int
tell(struct wal_walk *w, struct err *e)
{
	struct wal_event *ev = &w->parse.event;

	for (unsigned i = 0; w->on_change != NULL && i < w->found.count; i++)
		if (w->on_change(w->ctx, w->last, &w->found.list[i], e) == -1)
			return -1;
	if (w->on_event == NULL || !wal_parse_end(&w->parse))
		return 0;
	ev->lsn = w->last;
	ev->end = w->next;
	return w->on_event(w->ctx, ev, e);
}

/* All of it is here, and w->at is behind it. */
static int
finish(struct wal_walk *w, struct err *e)
{
	if (digest_crc32c(w->crc, w->head, CRC_AT) !=
	    wal_get32(w->head + CRC_AT) ||
	    (w->on_change != NULL && !w->found.good)) {
		w->ended = true;
		return 0;
	}
	w->last = w->next;
	w->next = (w->at + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	w->done = 0;
	if (w->head[17] == RMID_XLOG && (w->head[16] & 0xf0) == XLOG_SWITCH) {
		w->next += w->info.segment_size - 1;
		w->next -= w->next % w->info.segment_size;
		w->jump = w->next;
	}
	return tell(w, e);
}

/* Of the record under way; how many of the bytes belong to it. */
static size_t
take_record(struct wal_walk *w, const unsigned char *p, size_t len)
{
	size_t n = (w->done < HEADER ? HEADER : length_of(w)) - w->done;

	n = n < len ? n : len;
	if (w->done < HEADER)
		memcpy(w->head + w->done, p, n);
	else {
		w->crc = digest_crc32c(w->crc, p, n);
		if (w->on_event != NULL)
			wal_parse_take(&w->parse, p, n);
		if (w->on_change != NULL)
			wal_find_take(&w->found, w->head, w->info.major,
			    w->done - HEADER, p, n);
	}
	w->done += (uint32_t)n;
	if (w->done == HEADER && w->done - n < HEADER)
		w->ended = !begin(w);
	return n;
}

/* Within a page, behind its header. */
static int
take_body(struct wal_walk *w, const unsigned char *p, size_t len, size_t *n,
    struct err *e)
{
	if (w->skip > 0) {
		*n = w->skip < len ? (size_t)w->skip : len;
		w->skip -= *n;
		w->at += *n;
		return 0;
	}
	if (w->done == 0 && w->at % ALIGNMENT != 0) {
		*n = 1;
		w->at++;
		return 0;
	}
	if (w->done == 0) {
		w->next = w->at;
		w->ended = w->limit != 0 && w->at >= w->limit;
	}
	*n = w->ended ? 0 : take_record(w, p, len);
	w->at += *n;
	return !w->ended && w->done == length_of(w) && w->done >= HEADER ?
	    finish(w, e) : 0;
}

int
wal_walk_take(struct wal_walk *w, const void *data, size_t len,
    struct err *e)
{
	const unsigned char *p = data;

	while (len > 0 && !w->ended) {
		size_t in = w->at % WAL_PAGE, n;

		if (w->at < w->jump) {
			n = w->jump - w->at < len ?
			    (size_t)(w->jump - w->at) : len;
			w->at += n;
		} else if (in < header_size(w)) {
			n = take_header(w, p, len);
			w->at += n;
		} else {
			n = WAL_PAGE - in < len ? WAL_PAGE - in : len;
			if (take_body(w, p, n, &n, e) == -1)
				return -1;
		}
		p += n;
		len -= n;
	}
	return 0;
}
