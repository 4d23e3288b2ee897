/*
 * Members in memory, by libdeflate: of the libraries measured (enc.c) it
 * unpacks dense members fastest and ISA-L's as fast as ISA-L, it never
 * reads or writes outside what it is given, and it says where a member ends.
 */
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "gz/gz.h"
#include "gz/gz_int.h"

#define ROOM_FIRST ((size_t)1 << 20)

struct gz_dec {
	struct libdeflate_decompressor *inflate;
	unsigned char *plain; /* one member's */
	size_t room;          /* grows to GZ_BLOCK_MAX when a member needs it */
};

struct gz_dec *
gz_dec_new(struct err *e)
{
	struct gz_dec *dec = calloc(1, sizeof *dec);

	if (dec == NULL ||
	    (dec->inflate = libdeflate_alloc_decompressor()) == NULL ||
	    (dec->plain = malloc(ROOM_FIRST)) == NULL) {
		err_nomem(e);
		gz_dec_free(dec);
		return NULL;
	}
	dec->room = ROOM_FIRST;
	return dec;
}

void
gz_dec_free(struct gz_dec *dec)
{
	if (dec == NULL)
		return;
	if (dec->inflate != NULL)
		libdeflate_free_decompressor(dec->inflate);
	free(dec->plain);
	free(dec);
}

static int
grow(struct gz_dec *dec, struct err *e)
{
	size_t room = dec->room * 4 < GZ_BLOCK_MAX ? dec->room * 4 :
	    GZ_BLOCK_MAX;
	unsigned char *plain;

	if (dec->room == GZ_BLOCK_MAX)
		return err_set(e, ERR_CORRUPT,
		    "a gzip member holds more than %zu bytes", GZ_BLOCK_MAX);
	if ((plain = malloc(room)) == NULL)
		return err_nomem(e);
	free(dec->plain);
	dec->plain = plain;
	dec->room = room;
	return 0;
}

/* The deflate data at `in`: *used bytes that hold *got plain ones. */
static int
body(struct gz_dec *dec, const unsigned char *in, size_t len, size_t *used,
    size_t *got, struct err *e)
{
	for (;;) {
		switch (libdeflate_deflate_decompress_ex(dec->inflate, in, len,
		    dec->plain, dec->room, used, got)) {
		case LIBDEFLATE_SUCCESS:
			return 0;
		case LIBDEFLATE_INSUFFICIENT_SPACE:
			if (grow(dec, e) == -1)
				return -1;
			break;
		default:
			return err_set(e, ERR_CORRUPT,
			    "the gzip data is damaged");
		}
	}
}

/*
 * The header at `in`: its size and, if it is the long one, the member's length.
 * Members were written without it once.
 */
static int
header(const unsigned char *in, size_t len, size_t *size, size_t *length,
    struct err *e)
{
	static const unsigned char with[] = { GZ_LONG_HEADER };
	static const unsigned char without[] = { GZ_HEADER(0) };

	*size = GZ_HEADER_SIZE;
	*length = 0;
	if (len >= GZ_LONG_HEADER_SIZE &&
	    memcmp(in, with, sizeof with) == 0) {
		*size = GZ_LONG_HEADER_SIZE;
		*length = gz_get32(in + GZ_LENGTH);
		return 0;
	}
	if (len < sizeof without ||
	    (len < GZ_LONG_HEADER_SIZE && in[3] == GZ_FEXTRA))
		return err_set(e, ERR_CORRUPT,
		    "the gzip data ends inside a header");
	if (memcmp(in, without, sizeof without) != 0)
		return err_set(e, ERR_CORRUPT,
		    "no gzip member of pgk's where one should begin");
	return 0;
}

/* One member at `in`; *used is its length. */
static int
member(struct gz_dec *dec, const unsigned char *in, size_t len, size_t *used,
    struct sink *out, struct err *e)
{
	unsigned char data[16];
	const unsigned char *trailer;
	size_t size, length, packed, got;

	if (len >= GZ_MARK_SIZE && gz_mark_read(in, data) == 0) {
		*used = GZ_MARK_SIZE;
		return 0;
	}
	if (header(in, len, &size, &length, e) == -1)
		return -1;
	in += size;
	len -= size;
	if (body(dec, in, len, &packed, &got, e) == -1)
		return -1;
	if (len - packed < GZ_TRAILER_SIZE)
		return err_set(e, ERR_CORRUPT,
		    "the gzip data ends inside a trailer");
	trailer = in + packed;
	*used = size + packed + GZ_TRAILER_SIZE;
	if (size == GZ_LONG_HEADER_SIZE && length != *used)
		return err_set(e, ERR_CORRUPT,
		    "the length of a gzip member does not match");
	if (gz_get32(trailer) != libdeflate_crc32(0, dec->plain, got) ||
	    gz_get32(trailer + 4) != got)
		return err_set(e, ERR_CORRUPT,
		    "the CRC or size of a gzip member does not match");
	return sink_write(out, dec->plain, got, e);
}

int
gz_dec_blocks(struct gz_dec *dec, const void *in, size_t len,
    struct sink *out, struct err *e)
{
	const unsigned char *p = in;

	if (len == 0)
		return err_set(e, ERR_CORRUPT, "no gzip member at all");
	while (len > 0) {
		size_t used = 0;

		if (member(dec, p, len, &used, out, e) == -1)
			return -1;
		p += used;
		len -= used;
	}
	return 0;
}

size_t
gz_reach(const void *in, size_t len, size_t max, bool *whole)
{
	static const unsigned char head[] = { GZ_LONG_HEADER };
	const unsigned char *p = in;
	size_t length;

	*whole = false;
	if (memcmp(p, head, len < sizeof head ? len : sizeof head) != 0)
		return 0;
	if (len < GZ_LONG_HEADER_SIZE)
		return GZ_LONG_HEADER_SIZE;
	length = gz_get32(p + GZ_LENGTH);
	if (length < GZ_LONG_HEADER_SIZE + GZ_TRAILER_SIZE)
		return 0;
	*whole = len >= length;
	return *whole && gz_get32(p + length - 4) > max ? 0 : length;
}
