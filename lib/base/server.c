#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_int.h"
#include "lsn/lsn.h"
#include "unit/unit.h"

/* "SHOW name", into `out`. */
static int
show(struct pg *pg, const char *name, char *out, size_t size, struct err *e)
{
	struct pg_rows *rows = NULL;
	char command[64];
	const char *text;

	snprintf(command, sizeof command, "SHOW %s", name);
	if (pg_query(pg, command, NULL, 0, &rows, e) == -1)
		return -1;
	text = pg_text(rows, 0, 0);
	snprintf(out, size, "%s", text != NULL ? text : "");
	pg_rows_free(rows);
	return 0;
}

static int
show_bool(struct pg *pg, const char *name, bool *out, struct err *e)
{
	char text[32];

	if (show(pg, name, text, sizeof text, e) == -1)
		return -1;
	*out = strcmp(text, "on") == 0 || strcmp(text, "always") == 0;
	return 0;
}

static int
identify(struct pg *pg, struct base_server *s, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *id, *lsn;
	int rc = -1;

	if (pg_query(pg, "IDENTIFY_SYSTEM", NULL, 0, &rows, e) == -1)
		return -1;
	id = pg_text(rows, 0, 0);
	lsn = pg_text(rows, 0, 2);
	s->system = pg_number(rows, 0, 0);
	s->timeline = (uint32_t)pg_number(rows, 0, 1);
	if (id == NULL || s->system == 0 || s->timeline == 0 || lsn == NULL ||
	    lsn_parse(lsn, &s->position, NULL) == -1) {
		err_set(e, ERR_PG, "the server does not say who it is");
	} else {
		snprintf(s->system_text, sizeof s->system_text, "%s", id);
		rc = 0;
	}
	pg_rows_free(rows);
	return rc;
}

static int
settings(struct pg *pg, struct base_server *s, struct err *e)
{
	char text[32];
	uint64_t size;

	if (show(pg, "wal_segment_size", text, sizeof text, e) == -1)
		return -1;
	if (unit_parse_size(text, &size, e) == -1 ||
	    !lsn_is_segment_size(size))
		return err_set(e, ERR_PG, "a wal_segment_size of \"%s\"",
		    text);
	s->segment_size = (uint32_t)size;
	if (s->version >= 170000 &&
	    show_bool(pg, "summarize_wal", &s->summaries, e) == -1)
		return -1;
	if (show_bool(pg, "data_checksums", &s->checksums, e) == -1 ||
	    show_bool(pg, "wal_log_hints", &s->hint_bits, e) == -1)
		return -1;
	return show_bool(pg, "archive_mode", &s->archiving, e);
}

/* What stands where in a file, and the sums of pages, depend on these two. */
static int
check_build(struct pg *pg, struct err *e)
{
	char block[32], segment[32];

	if (show(pg, "block_size", block, sizeof block, e) == -1 ||
	    show(pg, "segment_size", segment, sizeof segment, e) == -1)
		return -1;
	return strcmp(block, "8192") == 0 && strcmp(segment, "1GB") == 0 ? 0 :
	    err_set(e, ERR_REFUSED, "the server was built for blocks of %s "
	    "bytes and files of %s: only 8192 and 1GB are known here", block,
	    segment);
}

int
base_connect(struct base_run *r, struct err *e)
{
	struct base_server *s = &r->server;

	pg_close(r->pg);
	memset(s, 0, sizeof *s);
	if ((r->pg = pg_connect_replication(r->o->target, e)) == NULL)
		return -1;
	s->version = pg_server_version(r->pg);
	if (identify(r->pg, s, e) == -1)
		return -1;
	r->again.system = s->system;
	return check_build(r->pg, e) == -1 ? -1 : settings(r->pg, s, e);
}
