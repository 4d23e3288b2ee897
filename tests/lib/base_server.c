/*
 * What a server says of itself. The functions of pg.h here stand in for the
 * library's, in place of which the linker takes them.
 */
#include <stdlib.h>

#include "base/base_int.h"
#include "tap.h"

static struct err e;

/* Each command and its answer: rows of one, or of four columns. */
static struct answer {
	const char *command;
	const char *text[4];
} answers[] = {
	{ "IDENTIFY_SYSTEM", { "7300000000000000001", "3", "16/B374D848",
	    NULL } },
	{ "SHOW wal_segment_size", { "64MB" } },
	{ "SHOW block_size", { "8192" } },
	{ "SHOW segment_size", { "1GB" } },
	{ "SHOW data_checksums", { "on" } },
	{ "SHOW wal_log_hints", { "off" } },
	{ "SHOW archive_mode", { "always" } },
	{ "SHOW summarize_wal", { "on" } } };

static int version;
static unsigned opened, summaries;

struct pg *
pg_connect_replication(const struct pg_target *t, struct err *why)
{
	(void)t;
	(void)why;
	opened++;
	return (struct pg *)&version;
}

void
pg_close(struct pg *c)
{
	opened -= c != NULL;
}

int
pg_server_version(const struct pg *c)
{
	(void)c;
	return version;
}

int
pg_query(struct pg *c, const char *sql, const char *const *params,
    size_t count, struct pg_rows **rows, struct err *why)
{
	if ((void *)c != &version || params != NULL || count != 0)
		abort();
	summaries += strcmp(sql, "SHOW summarize_wal") == 0;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (strcmp(answers[i].command, sql) == 0) {
			*rows = (struct pg_rows *)&answers[i];
			return 0;
		}
	return err_set(why, ERR_PG, "unknown: %s", sql);
}

const char *
pg_text(const struct pg_rows *r, size_t row, unsigned column)
{
	return row > 0 ? NULL : ((const struct answer *)r)->text[column];
}

uint64_t
pg_number(const struct pg_rows *r, size_t row, unsigned column)
{
	const char *text = pg_text(r, row, column);

	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

void
pg_rows_free(struct pg_rows *r)
{
	(void)r;
}

static struct base_run run;

/* Connect; one field of one answer is another then. */
static int
with(unsigned answer, unsigned column, const char *text)
{
	const char **field = &answers[answer].text[column];
	const char *before = *field;
	int rc;

	*field = text;
	rc = base_connect(&run, &e);
	*field = before;
	return rc;
}

int
main(void)
{
	const struct base_options o = { .tool = "a test" };
	const struct base_server *s = &run.server;

	run.o = &o;
	version = 170011;
	EQ(base_connect(&run, &e), 0);
	OK(s->system == UINT64_C(7300000000000000001));
	IS(s->system_text, "7300000000000000001");
	EQ(s->timeline, 3);
	OK(s->position == UINT64_C(0x16B374D848));
	EQ(s->segment_size, 64 << 20);
	EQ(s->version, 170011);
	OK(s->checksums && !s->hint_bits && s->archiving && s->summaries);
	OK(run.again.system == s->system);
	/* again; what was known before is forgotten */
	version = 160000;
	EQ(with(4, 0, "off"), 0);
	OK(!s->checksums && !s->summaries);
	EQ(summaries, 1);
	EQ(opened, 1);
	EQ(with(6, 0, "on"), 0);
	OK(s->archiving);
	EQ(with(6, 0, "off"), 0);
	OK(!s->archiving);
	FAILS(with(0, 0, NULL), ERR_PG, "who it is");
	FAILS(with(0, 0, "none"), ERR_PG, "who it is");
	FAILS(with(0, 1, "0"), ERR_PG, "who it is");
	FAILS(with(0, 2, "16"), ERR_PG, "who it is");
	FAILS(with(1, 0, "3MB"), ERR_PG, "wal_segment_size of \"3MB\"");
	/* where a block lies, and what sum it has, is known for one build */
	FAILS(with(2, 0, "16384"), ERR_REFUSED, "blocks of 16384 bytes");
	FAILS(with(3, 0, "2GB"), ERR_REFUSED, "files of 2GB");
	FAILS(with(3, 0, NULL), ERR_REFUSED, "files of ");
	pg_close(run.pg);
	EQ(opened, 0);
	EQ(e.kind, ERR_NONE);
	return done();
}
