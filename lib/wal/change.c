/*
 * Behind a record's header stand smaller ones, each begun by a byte that says
 * which (xlogrecord.h):
 *
 *	0..32  a block: u8 flags, u16 bytes of data
 *	       an image of it: u16 bytes, u16 hole, u8 how, [u16 bytes of hole]
 *	       unless it is of the relation before: u32 tablespace, u32
 *	       database, u32 relation
 *	       u32 block
 *	253    2 bytes more (origin)    252  4 bytes more (xid above)
 *	255    u8 length of main data   254  u32 length of main data; the last
 *
 * then what they announce: images and data of the blocks, and the main data,
 * up to the record's end. All but these headers is passed over, and the main
 * data of the few records that change files as a whole.
 */
#include "wal/wal_int.h"

#define HEADER 24
#define BLOCK_LAST 32
#define BLOCK_FORK 0x0f
#define BLOCK_IMAGE 0x10
#define BLOCK_DATA 0x20
#define BLOCK_SAME 0x80
#define IMAGE_HOLE 0x01
#define IMAGE_PACKED_14 0x02 /* up to 14 */
#define IMAGE_PACKED 0x1c    /* by pglz, lz4, zstd */
#define XID_ABOVE 252
#define ORIGIN 253
#define MAIN_LONG 254
#define MAIN_SHORT 255
#define RMID_XLOG 0
#define RMID_SMGR 2
#define RMID_DBASE 4
#define XLOG_BACKUP_END 0x50
#define XLOG_PARAMETERS 0x60
#define XLOG_REDO 0xe0       /* from 17 on */
#define LEVEL_MINIMAL 0
#define SMGR_CREATE 0x10
#define SMGR_TRUNCATE 0x20
#define TRUNCATE_HEAP 1
#define TRUNCATE_VM 2
#define TRUNCATE_FSM 4
#define DBASE_CREATE 0x00
#define DBASE_CREATE_LOGGED 0x10 /* up to 14 it is the drop */

struct reader {
	struct wal_found *found;
	const unsigned char *at, *end; /* of what is at hand */
	uint64_t payload; /* what the headers announced so far */
	uint64_t main;    /* of it the main data, its last part */
	int before;       /* the last reference's number, or -1 */
	int major;
};

/* So many bytes more, or NULL when they are not there. */
static const unsigned char *
get(struct reader *r, size_t n)
{
	const unsigned char *p = r->at;

	if ((size_t)(r->end - p) < n)
		return NULL;
	r->at += n;
	return p;
}

static bool
is_later(int major, int than)
{
	return major == 0 || major > than;
}

static struct wal_change *
add(struct wal_found *f, enum wal_changed what)
{
	f->list[f->count] = (struct wal_change){ .what = what };
	return &f->list[f->count++];
}

static void
set_relation(struct wal_change *c, const unsigned char *p)
{
	c->tablespace = wal_get32(p);
	c->database = wal_get32(p + 4);
	c->relation = wal_get32(p + 8);
}

/* headers */

static bool
pass_image(struct reader *r)
{
	const unsigned char *p = get(r, 5);
	const unsigned packed = is_later(r->major, 14) ? IMAGE_PACKED :
	    IMAGE_PACKED_14;

	if (p == NULL)
		return false;
	r->payload += wal_get16(p);
	/* a hole in an image that is not packed is what the block lacks */
	return (p[4] & IMAGE_HOLE) == 0 || (p[4] & packed) == 0 ||
	    get(r, 2) != NULL;
}

/* Their numbers rise, so that there are never more than WAL_BLOCKS. */
static bool
take_block(struct reader *r, int number)
{
	const unsigned char *p = get(r, 3), *relation, *block;
	struct wal_change *c;

	if (p == NULL || number <= r->before ||
	    ((p[0] & BLOCK_DATA) != 0) != (wal_get16(p + 1) != 0))
		return false;
	r->payload += wal_get16(p + 1);
	if ((p[0] & BLOCK_IMAGE) && !pass_image(r))
		return false;
	c = add(r->found, WAL_BLOCK);
	if ((p[0] & BLOCK_SAME) == 0) {
		if ((relation = get(r, 12)) == NULL)
			return false;
		set_relation(c, relation);
	} else if (r->before >= 0)
		*c = c[-1];
	else
		return false;
	if ((block = get(r, 4)) == NULL)
		return false;
	c->fork = p[0] & BLOCK_FORK;
	c->block = wal_get32(block);
	r->before = number;
	return true;
}

static bool
take_main(struct reader *r, size_t size)
{
	const unsigned char *p = get(r, size);

	if (p == NULL)
		return false;
	r->main = size == 1 ? *p : wal_get32(p);
	r->payload += r->main;
	return true;
}

/* All of them; `body` bytes are behind the record's header. */
static bool
take_headers(struct reader *r, uint64_t body)
{
	const unsigned char *start = r->at, *p;
	bool good = true, last = false;

	while (good && !last &&
	    body - (uint64_t)(r->at - start) > r->payload) {
		if ((p = get(r, 1)) == NULL)
			return false;
		if (*p <= BLOCK_LAST)
			good = take_block(r, *p);
		else if (*p == ORIGIN || *p == XID_ABOVE)
			good = get(r, *p == ORIGIN ? 2 : 4) != NULL;
		else {
			last = *p == MAIN_SHORT || *p == MAIN_LONG;
			good = last && take_main(r, *p == MAIN_SHORT ? 1 : 4);
		}
	}
	return good && body - (uint64_t)(r->at - start) == r->payload;
}

/* main data, of which `len` bytes are at hand */

static void
add_cut(struct wal_found *f, const unsigned char *relation, uint32_t fork,
    uint32_t block)
{
	struct wal_change *c = add(f, WAL_CUT);

	set_relation(c, relation);
	c->fork = fork;
	c->block = block;
}

/* xl_smgr_create, xl_smgr_truncate */
static bool
take_smgr(struct wal_found *f, unsigned kind, const unsigned char *p,
    size_t len)
{
	const size_t need = kind == SMGR_CREATE ? 16 :
	    kind == SMGR_TRUNCATE ? 20 : 0;

	if (len < need)
		return false;
	if (kind == SMGR_CREATE)
		add_cut(f, p, wal_get32(p + 12), 0);
	if (kind != SMGR_TRUNCATE)
		return true;
	if (wal_get32(p + 16) & TRUNCATE_HEAP)
		add_cut(f, p + 4, WAL_MAIN, wal_get32(p));
	/* where these are cut depends on how many blocks they count */
	if (wal_get32(p + 16) & TRUNCATE_VM)
		add_cut(f, p + 4, WAL_VM, 0);
	if (wal_get32(p + 16) & TRUNCATE_FSM)
		add_cut(f, p + 4, WAL_FSM, 0);
	return true;
}

/* xl_dbase_create_rec and its kin */
static bool
take_dbase(struct wal_found *f, int major, unsigned kind,
    const unsigned char *p, size_t len)
{
	struct wal_change *c;

	if (kind != DBASE_CREATE &&
	    (kind != DBASE_CREATE_LOGGED || !is_later(major, 14)))
		return true;
	if (len < 8)
		return false;
	c = add(f, WAL_DATABASE);
	c->database = wal_get32(p);
	c->tablespace = wal_get32(p + 4);
	return true;
}

/* xl_parameter_change; from 17 on each checkpoint tells wal_level, too */
static bool
take_xlog(struct wal_found *f, int major, unsigned kind,
    const unsigned char *p, size_t len)
{
	const size_t at = kind == XLOG_PARAMETERS ? 20 : 0;

	if (kind == XLOG_BACKUP_END && len >= 8)
		add(f, WAL_BACKUP)->start = wal_get64(p);
	if (kind == XLOG_BACKUP_END)
		return len >= 8;
	if (kind != XLOG_PARAMETERS &&
	    (kind != XLOG_REDO || !is_later(major, 16)))
		return true;
	if (len < at + 4)
		return false;
	if (wal_get32(p + at) == LEVEL_MINIMAL)
		add(f, WAL_UNLOGGED);
	return true;
}

static bool
take_special(struct reader *r, const unsigned char *header)
{
	const unsigned kind = header[16] & 0xf0;
	const uint64_t before = r->payload - r->main;
	uint64_t len = (uint64_t)(r->end - r->at);

	len = len > before ? len - before : 0;
	r->at += len > 0 ? before : 0;
	if (header[17] == RMID_XLOG)
		return take_xlog(r->found, r->major, kind, r->at, len);
	if (header[17] == RMID_SMGR)
		return take_smgr(r->found, kind, r->at, len);
	return header[17] != RMID_DBASE ||
	    take_dbase(r->found, r->major, kind, r->at, len);
}

/* Of what is behind its header the first `len` bytes are here. */
static void
find(struct wal_found *f, const unsigned char *header, int major,
    const unsigned char *data, size_t len)
{
	struct reader r = { .found = f, .at = data, .end = data + len,
		.before = -1, .major = major };

	f->good = take_headers(&r, wal_get32(header) - HEADER) &&
	    take_special(&r, header);
}

void
wal_find_begin(struct wal_found *f, const unsigned char *header, int major)
{
	f->count = 0;
	f->good = false;
	if (wal_get32(header) == HEADER)
		find(f, header, major, header, 0);
}

void
wal_find_take(struct wal_found *f, const unsigned char *header, int major,
    size_t at, const unsigned char *data, size_t len)
{
	const size_t body = wal_get32(header) - HEADER;
	const size_t want = body < sizeof f->lead ? body : sizeof f->lead;

	if (at >= want)
		return;
	if (at > 0 || len < want) {
		len = len < want - at ? len : want - at;
		memcpy(f->lead + at, data, len);
		data = f->lead;
	}
	if (at + len >= want)
		find(f, header, major, data, want);
}
