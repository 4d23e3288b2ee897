#include <string.h>

#include "index/index.h"

struct pg *
index_connect(const struct pg_target *t, struct err *e)
{
	struct pg *c = pg_connect(t, e);

	if (c == NULL)
		return NULL;
	/* SQL_ASCII converts nothing */
	if ((strcmp(pg_encoding(c), "SQL_ASCII") != 0 &&
	    pg_exec(c, "SET client_encoding = 'UTF8'", e) == -1) ||
	    pg_exec(c, "SET lock_timeout = '2s'", e) == -1) {
		pg_close(c);
		return NULL;
	}
	return c;
}
