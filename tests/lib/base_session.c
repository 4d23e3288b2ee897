/*
 * A backup begun and ended by SQL: what each version is asked, and what its
 * answers may be. The functions of pg.h here stand in for the library's, in
 * place of which the linker takes them.
 */
#include <stdlib.h>

#include "base/session.h"
#include "tap.h"

static struct err e;
static struct pg_target *target;

/* What is asked comes to `asked`; an answer is the first whose word is in it. */
static struct answer {
	const char *word;
	const char *text[2][3];
	size_t rows;
} answers[8];
static size_t answer_count;
static int version;
static unsigned opened;
static char asked[4000], databases[200];
static const char *only; /* the database that can be connected to, or NULL */

static void
fresh(int number)
{
	memset(answers, 0, sizeof answers);
	answer_count = 0;
	version = number;
	asked[0] = databases[0] = '\0';
	only = NULL;
}

static struct answer *
answer(const char *word, const char *one, const char *two, const char *three)
{
	struct answer *a = &answers[answer_count++];

	a->word = word;
	a->rows = 1;
	a->text[0][0] = one;
	a->text[0][1] = two;
	a->text[0][2] = three;
	return a;
}

struct pg *
pg_connect(const struct pg_target *t, struct err *why)
{
	const char *name = pg_target_get(t, "dbname");

	snprintf(databases + strlen(databases), sizeof databases -
	    strlen(databases), "%s ", name != NULL ? name : "-");
	if (only != NULL && (name == NULL || strcmp(name, only) != 0)) {
		err_set(why, ERR_PG, "no database \"%s\"", name != NULL ?
		    name : "-");
		return NULL;
	}
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

const char *
pg_database(const struct pg *c)
{
	(void)c;
	return "db";
}

int
pg_query(struct pg *c, const char *sql, const char *const *params,
    size_t count, struct pg_rows **rows, struct err *why)
{
	const size_t n = strlen(asked);

	if (c != NULL && (void *)c != &version)
		abort();
	snprintf(asked + n, sizeof asked - n, "%s|%s|%s\n", sql, count > 0 ?
	    params[0] : "", count > 1 ? params[1] : "");
	for (size_t i = 0; i < answer_count; i++)
		if (strstr(asked + n, answers[i].word) != NULL) {
			*rows = (struct pg_rows *)&answers[i];
			return 0;
		}
	return err_set(why, ERR_PG, "no answer");
}

size_t
pg_count(const struct pg_rows *r)
{
	return ((const struct answer *)r)->rows;
}

const char *
pg_text(const struct pg_rows *r, size_t row, unsigned column)
{
	return row >= pg_count(r) ? NULL :
	    ((const struct answer *)r)->text[row][column];
}

uint64_t
pg_number(const struct pg_rows *r, size_t row, unsigned column)
{
	const char *text = pg_text(r, row, column);

	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

bool
pg_bool(const struct pg_rows *r, size_t row, unsigned column)
{
	const char *text = pg_text(r, row, column);

	return text != NULL && strcmp(text, "t") == 0;
}

void
pg_rows_free(struct pg_rows *r)
{
	(void)r;
}

static struct pg *
open_session(void)
{
	struct pg *pg = base_session_open(target, 42, &e);

	pg_close(pg);
	return pg;
}

static void
opens(void)
{
	static const char *const functions[] = { "pg_ls_dir(", "pg_stat_file(",
		"pg_read_binary_file(", "pg_control_system()",
		"pg_backup_start(text,boolean)", "pg_backup_stop(boolean)" };

	fresh(150000);
	answer("has_function_privilege", "t", NULL, NULL);
	answer("system_identifier", "42", NULL, NULL);
	OK(open_session() != NULL);
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		OK(strstr(asked, functions[i]) != NULL);
	OK(strstr(asked, "pg_start_backup") == NULL);
	version = 149999;
	asked[0] = '\0';
	OK(open_session() != NULL);
	OK(strstr(asked, "pg_start_backup(text,boolean,boolean)") != NULL);
	OK(strstr(asked, "pg_stop_backup(boolean,boolean)") != NULL);
	OK(strstr(asked, "pg_backup_start") == NULL);
	/* each of the rights is needed */
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		fresh(160000);
		answer(functions[i], "f", NULL, NULL);
		answer("has_function_privilege", "t", NULL, NULL);
		answer("system_identifier", "42", NULL, NULL);
		FAILS(open_session() == NULL, ERR_PG, "may not EXECUTE");
	}
	fresh(160000);
	answer("has_function_privilege", "t", NULL, NULL);
	answer("system_identifier", "43", NULL, NULL);
	FAILS(open_session() == NULL, ERR_REFUSED, "another cluster");
	EQ(opened, 0);
}

/* "postgres" where there is none of the role's name. */
static void
connects(void)
{
	fresh(150000);
	answer("has_function_privilege", "t", NULL, NULL);
	answer("system_identifier", "42", NULL, NULL);
	OK(open_session() != NULL);
	IS(databases, "- ");
	databases[0] = '\0';
	only = "postgres";
	OK(open_session() != NULL);
	IS(databases, "- postgres ");
	only = "other";
	FAILS(open_session() == NULL, ERR_PG, "no database \"-\"");
	databases[0] = '\0';
	EQ(pg_target_set(target, "dbname", "mine", &e), 0);
	FAILS(open_session() == NULL, ERR_PG, "no database \"mine\"");
	IS(databases, "mine ");
	IS(pg_target_get(target, "dbname"), "mine");
}

static void
begins_and_ends(void)
{
	struct base_ended ended;
	uint64_t start;

	for (int i = 0; i < 2; i++) {
		fresh(i == 0 ? 140012 : 150000);
		answer("_backup", "1/28", NULL, NULL);
		answer("backup_st", "1/28", NULL, NULL);
		EQ(base_session_start(NULL, "la'bel", true, &start, &e), 0);
		OK(start == UINT64_C(0x100000028));
		EQ(base_session_start(NULL, "la'bel", false, &start, &e), 0);
		IS(asked, i == 0 ? "SELECT pg_catalog.pg_start_backup($1, $2, "
		    "false)|la'bel|true\nSELECT pg_catalog.pg_start_backup($1,"
		    " $2, false)|la'bel|false\n" :
		    "SELECT pg_catalog.pg_backup_start($1, $2)|la'bel|true\n"
		    "SELECT pg_catalog.pg_backup_start($1, $2)|la'bel|"
		    "false\n");
		fresh(version);
		answer("backup", "2/0", "START\n", "16385 /a\n");
		EQ(base_session_stop(NULL, &ended, &e), 0);
		OK(ended.end == UINT64_C(0x200000000));
		IS(ended.label, "START\n");
		IS(ended.map, "16385 /a\n");
		free(ended.label);
		free(ended.map);
		OK(strstr(asked, i == 0 ? "pg_stop_backup(false, false)|" :
		    "pg_backup_stop(false)|") != NULL);
	}
	fresh(150000);
	answer("backup", "2/0", "", NULL);
	EQ(base_session_stop(NULL, &ended, &e), 0);
	IS(ended.map, "");
	free(ended.label);
	free(ended.map);
	for (int i = 0; i < 3; i++) {
		fresh(150000);
		answer("backup", i == 0 ? NULL : i == 1 ? "x" : "2/0", NULL,
		    NULL);
		FAILS(base_session_stop(NULL, &ended, &e), ERR_PG,
		    "where the backup ends");
		if (i < 2)
			FAILS(base_session_start(NULL, "l", true, &start, &e),
			    ERR_PG, "where the backup begins");
	}
	fresh(150000);
	FAILS(base_session_stop(NULL, &ended, &e), ERR_PG, "no answer");
	FAILS(base_session_start(NULL, "l", true, &start, &e), ERR_PG,
	    "no answer");
}

static void
facts(void)
{
	struct repo_set *set = repo_set_new(REPO_INCREMENTAL, &e);
	struct answer *a;
	bool is;

	fresh(150000);
	a = answer("pg_tablespace", "4294967295", "/a b", NULL);
	a->text[1][0] = "16385";
	a->text[1][1] = "pg_tblspc/16385";
	a->rows = 2;
	EQ(base_session_tablespaces(NULL, set, &e), 0);
	EQ(set->tablespace_count, 2);
	EQ(set->tablespaces[0].oid, UINT32_MAX);
	IS(set->tablespaces[0].location, "/a b");
	IS(set->tablespaces[1].location, "pg_tblspc/16385");
	OK(strstr(asked, "NOT IN ('pg_default', 'pg_global')") != NULL);
	a->text[1][1] = "";
	FAILS(base_session_tablespaces(NULL, set, &e), ERR_PG, "without");
	a->text[1][1] = NULL;
	FAILS(base_session_tablespaces(NULL, set, &e), ERR_PG, "without");
	for (int i = 0; i < 2; i++) {
		fresh(150000);
		answer("NOT pg_catalog.pg_is_in_recovery", i ? "t" : "f", NULL,
		    NULL);
		answer("data_directory_mode", i ? "0750" : "0700", NULL, NULL);
		EQ(base_session_is_primary(NULL, &is, &e), 0);
		EQ(is, i);
		EQ(base_session_group_access(NULL, &is, &e), 0);
		EQ(is, i);
	}
	repo_set_free(set);
}

int
main(void)
{
	target = pg_target_new(&e);
	opens();
	connects();
	begins_and_ends();
	facts();
	EQ(opened, 0);
	pg_target_free(target);
	EQ(e.kind, ERR_NONE);
	return done();
}
