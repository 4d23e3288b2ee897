#include "buf/buf.h"

#include <stdlib.h>

#include "tap.h"

static struct err e;

static void
grows(void)
{
	struct buf b = BUF_INIT(1000);

	OK(b.data == NULL && b.len == 0);
	EQ(buf_str(&b, "ab", &e), 0);
	EQ(buf_byte(&b, 'c', &e), 0);
	EQ(buf_add(&b, "\0d", 2, &e), 0);
	EQ(buf_fmt(&b, &e, "%05d", 42), 0);
	EQ(b.len, 10);
	OK(memcmp(b.data, "abc\0d00042", 11) == 0);
	buf_drop(&b, 5);
	IS(b.data, "00042");
	buf_drop(&b, 0);
	buf_drop(&b, 5);
	IS(b.data, "");
	buf_reset(&b);
	OK(b.data != NULL && b.len == 0);
	buf_free(&b);
	OK(b.data == NULL && b.cap == 0);
	/* usable again, also by adding nothing */
	EQ(buf_add(&b, NULL, 0, &e), 0);
	IS(b.data, "");
	buf_drop(&b, 0);
	buf_wipe(&b);
	OK(b.data == NULL);
	buf_free(&b);
	buf_reset(&b);
	buf_drop(&b, 0);
}

/* Every bound is reached exactly and passed by nothing. */
static void
bounds(void)
{
	for (size_t max = 0; max < 200; max++) {
		struct buf b = BUF_INIT(max);
		size_t n = 0;

		while (buf_byte(&b, 'x', &e) == 0)
			n++;
		if (n != max || b.len != max || e.kind != ERR_NOMEM ||
		    (b.data != NULL && strlen(b.data) != max))
			EQ(n, max);
		err_clear(&e);
		if (buf_add(&b, NULL, 0, &e) == -1)
			EQ(max, 0);
		buf_free(&b);
	}
	struct buf b = BUF_INIT(8);

	EQ(buf_str(&b, "1234", &e), 0);
	FAILS(buf_str(&b, "56789", &e) == -1, ERR_NOMEM, "8 bytes");
	FAILS(buf_fmt(&b, &e, "%d", 56789) == -1, ERR_NOMEM, "8 bytes");
	FAILS(buf_reserve(&b, SIZE_MAX, &e) == -1, ERR_NOMEM, "8 bytes");
	IS(b.data, "1234");
	EQ(buf_fmt(&b, &e, "%d", 5678), 0);
	IS(b.data, "12345678");
	buf_free(&b);
}

/* An item more, zeroed, and those before it as they were. */
static void
more(void)
{
	struct item {
		uint64_t n;
		char rest[3];
	} *all = NULL, *p;
	unsigned wrong = 0;

	for (size_t i = 0; i < 1000; i++) {
		p = buf_more(all, i, sizeof *all, &e);
		if (p == NULL)
			break;
		all = p;
		wrong += all[i].n != 0 || memcmp(all[i].rest, "\0\0", 3) != 0;
		memset(&all[i], 0xff, sizeof *all);
		all[i].n = i;
	}
	for (size_t i = 0; i < 1000; i++)
		wrong += all[i].n != i || all[i].rest[2] != (char)0xff;
	EQ(wrong, 0);
	/* one that was not put to use is there again, and zeroed */
	p = buf_more(all, 512, sizeof *all, &e);
	OK(p != NULL && p[512].n == 0 && p[511].n == 511);
	free(p);
}

static void
there_and_back(const char *name, const char *want)
{
	struct buf b = BUF_INIT(4096), back = BUF_INIT(4096);

	EQ(buf_escape(&b, name, &e), 0);
	IS(b.data, want);
	EQ(buf_unescape(&back, b.data, b.len, &e), 0);
	IS(back.data, name);
	buf_free(&b);
	buf_free(&back);
}

static void
escaping(void)
{
	static const char *const bad[] = { "%4", "%4g", "%zz", "a%",
		"a%0", "%00", "a/b", "a b", "a\n", "%2e%2f", "\x80",
		"a%%", "%%", "%41", "a%2E", ".a", "-a", "%2E%2E", "%5F" };
	char all[256];
	struct buf b = BUF_INIT(4096);

	there_and_back("medtranslate", "medtranslate");
	there_and_back("", "%");
	there_and_back(".hidden", "%2Ehidden");
	there_and_back("-rf", "%2Drf");
	there_and_back("..", "%2E.");
	there_and_back("a.b-c_D9", "a.b-c_D9");
	there_and_back("../../etc", "%2E.%2F..%2Fetc");
	there_and_back("a b\n%\"", "a%20b%0A%25%22");
	there_and_back("의", "%EC%9D%98");
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	EQ(buf_escape(&b, all, &e), 0);
	OK(strspn(b.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
	    "wxyz0123456789._-%") == b.len);
	{
		struct buf back = BUF_INIT(4096);

		EQ(buf_unescape(&back, b.data, b.len, &e), 0);
		IS(back.data, all);
		buf_free(&back);
	}
	buf_free(&b);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		FAILS(buf_unescape(&b, bad[i], strlen(bad[i]), &e) == -1,
		    ERR_CORRUPT, "percent");
		buf_reset(&b);
	}
	FAILS(buf_unescape(&b, "", 0, &e) == -1, ERR_CORRUPT, "percent");
	FAILS(buf_unescape(&b, "a\0b", 3, &e) == -1, ERR_CORRUPT, "percent");
	buf_free(&b);
}

int
main(void)
{
	grows();
	bounds();
	escaping();
	more();
	return done();
}
