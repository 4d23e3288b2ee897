#include "tar/tar.h"
#include "tar/tar_int.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct sink base;
	const struct tar_take *take;
	void *ctx;
	uint64_t at;      /* bytes taken */
	uint64_t data;    /* of the present file, still to come */
	unsigned padding; /* after it, still to come */
	unsigned zeros;   /* blocks of zeros seen: 2 are the end */
	size_t held;      /* bytes of a header that is not yet whole */
	unsigned char header[TAR_BLOCK];
};

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "invalid tar archive: %s", why);
}

/* Base 256: the bits after the first, big-endian, as two's complement. */
static int
wide_number(const unsigned char *field, size_t len, int64_t *out)
{
	unsigned char sign = field[0] == 0xff ? 0xff : 0;
	uint64_t v = 0;

	if (field[0] != 0x80 && field[0] != 0xff)
		return -1;
	for (size_t i = 1; i < len - 8; i++)
		if (field[i] != sign)
			return -1;
	for (size_t i = len - 8; i < len; i++)
		v = v << 8 | (i == 0 ? sign : field[i]);
	if (v >> 63 != (sign & 1))
		return -1;
	*out = (int64_t)v;
	return 0;
}

/* Octal digits, maybe after spaces, up to a space, a NUL or the end. */
static int
number(const unsigned char *field, size_t len, int64_t *out)
{
	int64_t v = 0;
	size_t i = 0, digits = 0;

	if (field[0] & 0x80)
		return wide_number(field, len, out);
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++, digits++)
		v = v << 3 | (field[i] - '0'); /* 12 digits at most */
	if (digits == 0)
		return -1;
	for (; i < len; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return -1;
	*out = v;
	return 0;
}

/* A field that ends at a NUL or is full, without control bytes. */
static int
text(const unsigned char *field, size_t len, char *out)
{
	size_t n = strnlen((const char *)field, len);

	for (size_t i = 0; i < n; i++)
		if (field[i] < ' ' || field[i] == 0x7f)
			return -1;
	memcpy(out, field, n);
	out[n] = '\0';
	return 0;
}

/* No part is empty, "." or "..": so it is not absolute either. */
static bool
is_plain(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

static int
path(const unsigned char *h, struct tar_member *m)
{
	char prefix[TAR_PREFIX_SIZE + 1], name[TAR_NAME_SIZE + 1];
	char whole[sizeof prefix + sizeof name];
	size_t n = 0, skip;

	if (text(h + TAR_PREFIX, TAR_PREFIX_SIZE, prefix) == -1 ||
	    text(h + TAR_NAME, TAR_NAME_SIZE, name) == -1)
		return -1;
	if (prefix[0] != '\0') {
		n = strlen(prefix);
		memcpy(whole, prefix, n);
		whole[n++] = '/';
	}
	memcpy(whole + n, name, strlen(name) + 1);
	n += strlen(name);
	if (m->type == '5' && n > 0 && whole[n - 1] == '/')
		whole[n - 1] = '\0';
	skip = strncmp(whole, "./", 2) == 0 ? 2 : 0;
	if (!is_plain(whole + skip))
		return -1;
	memcpy(m->path, whole + skip, strlen(whole + skip) + 1);
	return 0;
}

/* With the name as it is: who has such a file must know which. */
static int
bad_path(const unsigned char *h, struct err *e)
{
	const char *prefix = (const char *)h + TAR_PREFIX;
	const char *name = (const char *)h + TAR_NAME;

	return err_set(e, ERR_CORRUPT, "invalid tar archive: the path "
	    "\"%.*s%s%.*s\" is not allowed", TAR_PREFIX_SIZE, prefix,
	    prefix[0] != '\0' ? "/" : "", TAR_NAME_SIZE, name);
}

static int
parse(const unsigned char *h, struct tar_member *m, struct err *e)
{
	int64_t sum, mode, size;

	if (memcmp(h + TAR_MAGIC, TAR_USTAR, TAR_USTAR_SIZE) != 0)
		return bad(e, "no ustar header where one should be");
	if (number(h + TAR_SUM, 8, &sum) == -1 || sum != tar_sum(h))
		return bad(e, "the sum of a header does not match");
	m->type = (char)h[TAR_TYPE];
	if (m->type != '0' && m->type != '2' && m->type != '5')
		return bad(e, "a member that is no file, folder or link");
	if (path(h, m) == -1)
		return bad_path(h, e);
	m->link[0] = '\0';
	if (m->type == '2' && (text(h + TAR_LINK, TAR_NAME_SIZE,
	    m->link) == -1 || m->link[0] == '\0'))
		return bad(e, "a link's target that is not allowed");
	if (number(h + TAR_MODE, 8, &mode) == -1 ||
	    number(h + TAR_MTIME, 12, &m->mtime) == -1 ||
	    number(h + TAR_SIZE, 12, &size) == -1)
		return bad(e, "a number that is none");
	if (size < 0 || (size > 0 && m->type != '0'))
		return bad(e, "a size that is not allowed");
	m->mode = (uint32_t)(mode & 07777);
	m->size = (uint64_t)size;
	return 0;
}

static int
take_header(struct reader *r, struct err *e)
{
	static const unsigned char zeros[TAR_BLOCK];
	struct tar_member m;

	r->held = 0;
	if (memcmp(r->header, zeros, TAR_BLOCK) == 0) {
		if (r->zeros < 2)
			r->zeros++;
		return 0;
	}
	if (r->zeros > 0)
		return bad(e, "bytes after its end");
	m.at = r->at;
	if (parse(r->header, &m, e) == -1 ||
	    r->take->member(r->ctx, &m, e) == -1)
		return -1;
	r->data = m.size;
	r->padding = tar_padding(m.size);
	return m.type == '0' && m.size == 0 ? r->take->end(r->ctx, e) : 0;
}

/* Each takes some of p[0..len) and says in *used how much. */
static int
step_data(struct reader *r, const unsigned char *p, size_t len, size_t *used,
    struct err *e)
{
	*used = r->data < len ? (size_t)r->data : len;
	r->data -= *used;
	r->at += *used;
	if (r->take->data(r->ctx, p, *used, e) == -1)
		return -1;
	return r->data == 0 ? r->take->end(r->ctx, e) : 0;
}

static int
step_padding(struct reader *r, const unsigned char *p, size_t len,
    size_t *used, struct err *e)
{
	*used = r->padding < len ? r->padding : len;
	r->padding -= (unsigned)*used;
	r->at += *used;
	for (size_t i = 0; i < *used; i++)
		if (p[i] != 0)
			return bad(e, "padding that is not zero");
	return 0;
}

static int
step_header(struct reader *r, const unsigned char *p, size_t len,
    size_t *used, struct err *e)
{
	size_t want = TAR_BLOCK - r->held;

	*used = want < len ? want : len;
	memcpy(r->header + r->held, p, *used);
	r->held += *used;
	r->at += *used;
	return r->held == TAR_BLOCK ? take_header(r, e) : 0;
}

static int
reader_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct reader *r = (struct reader *)s;
	const unsigned char *p = data;

	while (len > 0) {
		size_t used = 0;
		int rc;

		if (r->data > 0)
			rc = step_data(r, p, len, &used, e);
		else if (r->padding > 0)
			rc = step_padding(r, p, len, &used, e);
		else
			rc = step_header(r, p, len, &used, e);
		if (rc == -1)
			return -1;
		p += used;
		len -= used;
	}
	return 0;
}

uint64_t
tar_left(const struct sink *s)
{
	return ((const struct reader *)s)->data;
}

int
tar_skip(struct sink *s, uint64_t bytes, struct err *e)
{
	struct reader *r = (struct reader *)s;

	assert(bytes <= r->data);
	if (bytes == 0)
		return 0;
	r->data -= bytes;
	r->at += bytes;
	return r->data == 0 ? r->take->end(r->ctx, e) : 0;
}

static int
reader_finish(struct sink *s, struct err *e)
{
	struct reader *r = (struct reader *)s;

	if (r->zeros < 2 || r->held > 0)
		return bad(e, "it ends too early");
	return 0;
}

static void
reader_free(struct sink *s)
{
	free(s);
}

struct sink *
tar_reader(const struct tar_take *take, void *ctx, struct err *e)
{
	static const struct sink_ops ops = { reader_write, reader_finish,
		reader_free };
	struct reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_nomem(e);
		return NULL;
	}
	r->base.ops = &ops;
	r->take = take;
	r->ctx = ctx;
	return &r->base;
}
