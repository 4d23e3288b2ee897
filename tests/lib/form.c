#include "form/form.h"
#include "tap.h"

static struct err e;

static void
test_width(void)
{
	EQ(form_width(""), 0);
	EQ(form_width("abc"), 3);
	EQ(form_width("\xea\xb0\x80\xeb\x82\x98"), 4);         /* Korean */
	EQ(form_width("\xe1\x84\x80\xe1\x85\xa1"), 2);         /* its jamo */
	EQ(form_width("e\xcc\x81"), 1);                        /* combining */
	EQ(form_width("\xc3\xa9\xd0\x96"), 2);
	EQ(form_width("\xf0\x9f\x98\x80"), 2);                 /* a face */
	EQ(form_width("\xef\xbc\xa1"), 2);                     /* fullwidth A */
}

static void
test_json(void)
{
	struct buf b = BUF_INIT(200);

	EQ(form_json(&b, "a\"b\\\n\x7f\xff\xea\xb0\x80\xe2\x80\xae\xc0\x80",
	    &e), 0);
	IS(b.data, "\"a\\\"b\\\\\\u000a\\u007f\\ufffd\xea\xb0\x80\xe2\x80\xae"
	    "\\ufffd\\ufffd\"");
	buf_free(&b);
}

static void
test_table(void)
{
	static const struct form_column columns[] = { { "NAME", false },
		{ "N", true }, { "WHY", false } };
	struct form_table *t = form_table_new(columns, 3, &e);
	struct buf b = BUF_INIT(1000);
	struct sink *out = sink_buf(&b, &e);
	static const char *const cells[] = {
		("\xea\xb0\x80" "\xeb\x82\x98" "\xeb\x8b\xa4"), "7", "it is",
		"x", "12345", "" };

	EQ(form_table_print(t, out, &e), 0);
	IS(b.data, "NAME  N  WHY\n");
	buf_reset(&b);
	for (size_t i = 0; i < 6; i++) {
		EQ(form_table_cell(t, cells[i], &e), 0);
		if (i == 2)
			EQ(form_table_note(t, "note", &e), 0);
	}
	EQ(form_table_print(t, out, &e), 0);
	IS(b.data, "NAME        N  WHY\n"
	    "\xea\xb0\x80\xeb\x82\x98\xeb\x8b\xa4      7  it is\n"
	    "    note\n"
	    "x       12345  \n");
	form_table_free(t);
	sink_free(out);
	buf_free(&b);
}

int
main(void)
{
	test_width();
	test_json();
	test_table();
	return done();
}
