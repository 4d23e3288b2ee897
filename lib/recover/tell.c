#include <inttypes.h>
#include <string.h>

#include "form/form.h"
#include "recover/recover_int.h"
#include "unit/unit.h"

/* One fact; `text` NULL: the number. */
struct fact {
	const char *key;
	const char *text;
	uint64_t number;
};

#define FACTS 16
struct facts {
	struct fact items[FACTS];
	size_t count;
	char target[256], start[LSN_TEXT_MAX], consistent[LSN_TEXT_MAX],
	    end[LSN_TEXT_MAX], first[LSN_NAME_MAX], last[LSN_NAME_MAX],
	    moment[256];
};

static void
add(struct facts *f, const char *key, const char *text, uint64_t number)
{
	f->items[f->count++] = (struct fact){ key, text, number };
}

static void
gather(const struct recover *r, struct facts *f)
{
	const struct recover_plan *p = &r->plan;
	const struct repo_set *set = p->chain[p->chain_count - 1];
	uint64_t upto = r->o->target == RECOVER_LSN ? r->o->lsn : p->wal_end;

	f->count = 0;
	recover_target_text(r->o, f->target, sizeof f->target);
	lsn_segment_of(set->timeline, p->wal_start, set->wal_segment_size,
	    f->first);
	lsn_segment_of(p->timeline == set->timeline ? p->timeline :
	    lsn_history_at(&r->history, upto - 1), upto - 1,
	    set->wal_segment_size, f->last);
	add(f, "set", set->name, 0);
	add(f, "datadir", p->datadir, 0);
	add(f, "found", p->again ? "unfinished restore" : p->replaces ?
	    "former data" : "nothing", 0);
	add(f, "target", f->target, 0);
	add(f, "timeline", NULL, p->timeline);
	add(f, "wal_start", lsn_text(p->wal_start, f->start), 0);
	add(f, "wal_consistent", lsn_text(p->consistent, f->consistent), 0);
	add(f, "wal_end", lsn_text(p->wal_end, f->end), 0);
	if (r->last.what == ARCHIVE_LAST_TIME)
		target_moment(r->last.time, f->moment, sizeof f->moment);
	else
		f->moment[0] = '\0';
	add(f, "wal_last_transaction", f->moment, 0);
	add(f, "wal_first", f->first, 0);
	add(f, "wal_last", f->last, 0);
	add(f, "wal_segments", NULL, p->wal_segments);
	add(f, "wal_bytes", NULL, p->wal_stored);
	add(f, "read_bytes", NULL, p->read);
	add(f, "write_bytes", NULL, p->write);
}

static int
lines(const struct recover *r, const struct facts *f, struct buf *b,
    struct err *e)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *x = &f->items[i];

		if (buf_fmt(b, e, "%s\t", x->key) == -1 ||
		    (x->text != NULL ? form_name(b, x->text, true, false, e) :
		    buf_fmt(b, e, "%" PRIu64, x->number)) == -1 ||
		    buf_byte(b, '\n', e) == -1)
			return -1;
	}
	for (size_t i = 0; i < r->plan.chain_count; i++)
		if (buf_fmt(b, e, "chain\t%s\n", r->plan.chain[i]->name) == -1)
			return -1;
	for (size_t i = 0; i < r->plan.space_count; i++)
		if (buf_fmt(b, e, "tablespace\t%u\t",
		    r->plan.spaces[i].oid) == -1 ||
		    form_name(b, r->plan.spaces[i].from, true, false,
		    e) == -1 || buf_byte(b, '\t', e) == -1 ||
		    form_name(b, r->plan.spaces[i].to, true, false, e) == -1 ||
		    buf_byte(b, '\n', e) == -1)
			return -1;
	return 0;
}

static int
json(const struct recover *r, const struct facts *f, struct buf *b,
    struct err *e)
{
	int rc = buf_str(b, "{\n", e);

	for (size_t i = 0; rc == 0 && i < f->count; i++) {
		const struct fact *x = &f->items[i];

		rc = buf_fmt(b, e, "  \"%s\": ", x->key) == -1 ||
		    (x->text != NULL ? form_json(b, x->text, e) :
		    buf_fmt(b, e, "%" PRIu64, x->number)) == -1 ||
		    buf_str(b, ",\n", e) == -1 ? -1 : 0;
	}
	if (rc == 0)
		rc = buf_str(b, "  \"chain\": [", e);
	for (size_t i = 0; rc == 0 && i < r->plan.chain_count; i++)
		rc = buf_fmt(b, e, "%s\"%s\"", i == 0 ? "" : ", ",
		    r->plan.chain[i]->name);
	if (rc == 0)
		rc = buf_str(b, "],\n  \"tablespaces\": [", e);
	for (size_t i = 0; rc == 0 && i < r->plan.space_count; i++) {
		const struct recover_space *s = &r->plan.spaces[i];

		rc = buf_fmt(b, e, "%s{\"oid\": %u, \"from\": ", i == 0 ? "" :
		    ", ", s->oid) == -1 || form_json(b, s->from, e) == -1 ||
		    buf_str(b, ", \"to\": ", e) == -1 ||
		    form_json(b, s->to, e) == -1 ||
		    buf_byte(b, '}', e) == -1 ? -1 : 0;
	}
	return rc == 0 ? buf_str(b, "]\n}\n", e) : -1;
}

static int
people_chain(const struct recover_plan *p, struct buf *b, struct err *e)
{
	for (size_t i = 0; i < p->chain_count; i++)
		if (buf_fmt(b, e, "%s%s (%s)\n", i == 0 ? "chain       " :
		    "            ", p->chain[i]->name, i == 0 ? "full" :
		    "upon that") == -1)
			return -1;
	return 0;
}

static int
people_spaces(const struct recover_plan *p, struct buf *b, struct err *e)
{
	for (size_t i = 0; i < p->space_count; i++)
		if (buf_fmt(b, e, "tablespace  %u: ", p->spaces[i].oid) == -1 ||
		    form_name(b, p->spaces[i].from, false, false, e) == -1 ||
		    buf_str(b, " to ", e) == -1 ||
		    form_name(b, p->spaces[i].to, false, false, e) == -1 ||
		    buf_byte(b, '\n', e) == -1)
			return -1;
	return 0;
}

static int
people_last(const struct archive_last *last, const struct facts *f,
    struct buf *b, struct err *e)
{
	switch (last->what) {
	case ARCHIVE_LAST_TIME:
		return buf_fmt(b, e, "            last transaction ended at "
		    "%s\n", f->moment);
	case ARCHIVE_LAST_NONE:
		return buf_str(b, "            no transaction has ended "
		    "since\n", e);
	case ARCHIVE_LAST_UNKNOWN:
		break;
	}
	return buf_fmt(b, e, "            up to what time is not known: %s\n",
	    last->why);
}

static int
people(const struct recover *r, const struct facts *f, struct buf *b,
    struct err *e)
{
	const struct recover_plan *p = &r->plan;
	const char *found = p->again ? "an unfinished restore is there" :
	    p->replaces ? "former data is there" : "nothing is there";
	char wal[UNIT_TEXT_MAX], in[UNIT_TEXT_MAX], out[UNIT_TEXT_MAX];

	if (buf_str(b, "into        ", e) == -1 ||
	    form_name(b, p->datadir, false, false, e) == -1 ||
	    buf_fmt(b, e, " (%s)\ntarget      ", found) == -1 ||
	    form_name(b, f->target, false, false, e) == -1 ||
	    buf_fmt(b, e, ", timeline %u\n", p->timeline) == -1 ||
	    people_chain(p, b, e) == -1 || people_spaces(p, b, e) == -1)
		return -1;
	if (buf_fmt(b, e, "WAL         %s to %s: %" PRIu64 " segment%s, "
	    "%s\n            from %s to %s, consistent from %s\n", f->first,
	    f->last, p->wal_segments, p->wal_segments == 1 ? "" : "s",
	    unit_size(p->wal_stored, wal), f->start, f->end,
	    f->consistent) == -1 || people_last(&r->last, f, b, e) == -1)
		return -1;
	return buf_fmt(b, e, "bytes       %s to read, %s to write\n",
	    unit_size(p->read, in), unit_size(p->write, out));
}

int
recover_tell(const struct recover *r, enum recover_form form,
    struct sink *out, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct facts f;
	int rc;

	gather(r, &f);
	rc = form == RECOVER_JSON ? json(r, &f, &b, e) :
	    form == RECOVER_TSV ? lines(r, &f, &b, e) : people(r, &f, &b, e);
	if (rc == 0)
		rc = sink_write(out, b.data, b.len, e);
	buf_free(&b);
	return rc;
}
