#include <string.h>

#include "age/age_int.h"

/*
 * header = v1-line 1*stanza end
 * stanza = "-> " argument *(SP argument) LF *full-line final-line
 * end    = "--- " base64(MAC) LF
 *
 * where a full line has 64 characters, the final line fewer and perhaps none.
 */

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "invalid age header: %s", why);
}

static int
check_version(const char *data, size_t len, struct err *e)
{
	size_t name = strlen("age-encryption.org/");
	size_t n = len < strlen(AGE_VERSION) ? len : strlen(AGE_VERSION);

	if (memcmp(data, AGE_VERSION, n) == 0)
		return 0;
	if (n < name || memcmp(data, AGE_VERSION, name) != 0)
		return err_set(e, ERR_CORRUPT, "not an age file");
	if (n == strlen(AGE_VERSION) && data[n - 1] == '\r')
		return bad(e, "its line ends were changed to CRLF");
	return bad(e, "not of version 1");
}

int
age_header_end(const char *data, size_t len, size_t *seen, size_t *end,
    struct err *e)
{
	const char *nl;

	if (check_version(data, len, e) == -1)
		return -1;
	/* *seen is the start of a line; only the end begins with "---" */
	while ((nl = memchr(data + *seen, '\n', len - *seen)) != NULL) {
		size_t next = (size_t)(nl - data) + 1;

		if (next > AGE_HEADER_MAX)
			break;
		if (next - *seen > 3 && memcmp(data + *seen, "---", 3) == 0) {
			*end = next;
			return 1;
		}
		*seen = next;
	}
	if (len >= AGE_HEADER_MAX)
		return err_set(e, ERR_CORRUPT,
		    "invalid age header: larger than %zu bytes",
		    AGE_HEADER_MAX);
	return 0;
}

/* parsing */

struct text {
	const char *p, *end;
};

struct word {
	const char *p;
	size_t len;
};

#define WORDS_MAX 4 /* one more than any stanza of ours has */

static bool
next_line(struct text *t, struct word *line)
{
	const char *nl = memchr(t->p, '\n', (size_t)(t->end - t->p));

	if (nl == NULL)
		return false;
	*line = (struct word){ t->p, (size_t)(nl - t->p) };
	t->p = nl + 1;
	return true;
}

/* Cut "type arg arg" at single spaces; *count may pass what is kept. */
static int
cut_words(struct word line, struct word words[WORDS_MAX], unsigned *count,
    struct err *e)
{
	const char *end = line.p + line.len, *start = line.p;

	*count = 0;
	for (const char *p = line.p;; p++) {
		if (p < end && *p >= 33 && *p <= 126)
			continue;
		if (p < end && *p != ' ')
			return bad(e, "a byte that may not be in a stanza");
		if (p == start)
			return bad(e, "an empty argument");
		if (*count < WORDS_MAX)
			words[*count] = (struct word){ start,
				(size_t)(p - start) };
		(*count)++;
		start = p + 1;
		if (p == end)
			return 0;
	}
}

/* The body's length in *len, its first AGE_WRAPPED bytes in `body`. */
static int
take_body(struct text *t, unsigned char body[AGE_WRAPPED], size_t *len,
    struct err *e)
{
	unsigned char bytes[AGE_LINE_BYTES];
	struct word line;
	int n;

	*len = 0;
	do {
		if (!next_line(t, &line))
			return bad(e, "a stanza ends early");
		n = age_unbase64(line.p, line.len, bytes, false);
		if (n == -1)
			return bad(e, "a stanza is not canonical base64");
		if (*len < AGE_WRAPPED) {
			size_t room = AGE_WRAPPED - *len;

			memcpy(body + *len, bytes, (size_t)n < room ?
			    (size_t)n : room);
		}
		*len += (size_t)n;
	} while (line.len == AGE_COLUMNS);
	return 0;
}

static bool
word_is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.p, text, w.len) == 0;
}

static bool
word_bytes(struct word w, unsigned char *out, size_t want)
{
	unsigned char bytes[AGE_LINE_BYTES];
	int n = age_unbase64(w.p, w.len, bytes, false);

	if (n == -1 || (size_t)n != want)
		return false;
	memcpy(out, bytes, want);
	return true;
}

/* A decimal without leading zero; beyond 99 the value no longer matters. */
static bool
word_number(struct word w, unsigned *out)
{
	unsigned value = 0;

	if (w.p[0] == '0')
		return false;
	for (size_t i = 0; i < w.len; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return false;
		if (value < 100)
			value = value * 10 + (unsigned)(w.p[i] - '0');
	}
	*out = value;
	return true;
}

static int
take_scrypt(struct age_header *h, const struct word *words, unsigned count,
    struct err *e)
{
	struct age_scrypt *s = &h->scrypt;

	if (h->has_scrypt || count != 3 ||
	    !word_bytes(words[1], s->salt, sizeof s->salt) ||
	    !word_number(words[2], &s->work))
		return bad(e, "an invalid scrypt stanza");
	h->has_scrypt = true;
	return 0;
}

static int
take_stanza(struct text *t, struct word line, struct age_header *h,
    struct err *e)
{
	unsigned char body[AGE_WRAPPED];
	struct word words[WORDS_MAX];
	unsigned count;
	size_t len;

	line.p += 3;
	line.len -= 3;
	if (cut_words(line, words, &count, e) == -1 ||
	    take_body(t, body, &len, e) == -1)
		return -1;
	h->stanzas++;
	if (word_is(words[0], "X25519")) {
		struct age_x25519 *x = &h->x25519[h->x25519s];

		if (h->x25519s == AGE_STANZAS_MAX)
			return bad(e, "too many recipients");
		if (count != 2 || len != sizeof body ||
		    !word_bytes(words[1], x->share, sizeof x->share))
			return bad(e, "an invalid X25519 stanza");
		memcpy(x->body, body, sizeof body);
		h->x25519s++;
	} else if (word_is(words[0], "scrypt")) {
		if (take_scrypt(h, words, count, e) == -1)
			return -1;
		if (len != sizeof body)
			return bad(e, "an invalid scrypt stanza");
		memcpy(h->scrypt.body, body, sizeof body);
	}
	/* all other types are someone else's: passed over */
	return 0;
}

int
age_header_parse(const char *text, size_t len, struct age_header *h,
    struct err *e)
{
	struct text t = { text, text + len };
	struct word line;

	h->stanzas = h->x25519s = 0;
	h->has_scrypt = false;
	if (!next_line(&t, &line) || check_version(text, len, e) == -1)
		return bad(e, "it ends early");
	for (;;) {
		if (!next_line(&t, &line))
			return bad(e, "it ends early");
		if (line.len < 3 || memcmp(line.p, "-> ", 3) != 0)
			break;
		if (take_stanza(&t, line, h, e) == -1)
			return -1;
	}
	if (line.len < 4 || memcmp(line.p, "--- ", 4) != 0)
		return bad(e, "neither a stanza nor the end");
	h->covered = (size_t)(line.p - text) + 3;
	line.p += 4;
	line.len -= 4;
	if (!word_bytes(line, h->mac, sizeof h->mac))
		return bad(e, "an invalid authentication code");
	if (t.p != t.end || h->stanzas == 0)
		return bad(e, "no recipient");
	if (h->has_scrypt && h->stanzas != 1)
		return bad(e, "a passphrase beside other recipients");
	return 0;
}

int
age_header_note(const char *text, size_t len, const char *name,
    unsigned char *value, size_t size, struct err *e)
{
	struct text t = { text, text + len };
	struct word line, words[WORDS_MAX];
	unsigned count;

	/* lines of a body never begin with '-': it is not in base64 */
	while (next_line(&t, &line)) {
		if (line.len < 3 || memcmp(line.p, "-> ", 3) != 0)
			continue;
		line.p += 3;
		line.len -= 3;
		if (cut_words(line, words, &count, e) == -1)
			return -1;
		if (!word_is(words[0], name))
			continue;
		if (count != 2 || !word_bytes(words[1], value, size))
			return bad(e, "an invalid note");
		return 1;
	}
	return 0;
}
