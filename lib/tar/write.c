#include "tar/tar.h"
#include "tar/tar_int.h"

#include <stdio.h>
#include <string.h>

/*
 * Octal digits and a space fill the field; what does not fit is written in
 * base 256, the first byte 0x80 or, below zero, 0xff.
 */
static void
put_number(unsigned char *field, size_t len, int64_t value)
{
	uint64_t v = (uint64_t)value;

	if (value >= 0 && v >> 3 * (len - 1) == 0) {
		field[len - 1] = ' ';
		for (size_t i = len - 1; i-- > 0; v >>= 3)
			field[i] = (unsigned char)('0' + (v & 7));
		return;
	}
	memset(field, value < 0 ? 0xff : 0, len);
	for (size_t i = len; i-- > len - 8; v >>= 8)
		field[i] = (unsigned char)v;
	field[0] |= 0x80;
}

/*
 * A name of up to 99 bytes stands in its own field, a longer one is cut at a
 * slash. PostgreSQL's readers want the NUL that ustar would not need.
 */
static int
put_path(unsigned char *h, const char *path, const char *end)
{
	size_t len = strlen(path), tail = strlen(end);
	const char *cut;

	if (len == 0)
		return -1;
	if (len + tail < TAR_NAME_SIZE) {
		memcpy(h + TAR_NAME, path, len);
		memcpy(h + TAR_NAME + len, end, tail);
		return 0;
	}
	cut = len + tail <= TAR_PREFIX_SIZE + TAR_NAME_SIZE ? path + len +
	    tail - TAR_NAME_SIZE : path + len;
	if ((cut = strchr(cut, '/')) == NULL || cut == path ||
	    cut - path > TAR_PREFIX_SIZE)
		return -1;
	memcpy(h + TAR_PREFIX, path, (size_t)(cut - path));
	memcpy(h + TAR_NAME, cut + 1, strlen(cut + 1));
	memcpy(h + TAR_NAME + strlen(cut + 1), end, tail);
	return 0;
}

static int
put_names(unsigned char *h, const struct tar_member *m, struct err *e)
{
	if (put_path(h, m->path, m->type == '5' ? "/" : "") == -1)
		return err_set(e, ERR_USAGE,
		    "the path \"%.200s\" is too long for an archive", m->path);
	if (m->type != '2')
		return 0;
	if (strlen(m->link) >= TAR_NAME_SIZE)
		return err_set(e, ERR_USAGE, "the target of the link "
		    "\"%.200s\" is too long for an archive", m->path);
	memcpy(h + TAR_LINK, m->link, strlen(m->link));
	return 0;
}

/*
 * Files belong to "postgres", as PostgreSQL's own archives say; where there is
 * no such user, to whoever unpacks them.
 */
int
tar_header(const struct tar_member *m, unsigned char out[TAR_BLOCK],
    struct err *e)
{
	memset(out, 0, TAR_BLOCK);
	if (put_names(out, m, e) == -1)
		return -1;
	put_number(out + TAR_MODE, 8, m->mode & 07777);
	put_number(out + TAR_UID, 8, 0);
	put_number(out + TAR_GID, 8, 0);
	put_number(out + TAR_SIZE, 12, m->type == '0' ? (int64_t)m->size : 0);
	put_number(out + TAR_MTIME, 12, m->mtime);
	out[TAR_TYPE] = (unsigned char)m->type;
	memcpy(out + TAR_MAGIC, TAR_USTAR, TAR_USTAR_SIZE);
	memcpy(out + TAR_UNAME, "postgres", 8);
	memcpy(out + TAR_GNAME, "postgres", 8);
	put_number(out + TAR_DEVMAJOR, 8, 0);
	put_number(out + TAR_DEVMINOR, 8, 0);
	put_number(out + TAR_SUM, 8, tar_sum(out));
	return 0;
}

unsigned
tar_padding(uint64_t size)
{
	return (TAR_BLOCK - (unsigned)(size % TAR_BLOCK)) % TAR_BLOCK;
}
