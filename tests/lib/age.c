/*
 * age: keys and their files, and the format: files are built here stanza by
 * stanza and chunk by chunk, each with one defect, and read as a stream in
 * large and small pieces, armored, and at random.
 */
#include "age/age_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "age_make.h"
#include "tap.h"
#include "task/task.h"

static struct err e;
static struct age_keys *keys; /* the identity and the passphrase made with */

/* Read `file` as a stream in pieces of `step`; what came out is in *out. */
static int
read_stream(const void *file, size_t len, size_t step, struct buf *out,
    struct err *why)
{
	struct sink *s = age_reader(sink_buf(out, why), keys, why);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += step)
		rc = sink_write(s, (const char *)file + at,
		    len - at < step ? len - at : step, why);
	if (rc == 0)
		rc = sink_finish(s, why);
	sink_free(s);
	return rc;
}

static int
read_blob(const void *file, size_t len, struct buf *out, struct err *why)
{
	struct blob *b = age_open(blob_mem(file, len, why), keys, why);
	int rc = -1;

	if (b == NULL)
		return -1;
	if (buf_reserve(out, (size_t)b->size, why) == 0 &&
	    (rc = blob_read(b, 0, out->data, (size_t)b->size, why)) == 0)
		out->len = (size_t)b->size;
	blob_free(b);
	return rc;
}

/* ERR_NONE and the same bytes, or the kind of error wanted. */
static bool
came(int rc, const struct err *why, enum err_kind want, const struct buf *out,
    const struct buf *plain)
{
	if (want != ERR_NONE)
		return rc == -1 && why->kind == want &&
		    out->len <= plain->len &&
		    memcmp(out->data ? out->data : "", plain->data ?
		    plain->data : "", out->len) == 0;
	return rc == 0 && out->len == plain->len &&
	    (out->len == 0 || memcmp(out->data, plain->data, out->len) == 0);
}

static void
check(const char *name, const struct buf *file, enum err_kind want,
    const struct buf *plain)
{
	static const size_t steps[] = { 1 << 20, 65552, 1000, 7, 1 };
	struct buf out = BUF_INIT(4 << 20), armored = BUF_INIT(4 << 20);
	struct err why = ERR_INIT;
	bool good = true;
	int rc;

	for (unsigned i = 0; i < 6 && good; i++) {
		buf_reset(&out);
		err_clear(&why);
		if (i < 5 && file->len > 10000 && steps[i] < 1000)
			continue;
		rc = i < 5 ? read_stream(file->data, file->len, steps[i],
		    &out, &why) : read_blob(file->data, file->len, &out, &why);
		good = came(rc, &why, want, &out, plain);
	}
	if (good && file->len > 0) {
		make_armor(&armored, file->data, file->len);
		buf_reset(&out);
		err_clear(&why);
		rc = read_stream(armored.data, armored.len, 100, &out, &why);
		good = came(rc, &why, want, &out, plain);
	}
	tap_ok(good, name, __FILE__, __LINE__);
	if (!good)
		printf("#  got kind %d: %s\n# want kind %d\n", (int)why.kind,
		    why.text, (int)want);
	buf_free(&out);
	buf_free(&armored);
}

#define A16 "AAAAAAAAAAAAAAAA"
#define A43 A16 A16 "AAAAAAAAAAA"
#define A64 A16 A16 A16 A16

static const struct {
	const char *name, *file;
	enum err_kind want;
} headers[] = {
	{ "one recipient", "$v$x$m$p", ERR_NONE },
	{ "the passphrase", "$v$s$m$p", ERR_NONE },
	{ "ours after another's", "$v$o$x$m$p", ERR_NONE },
	{ "ours twice", "$v$x$x$m$p", ERR_NONE },
	{ "grease before and after", "$v-> a-grease ! ~\nAAAA\n$x-> b\n\n$m$p",
	    ERR_NONE },
	{ "a body of whole lines", "$v-> a b\n" A64 "\n" A64 "\n\n$x$m$p",
	    ERR_NONE },
	{ "an unknown type with odd arguments", "$v-> h \"#$$%&'()*+,-./:;<\n"
	    "AA\n$x$m$p", ERR_NONE },
	{ "lower case x25519 is another type", "$v-> x25519 $e\n$b\n$m$p",
	    ERR_KEY },
	{ "only another's recipient", "$v$o$m$p", ERR_KEY },
	{ "a hybrid type we do not know",
	    "$v-> mlkem768x25519 AAAA\n" A43 "\n$m$p", ERR_KEY },
	{ "empty file", "", ERR_CORRUPT },
	{ "only the name", "age-encryption.org/", ERR_CORRUPT },
	{ "only the version", "$v", ERR_CORRUPT },
	{ "version 2", "age-encryption.org/v2\n$x$m$p", ERR_CORRUPT },
	{ "version 1234", "age-encryption.org/v1234\n$x$m$p", ERR_CORRUPT },
	{ "another name", "age-encryption.com/v1\n$x$m$p", ERR_CORRUPT },
	{ "no line end after the version", "age-encryption.org/v1$x$m$p",
	    ERR_CORRUPT },
	{ "CRLF after the version", "age-encryption.org/v1\r\n$x$m$p",
	    ERR_CORRUPT },
	{ "CRLF everywhere", "age-encryption.org/v1\r\n-> X25519 $e\r\n$b\r\n"
	    "--- $h\r\n$p", ERR_CORRUPT },
	{ "CRLF in a stanza", "$v-> X25519 $e\r\n$b\n$m$p", ERR_CORRUPT },
	{ "CRLF after a body", "$v-> X25519 $e\n$b\r\n$m$p", ERR_CORRUPT },
	{ "CRLF at the end", "$v$x--- $h\r\n$p", ERR_CORRUPT },
	{ "empty line before the stanza", "$v\n$x$m$p", ERR_CORRUPT },
	{ "no stanza", "$v$m$p", ERR_CORRUPT },
	{ "no end", "$v$x", ERR_CORRUPT },
	{ "no end, then the payload", "$v$x$p", ERR_CORRUPT },
	{ "arrow without space", "$v->X25519 $e\n$b\n$m$p", ERR_CORRUPT },
	{ "long arrow", "$v--> X25519 $e\n$b\n$m$p", ERR_CORRUPT },
	{ "space before the arrow", "$v -> X25519 $e\n$b\n$m$p",
	    ERR_CORRUPT },
	{ "no argument at all", "$v-> \n\n$x$m$p", ERR_CORRUPT },
	{ "a bare arrow", "$v->\n\n$x$m$p", ERR_CORRUPT },
	{ "two spaces", "$v-> X25519  $e\n$b\n$m$p", ERR_CORRUPT },
	{ "space at a line's end", "$v-> X25519 $e \n$b\n$m$p", ERR_CORRUPT },
	{ "control byte in an argument", "$v-> a \x1f\n\n$x$m$p",
	    ERR_CORRUPT },
	{ "DEL in an argument", "$v-> a \x7f\n\n$x$m$p", ERR_CORRUPT },
	{ "byte above ASCII in an argument", "$v-> a \xc3\xa9\n\n$x$m$p",
	    ERR_CORRUPT },
	{ "tab in an argument", "$v-> a\tb\n\n$x$m$p", ERR_CORRUPT },
	{ "no share", "$v-> X25519\n$b\n$m$p", ERR_CORRUPT },
	{ "one argument too many", "$v-> X25519 $e 1\n$b\n$m$p",
	    ERR_CORRUPT },
	{ "five arguments", "$v-> X25519 $e 1 2 3 4\n$b\n$m$p",
	    ERR_CORRUPT },
	{ "short share", "$v-> X25519 AAAA\n$b\n$m$p", ERR_CORRUPT },
	{ "long share", "$v-> X25519 " A43 "AAAAA\n$b\n$m$p", ERR_CORRUPT },
	{ "padded share", "$v-> X25519 $e=\n$b\n$m$p", ERR_CORRUPT },
	{ "share not canonical", "$v-> X25519 $E\n$b\n$m$p", ERR_CORRUPT },
	{ "body not canonical", "$v-> X25519 $e\n$B\n$m$p", ERR_CORRUPT },
	{ "padded body", "$v-> X25519 $e\n$b=\n$m$p", ERR_CORRUPT },
	{ "empty body", "$v-> X25519 $e\n\n$m$p", ERR_CORRUPT },
	{ "no body", "$v-> X25519 $e\n$m$p", ERR_CORRUPT },
	{ "short body", "$v-> X25519 $e\nAAAA\n$m$p", ERR_CORRUPT },
	{ "long body", "$v-> X25519 $e\n" A43 "AAAAA\n$m$p", ERR_CORRUPT },
	{ "share of low order", "$v-> X25519 " A43 "\n$b\n$m$p",
	    ERR_CORRUPT },
	{ "base64 of URLs", "$v-> a\n-_\n$x$m$p", ERR_CORRUPT },
	{ "one character of base64", "$v-> a\nA\n$x$m$p", ERR_CORRUPT },
	{ "space in base64", "$v-> a\nAA AA\n$x$m$p", ERR_CORRUPT },
	{ "a line of 65", "$v-> a\n" A64 "A\n\n$x$m$p", ERR_CORRUPT },
	{ "a line of 68", "$v-> a\n" A64 "AAAA\n\n$x$m$p", ERR_CORRUPT },
	{ "whole lines without the last", "$v-> a\n" A64 "\n$x$m$p",
	    ERR_CORRUPT },
	{ "two short lines", "$v-> a\nAAAA\nAAAA\n$x$m$p", ERR_CORRUPT },
	{ "another code", "$v$x--- " A43 "\n$p", ERR_CORRUPT },
	{ "code not canonical", "$v$x--- $H\n$p", ERR_CORRUPT },
	{ "code padded", "$v$x--- $h=\n$p", ERR_CORRUPT },
	{ "code without space", "$v$x---$h\n$p", ERR_CORRUPT },
	{ "code after two spaces", "$v$x---  $h\n$p", ERR_CORRUPT },
	{ "code before a space", "$v$x--- $h \n$p", ERR_CORRUPT },
	{ "code and more", "$v$x--- $h AAAA\n$p", ERR_CORRUPT },
	{ "no code", "$v$x---\n$p", ERR_CORRUPT },
	{ "an empty code", "$v$x--- \n$p", ERR_CORRUPT },
	{ "a short code", "$v$x--- AAAA\n$p", ERR_CORRUPT },
	{ "no line end after the code", "$v$x--- $h", ERR_CORRUPT },
	{ "header added to under another's code",
	    "$v$x$m$v-> a\n\n$x--- $h\n$p", ERR_CORRUPT },
	{ "passphrase before a recipient", "$v$s$x$m$p", ERR_CORRUPT },
	{ "passphrase after a recipient", "$v$x$s$m$p", ERR_CORRUPT },
	{ "passphrase beside grease", "$v$s-> a\n\n$m$p", ERR_CORRUPT },
	{ "passphrase twice", "$v$s$s$m$p", ERR_CORRUPT },
	{ "wrong work factor", "$v-> scrypt $t 9\n$w\n$m$p", ERR_KEY },
	{ "work factor 21", "$v-> scrypt $t 21\n$w\n$m$p", ERR_KEY },
	{ "work factor 23", "$v-> scrypt $t 23\n$w\n$m$p", ERR_KEY },
	{ "work factor 64", "$v-> scrypt $t 64\n$w\n$m$p", ERR_KEY },
	{ "work factor 2^64+8", "$v-> scrypt $t 18446744073709551624\n$w\n"
	    "$m$p", ERR_KEY },
	{ "work factor 0", "$v-> scrypt $t 0\n$w\n$m$p", ERR_CORRUPT },
	{ "work factor 08", "$v-> scrypt $t 08\n$w\n$m$p", ERR_CORRUPT },
	{ "work factor +8", "$v-> scrypt $t +8\n$w\n$m$p", ERR_CORRUPT },
	{ "work factor -8", "$v-> scrypt $t -8\n$w\n$m$p", ERR_CORRUPT },
	{ "work factor 0x8", "$v-> scrypt $t 0x8\n$w\n$m$p", ERR_CORRUPT },
	{ "work factor 8x", "$v-> scrypt $t 8x\n$w\n$m$p", ERR_CORRUPT },
	{ "no work factor", "$v-> scrypt $t\n$w\n$m$p", ERR_CORRUPT },
	{ "scrypt and more", "$v-> scrypt $t 8 8\n$w\n$m$p", ERR_CORRUPT },
	{ "short salt", "$v-> scrypt AAAA 8\n$w\n$m$p", ERR_CORRUPT },
	{ "long salt", "$v-> scrypt $tAA 8\n$w\n$m$p", ERR_CORRUPT },
	{ "no salt", "$v-> scrypt 8\n$w\n$m$p", ERR_CORRUPT },
	{ "salt not canonical", "$v-> scrypt $T 8\n$w\n$m$p", ERR_CORRUPT },
	{ "scrypt body short", "$v-> scrypt $t 8\nAAAA\n$m$p", ERR_CORRUPT },
	{ "scrypt body of another", "$v-> scrypt $t 8\n" A43 "\n$m$p",
	    ERR_KEY },
	{ "upper case scrypt is another type",
	    "$v-> SCRYPT $t 8\n$w\n$m$p", ERR_KEY },
	{ "no nonce", "$v$x$m", ERR_CORRUPT },
	{ "short nonce", "$v$x$m" "123456789012345", ERR_CORRUPT },
	{ "no chunk", "$v$x$m" "1234567890123456", ERR_CORRUPT },
};

static void
test_headers(void)
{
	struct buf file = BUF_INIT(1 << 20), plain = BUF_INIT(100);

	buf_str(&plain, MAKE_PLAIN, &e);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		buf_reset(&file);
		make_file(&file, headers[i].file);
		check(headers[i].name, &file, headers[i].want, &plain);
	}
	buf_free(&file);
	buf_free(&plain);
}

/* Bounds: the header's size, the number of stanzas. */
static void
test_bounds(void)
{
	struct buf file = BUF_INIT(4 << 20), plain = BUF_INIT(100);

	buf_str(&plain, MAKE_PLAIN, &e);
	make_file(&file, "$v");
	for (unsigned i = 0; i < AGE_STANZAS_MAX - 1; i++)
		make_file(&file, "$o");
	make_file(&file, "$x$m$p");
	check("as many stanzas as we take", &file, ERR_NONE, &plain);
	buf_reset(&file);
	make_file(&file, "$v");
	for (unsigned i = 0; i < AGE_STANZAS_MAX; i++)
		make_file(&file, "$o");
	make_file(&file, "$x$m$p");
	check("one stanza too many", &file, ERR_CORRUPT, &plain);
	buf_reset(&file);
	make_file(&file, "$v-> large\n");
	while (file.len < AGE_HEADER_MAX)
		make_file(&file, A64 "\n");
	make_file(&file, "\n$x$m$p");
	check("a header that is too large", &file, ERR_CORRUPT, &plain);
	buf_reset(&file);
	make_file(&file, "$v");
	while (file.len < 2 * AGE_HEADER_MAX)
		make_file(&file, A64);
	check("a line that never ends", &file, ERR_CORRUPT, &plain);
	buf_free(&file);
	buf_free(&plain);
}

/* chunks: "sizes" written with the number and the flag given */
struct chunk {
	size_t len;
	uint64_t number;
	bool last;
};

static const struct {
	const char *name;
	struct chunk chunks[4];
	unsigned count;
	enum err_kind want;
	size_t extra, cut; /* bytes added, bytes taken away at the end */
	size_t out;        /* plain bytes that may come out */
} payloads[] = {
	{ "empty", { { 0, 0, true } }, 1, ERR_NONE, 0, 0, 0 },
	{ "one byte", { { 1, 0, true } }, 1, ERR_NONE, 0, 0, 1 },
	{ "a whole chunk", { { 65536, 0, true } }, 1, ERR_NONE, 0, 0, 65536 },
	{ "a chunk and a byte", { { 65536, 0, false }, { 1, 1, true } }, 2,
	    ERR_NONE, 0, 0, 65537 },
	{ "two whole chunks", { { 65536, 0, false }, { 65536, 1, true } }, 2,
	    ERR_NONE, 0, 0, 131072 },
	{ "an empty last chunk", { { 65536, 0, false }, { 0, 1, true } }, 2,
	    ERR_CORRUPT, 0, 0, 65536 },
	{ "two last chunks", { { 65536, 0, true }, { 9, 1, true } }, 2,
	    ERR_CORRUPT, 0, 0, 0 },
	{ "two whole last chunks", { { 65536, 0, true },
	    { 65536, 1, true } }, 2, ERR_CORRUPT, 0, 0, 0 },
	{ "two short last chunks", { { 9, 0, true }, { 9, 1, true } }, 2,
	    ERR_CORRUPT, 0, 0, 0 },
	{ "the last chunk twice", { { 9, 0, true }, { 9, 0, true } }, 2,
	    ERR_CORRUPT, 0, 0, 0 },
	{ "no last chunk", { { 65536, 0, false } }, 1, ERR_CORRUPT, 0, 0, 0 },
	{ "no last of two", { { 65536, 0, false }, { 65536, 1, false } }, 2,
	    ERR_CORRUPT, 0, 0, 65536 },
	{ "a short chunk that is not the last", { { 9, 0, false } }, 1,
	    ERR_CORRUPT, 0, 0, 0 },
	{ "a short chunk before the last", { { 9, 0, false },
	    { 9, 1, true } }, 2, ERR_CORRUPT, 0, 0, 0 },
	{ "a missing chunk", { { 65536, 0, false }, { 9, 2, true } }, 2,
	    ERR_CORRUPT, 0, 0, 65536 },
	{ "a missing first chunk", { { 9, 1, true } }, 1, ERR_CORRUPT, 0, 0,
	    0 },
	{ "chunks in another order", { { 65536, 1, false },
	    { 65536, 0, false }, { 9, 2, true } }, 3, ERR_CORRUPT, 0, 0, 0 },
	{ "a chunk twice", { { 65536, 0, false }, { 65536, 0, false },
	    { 9, 1, true } }, 3, ERR_CORRUPT, 0, 0, 65536 },
	{ "a byte after the end", { { 9, 0, true } }, 1, ERR_CORRUPT, 1, 0,
	    0 },
	{ "a byte after a whole last chunk", { { 65536, 0, true } }, 1,
	    ERR_CORRUPT, 1, 0, 0 },
	{ "a tag after a whole last chunk", { { 65536, 0, true } }, 1,
	    ERR_CORRUPT, 16, 0, 0 },
	{ "a byte missing", { { 9, 0, true } }, 1, ERR_CORRUPT, 0, 1, 0 },
	{ "only a part of a tag", { { 0, 0, true } }, 1, ERR_CORRUPT, 0, 1,
	    0 },
	{ "the last chunk cut to a tag", { { 65536, 0, false },
	    { 9, 1, true } }, 2, ERR_CORRUPT, 0, 9, 65536 },
	{ "the last chunk cut below a tag", { { 65536, 0, false },
	    { 9, 1, true } }, 2, ERR_CORRUPT, 0, 10, 65536 },
	{ "cut at the edge of a chunk", { { 65536, 0, false },
	    { 65536, 1, false }, { 9, 2, true } }, 3, ERR_CORRUPT, 0, 25,
	    65536 },
	{ "a chunk too large", { { 65537, 0, true } }, 1, ERR_CORRUPT, 0, 0,
	    0 },
};

static void
test_payloads(void)
{
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
		struct buf file = BUF_INIT(1 << 20), plain = BUF_INIT(1 << 20);

		make_file(&file, "$v$x$m" MAKE_NONCE);
		for (unsigned c = 0; c < payloads[i].count; c++)
			make_chunk(&file, &plain, payloads[i].chunks[c].number,
			    payloads[i].chunks[c].last,
			    payloads[i].chunks[c].len);
		for (size_t n = 0; n < payloads[i].extra; n++)
			buf_byte(&file, 'x', &e);
		file.len -= payloads[i].cut;
		plain.len = payloads[i].out;
		check(payloads[i].name, &file, payloads[i].want, &plain);
		buf_free(&file);
		buf_free(&plain);
	}
}

/* armor */

static const struct {
	const char *name;
	const char *from, *to; /* replaced once in a good armored file */
	enum err_kind want;
} armors[] = {
	{ "good armor", "", "", ERR_NONE },
	{ "white space before", "^", "\n\r   \t\n", ERR_NONE },
	{ "white space after", "$", "\n\r   \t\n  ", ERR_NONE },
	{ "no line end after the last line", "FILE-----\n$", "FILE-----",
	    ERR_NONE },
	{ "no armor", "^", "x", ERR_CORRUPT },
	{ "a line before", "^", "hello\n", ERR_CORRUPT },
	{ "a line after", "$", "hello\n", ERR_CORRUPT },
	{ "a space before the first line", "^", " ", ERR_CORRUPT },
	{ "a space after the first line", "FILE-----\n", "FILE----- \n",
	    ERR_CORRUPT },
	{ "lower case", "BEGIN AGE", "BEGIN age", ERR_CORRUPT },
	{ "another type", "BEGIN AGE", "BEGIN PGP", ERR_CORRUPT },
	{ "spaces inside dashes", "-----BEGIN", "----- BEGIN", ERR_CORRUPT },
	{ "a header", "FILE-----\n", "FILE-----\nHeaders: no\n\n",
	    ERR_CORRUPT },
	{ "an empty line first", "FILE-----\n", "FILE-----\n\n",
	    ERR_CORRUPT },
	{ "an empty line last", "-----END", "\n-----END", ERR_CORRUPT },
	{ "a checksum", "-----END", "=AAAA\n-----END", ERR_CORRUPT },
	{ "no last line", "-----END AGE ENCRYPTED FILE-----\n", "",
	    ERR_CORRUPT },
	{ "half a last line", "END AGE ENCRYPTED FILE-----\n", "END AGE",
	    ERR_CORRUPT },
	{ "another last line", "END AGE", "END PGP", ERR_CORRUPT },
	{ "no padding", "==\n-", "\n-", ERR_CORRUPT },
	{ "a line end inside padding", "==\n-", "=\n=\n-", ERR_CORRUPT },
	{ "a space before a line", "FILE-----\nY", "FILE-----\n Y",
	    ERR_CORRUPT },
	{ "a space after a line", "==\n-", "== \n-", ERR_CORRUPT },
	{ "a foreign character", "FILE-----\nY", "FILE-----\n*",
	    ERR_CORRUPT },
	{ "a short line first", "FILE-----\nYWdl", "FILE-----\nYWdl\n",
	    ERR_CORRUPT },
	{ "base64 not canonical", "?", "", ERR_CORRUPT },
	{ "two ends", "$", "-----END AGE ENCRYPTED FILE-----\n",
	    ERR_CORRUPT },
	{ "two files", "$", "-----BEGIN AGE ENCRYPTED FILE-----\n",
	    ERR_CORRUPT },
};

static void
replace(struct buf *out, const struct buf *in, const char *from,
    const char *to)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
	    "ghijklmnopqrstuvwxyz0123456789+/";
	bool at_end = strchr(from, '$') != NULL;
	char stray[2] = "";
	size_t n = strcspn(from, "$");
	const char *at = in->data;

	if (at_end)
		at += in->len - n;
	else if (*from == '^')
		n = 0;
	else if (*from == '?') { /* a bit that no byte has room for */
		at = strstr(in->data, "==\n-") - 1;
		stray[0] = strchr(digits, *at)[1];
		to = stray;
	}
	else
		at = strstr(in->data, from);
	if (at == NULL)
		at = in->data + in->len; /* caught: nothing is replaced */
	buf_add(out, in->data, (size_t)(at - in->data), &e);
	buf_str(out, to, &e);
	if ((size_t)(at - in->data) + n < in->len)
		buf_str(out, at + n, &e);
}

static void
check_armor(const char *name, const struct buf *text, enum err_kind want)
{
	struct buf out = BUF_INIT(1 << 20), plain = BUF_INIT(100);
	bool good = true;

	buf_str(&plain, MAKE_PLAIN, &e);
	for (size_t step = 1; step < 4000 && good; step = step * 5 + 2) {
		int rc;

		buf_reset(&out);
		rc = read_stream(text->data, text->len, step, &out, &e);
		/* with damage at the end all plain bytes may have come */
		good = came(rc, &e, want, &out, &plain);
		if (!good)
			printf("# kind %d: %s\n", (int)e.kind, e.text);
		err_clear(&e);
	}
	tap_ok(good, name, __FILE__, __LINE__);
	buf_free(&out);
	buf_free(&plain);
}

static void
test_armor(void)
{
	struct buf file = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	struct buf changed = BUF_INIT(1 << 20);
	struct blob *b;
	bool armored;

	make_sized(&file, 3, 1); /* the last line ends in "==" */
	make_armor(&text, file.data, file.len);
	for (size_t i = 0; i < sizeof armors / sizeof *armors; i++) {
		buf_reset(&changed);
		replace(&changed, &text, armors[i].from, armors[i].to);
		check_armor(armors[i].name, &changed, armors[i].want);
	}
	buf_reset(&file);
	buf_reset(&text);
	make_sized(&file, 48, 0);
	make_armor(&text, file.data, file.len);
	check_armor("a whole last line", &text, ERR_NONE);
	buf_reset(&changed);
	replace(&changed, &text, "-----END", "\n-----END");
	check_armor("an empty line after a whole one", &changed, ERR_CORRUPT);
	buf_reset(&changed);
	for (size_t at = 0; at < text.len; at++) {
		if (text.data[at] == '\n')
			buf_byte(&changed, '\r', &e);
		buf_byte(&changed, text.data[at], &e);
	}
	check_armor("CRLF", &changed, ERR_NONE);
	buf_reset(&changed);
	for (unsigned i = 0; i < 1030; i++)
		buf_byte(&changed, ' ', &e);
	buf_byte(&changed, '\n', &e);
	buf_add(&changed, text.data, text.len, &e);
	check_armor("too much white space before", &changed, ERR_CORRUPT);
	OK(age_sniff(text.data, text.len, &armored) && armored);
	OK(age_sniff(text.data, 22, &armored) && armored);
	OK(!age_sniff(text.data, 10, &armored));
	b = age_open(blob_mem(text.data, text.len, &e), keys, &e);
	OK(b == NULL && strstr(e.hint, "armored") != NULL);
	FAILS(b == NULL, ERR_CORRUPT, "not an age file");
	buf_free(&file);
	buf_free(&text);
	buf_free(&changed);
}

/* every truncation, every bit */
static void
test_damage(void)
{
	struct buf file = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	unsigned found = 0, opened = 0, flips = 0, cuts = 0;

	make_file(&file, "$v$o-> grease x\nAAAA\n$x$m$p");
	for (size_t len = 0; len < file.len; len++) {
		buf_reset(&out);
		found += read_stream(file.data, len, 1000, &out, &e) == -1 &&
		    e.kind == ERR_CORRUPT;
		err_clear(&e);
		found += read_blob(file.data, len, &out, &e) == -1 &&
		    e.kind == ERR_CORRUPT;
		err_clear(&e);
		cuts++;
	}
	EQ(found, 2 * cuts);
	found = 0;
	for (size_t bit = 0; bit < 8 * file.len; bit++) {
		file.data[bit / 8] ^= (char)(1 << bit % 8);
		buf_reset(&out);
		found += read_stream(file.data, file.len, 1000, &out, &e) ==
		    -1 && (e.kind == ERR_CORRUPT || e.kind == ERR_KEY);
		opened += out.len > 0;
		err_clear(&e);
		found += read_blob(file.data, file.len, &out, &e) == -1;
		err_clear(&e);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
		flips++;
	}
	EQ(found, 2 * flips);
	EQ(opened, 0);
	buf_free(&file);
	buf_free(&out);
}

/* what we write */

static void
fill(char *data, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (char)(x >> 24);
	}
}

static int
write_file(const struct age_keys *k, unsigned threads, const char *data,
    size_t len, size_t step, struct sink *to)
{
	struct sink *s = age_writer(to, k, threads, &e);
	int rc = s == NULL ? -1 : 0;

	for (size_t at = 0; rc == 0 && at < len; at += step)
		rc = sink_write(s, data + at, len - at < step ? len - at :
		    step, &e);
	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	return rc;
}

#define HEAD 184 /* header and nonce for one recipient */
#define BIG (((size_t)5 << 20) + 3)

static void
test_writer(void)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131072,
		(1 << 20) - 1, 1 << 20, (1 << 20) + 1, BIG };
	struct age_keys *to = age_keys_new(&e), *nobody = age_keys_new(&e);
	char recipient[AGE_RECIPIENT_MAX], *data = malloc(BIG);
	struct buf file = BUF_INIT(2 * BIG), out = BUF_INIT(2 * BIG);
	unsigned good = 0, tried = 0;

	fill(data, BIG);
	make_recipient(recipient);
	age_add_recipient(to, recipient, &e);
	for (unsigned threads = 1; threads <= 4; threads *= 2)
		for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			size_t n = sizes[i], want;

			buf_reset(&file);
			buf_reset(&out);
			good += write_file(to, threads, data, n, i % 3 == 0 ?
			    1000 : 300000, sink_buf(&file, &e)) == 0;
			want = HEAD + n + (n == 0 ? 1 :
			    (n + 65535) / 65536) * 16;
			good += file.len == want;
			good += read_stream(file.data, file.len, 262144, &out,
			    &e) == 0 && out.len == n &&
			    (n == 0 || memcmp(out.data, data, n) == 0);
			buf_reset(&out);
			good += read_blob(file.data, file.len, &out, &e) ==
			    0 && out.len == n &&
			    (n == 0 || memcmp(out.data, data, n) == 0);
			tried += 4;
		}
	EQ(good, tried);
	FAILS(age_writer(sink_null(&e), nobody, 1, &e) == NULL, ERR_KEY,
	    "nobody");
	OK(age_writer(NULL, to, 1, &e) == NULL && e.kind == ERR_NONE);
	OK(age_reader(NULL, to, &e) == NULL && e.kind == ERR_NONE);
	OK(age_open(NULL, to, &e) == NULL && e.kind == ERR_NONE);
	age_keys_free(to);
	age_keys_free(nobody);
	buf_free(&file);
	buf_free(&out);
	free(data);
}

/* a sink that fails at its n-th call, and counts what is freed */
struct weak {
	struct sink base;
	unsigned left;
};

static unsigned weak_freed;

static int
weak_step(struct sink *s, struct err *why)
{
	struct weak *w = (struct weak *)s;

	return w->left-- == 0 ? err_set(why, ERR_SYS, "no space") : 0;
}

static int
weak_write(struct sink *s, const void *data, size_t len, struct err *why)
{
	(void)data;
	(void)len;
	return weak_step(s, why);
}

static void
weak_free(struct sink *s)
{
	weak_freed++;
	free(s);
}

static struct sink *
weak_new(unsigned left)
{
	static const struct sink_ops ops = { weak_write, weak_step,
		weak_free };
	struct weak *w = malloc(sizeof *w);

	*w = (struct weak){ { &ops }, left };
	return &w->base;
}

static int
read_into(const struct buf *file, struct sink *to)
{
	struct sink *s = age_reader(to, keys, &e);
	int rc = sink_write(s, file->data, file->len, &e);

	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	return rc;
}

/* Each chain fails with its own error until the step is past its end. */
static void
test_weak(void)
{
	struct age_keys *to = age_keys_new(&e);
	char recipient[AGE_RECIPIENT_MAX], *data = malloc(BIG);
	struct buf file = BUF_INIT(2 * BIG);
	unsigned step, failed;

	fill(data, BIG);
	make_recipient(recipient);
	age_add_recipient(to, recipient, &e);
	for (unsigned threads = 1; threads <= 4; threads *= 2) {
		failed = weak_freed = 0;
		for (step = 0; write_file(to, threads, data, BIG, 300000,
		    weak_new(step)) == -1; step++) {
			failed += e.kind == ERR_SYS;
			err_clear(&e);
		}
		/* header, 5 batches and a rest, finish */
		EQ(step, 1 + 6 + 1);
		EQ(failed, step);
		EQ(weak_freed, step + 1);
	}
	write_file(to, 1, data, 200000, 200000, sink_buf(&file, &e));
	failed = weak_freed = 0;
	for (step = 0; read_into(&file, weak_new(step)) == -1; step++) {
		failed += e.kind == ERR_SYS;
		err_clear(&e);
	}
	EQ(step, 4 + 1);
	EQ(failed, step);
	EQ(weak_freed, step + 1);
	age_keys_free(to);
	buf_free(&file);
	free(data);
}

/* random access, from several threads */

struct ranges {
	struct blob *b;
	const char *data;
};

static int
read_ranges(void *ctx, unsigned worker, struct err *why)
{
	const struct ranges *r = ctx;
	uint32_t x = worker + 1;
	char *got = malloc(300000);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 300; i++) {
		uint64_t off;
		size_t len;

		x = x * 1664525 + 1013904223;
		off = (x >> 4) % (r->b->size + 1);
		x = x * 1664525 + 1013904223;
		len = i % 2 == 0 ? (x >> 8) % 300000 : (x >> 8) % 100;
		if (len > r->b->size - off)
			len = (size_t)(r->b->size - off);
		rc = blob_read(r->b, off, got, len, why);
		if (rc == 0 && memcmp(got, r->data + off, len) != 0)
			rc = err_set(why, ERR_CORRUPT, "other bytes");
	}
	free(got);
	return rc;
}

static void
test_blob(void)
{
	struct age_keys *to = age_keys_new(&e);
	char recipient[AGE_RECIPIENT_MAX], *data = malloc(BIG), c;
	struct buf file = BUF_INIT(2 * BIG);
	struct ranges r = { NULL, data };
	size_t chunk;

	fill(data, BIG);
	make_recipient(recipient);
	age_add_recipient(to, recipient, &e);
	write_file(to, 2, data, BIG, BIG, sink_buf(&file, &e));
	r.b = age_open(blob_mem(file.data, file.len, &e), keys, &e);
	OK(r.b != NULL && r.b->size == BIG);
	EQ(task_crowd(4, read_ranges, NULL, &r, &e), 0);
	FAILS(blob_read(r.b, BIG, &c, 1, &e) == -1, ERR_CORRUPT, "early");
	OK(blob_read(r.b, BIG, &c, 0, &e) == 0);
	/* damage later than the opening: that chunk alone is refused */
	chunk = file.len - (file.len - 200) / 2;
	file.data[chunk] ^= 1;
	EQ(blob_read(r.b, 0, &c, 1, &e), 0);
	FAILS(blob_read(r.b, (chunk - HEAD) / 65552 * 65536, &c, 1, &e) == -1,
	    ERR_CORRUPT, "not authentic");
	file.data[chunk] ^= 1;
	blob_free(r.b);
	/* a file cut at the edge of a chunk is refused when it is opened */
	r.b = age_open(blob_mem(file.data, HEAD + 65552 * 3, &e), keys, &e);
	FAILS(r.b == NULL, ERR_CORRUPT, "end of the file is missing");
	r.b = age_open(blob_mem(file.data, file.len, &e), NULL, &e);
	FAILS(r.b == NULL, ERR_KEY, "an identity is needed");
	age_keys_free(to);
	buf_free(&file);
	free(data);
}

int
main(void)
{
	keys = age_keys_new(&e);
	make_keys(keys);
	test_headers();
	test_bounds();
	test_payloads();
	test_armor();
	test_damage();
	test_writer();
	test_weak();
	test_blob();
	age_keys_free(keys);
	return done();
}
