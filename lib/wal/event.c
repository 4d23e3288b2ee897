/*
 * Behind a record's header: pieces, each begun by a byte that says which,
 *
 *	253  2 bytes more (origin)      252  4 bytes more (xid above)
 *	255  u8 length of main data     254  u32 length of main data
 *
 * or blocks, which these records have none of; then the main data. That of a
 * transaction's end (xact.h: xl_xact_commit, xl_xact_abort):
 *
 *	i64 time    [u32 xinfo    [8: database] lists [u32 xid, if prepared]]
 *
 * where a list is an i32 count and as many items. That of a restore point
 * (xl_restore_point): i64 time, char name[64].
 */
#include "wal/wal_int.h"

#define RMID_XLOG 0
#define RMID_XACT 1

#define XLOG_POINT 0x70
#define XACT_MASK 0x70
#define XACT_COMMIT 0x00
#define XACT_ABORT 0x20
#define XACT_COMMIT_PREPARED 0x30
#define XACT_ABORT_PREPARED 0x40
#define XACT_HAS_XINFO 0x80

#define XINFO_DATABASE 0x001
#define XINFO_PREPARED 0x010

#define SECONDS_TO_2000 INT64_C(946684800) /* since 1970 */
#define MICRO INT64_C(1000000)

enum step { IGNORED, PIECE, PIECE_LENGTH, TIME, XINFO, LIST, XID, DONE };

static void
ask(struct wal_parse *p, enum step step, size_t need)
{
	p->step = step;
	p->need = need;
	p->have = 0;
}

/* The next list that is there, or what stands behind them all. */
static void
ask_list(struct wal_parse *p)
{
	static const uint32_t bits[] = { 0x002, 0x004, 0x100, 0x008 };

	while (p->lists < sizeof bits / sizeof *bits &&
	    (p->xinfo & bits[p->lists]) == 0)
		p->lists++;
	if (p->lists < sizeof bits / sizeof *bits)
		ask(p, LIST, 4);
	else if (p->xinfo & XINFO_PREPARED)
		ask(p, XID, 4);
	else
		ask(p, DONE, 0);
}

/* Subtransactions, files, statistics dropped, messages. */
static void
pass_list(struct wal_parse *p)
{
	const uint32_t sizes[] = { 4, 12, p->major >= 18 || p->major == 0 ?
	    16 : 12, 16 };

	p->skip = (uint64_t)wal_get32(p->bytes) * sizes[p->lists++];
	ask_list(p);
}

static void
take_piece(struct wal_parse *p)
{
	ask(p, PIECE, 1);
	switch (p->bytes[0]) {
	case 252:
		p->skip = 4;
		break;
	case 253:
		p->skip = 2;
		break;
	case 254:
		ask(p, PIECE_LENGTH, 4);
		break;
	case 255:
		ask(p, PIECE_LENGTH, 1);
		break;
	default:
		ask(p, IGNORED, 0);
	}
}

/* Whose end it is, when that is not whose record it is, stands further on. */
static bool
is_of_another(const struct wal_parse *p)
{
	const uint32_t kind = p->info & XACT_MASK;

	return p->event.what != WAL_POINT && (kind == XACT_COMMIT_PREPARED ||
	    kind == XACT_ABORT_PREPARED);
}

static void
take_time(struct wal_parse *p)
{
	/* a time so far off that it cannot be said is the last that can */
	if (__builtin_add_overflow((int64_t)wal_get64(p->bytes),
	    SECONDS_TO_2000 * MICRO, &p->event.time))
		p->event.time = INT64_MAX;
	ask(p, DONE, 0);
	if (p->event.what == WAL_POINT) {
		memcpy(p->event.name, p->bytes + 8, WAL_POINT_NAME);
		p->event.name[WAL_POINT_NAME - 1] = '\0';
	} else if (is_of_another(p)) {
		p->event.xid = 0;
		if (p->info & XACT_HAS_XINFO)
			ask(p, XINFO, 4);
	}
}

static void
take_field(struct wal_parse *p)
{
	switch ((enum step)p->step) {
	case PIECE:
		take_piece(p);
		break;
	case PIECE_LENGTH:
		ask(p, TIME, p->event.what == WAL_POINT ?
		    sizeof p->bytes : 8);
		break;
	case TIME:
		take_time(p);
		break;
	case XINFO:
		p->xinfo = wal_get32(p->bytes);
		if (p->xinfo & XINFO_DATABASE)
			p->skip = 8;
		ask_list(p);
		break;
	case LIST:
		pass_list(p);
		break;
	case XID:
		p->event.xid = wal_get32(p->bytes);
		ask(p, DONE, 0);
		break;
	case IGNORED:
	case DONE:
		break;
	}
}

void
wal_parse_begin(struct wal_parse *p, const unsigned char *header, int major)
{
	unsigned info = header[16], rmid = header[17], kind;

	memset(p, 0, sizeof *p);
	p->major = major;
	p->event.xid = wal_get32(header + 4);
	p->info = info;
	kind = info & XACT_MASK;
	if (rmid == RMID_XLOG && (info & 0xf0) == XLOG_POINT)
		p->event.what = WAL_POINT;
	else if (rmid == RMID_XACT && (kind == XACT_COMMIT ||
	    kind == XACT_COMMIT_PREPARED))
		p->event.what = WAL_COMMIT;
	else if (rmid == RMID_XACT && (kind == XACT_ABORT ||
	    kind == XACT_ABORT_PREPARED))
		p->event.what = WAL_ABORT;
	else {
		ask(p, IGNORED, 0);
		return;
	}
	ask(p, PIECE, 1);
}

void
wal_parse_take(struct wal_parse *p, const unsigned char *data, size_t len)
{
	while (len > 0 && p->step != IGNORED && p->step != DONE) {
		size_t n = p->need - p->have;

		if (p->skip > 0) {
			n = p->skip < len ? (size_t)p->skip : len;
			p->skip -= n;
		} else {
			n = n < len ? n : len;
			memcpy(p->bytes + p->have, data, n);
			p->have += n;
			if (p->have == p->need)
				take_field(p);
		}
		data += n;
		len -= n;
	}
}

bool
wal_parse_end(const struct wal_parse *p)
{
	return p->step == DONE;
}
