#include "codec/codec.h"

#include <string.h>

#include "gz/gz.h"
#include "zst/zst.h"

/* What is to be known of each kind, in the order of enum codec_kind. */
static const struct kind {
	const char *name, *suffix;
	int level_min, level_max, level_default;
} kinds[] = {
	[CODEC_NONE] = { "none", "", 0, 0, 0 },
	[CODEC_GZIP] = { "gzip", ".gz", GZ_LEVEL_MIN, GZ_LEVEL_MAX,
	    GZ_LEVEL_DEFAULT },
	[CODEC_ZSTD] = { "zstd", ".zst", ZST_LEVEL_MIN, ZST_LEVEL_MAX,
	    ZST_LEVEL_DEFAULT },
};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

/* The kind that word[0..len) names, or -1. */
static int
kind_of(const char *word, size_t len)
{
	for (int i = 0; i < KINDS; i++)
		if (strlen(kinds[i].name) == len &&
		    memcmp(kinds[i].name, word, len) == 0)
			return i;
	return -1;
}

/* A level is one or two digits, without a leading zero; else -1. */
static int
level_of(const char *text)
{
	size_t len = strlen(text);
	int level = 0;

	if (len < 1 || len > 2 || text[0] == '0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		level = level * 10 + (*text - '0');
	}
	return level;
}

int
codec_parse(const char *word, struct codec *codec, struct err *e)
{
	const char *colon = strchr(word, ':');
	int kind = kind_of(word, colon != NULL ? (size_t)(colon - word) :
	    strlen(word));
	int level;

	if (kind == -1) {
		err_set(e, ERR_USAGE, "unknown compression \"%s\"", word);
		return err_hint(e,
		    "It is gzip[:%d..%d], zstd[:%d..%d] or none.",
		    GZ_LEVEL_MIN, GZ_LEVEL_MAX, ZST_LEVEL_MIN, ZST_LEVEL_MAX);
	}
	level = colon == NULL ? kinds[kind].level_default :
	    level_of(colon + 1);
	if (kind == CODEC_NONE && colon != NULL)
		return err_set(e, ERR_USAGE,
		    "compression \"none\" has no level");
	if (level < kinds[kind].level_min || level > kinds[kind].level_max)
		return err_set(e, ERR_USAGE,
		    "invalid compression level in \"%s\": %s has %d to %d",
		    word, kinds[kind].name, kinds[kind].level_min,
		    kinds[kind].level_max);
	*codec = (struct codec){ (enum codec_kind)kind, level };
	return 0;
}

const char *
codec_name(enum codec_kind kind)
{
	return kinds[kind].name;
}

int
codec_by_name(const char *name, enum codec_kind *kind, struct err *e)
{
	int k = kind_of(name, strlen(name));

	if (k == -1)
		return err_set(e, ERR_CORRUPT, "unknown compression \"%s\"",
		    name);
	*kind = (enum codec_kind)k;
	return 0;
}

const char *
codec_suffix(enum codec_kind kind)
{
	return kinds[kind].suffix;
}

/*
 * Two bytes name gzip: a file cut off after them is a damaged gzip, and no
 * SQL begins so. A skippable frame is zstd as well.
 */
enum codec_kind
codec_sniff(const void *data, size_t len)
{
	const unsigned char *p = data;

	if (len >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return CODEC_GZIP;
	if (len >= 4 && (memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ||
	    ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)))
		return CODEC_ZSTD;
	return CODEC_NONE;
}

struct sink *
codec_reader(struct sink *next, enum codec_kind kind, struct err *e)
{
	switch (kind) {
	case CODEC_GZIP:
		return gz_reader(next, e);
	case CODEC_ZSTD:
		return zst_reader(next, e);
	case CODEC_NONE:
		break;
	}
	return next;
}
