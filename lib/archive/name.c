#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive_int.h"

const struct archive_variant archive_variants[ARCHIVE_VARIANTS] = {
	{ CODEC_GZIP, false }, { CODEC_GZIP, true }, { CODEC_ZSTD, false },
	{ CODEC_ZSTD, true }, { CODEC_NONE, false }, { CODEC_NONE, true } };

#define LOG_DIGITS 16 /* timeline and log: the folder of a segment */

void
archive_object_name(const char *stem, struct archive_variant v,
    char out[ARCHIVE_OBJECT])
{
	const char *suffix = codec_suffix(v.codec);
	const char *age = v.encrypted ? ".age" : "";

	/* a history has its '.' before */
	if (strcspn(stem, ".") < LOG_DIGITS)
		snprintf(out, ARCHIVE_OBJECT, ARCHIVE_FOLDER "/%s%s%s", stem,
		    suffix, age);
	else
		snprintf(out, ARCHIVE_OBJECT, ARCHIVE_FOLDER "/%.*s/%s%s%s",
		    LOG_DIGITS, stem, stem, suffix, age);
}

const char *
archive_run_stem(const struct lsn_name *segment, uint32_t segment_size,
    uint32_t begin, uint32_t end, char out[ARCHIVE_STEM])
{
	struct lsn_name n = *segment;
	char name[LSN_NAME_MAX];

	n.kind = LSN_SEGMENT;
	snprintf(out, ARCHIVE_STEM, "%s.partial.%08" PRIX32 ".%08" PRIX32,
	    lsn_write_name(&n, segment_size, name), begin, end);
	return out;
}

static bool
cut_suffix(char *text, const char *suffix)
{
	size_t len = strlen(text), cut = strlen(suffix);

	if (cut == 0 || len <= cut || strcmp(text + len - cut, suffix) != 0)
		return false;
	text[len - cut] = '\0';
	return true;
}

/* Eight digits in upper case behind a '.'. */
static bool
take_offset(const char **p, uint32_t *out)
{
	uint32_t value = 0;

	if (*(*p)++ != '.')
		return false;
	for (unsigned i = 0; i < 8; i++, (*p)++) {
		static const char digits[] = "0123456789ABCDEF";
		const char *at = **p != '\0' ? strchr(digits, **p) : NULL;

		if (at == NULL)
			return false;
		value = value << 4 | (uint32_t)(at - digits);
	}
	*out = value;
	return true;
}

static bool
parse_run(char *stem, uint32_t segment_size, struct archive_file *out)
{
	static const char mark[] = ".partial.";
	char *at = strstr(stem, mark);
	const char *p;

	if (at == NULL)
		return false;
	p = at + strlen(mark) - 1;
	if (!take_offset(&p, &out->begin) || !take_offset(&p, &out->end) ||
	    *p != '\0' || out->begin >= out->end || out->end > segment_size)
		return false;
	*at = '\0';
	out->run = true;
	return lsn_parse_name(stem, segment_size, &out->name, NULL) == 0 &&
	    out->name.kind == LSN_SEGMENT;
}

bool
archive_parse_leaf(const char *leaf, uint32_t segment_size,
    struct archive_file *out, struct archive_variant *v)
{
	char stem[ARCHIVE_OBJECT];

	if (strlen(leaf) >= sizeof stem)
		return false;
	strcpy(stem, leaf);
	memset(out, 0, sizeof *out);
	v->encrypted = cut_suffix(stem, ".age");
	v->codec = cut_suffix(stem, ".gz") ? CODEC_GZIP :
	    cut_suffix(stem, ".zst") ? CODEC_ZSTD : CODEC_NONE;
	if (lsn_parse_name(stem, segment_size, &out->name, NULL) == -1 &&
	    !parse_run(stem, segment_size, out))
		return false;
	archive_object_name(stem, *v, out->object);
	if (out->run) { /* the stem was cut */
		char whole[ARCHIVE_STEM];

		archive_object_name(archive_run_stem(&out->name, segment_size,
		    out->begin, out->end, whole), *v, out->object);
	}
	return true;
}

int
archive_find(struct archive *a, const char *stem, unsigned *at,
    struct archive_found *out, struct err *e)
{
	for (; *at < ARCHIVE_VARIANTS; (*at)++) {
		struct err why = ERR_INIT;

		out->variant = archive_variants[*at];
		archive_object_name(stem, out->variant, out->object);
		out->blob = store_get(a->store, out->object, &why);
		if (out->blob != NULL) {
			(*at)++;
			return 1;
		}
		if (why.kind != ERR_ABSENT)
			return err_pass(e, &why);
	}
	return 0;
}
