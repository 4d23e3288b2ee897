#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sender.h"
#include "increment/increment.h"

#define PART_BLOCKS (BASE_PART_MAX / PAGE_SIZE_PG)

/* Where asking has come to. */
struct cursor {
	size_t entry;
	uint64_t at; /* of its bytes; of an increment's, the blocks */
};

struct parts {
	struct base_sender *s;
	const struct base_folder *d;
	const struct base_entry *entries;
	size_t count;
	struct base_part parts[BASE_PARTS_MAX];
	size_t owner[BASE_PARTS_MAX]; /* whose they are */
	/* the entry being sent; those before are done */
	size_t now;
	bool open, gone;  /* gone: before its first byte was read */
	uint64_t left;    /* bytes of the file itself still to come */
	uint64_t size;    /* of the member */
	uint64_t *hashes; /* of an increment */
	unsigned char bytes[BASE_PART_MAX];
};

/* what is asked for */

/* The next run of changed blocks from block c->at on. */
static bool
next_run(const struct base_entry *x, struct cursor *c, struct base_part *out)
{
	uint32_t b = (uint32_t)c->at, n = 0;

	while (b < x->f.blocks && !base_touched_has(&x->touched, b))
		b++;
	while (n < PART_BLOCKS && b + n < x->f.blocks &&
	    base_touched_has(&x->touched, b + n))
		n++;
	c->at = b + n;
	*out = (struct base_part){ x->file->name,
		(uint64_t)b * PAGE_SIZE_PG, n * PAGE_SIZE_PG };
	return n > 0;
}

static bool
next_bytes(const struct base_entry *x, struct cursor *c,
    struct base_part *out)
{
	const uint64_t left = x->file->size - c->at;
	const uint32_t n = left < BASE_PART_MAX ? (uint32_t)left :
	    BASE_PART_MAX;

	*out = (struct base_part){ x->file->name, c->at, n };
	c->at += n;
	return n > 0;
}

static size_t
gather(struct parts *p, struct cursor *c)
{
	size_t n = 0;

	while (n < BASE_PARTS_MAX && c->entry < p->count) {
		const struct base_entry *x = &p->entries[c->entry];

		if (!x->skip && (x->increment ? next_run : next_bytes)(x, c,
		    &p->parts[n])) {
			p->owner[n++] = c->entry;
		} else {
			c->entry++;
			c->at = 0;
		}
	}
	return n;
}

/* what comes */

/* The parent's, until blocks come. */
static int
begin_hashes(struct parts *p, const struct base_entry *x, struct err *e)
{
	p->hashes = hashes_file(p->s->hashes, &x->f, e);
	return p->hashes == NULL ? -1 : hashes_read(p->s->parent, x->parent,
	    p->hashes, e);
}

static int
put_head(struct parts *p, const struct base_entry *x, struct err *e)
{
	struct buf head = BUF_INIT((size_t)1 << 20);
	uint32_t *blocks = malloc(sizeof *blocks * ((size_t)x->count + 1));
	uint32_t n = 0;
	int rc = -1;

	for (uint32_t b = 0; blocks != NULL && n < x->count; b++)
		if (base_touched_has(&x->touched, b))
			blocks[n++] = b;
	if (blocks == NULL)
		err_nomem(e);
	else if (increment_header(&head, blocks, n, x->f.blocks, e) == 0)
		rc = base_send_bytes(p->s, head.data, head.len, e);
	buf_free(&head);
	free(blocks);
	return rc;
}

static int
begin(struct parts *p, const struct base_entry *x, struct err *e)
{
	struct tar_member m = { .type = '0' };
	char path[TAR_PATH_MAX + sizeof INCREMENT_PREFIX];

	p->left = p->size = x->file->size;
	if (x->increment) {
		p->left = (uint64_t)x->count * PAGE_SIZE_PG;
		p->size = increment_header_size(x->count) + p->left;
	}
	if (strlen(p->d->archive) + strlen(x->file->name) +
	    sizeof INCREMENT_PREFIX > sizeof m.path)
		return err_set(e, ERR_PG, "the path of \"%.200s\" is too long",
		    x->file->name);
	strcpy(path, p->d->archive);
	strcat(path, x->file->name);
	if (x->increment)
		increment_path(path, m.path);
	else
		strcpy(m.path, path);
	base_member(p->s, &m, p->size, x->file->mtime);
	p->open = true;
	p->gone = false;
	if (base_send_header(p->s, &m, e) == -1)
		return -1;
	return !x->increment ? 0 : begin_hashes(p, x, e) == -1 ? -1 :
	    put_head(p, x, e);
}

static int
end(struct parts *p, struct err *e)
{
	static const char zeros[TAR_BLOCK];

	p->open = false;
	p->now++;
	return p->gone ? 0 : base_send_bytes(p->s, zeros,
	    tar_padding(p->size), e);
}

/* Those that have no bytes of their own, up to entry `to`. */
static int
pass_empty(struct parts *p, size_t to, struct err *e)
{
	while (p->now < to) {
		const struct base_entry *x = &p->entries[p->now];

		if (x->skip)
			p->now++;
		else if ((!p->open && begin(p, x, e) == -1) ||
		    end(p, e) == -1)
			return -1;
	}
	return 0;
}

/* What stays wrong is warned of by who takes the archive. */
static int
check_page(struct parts *p, const struct base_entry *x, uint32_t block,
    unsigned char *page, struct err *e)
{
	char path[TAR_PATH_MAX];
	bool good;

	if (!p->s->check || page_is_good(page, x->f.file.segment *
	    PAGE_SEGMENT + block, p->s->start))
		return 0;
	snprintf(path, sizeof path, "%s/%s", p->d->path, x->file->name);
	return base_again(p->s->again, path, &x->f.file, block, page, &good,
	    e);
}

static int
take_pages(struct parts *p, const struct base_entry *x,
    const struct base_part *part, unsigned char *data, struct err *e)
{
	uint32_t block = (uint32_t)(part->offset / PAGE_SIZE_PG);

	for (size_t at = 0; at < part->len; at += PAGE_SIZE_PG, block++) {
		if (check_page(p, x, block, data + at, e) == -1)
			return -1;
		if (x->increment)
			p->hashes[block] = hashes_of(p->s->hashes, data + at);
	}
	return 0;
}

/* A file that became shorter is filled up: replay will cut it off, too. */
static int
take(void *ctx, size_t i, const void *data, size_t len, struct err *e)
{
	struct parts *p = ctx;
	const struct base_part *part = &p->parts[i];
	const struct base_entry *x = &p->entries[p->owner[i]];

	if (pass_empty(p, p->owner[i], e) == -1)
		return -1;
	if (!p->open && data == NULL) {
		p->left = x->increment ? (uint64_t)x->count * PAGE_SIZE_PG :
		    x->file->size;
		p->open = p->gone = true;
	} else if (!p->open && begin(p, x, e) == -1) {
		return -1;
	}
	if (!p->gone) {
		if (len > 0)
			memcpy(p->bytes, data, len);
		memset(p->bytes + len, 0, part->len - len);
		if (x->pages && take_pages(p, x, part, p->bytes, e) == -1)
			return -1;
		if (base_send_bytes(p->s, p->bytes, part->len, e) == -1)
			return -1;
	}
	p->left -= part->len;
	return p->left == 0 ? end(p, e) : 0;
}

int
base_send_entries(struct base_sender *s, const struct base_folder *d,
    const struct base_entry *entries, size_t count, struct err *e)
{
	struct parts *p = calloc(1, sizeof *p);
	struct cursor c = { 0 };
	size_t n;
	int rc = 0;

	if (p == NULL)
		return err_nomem(e);
	p->s = s;
	p->d = d;
	p->entries = entries;
	p->count = count;
	while (rc == 0 && (n = gather(p, &c)) > 0)
		rc = base_files_read(s->pg, d->path, p->parts, n, take, p, e);
	if (rc == 0)
		rc = pass_empty(p, count, e);
	free(p);
	return rc;
}
