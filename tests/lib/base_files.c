/*
 * The server's files by SQL: what it is asked, and answers that it should never
 * give. The functions of pg.h here stand in for the library's, in place of
 * which the linker takes them.
 */
#include <endian.h>

#include "base/files.h"
#include "stage.h"
#include "tap.h"

static struct err e;

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"

/* The server's answer, a message of the COPY after the other. */
static struct {
	char *data[40];
	size_t len[40];
	size_t count, next;
	bool fails; /* behind the last */
	char sql[70000];
} server;

static void
message(const void *data, size_t len)
{
	/* so that a read behind it is seen */
	char *p = malloc(len);

	if (p == NULL)
		abort();
	memcpy(p, data, len);
	server.data[server.count] = p;
	server.len[server.count++] = len;
}

static void
fresh(void)
{
	for (size_t i = 0; i < server.count; i++)
		free(server.data[i]);
	memset(&server, 0, sizeof server);
	message(HEAD, sizeof HEAD - 1);
}

int
pg_copy_out(struct pg *c, const char *sql, struct err *why)
{
	(void)why;
	if (c != NULL || strlen(sql) >= sizeof server.sql)
		abort();
	strcpy(server.sql, sql);
	server.next = 0;
	return 0;
}

int
pg_copy_next(struct pg *c, const char **data, size_t *len, uint64_t *rows,
    struct err *why)
{
	(void)c;
	(void)rows;
	if (server.next == server.count) {
		*data = NULL;
		return server.fails ? err_set(why, ERR_PG, "it is gone") : 0;
	}
	*data = server.data[server.next];
	*len = server.len[server.next++];
	return 0;
}

static size_t
field(char *out, const void *data, size_t len)
{
	const uint32_t n = htobe32(data == NULL ? UINT32_MAX : (uint32_t)len);

	memcpy(out, &n, 4);
	if (data != NULL)
		memcpy(out + 4, data, len);
	return data == NULL ? 4 : 4 + len;
}

/* A file of a list; `len` 0: the name is NULL. */
static void
listed(const char *name, size_t len, int64_t size, int64_t mtime,
    const char *folder, size_t folder_len)
{
	const uint64_t a = htobe64((uint64_t)size);
	const uint64_t b = htobe64((uint64_t)mtime);
	char row[400] = "\0\4";
	size_t n = 2;

	n += field(row + n, len > 0 ? name : NULL, len);
	n += field(row + n, &a, 8);
	n += field(row + n, &b, 8);
	n += field(row + n, folder, folder_len);
	message(row, n);
}

static void
end(void)
{
	message("\377\377", 2);
}

static int
list(struct base_files *out)
{
	*out = (struct base_files)BASE_FILES_INIT;
	return base_files_list(NULL, "./ba'se\\5", out, &e);
}

static void
lists(void)
{
	struct base_files l;

	fresh();
	end();
	EQ(list(&l), 0);
	EQ(l.count, 0);
	base_files_free(&l);
	OK(strstr(server.sql, "pg_catalog.pg_ls_dir( E'./ba''se\\\\5', true, "
	    "false)") != NULL);
	OK(strstr(server.sql, "pg_catalog.pg_stat_file( E'./ba''se\\\\5' || "
	    "'/' || n, true)") != NULL);
	/* an mtime is not later than it is, and never before 1970 */
	OK(strstr(server.sql, "greatest(pg_catalog.floor(") != NULL);
	fresh();
	listed("b", 1, 8192, 17, "\0", 1);
	listed("a\n'\\", 4, INT64_MAX, 0, "\0", 1);
	listed("ab", 2, 4096, 18, "\1", 1);
	listed("\377", 1, 0, 1700000000, "\0", 1);
	end();
	EQ(list(&l), 0);
	EQ(l.count, 4);
	IS(l.files[0].name, "a\n'\\");
	IS(l.files[1].name, "ab");
	IS(l.files[2].name, "b");
	IS(l.files[3].name, "\377");
	OK(l.files[0].size == INT64_MAX && l.files[2].size == 8192);
	OK(l.files[1].folder && !l.files[2].folder);
	EQ(l.files[2].mtime, 17);
	EQ(l.files[3].mtime, 1700000000);
	base_files_free(&l);
	EQ(l.count, 0);
	base_files_free(&l);
}

static void
bad_list(const char *name, size_t len, int64_t size, int64_t mtime,
    const char *dir, size_t dir_len)
{
	struct base_files l;

	fresh();
	listed("a", 1, 1, 1, "\0", 1);
	listed(name, len, size, mtime, dir, dir_len);
	end();
	FAILS(list(&l), ERR_CORRUPT, "");
	base_files_free(&l);
}

static void
bad_lists(void)
{
	struct base_files l;

	bad_list("", 0, 1, 1, "\0", 1);
	bad_list("a\0b", 3, 1, 1, "\0", 1);
	bad_list("a", 2, 1, 1, "\0", 1); /* a NUL at its end */
	bad_list("a", 1, -1, 1, "\0", 1);
	bad_list("a", 1, 1, -1, "\0", 1);
	bad_list("a", 1, 1, 1, NULL, 0);
	bad_list("a", 1, 1, 1, "\0\0", 2);
	bad_list("a", 1, 1, 1, "", 0);
	fresh();
	message("\0\4\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\1\0\0\0\10\0\0\0\0\0\0\0\1"
	    "\0\0\0\1\0", 35); /* a name of no bytes */
	end();
	FAILS(list(&l), ERR_CORRUPT, "without a name");
	base_files_free(&l);
	/* cut short, by the server or by whatever is between */
	fresh();
	listed("a", 1, 1, 1, "\0", 1);
	FAILS(list(&l), ERR_CORRUPT, "no binary COPY");
	base_files_free(&l);
	server.fails = true;
	FAILS(list(&l), ERR_PG, "it is gone");
	base_files_free(&l);
}

static const struct base_part asked[] = {
	{ "16384", 0, 8192 }, { "it's", 8192, 100 },
	{ "b\\c", (uint64_t)1 << 40, BASE_PART_MAX } };

/* What was told, as one text; and it fails at the part `told_fails`. */
static char told[400];
static size_t told_fails;

static int
tell(void *ctx, size_t number, const void *data, size_t len, struct err *why)
{
	if (ctx != &told)
		abort();
	if (number == told_fails)
		return err_set(why, ERR_STOPPED, "enough");
	snprintf(told + strlen(told), sizeof told - strlen(told),
	    "%zu=%s%.*s ", number, data == NULL ? "NULL" : "", (int)len,
	    data == NULL ? "" : (const char *)data);
	return 0;
}

/* `len` 1000: NULL. */
static void
part(const char *data, size_t len)
{
	char row[400] = "\0\1";

	message(row, 2 + field(row + 2, len == 1000 ? NULL : data, len));
}

static int
ask(void)
{
	told[0] = '\0';
	return base_files_read(NULL, "./base/5", asked, 3, tell, told, &e);
}

static void
reads(void)
{
	static char big[8192 + 101];

	told_fails = 1000;
	fresh();
	part("abc", 3);
	part(NULL, 1000);
	part("", 0);
	end();
	EQ(ask(), 0);
	IS(told, "0=abc 1=NULL 2= ");
	IS(server.sql, "COPY (SELECT pg_catalog.pg_read_binary_file( "
	    "E'./base/5' || '/' || n, o, l, true) FROM unnest(ARRAY[ E'16384',"
	    " E'it''s', E'b\\\\c']::text[], '{0,8192,1099511627776}'::bigint[],"
	    " '{8192,100,262144}'::bigint[]) r (n, o, l)) TO STDOUT"
	    " (FORMAT binary)");
	/* fewer than were asked for, more, longer ones */
	fresh();
	part("abc", 3);
	part("abc", 3);
	end();
	FAILS(ask(), ERR_CORRUPT, "other parts");
	IS(told, "0=abc 1=abc ");
	fresh();
	for (int i = 0; i < 4; i++)
		part("x", 1);
	end();
	FAILS(ask(), ERR_CORRUPT, "other parts");
	IS(told, "0=x 1=x 2=x ");
	for (size_t n = 100; n <= 101; n++) {
		fresh();
		part("x", 1);
		part(big, n);
		part("x", 1);
		end();
		if (n == 100)
			EQ(ask(), 0);
		else
			FAILS(ask(), ERR_CORRUPT, "other parts");
	}
	fresh();
	for (int i = 0; i < 3; i++)
		part("x", 1);
	FAILS(ask(), ERR_CORRUPT, "no binary COPY");
	server.fails = true;
	FAILS(ask(), ERR_PG, "it is gone");
	told_fails = 1;
	FAILS(ask(), ERR_STOPPED, "enough");
	IS(told, "0=x ");
}

int
main(void)
{
	lists();
	bad_lists();
	reads();
	fresh();
	free(server.data[0]);
	EQ(e.kind, ERR_NONE);
	return done();
}
