#include "page/page.h"

#include <string.h>

/* A relation has at most 2^32 - 1 pages. */
#define SEGMENT_MAX 32767

/* Decimal without a leading zero, 1..max; moves *s behind it. */
static bool
number(const char **s, uint32_t max, uint32_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	if (*p < '1' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if ((v = v * 10 + (uint64_t)(*p - '0')) > max)
			return false;
	*out = (uint32_t)v;
	*s = p;
	return true;
}

static bool
skip(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n) != 0)
		return false;
	*s += n;
	return true;
}

/* "PG_15_202209061/", what a tablespace's folder holds for one version. */
static bool
version_folder(const char **s)
{
	uint32_t n;

	return skip(s, "PG_") && number(s, UINT32_MAX, &n) && skip(s, "_") &&
	    number(s, UINT32_MAX, &n) && skip(s, "/");
}

/* The folders before the name: which database's they are. */
static bool
folder(const char **s, uint32_t *database)
{
	uint32_t space;

	*database = 0;
	if (skip(s, "global/"))
		return true;
	if (skip(s, "base/"))
		return number(s, UINT32_MAX, database) && skip(s, "/");
	if (skip(s, "pg_tblspc/") && (!number(s, UINT32_MAX, &space) ||
	    !skip(s, "/")))
		return false;
	return version_folder(s) && number(s, UINT32_MAX, database) &&
	    skip(s, "/");
}

/* [tBACKEND_]RELATION[_FORK][.SEGMENT] */
static bool
name(const char *s, struct page_file *f)
{
	uint32_t backend;

	if ((f->temporary = skip(&s, "t")) &&
	    /* backends count from 0 on newer versions */
	    ((!skip(&s, "0") && !number(&s, INT32_MAX, &backend)) ||
	    !skip(&s, "_")))
		return false;
	if (!number(&s, UINT32_MAX, &f->relation))
		return false;
	f->fork = skip(&s, "_fsm") ? PAGE_FSM : skip(&s, "_vm") ? PAGE_VM :
	    skip(&s, "_init") ? PAGE_INIT : PAGE_MAIN;
	f->segment = 0;
	if (skip(&s, ".") && !number(&s, SEGMENT_MAX, &f->segment))
		return false;
	return *s == '\0';
}

bool
page_file_parse(const char *path, struct page_file *out)
{
	struct page_file f;

	if (!folder(&path, &f.database) || !name(path, &f))
		return false;
	*out = f;
	return true;
}
