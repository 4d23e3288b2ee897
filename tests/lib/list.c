#include <stdlib.h>
#include <unistd.h>

#include "catalogue.h"
#include "list/list.h"
#include "tap.h"

#define T0 1737914400 /* 2025-01-27 03:00:00 in Seoul */
#define HOSTILE "a\tb\n\\c,\x1b[31m\xff\xe2\x80\xae"

static struct err e;

static struct repo_set *
a_set(const char *name, enum repo_kind kind)
{
	struct repo_set *set = repo_set_new(kind, &e);
	struct repo_object o = { .name = (char *)name, .role = (char *)"sql",
		.stored = 1500000, .plain = 9000000, .encrypted = true };

	repo_set_string(&set->name, name, &e);
	repo_add_object(set, &o, &e);
	set->start = T0;
	set->end = T0 + 60;
	set->sequence = 3;
	return set;
}

static void
add_database(struct repo_set *set, const char *name)
{
	struct repo_database d = { (char *)name, NULL, 1 };
	struct repo_table t = { (char *)name, (char *)"s", (char *)"t", 21 };

	repo_add_database(set, &d, &e);
	repo_add_table(set, &t, &e);
}

static void
test_forms(void)
{
	struct repo_set *sets[3] = { a_set("S_1", REPO_FULL),
		a_set("a_longer_name", REPO_SNAPSHOT), a_set("x", REPO_FULL) };
	struct buf b = BUF_INIT(1 << 20);
	struct sink *out = sink_buf(&b, &e);

	add_database(sets[0], "\xea\xb0\x80\xeb\x82\x98");
	add_database(sets[0], "b");
	for (int i = 0; i < 30; i++)
		add_database(sets[1], "database");
	add_database(sets[2], HOSTILE);
	sets[2]->objects[0].encrypted = false;
	sets[2]->end = T0 - 40 * 86400;
	repo_set_string(&sets[2]->environment, "dev", &e);
	sets[2]->is_signed = true;

	EQ(list_table(sets, NULL, 3, "Asia/Seoul", T0 + 3 * 3600 + 61, out, &e), 0);
	IS(b.data,
	    "KIND      NAME           DATABASE"
	    "                                                      "
	    "TAKEN                   AGE  STORED   PLAIN  ENCRYPTED  ROWS\n"
	    "full      S_1            \xea\xb0\x80\xeb\x82\x98, b"
	    "                                                       "
	    "2025-01-27 03:00:00+09   3h  1.5 MB  9.0 MB  yes          42\n"
	    "snapshot  a_longer_name  database, database, database, database, "
	    "database and 25 more  "
	    "2025-01-27 03:00:00+09   3h  1.5 MB  9.0 MB  yes         630\n"
	    "full      x              a\\x09b\\x0a\\c,\\x1b[31m\\xff"
	    "\\xe2\\x80\\xae                         "
	    "2025-01-27 03:00:00+09  40d  1.5 MB  9.0 MB  no           21\n");
	buf_reset(&b);
	EQ(list_tsv(sets, NULL, 3, T0 + 90, out, &e), 0);
	OK(strstr(b.data, "full\tS_1\t\xea\xb0\x80\xeb\x82\x98,b\t"
	    "2025-01-26T18:00:00Z\t2025-01-26T18:01:00Z\t30\t1500000\t9000000"
	    "\tyes\t42\t\t3\tno\t\t\t\t\t\t\t\t\t\t\n") != NULL);
	OK(strstr(b.data, "full\tx\ta\\tb\\n\\\\c\\,\\x1b[31m\\xff\\xe2\\x80"
	    "\\xae\t") != NULL);
	OK(strstr(b.data, "\tdev\t3\tyes\t\t\t\t\t\t\t\t\t\t\n") != NULL);
	/* as many tabs in every line */
	{
		size_t tabs = 0, lines = 0;

		for (const char *p = b.data; *p != '\0'; p++) {
			tabs += *p == '\t';
			lines += *p == '\n';
		}
		EQ(lines, 4);
		EQ(tabs, 4 * 22);
	}
	sink_free(out);
	buf_free(&b);
	for (int i = 0; i < 3; i++)
		repo_set_free(sets[i]);
}

int
main(void)
{
	test_forms();
	return done();
}
