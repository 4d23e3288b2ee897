#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stream.h"
#include "lsn/lsn.h"
#include "tar/tar.h"

#define TYPED_MESSAGES 150000 /* the first version that sends them */

static int
quote(struct buf *out, const char *text, struct err *e)
{
	int rc = buf_byte(out, '\'', e);

	for (; *text != '\0' && rc == 0; text++)
		if ((rc = buf_byte(out, *text, e)) == 0 && *text == '\'')
			rc = buf_byte(out, *text, e);
	return rc == 0 ? buf_byte(out, '\'', e) : -1;
}

static int
command_old(const struct base_command *c, struct buf *out, struct err *e)
{
	if (buf_str(out, "BASE_BACKUP LABEL ", e) == -1 ||
	    quote(out, c->label, e) == -1 || buf_fmt(out, e,
	    " PROGRESS%s NOWAIT", c->fast ? " FAST" : "") == -1)
		return -1;
	if (c->max_rate > 0 && buf_fmt(out, e, " MAX_RATE %llu",
	    (unsigned long long)(c->max_rate / 1024)) == -1)
		return -1;
	return buf_str(out, " TABLESPACE_MAP NOVERIFY_CHECKSUMS", e);
}

int
base_command(const struct base_command *c, struct buf *out, struct err *e)
{
	if (c->server_version < TYPED_MESSAGES)
		return command_old(c, out, e);
	if (buf_str(out, "BASE_BACKUP (LABEL ", e) == -1 ||
	    quote(out, c->label, e) == -1 || buf_fmt(out, e,
	    ", PROGRESS true, CHECKPOINT '%s', WAIT false,"
	    " TABLESPACE_MAP true, MANIFEST 'no', VERIFY_CHECKSUMS false",
	    c->fast ? "fast" : "spread") == -1)
		return -1;
	if (c->max_rate > 0 && buf_fmt(out, e, ", MAX_RATE %llu",
	    (unsigned long long)(c->max_rate / 1024)) == -1)
		return -1;
	return buf_fmt(out, e, "%s%s)", c->option != NULL ? ", " : "",
	    c->option != NULL ? c->option : "");
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, "the server's base backup: %s", what);
}

/* "base.tar" is the data folder's, "16390.tar" a tablespace's. */
static int
begin_archive(struct base_messages *m, const char *name, struct err *e)
{
	char wanted[32];

	if (strcmp(name, "base.tar") == 0) {
		m->last = m->open = true;
		m->begun++;
		return m->take->begin(m->ctx, 0, e);
	}
	for (size_t i = 0; i < m->expected_count; i++) {
		snprintf(wanted, sizeof wanted, "%u.tar", m->expected[i].oid);
		if (strcmp(name, wanted) != 0 || m->seen[i])
			continue;
		m->seen[i] = m->open = true;
		m->begun++;
		return m->take->begin(m->ctx, m->expected[i].oid, e);
	}
	return bad(e, "an archive that was not announced");
}

static int
end_archive(struct base_messages *m, struct err *e)
{
	if (!m->open)
		return 0;
	m->open = false;
	return m->take->end(m->ctx, e);
}

/* 'n': its name and the tablespace's path, each ended by a NUL. */
static int
take_name(struct base_messages *m, const char *data, size_t len,
    struct err *e)
{
	const char *nul = memchr(data, '\0', len);

	if (nul == NULL || data[len - 1] != '\0')
		return bad(e, "an archive without a name");
	if (m->last)
		return bad(e, "an archive after the last");
	if (end_archive(m, e) == -1)
		return -1;
	return begin_archive(m, data, e);
}

int
base_message(struct base_messages *m, const char *data, size_t len,
    struct err *e)
{
	if (len == 0)
		return bad(e, "an empty message");
	switch (data[0]) {
	case 'n':
		return take_name(m, data + 1, len - 1, e);
	case 'd':
		if (!m->open)
			return bad(e, "data of no archive");
		return m->take->data(m->ctx, data + 1, len - 1, e);
	case 'p':
		return len == 9 ? 0 : bad(e, "progress of a wrong size");
	default:
		return bad(e, "a message of an unknown type");
	}
}

int
base_messages_end(struct base_messages *m, struct err *e)
{
	if (end_archive(m, e) == -1)
		return -1;
	if (!m->last || m->begun != m->expected_count + 1)
		return bad(e, "an archive is missing");
	return 0;
}

/* What comes next; a COPY that ended by an error is one only now. */
struct next {
	struct pg *pg;
	enum pg_next what;
	struct pg_rows *rows; /* with PG_NEXT_ROWS */
};

static int
advance(struct next *n, struct err *e)
{
	pg_rows_free(n->rows);
	n->rows = NULL;
	return pg_next(n->pg, &n->what, &n->rows, e);
}

static int
expect(const struct next *n, enum pg_next what, struct err *e)
{
	return n->what == what ? 0 : bad(e, "a result out of turn");
}

/* Whether a message came: 1, or 0 at the COPY's end. */
static int
next_message(struct pg *pg, const char **data, size_t *len, struct err *e)
{
	int rc = pg_stream_next(pg, -1, data, len, e);

	return rc == 2 ? 0 : rc;
}

static int
take_typed(struct next *n, struct base_messages *m, struct err *e)
{
	const char *data;
	size_t len;
	int rc;

	if (expect(n, PG_NEXT_COPY_OUT, e) == -1)
		return -1;
	while ((rc = next_message(n->pg, &data, &len, e)) == 1)
		if (base_message(m, data, len, e) == -1)
			return -1;
	return rc == -1 || advance(n, e) == -1 ? -1 :
	    base_messages_end(m, e);
}

/* One COPY, one archive; two blocks of zeros at its end are left to us. */
static int
take_raw(struct next *n, uint32_t oid, const struct base_take *take,
    void *ctx, struct err *e)
{
	static const char end[2 * TAR_BLOCK];
	const char *data;
	size_t len;
	int rc;

	if (expect(n, PG_NEXT_COPY_OUT, e) == -1 ||
	    take->begin(ctx, oid, e) == -1)
		return -1;
	while ((rc = next_message(n->pg, &data, &len, e)) == 1)
		if (take->data(ctx, data, len, e) == -1)
			return -1;
	if (rc == -1 || advance(n, e) == -1 ||
	    take->data(ctx, end, sizeof end, e) == -1)
		return -1;
	return take->end(ctx, e);
}

/* A row of an LSN and a timeline. */
static int
take_position(const struct next *n, uint64_t *lsn, uint32_t *timeline,
    struct err *e)
{
	const char *text;
	uint64_t number;

	if (expect(n, PG_NEXT_ROWS, e) == -1)
		return -1;
	text = pg_text(n->rows, 0, 0);
	number = pg_number(n->rows, 0, 1);
	if (text == NULL || number == 0 || number > UINT32_MAX ||
	    lsn_parse(text, lsn, NULL) == -1)
		return bad(e, "no position in the log");
	*timeline = (uint32_t)number;
	return 0;
}

/* Rows of OID, place and kilobytes; the data folder has no OID. */
static int
note_tablespaces(const struct pg_rows *rows, uint64_t *size,
    struct repo_set *set, struct err *e)
{
	size_t count = pg_count(rows);

	*size = 0;
	for (size_t i = 0; i < count; i++) {
		const char *oid = pg_text(rows, i, 0);
		const char *location = pg_text(rows, i, 1);
		struct repo_tablespace t = {
			.oid = (uint32_t)pg_number(rows, i, 0),
			.location = (char *)(uintptr_t)location };

		*size += 1024 * pg_number(rows, i, 2);
		if ((oid == NULL) != (i + 1 == count) || (oid != NULL &&
		    (t.oid == 0 || t.oid != pg_number(rows, i, 0) ||
		    location == NULL)))
			return bad(e, "a list of tablespaces that cannot be");
		if (oid != NULL && repo_add_tablespace(set, &t, e) == -1)
			return -1;
	}
	return count > 0 ? 0 : bad(e, "no list of tablespaces");
}

static int
begin(struct next *n, const char *command, struct base_begin *out,
    struct repo_set *set, struct err *e)
{
	if (pg_send(n->pg, command, e) == -1 || advance(n, e) == -1 ||
	    take_position(n, &out->start, &out->timeline, e) == -1 ||
	    advance(n, e) == -1 || expect(n, PG_NEXT_ROWS, e) == -1)
		return -1;
	return note_tablespaces(n->rows, &out->size, set, e);
}

int
base_stream_begin(struct pg *pg, const struct base_command *c,
    struct base_begin *out, struct repo_set *set, struct err *e)
{
	struct buf text = BUF_INIT(4096);
	struct next n = { .pg = pg };
	int rc = -1;

	if (base_command(c, &text, e) == 0)
		rc = begin(&n, text.data, out, set, e);
	pg_rows_free(n.rows);
	buf_free(&text);
	return rc;
}

static int
take_all_typed(struct next *n, const struct repo_set *set,
    const struct base_take *take, void *ctx, struct err *e)
{
	struct base_messages m = { .take = take, .ctx = ctx,
		.expected = set->tablespaces,
		.expected_count = set->tablespace_count };
	int rc;

	if ((m.seen = calloc(m.expected_count + 1, sizeof *m.seen)) == NULL)
		return err_nomem(e);
	rc = take_typed(n, &m, e);
	free(m.seen);
	return rc;
}

static int
take_all_raw(struct next *n, const struct repo_set *set,
    const struct base_take *take, void *ctx, struct err *e)
{
	for (size_t i = 0; i <= set->tablespace_count; i++)
		if (take_raw(n, i < set->tablespace_count ?
		    set->tablespaces[i].oid : 0, take, ctx, e) == -1)
			return -1;
	return 0;
}

/* The last result is where it ends. */
static int
take_end(struct next *n, const struct base_begin *begun, uint64_t *end,
    struct err *e)
{
	uint32_t timeline;

	if (take_position(n, end, &timeline, e) == -1 ||
	    advance(n, e) == -1 || expect(n, PG_NEXT_DONE, e) == -1)
		return -1;
	if (timeline != begun->timeline)
		return err_set(e, ERR_PG, "the timeline changed from %u to %u "
		    "during the backup", begun->timeline, timeline);
	return *end >= begun->start ? 0 : bad(e, "it ends before it begins");
}

int
base_stream_take(struct pg *pg, const struct base_begin *begun,
    const struct repo_set *set, const struct base_take *take, void *ctx,
    uint64_t *end, struct err *e)
{
	struct next n = { .pg = pg };
	int rc = -1;

	if (advance(&n, e) == 0 && (pg_server_version(pg) < TYPED_MESSAGES ?
	    take_all_raw : take_all_typed)(&n, set, take, ctx, e) == 0)
		rc = take_end(&n, begun, end, e);
	pg_rows_free(n.rows);
	return rc;
}
