/* Rows of a binary COPY, good ones and all that a server should never send. */
#include "base/row.h"
#include "stage.h"
#include "tap.h"

static struct err e;

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define HEAD_SIZE ((size_t)19)
#define END "\377\377"
#define NONE "\377\377\377\377"
#define NUMBER "\0\0\0\10\0\0\0\1\0\0\0\2" /* 2^32 + 2 */

/*
 * A message that ends where its memory does, so that a read behind it is
 * seen. The row's fields point there: it is freed with the next.
 */
static char *copy;

static int
take(struct base_row *r, const char *data, size_t len)
{
	free(copy);
	copy = malloc(len + (len == 0));
	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	return base_row_take(r, copy, len, &e);
}
#define TAKE(r, text) take((r), (text), sizeof (text) - 1)

static bool
is_field(const struct base_row *r, unsigned field, const char *want)
{
	const struct base_field *f = &r->fields[field];

	return f->data != NULL && f->len == strlen(want) &&
	    memcmp(f->data, want, f->len) == 0;
}

static bool
is_null(const struct base_row *r, unsigned field)
{
	return r->fields[field].data == NULL && r->fields[field].len == 0;
}

static void
good(void)
{
	struct base_row r = BASE_ROW_INIT(3);

	/* as the server sends it: the head with the first row */
	EQ(TAKE(&r, HEAD "\0\3" "\0\0\0\2ab" NONE "\0\0\0\0"), 1);
	OK(is_field(&r, 0, "ab") && is_null(&r, 1));
	OK(r.fields[2].data != NULL && r.fields[2].len == 0);
	EQ(TAKE(&r, "\0\3" NONE "\0\0\0\0" "\0\0\0\1c"), 1);
	OK(is_null(&r, 0) && is_field(&r, 1, "") && is_field(&r, 2, "c"));
	EQ(TAKE(&r, "\0\3" NONE NONE NONE), 1);
	OK(is_null(&r, 0) && is_null(&r, 1) && is_null(&r, 2));
	FAILS(base_row_end(&r, &e), ERR_CORRUPT, "no binary COPY");
	EQ(TAKE(&r, END), 0);
	EQ(base_row_end(&r, &e), 0);
	/* or alone */
	r = (struct base_row)BASE_ROW_INIT(1);
	EQ(TAKE(&r, HEAD), 0);
	FAILS(base_row_end(&r, &e), ERR_CORRUPT, "no binary COPY");
	EQ(TAKE(&r, "\0\1" "\0\0\0\1x"), 1);
	OK(is_field(&r, 0, "x"));
	EQ(TAKE(&r, END), 0);
	EQ(base_row_end(&r, &e), 0);
	/* no rows: head and end in one, or apart */
	r = (struct base_row)BASE_ROW_INIT(BASE_FIELDS_MAX);
	EQ(TAKE(&r, HEAD END), 0);
	EQ(base_row_end(&r, &e), 0);
	r = (struct base_row)BASE_ROW_INIT(BASE_FIELDS_MAX);
	EQ(TAKE(&r, HEAD), 0);
	EQ(TAKE(&r, END), 0);
	EQ(base_row_end(&r, &e), 0);
}

/* A field as long as a page's worth of bytes, whatever they are. */
static void
long_field(void)
{
	struct base_row r = BASE_ROW_INIT(1);
	unsigned char *page = noise(70000);
	struct buf m = BUF_INIT(100000);

	if (buf_add(&m, HEAD "\0\1\0\1\21\160", HEAD_SIZE + 6, &e) == -1 ||
	    buf_add(&m, page, 70000, &e) == -1)
		abort();
	EQ(take(&r, m.data, m.len), 1);
	OK(r.fields[0].len == 70000 &&
	    memcmp(r.fields[0].data, page, 70000) == 0);
	free(page);
	buf_free(&m);
}

/* Cut anywhere it is refused, but where it is a head alone. */
static void
truncated(void)
{
	static const char row[] = HEAD "\0\2" "\0\0\0\2ab" NONE;
	static const char end[] = HEAD END;

	for (size_t len = 0; len < sizeof row - 1; len++) {
		struct base_row r = BASE_ROW_INIT(2);

		if (len == HEAD_SIZE)
			EQ(take(&r, row, len), 0);
		else
			FAILS(take(&r, row, len), ERR_CORRUPT,
			    "no binary COPY");
	}
	for (size_t len = HEAD_SIZE; len < sizeof row - 1; len++) {
		struct base_row r = BASE_ROW_INIT(2);

		EQ(TAKE(&r, HEAD), 0);
		FAILS(take(&r, row + HEAD_SIZE, len - HEAD_SIZE), ERR_CORRUPT,
		    "no binary COPY");
		FAILS(base_row_end(&r, &e), ERR_CORRUPT, "no binary COPY");
	}
	for (size_t len = 0; len < sizeof end - 1; len++) {
		struct base_row r = BASE_ROW_INIT(2);

		take(&r, end, len);
		err_clear(&e);
		FAILS(base_row_end(&r, &e), ERR_CORRUPT, "no binary COPY");
	}
}

/* No bit of the head may be another. */
static void
heads(void)
{
	unsigned refused = 0;

	for (unsigned bit = 0; bit < 8 * HEAD_SIZE; bit++) {
		struct base_row r = BASE_ROW_INIT(1);
		char head[] = HEAD;

		head[bit / 8] = (char)(head[bit / 8] ^ 1 << bit % 8);
		refused += take(&r, head, HEAD_SIZE) == -1 &&
		    e.kind == ERR_CORRUPT && !r.begun;
		err_clear(&e);
	}
	EQ(refused, 8 * HEAD_SIZE);
}

#define M(text) { text, sizeof (text) - 1 }
#define ONE HEAD "\0\1" "\0\0\0\1x"

static void
hostile(void)
{
	/* the last of these messages, of one field a row, is refused */
	static const struct {
		struct {
			const char *data;
			size_t len;
		} m[3];
	} bad[] = {
		{ { M("\0\1" "\0\0\0\1x") } },         /* no head */
		{ { M(END) } },
		{ { M("") } },
		{ { M(HEAD), M(HEAD) } },              /* two */
		{ { M(HEAD), M("") } },
		{ { M(HEAD "\0\1" "\0\0\0\2x") } },    /* too long */
		{ { M(HEAD "\0\1" "\177\377\377\377x") } },
		{ { M(HEAD "\0\1" "\377\377\377\376x") } }, /* below -1 */
		{ { M(HEAD "\0\1" "\200\0\0\0x") } },
		{ { M(HEAD "\0\0") } },                /* fewer fields */
		{ { M(HEAD "\0\2" NONE NONE) } },      /* more */
		{ { M(HEAD "\0\2" "\0\0\0\1x") } },
		{ { M(HEAD "\1\0" "\0\0\0\1x") } },
		{ { M(HEAD "\377\376") } },            /* nor is it an end */
		{ { M(HEAD "\200\0") } },
		{ { M(ONE "y") } },                    /* bytes behind */
		{ { M(HEAD "\0\1" NONE "\0") } },
		{ { M(ONE "\0\1" "\0\0\0\1x") } },     /* two rows in one */
		{ { M(ONE END) } },
		{ { M(HEAD END "\0") } },
		{ { M(HEAD END END) } },
		{ { M(HEAD END), M("\0\1" "\0\0\0\1x") } }, /* after the end */
		{ { M(ONE), M(END), M(END) } },
		{ { M(ONE), M(END), M("") } },
		{ { M(ONE), M(END), M(HEAD) } },
		{ { M(ONE), M(HEAD) } },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct base_row r = BASE_ROW_INIT(1);
		size_t n = 0;

		while (n < 2 && bad[i].m[n + 1].data != NULL) {
			OK(take(&r, bad[i].m[n].data, bad[i].m[n].len) != -1);
			n++;
		}
		FAILS(take(&r, bad[i].m[n].data, bad[i].m[n].len), ERR_CORRUPT,
		    "no binary COPY");
	}
}

static void
numbers(void)
{
	struct base_row r = BASE_ROW_INIT(4);
	uint64_t n = 77;

	EQ(TAKE(&r, HEAD "\0\4" NUMBER NONE "\0\0\0\4\0\0\0\1" "\0\0\0\0"), 1);
	EQ(base_row_number(&r, 0, &n, &e), 0);
	EQ(n, ((intmax_t)1 << 32) + 2);
	for (unsigned field = 1; field < 4; field++)
		FAILS(base_row_number(&r, field, &n, &e), ERR_CORRUPT,
		    "no binary COPY");
	EQ(TAKE(&r, "\0\4" "\0\0\0\10\377\377\377\377\377\377\377\377"
	    "\0\0\0\10\200\0\0\0\0\0\0\0" "\0\0\0\11\0\0\0\0\0\0\0\0\1"
	    "\0\0\0\7\0\0\0\0\0\0\1"), 1);
	for (unsigned field = 0; field < 4; field++)
		FAILS(base_row_number(&r, field, &n, &e), ERR_CORRUPT,
		    "no binary COPY");
	EQ(n, ((intmax_t)1 << 32) + 2); /* as it was */
	EQ(TAKE(&r, "\0\4" "\0\0\0\10\177\377\377\377\377\377\377\377"
	    "\0\0\0\10\0\0\0\0\0\0\0\0" NONE NONE), 1);
	EQ(base_row_number(&r, 0, &n, &e), 0);
	EQ(n, INT64_MAX);
	EQ(base_row_number(&r, 1, &n, &e), 0);
	EQ(n, 0);
}

int
main(void)
{
	good();
	long_field();
	truncated();
	heads();
	hostile();
	numbers();
	free(copy);
	return done();
}
