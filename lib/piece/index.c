#include <stdlib.h>
#include <string.h>

#include "piece/piece_int.h"

struct fact {
	const char *key, *value;
};

struct piece_index {
	struct piece *pieces;
	size_t count, cap;
	const char **databases;
	unsigned database_count;
	struct fact *facts;
	size_t fact_count;
	char *strings; /* all names, unescaped in place */
	enum codec_kind kind;
	uint64_t data_off, index_off;
	uint64_t plain;
	bool ended;
};

void
piece_index_free(struct piece_index *x)
{
	if (x == NULL)
		return;
	free(x->pieces);
	free(x->databases);
	free(x->facts);
	free(x->strings);
	free(x);
}

size_t
piece_count(const struct piece_index *x)
{
	return x->count;
}

const struct piece *
piece_at(const struct piece_index *x, size_t i)
{
	return &x->pieces[i];
}

unsigned
piece_databases(const struct piece_index *x)
{
	return x->database_count;
}

const char *
piece_database(const struct piece_index *x, unsigned i)
{
	return i < x->database_count ? x->databases[i] : NULL;
}

const char *
piece_fact(const struct piece_index *x, const char *key)
{
	for (size_t i = 0; i < x->fact_count; i++)
		if (strcmp(x->facts[i].key, key) == 0)
			return x->facts[i].value;
	return NULL;
}

enum codec_kind
piece_codec(const struct piece_index *x)
{
	return x->kind;
}

/* parsing; every refusal is ERR_CORRUPT */

static int
bad(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the file's index is damaged");
}

/* Room for one more in a growing array. */
static int
grow(void **items, size_t count, size_t size, struct err *e)
{
	void *more;

	if (count != 0 && (count & (count - 1)) != 0)
		return 0; /* grown to the next power of two before */
	if ((more = realloc(*items, (count == 0 ? 1 : 2 * count) * size)) ==
	    NULL)
		return err_nomem(e);
	*items = more;
	return 0;
}

/* The next word of a line, cut off in place; NULL when there is none. */
static char *
word(char **at)
{
	char *begin = *at, *end;

	if (begin == NULL || *begin == '\0')
		return NULL;
	if ((end = strchr(begin, ' ')) != NULL)
		*end++ = '\0';
	*at = end;
	return begin;
}

/* The same, unescaped in place (the plain form is never longer). */
static const char *
name(char **at, struct err *e)
{
	struct buf b = BUF_INIT(4096);
	char *w = word(at);

	if (w == NULL || buf_unescape(&b, w, strlen(w), e) == -1) {
		bad(e);
		buf_free(&b);
		return NULL;
	}
	memcpy(w, b.data, b.len + 1);
	buf_free(&b);
	return w;
}

static int
number(char **at, uint64_t max, uint64_t *out, struct err *e)
{
	const char *w = word(at);
	uint64_t n = 0;

	if (w == NULL || *w == '\0')
		return bad(e);
	for (; *w != '\0'; w++) {
		if (*w < '0' || *w > '9' || n > (UINT64_MAX - 9) / 10)
			return bad(e);
		n = n * 10 + (uint64_t)(*w - '0');
	}
	if (n > max)
		return bad(e);
	*out = n;
	return 0;
}

static int
take_version(struct piece_index *x, char *at, struct err *e)
{
	uint64_t version;
	const char *kind;

	if (number(&at, UINT64_MAX, &version, e) == -1)
		return -1;
	if (version != PIECE_VERSION)
		return err_set(e, ERR_CORRUPT, "the file's index is of "
		    "version %llu, this pgk knows version %d",
		    (unsigned long long)version, PIECE_VERSION);
	kind = word(&at);
	if (kind == NULL || strcmp(kind, codec_name(x->kind)) != 0)
		return bad(e);
	return 0;
}

static int
take_fact(struct piece_index *x, char *at, struct err *e)
{
	struct fact f;

	if ((f.key = name(&at, e)) == NULL ||
	    (f.value = name(&at, e)) == NULL)
		return -1;
	if (grow((void **)&x->facts, x->fact_count, sizeof f, e) == -1)
		return -1;
	x->facts[x->fact_count++] = f;
	return 0;
}

static int
take_database(struct piece_index *x, char *at, struct err *e)
{
	const char *n = name(&at, e);

	if (n == NULL || grow((void **)&x->databases, x->database_count,
	    sizeof *x->databases, e) == -1)
		return -1;
	x->databases[x->database_count++] = n;
	return 0;
}

static int
take_kind(char **at, struct piece *p, struct err *e)
{
	const char *w = word(at);

	for (unsigned i = 0; w != NULL && i < PIECE_KINDS; i++)
		if (strcmp(w, piece_kind_words[i]) == 0) {
			p->kind = (enum piece_kind)i;
			return 0;
		}
	return bad(e);
}

static int
take_table(char **at, struct piece *p, struct err *e)
{
	if (p->kind != PIECE_COPY) {
		const char *a = word(at), *b = word(at);

		if (a == NULL || b == NULL || strcmp(a, "-") != 0 ||
		    strcmp(b, "-") != 0)
			return bad(e);
		return 0;
	}
	if ((p->schema = name(at, e)) == NULL ||
	    (p->table = name(at, e)) == NULL)
		return -1;
	return 0;
}

static int
take_piece(struct piece_index *x, char *at, struct err *e)
{
	struct piece p = { .kind = PIECE_PRE };
	uint64_t database, head;
	uint64_t want = x->count == 0 ? x->data_off :
	    x->pieces[x->count - 1].off + x->pieces[x->count - 1].len;
	const char *sum;

	if (take_kind(&at, &p, e) == -1 ||
	    number(&at, UINT32_MAX, &database, e) == -1 ||
	    number(&at, x->index_off, &p.off, e) == -1 ||
	    number(&at, x->index_off, &p.len, e) == -1 ||
	    number(&at, UINT64_MAX, &p.plain, e) == -1 ||
	    number(&at, UINT64_MAX, &p.rows, e) == -1 ||
	    number(&at, UINT32_MAX, &head, e) == -1 ||
	    take_table(&at, &p, e) == -1)
		return -1;
	p.database = (unsigned)database;
	p.head = (uint32_t)head;
	sum = word(&at);
	if (sum == NULL || at != NULL || digest_parse(sum, &p.sum, e) == -1 ||
	    p.off != want || p.len == 0 || p.len > x->index_off - p.off ||
	    (p.kind != PIECE_GLOBALS && database >= x->database_count) ||
	    (p.kind == PIECE_COPY && p.head >= p.plain))
		return bad(e);
	if (grow((void **)&x->pieces, x->count, sizeof p, e) == -1)
		return -1;
	x->pieces[x->count++] = p;
	x->plain += p.plain;
	return 0;
}

static int
take_total(struct piece_index *x, char *at, struct err *e)
{
	uint64_t count, plain;
	uint64_t end = x->count == 0 ? x->data_off :
	    x->pieces[x->count - 1].off + x->pieces[x->count - 1].len;

	if (number(&at, UINT64_MAX, &count, e) == -1 ||
	    number(&at, UINT64_MAX, &plain, e) == -1)
		return -1;
	if (at != NULL || count != x->count || plain != x->plain ||
	    end != x->index_off)
		return bad(e);
	x->ended = true;
	return 0;
}

static int
take_line(struct piece_index *x, char *line, bool first, struct err *e)
{
	char *at = line + 5;

	if (x->ended || strncmp(line, "--:", 3) != 0 || line[3] == '\0' ||
	    line[4] != ' ' || first != (line[3] == 'V'))
		return bad(e);
	switch (line[3]) {
	case 'V':
		return take_version(x, at, e);
	case 'M':
		return take_fact(x, at, e);
	case 'D':
		return take_database(x, at, e);
	case 'P':
		return take_piece(x, at, e);
	case 'T':
		return take_total(x, at, e);
	default:
		return bad(e);
	}
}

/* `text` is taken. */
static int
parse(struct piece_index *x, char *text, size_t len, struct err *e)
{
	bool first = true;
	char *line, *next;

	x->strings = text;
	if (len == 0 || text[len - 1] != '\n' || memchr(text, '\0', len))
		return bad(e);
	for (line = text; *line != '\0'; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (strncmp(line, "--:", 3) != 0) {
			if (!first || strncmp(line, "--", 2) != 0)
				return bad(e);
			continue; /* the words for people */
		}
		if (take_line(x, line, first, e) == -1)
			return -1;
		first = false;
	}
	return x->ended ? 0 : bad(e);
}

/* finding it */

static int
read_text(struct blob *b, struct piece_index *x, uint64_t len,
    const unsigned char *sum, struct buf *text, struct err *e)
{
	struct buf stored = BUF_INIT(PIECE_INDEX_MAX);
	struct codec_dec *dec = NULL;
	struct sink *out = NULL;
	struct digest d;
	int rc = -1;

	if (len > PIECE_INDEX_MAX) {
		bad(e);
		goto done;
	}
	if (buf_reserve(&stored, (size_t)len, e) == -1 ||
	    blob_read(b, x->index_off, stored.data, (size_t)len, e) == -1)
		goto done;
	digest_of(stored.data, (size_t)len, &d);
	if (memcmp(d.sum, sum, 8) != 0) {
		bad(e);
		goto done;
	}
	if ((dec = codec_dec_new(x->kind, e)) == NULL ||
	    (out = sink_buf(text, e)) == NULL)
		goto done;
	rc = codec_dec_blocks(dec, stored.data, (size_t)len, out, e);
done:
	sink_free(out);
	codec_dec_free(dec);
	buf_free(&stored);
	return rc;
}

/* 1 a mark of ours, 0 none; its data in data[]. */
static int
mark_at(struct blob *b, enum codec_kind kind, uint64_t off,
    unsigned char data[PIECE_MARK], struct err *e)
{
	unsigned char mark[PIECE_MARK_MAX];

	if (blob_read(b, off, mark, codec_mark_size(kind), e) == -1)
		return -1;
	return codec_mark_read(kind, mark, data) == 0;
}

/*
 * Both marks, or neither: one alone is a file of ours that was cut or
 * damaged. Returns 0 with the end mark's data.
 */
static int
find_marks(struct blob *b, enum codec_kind kind,
    unsigned char end[PIECE_MARK], struct err *e)
{
	size_t size = codec_mark_size(kind);
	unsigned char begin[PIECE_MARK];
	int first, last = 0;

	if (b->size < size)
		return err_set(e, ERR_ABSENT, "the file has no index");
	if ((first = mark_at(b, kind, 0, begin, e)) == -1)
		return -1;
	first = first && memcmp(begin, PIECE_BEGIN, sizeof begin) == 0;
	if (b->size >= 2 * size &&
	    (last = mark_at(b, kind, b->size - size, end, e)) == -1)
		return -1;
	if (first && last)
		return 0;
	if (first)
		return err_set(e, ERR_CORRUPT, "the file is cut short: its "
		    "index is missing");
	if (last)
		return err_set(e, ERR_CORRUPT, "the file's beginning is "
		    "damaged");
	return err_set(e, ERR_ABSENT, "the file has no index");
}

/*
 * A damaged first byte must not make a file of ours look like another
 * kind's: the end tells too.
 */
static int
find_kind(struct blob *b, struct piece_index *x,
    unsigned char end[PIECE_MARK], struct err *e)
{
	static const enum codec_kind kinds[] = { CODEC_GZIP, CODEC_ZSTD,
		CODEC_NONE };
	struct err why = ERR_INIT;

	for (unsigned i = 0; i < 3; i++) {
		err_clear(&why);
		x->kind = kinds[i];
		if (find_marks(b, kinds[i], end, &why) == 0)
			return 0;
		if (why.kind != ERR_ABSENT)
			break;
	}
	err_pass(e, &why);
	return -1;
}

struct piece_index *
piece_open(struct blob *b, struct err *e)
{
	struct piece_index *x = calloc(1, sizeof *x);
	struct buf text = BUF_INIT(PIECE_INDEX_MAX);
	unsigned char end[PIECE_MARK];
	uint64_t limit;

	if (x == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (find_kind(b, x, end, e) == -1)
		goto fail;
	x->data_off = codec_mark_size(x->kind);
	limit = b->size - x->data_off;
	for (unsigned i = 0; i < 8; i++)
		x->index_off = x->index_off << 8 | end[i];
	if (x->index_off < x->data_off || x->index_off >= limit) {
		bad(e);
		goto fail;
	}
	if (read_text(b, x, limit - x->index_off, end + 8, &text, e) == -1)
		goto fail;
	if (text.data == NULL) {
		bad(e);
		goto fail;
	}
	if (parse(x, text.data, text.len, e) == -1)
		goto fail_parsed;
	return x;
fail:
	buf_free(&text);
fail_parsed:
	piece_index_free(x);
	return NULL;
}
