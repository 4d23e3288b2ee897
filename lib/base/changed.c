#include "base/changed.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT 1663 /* pg_default and pg_global lie in the data folder */
#define GLOBAL 1664

#define LIMITS UINT32_MAX /* the "segment" that keeps a relation's limit */
#define SLOTS_FIRST 1024
#define BITS_FIRST 16

/* A file's blocks, or where a relation was cut off. */
struct part {
	uint32_t tablespace, database, relation, fork, segment;
	uint32_t limit; /* of LIMITS: a block of the relation */
	uint32_t size;  /* of bits, bytes */
	bool used;
	unsigned char *bits;
};

struct folder {
	uint32_t tablespace, database;
};

struct base_changed {
	struct part *slots; /* a hash table, a power of two of them */
	size_t slot_count, used, memory;
	struct folder *folders; /* of databases made anew */
	size_t folder_count;
	uint64_t count;
	struct part *last; /* that a block was added to, or NULL */
};

struct base_changed *
base_changed_new(struct err *e)
{
	struct base_changed *c = calloc(1, sizeof *c);

	if (c == NULL || (c->slots = calloc(SLOTS_FIRST, sizeof *c->slots)) ==
	    NULL) {
		err_nomem(e);
		free(c);
		return NULL;
	}
	c->slot_count = SLOTS_FIRST;
	c->memory = SLOTS_FIRST * sizeof *c->slots;
	return c;
}

void
base_changed_free(struct base_changed *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->slot_count; i++)
		free(c->slots[i].bits);
	free(c->slots);
	free(c->folders);
	free(c);
}

static bool
same(const struct part *a, const struct part *b)
{
	return a->relation == b->relation && a->segment == b->segment &&
	    a->database == b->database && a->tablespace == b->tablespace &&
	    a->fork == b->fork;
}

/* Where it is, or where it would be put. */
static struct part *
slot_of(struct part *slots, size_t count, const struct part *key)
{
	uint64_t h = key->relation;

	h = h * 0x9e3779b97f4a7c15 + key->segment;
	h = h * 0x9e3779b97f4a7c15 + key->database;
	h = h * 0x9e3779b97f4a7c15 + (key->tablespace << 2 | key->fork);
	h *= 0x9e3779b97f4a7c15;
	for (size_t i = (size_t)(h >> 32);; i++) {
		struct part *p = &slots[i & (count - 1)];

		if (!p->used || same(p, key))
			return p;
	}
}

static int
charge(struct base_changed *c, size_t bytes, struct err *e)
{
	if (bytes > CHANGED_MEMORY - c->memory)
		return err_set(e, ERR_NOMEM, "the log changed too many files "
		    "to keep in mind");
	c->memory += bytes;
	return 0;
}

/* For a moment there are both tables, and so they are counted. */
static int
grow(struct base_changed *c, struct err *e)
{
	const size_t count = 2 * c->slot_count;
	struct part *slots;

	if (charge(c, count * sizeof *slots, e) == -1)
		return -1;
	if ((slots = calloc(count, sizeof *slots)) == NULL) {
		c->memory -= count * sizeof *slots;
		return err_nomem(e);
	}
	for (size_t i = 0; i < c->slot_count; i++)
		if (c->slots[i].used)
			*slot_of(slots, count, &c->slots[i]) = c->slots[i];
	free(c->slots);
	c->memory -= c->slot_count * sizeof *slots;
	c->slots = slots;
	c->slot_count = count;
	c->last = NULL;
	return 0;
}

/* The part of a key, made if there is none. */
static struct part *
take(struct base_changed *c, const struct part *key, struct err *e)
{
	struct part *p = slot_of(c->slots, c->slot_count, key);

	if (p->used)
		return p;
	if (4 * c->used >= 3 * c->slot_count) {
		if (grow(c, e) == -1)
			return NULL;
		p = slot_of(c->slots, c->slot_count, key);
	}
	*p = *key;
	p->limit = UINT32_MAX;
	p->used = true;
	c->used++;
	return p;
}

static int
make_room(struct base_changed *c, struct part *p, uint32_t byte,
    struct err *e)
{
	uint32_t size = p->size > 0 ? p->size : BITS_FIRST;
	unsigned char *bits;

	while (size <= byte)
		size *= 2;
	if (charge(c, size - p->size, e) == -1)
		return -1;
	if ((bits = realloc(p->bits, size)) == NULL)
		return err_nomem(e);
	memset(bits + p->size, 0, size - p->size);
	p->bits = bits;
	p->size = size;
	return 0;
}

static struct part
key_of(const struct wal_change *w, uint32_t segment)
{
	const bool here = w->tablespace == DEFAULT || w->tablespace == GLOBAL;

	return (struct part){ .tablespace = here ? 0 : w->tablespace,
		.database = w->database, .relation = w->relation,
		.fork = w->fork, .segment = segment };
}

static int
add_block(struct base_changed *c, const struct wal_change *w, struct err *e)
{
	const struct part key = key_of(w, w->block / PAGE_SEGMENT);
	const uint32_t block = w->block % PAGE_SEGMENT;
	struct part *p = c->last;
	unsigned char bit = (unsigned char)(1 << block % 8);

	if ((p == NULL || !same(p, &key)) && (p = take(c, &key, e)) == NULL)
		return -1;
	c->last = p;
	if (block / 8 >= p->size && make_room(c, p, block / 8, e) == -1)
		return -1;
	c->count += (p->bits[block / 8] & bit) == 0;
	p->bits[block / 8] |= bit;
	return 0;
}

static int
add_limit(struct base_changed *c, const struct wal_change *w, struct err *e)
{
	const struct part key = key_of(w, LIMITS);
	struct part *p = take(c, &key, e);

	if (p == NULL)
		return -1;
	if (w->block < p->limit)
		p->limit = w->block;
	return 0;
}

static int
add_folder(struct base_changed *c, const struct wal_change *w, struct err *e)
{
	const struct part key = key_of(w, 0);
	struct folder *f;

	if (charge(c, 2 * sizeof *f, e) == -1 || (f = buf_more(c->folders,
	    c->folder_count, sizeof *f, e)) == NULL)
		return -1;
	c->folders = f;
	f[c->folder_count++] = (struct folder){ key.tablespace, w->database };
	return 0;
}

int
base_changed_add(struct base_changed *c, const struct wal_change *w,
    struct err *e)
{
	switch (w->what) {
	case WAL_DATABASE:
		return add_folder(c, w, e);
	case WAL_UNLOGGED:
		return err_set(e, ERR_REFUSED, "wal_level was \"minimal\" in "
		    "between: the log lacks changes");
	case WAL_BACKUP:
		return 0;
	case WAL_BLOCK:
	case WAL_CUT:
		break;
	}
	if (w->fork != WAL_MAIN && w->fork != WAL_INIT)
		return 0;
	return w->what == WAL_BLOCK ? add_block(c, w, e) : add_limit(c, w, e);
}

uint64_t
base_changed_count(const struct base_changed *c)
{
	return c->count;
}

static bool
is_new_folder(const struct base_changed *c, uint32_t tablespace,
    uint32_t database)
{
	for (size_t i = 0; i < c->folder_count; i++)
		if (c->folders[i].tablespace == tablespace &&
		    c->folders[i].database == database)
			return true;
	return false;
}

void
base_changed_find(const struct base_changed *c, uint32_t tablespace,
    const struct page_file *f, struct base_touched *out)
{
	struct part key = { .tablespace = tablespace,
		.database = f->database, .relation = f->relation,
		.fork = f->fork, .segment = LIMITS };
	const uint64_t first = (uint64_t)f->segment * PAGE_SEGMENT;
	const struct part *p = slot_of(c->slots, c->slot_count, &key);

	*out = (struct base_touched){ .limit = UINT32_MAX };
	if (is_new_folder(c, tablespace, f->database) || (p->used &&
	    p->limit <= first))
		out->limit = 0;
	else if (p->used && p->limit != UINT32_MAX)
		out->limit = (uint32_t)(p->limit - first);
	key.segment = f->segment;
	p = slot_of(c->slots, c->slot_count, &key);
	if (p->used) {
		out->bits = p->bits;
		out->size = p->size;
	}
}
