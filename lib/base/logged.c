#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/change.h"
#include "base/changed.h"
#include "base/hashes.h"
#include "base/log_read.h"
#include "base/sender.h"
#include "base/session.h"

#define LABEL_MAX ((size_t)64 << 10)

struct driver {
	struct base_changes base;
	struct base_logged how;
	struct hashes *parent;
	struct hashes_writer *writer;
	struct base_changed *changed;
	struct base_log_reader *log;
	struct pg *pg;
	struct base_begin begun;
	struct repo_set *set; /* for its tablespaces */
	/* the present whole file */
	uint64_t *now;
};

/* Whatever could be in the way is found before the checkpoint. */
static int
prepare(struct base_changes *c, struct pg *pg, struct err *e)
{
	struct driver *d = (struct driver *)c;
	struct base_log log = { .store = d->how.store, .keys = d->how.keys,
		.threads = d->how.threads, .timeline = d->how.timeline,
		.segment_size = d->how.segment_size, .from = d->how.from };

	(void)pg;
	d->pg = base_session_open(d->how.target, d->how.system, e);
	if (d->pg == NULL)
		return -1;
	log.pg = d->pg;
	/* a standby's own backups write nothing into the log */
	if (base_session_is_primary(d->pg, &log.ended, e) == -1)
		return -1;
	if ((d->log = base_log_open(&log, d->changed, e)) == NULL)
		return -1;
	return base_log_until(d->log, d->how.position, e);
}

static int
begin(struct base_changes *c, struct base_begin *out, struct repo_set *set,
    struct err *e)
{
	struct driver *d = (struct driver *)c;

	d->set = set;
	d->begun.timeline = d->how.timeline;
	if (base_session_start(d->pg, d->how.label, d->how.fast,
	    &d->begun.start, e) == -1 ||
	    base_session_tablespaces(d->pg, set, e) == -1)
		return -1;
	*out = d->begun;
	return 0;
}

static int
look(struct base_changes *c, uint64_t *size, struct err *e)
{
	struct driver *d = (struct driver *)c;

	if (base_log_to(d->log, d->begun.start, e) == -1)
		return -1;
	*size = base_changed_count(d->changed) * PAGE_SIZE_PG;
	return 0;
}

/* the archives */

/* backup_label's own word for the timeline it is of. */
static int
check_timeline(const struct driver *d, const char *label, struct err *e)
{
	const char *line = strstr(label, "\nSTART TIMELINE: ");

	if (line != NULL && strtoul(line + 17, NULL, 10) ==
	    d->begun.timeline)
		return 0;
	return err_set(e, ERR_PG, "the backup is not of timeline %" PRIu32,
	    d->begun.timeline);
}

static int
send_texts(struct driver *d, struct base_sender *s, const char *label,
    const char *map, struct err *e)
{
	struct buf text = BUF_INIT(LABEL_MAX);
	int rc = -1;

	if (check_timeline(d, label, e) == 0 &&
	    buf_str(&text, label, e) == 0 &&
	    buf_str(&text, d->how.lines, e) == 0 &&
	    base_send_text(s, "backup_label", text.data, e) == 0)
		rc = map[0] == '\0' ? 0 :
		    base_send_text(s, "tablespace_map", map, e);
	buf_free(&text);
	return rc == -1 ? -1 : base_send_end(s, e);
}

static int
stop_backup(struct driver *d, struct base_sender *s, uint64_t *end,
    struct err *e)
{
	struct base_ended ended;
	int rc;

	if (base_session_stop(d->pg, &ended, e) == -1)
		return -1;
	*end = ended.end;
	rc = ended.end >= d->begun.start ? send_texts(d, s, ended.label,
	    ended.map, e) : err_set(e, ERR_PG, "the backup ends before it "
	    "begins");
	free(ended.label);
	free(ended.map);
	return rc;
}

static int
send_all(struct base_changes *c, const struct base_take *take, void *ctx,
    uint64_t *end, struct err *e)
{
	struct driver *d = (struct driver *)c;
	struct base_sender s = { .pg = d->pg, .again = d->how.again,
		.changed = d->changed, .parent = d->parent,
		.hashes = d->writer, .check = d->how.check,
		.start = d->begun.start, .max_rate = d->how.max_rate,
		.take = take, .ctx = ctx };
	const struct repo_tablespace *t = d->set->tablespaces;
	const size_t count = d->set->tablespace_count;

	if (base_session_group_access(d->pg, &s.group_access, e) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (base_is_apart(&s, &t[i]) &&
		    base_send_tablespace(&s, t[i].oid, e) == -1)
			return -1;
	if (base_send_data(&s, t, count, e) == -1)
		return -1;
	return stop_backup(d, &s, end, e);
}

/* hashes, of whole files as the archive has them */

static int
start(struct base_changes *c, struct sink *out, struct err *e)
{
	return hashes_start(((struct driver *)c)->writer, out, e);
}

static int
file(struct base_changes *c, const struct base_relation *f, bool *known,
    struct err *e)
{
	struct driver *d = (struct driver *)c;

	*known = false;
	d->now = hashes_file(d->writer, f, e);
	return d->now == NULL ? -1 : 0;
}

static int
block(struct base_changes *c, uint32_t n, const void *page, bool *changed,
    struct err *e)
{
	struct driver *d = (struct driver *)c;

	(void)e;
	d->now[n] = hashes_of(d->writer, page);
	*changed = true;
	return 0;
}

static int
finish(struct base_changes *c, struct err *e)
{
	return hashes_finish(((struct driver *)c)->writer, e);
}

static void
driver_free(struct base_changes *c)
{
	struct driver *d = (struct driver *)c;

	base_log_close(d->log);
	pg_close(d->pg);
	hashes_close(d->parent);
	hashes_writer_free(d->writer);
	base_changed_free(d->changed);
	free(d);
}

struct base_changes *
base_logged_new(const struct base_logged *how, struct blob *parent,
    struct err *e)
{
	static const struct base_changes_ops ops = { .method = "wal",
		.made = true, .role = "blocks", .prepare = prepare,
		.begin = begin, .look = look, .send = send_all,
		.start = start, .file = file, .block = block,
		.finish = finish, .free = driver_free };
	struct driver *d = calloc(1, sizeof *d);

	if (d == NULL) {
		err_nomem(e);
		blob_free(parent);
		return NULL;
	}
	d->base.ops = &ops;
	d->how = *how;
	if ((d->parent = hashes_open(parent, e)) == NULL ||
	    (d->writer = hashes_writer_new(hashes_key(d->parent), e)) ==
	    NULL || (d->changed = base_changed_new(e)) == NULL) {
		driver_free(&d->base);
		return NULL;
	}
	return &d->base;
}
