#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base_int.h"
#include "base/walk.h"
#include "increment/increment.h"
#include "log/log.h"
#include "lsn/lsn.h"
#include "tar/tar.h"

#define BAD_SAID 24 /* wrong pages named one by one; the rest is counted */

struct taking {
	struct base_run *r;
	struct manifest *manifest;
	struct sink *blocks; /* the changes' own object, or NULL */
	struct sink *archive; /* the present one, or NULL */
	struct repo_packed manifest_object, blocks_object, archive_object;
	char role[32];
};

/* The path in an INCREMENTAL.* file's place is the file's own. */
static int
warn_page(void *ctx, const char *path, const struct page_file *f,
    uint32_t block, struct err *e)
{
	struct taking *t = ctx;
	char original[TAR_PATH_MAX + 64];
	bool good;

	if (base_again(&t->r->again, strlen(path) < sizeof original &&
	    increment_is(path, original) ? original : path, f, block, NULL,
	    &good, e) == -1)
		return -1;
	if (!good && t->r->set->bad_pages++ < BAD_SAID)
		log_warning("wrong checksum: block %" PRIu32 " of \"%s\"",
		    block, path);
	return 0;
}

static struct sink *
plain_object(struct taking *t, const char *stem, struct repo_packed *p,
    struct err *e)
{
	const struct repo_pack how = { .codec = { CODEC_NONE, 0 },
		.threads = 1 };

	return sink_gather(repo_draft_pack(t->r->draft, stem, &how, p, e), e);
}

/* These two stay plain: the next incremental backup has no key to open them. */
static int
open_plain(struct taking *t, struct err *e)
{
	struct base_run *r = t->r;
	struct base_changes *c = r->changes;
	struct sink *s = plain_object(t, "/backup_manifest",
	    &t->manifest_object, e);

	t->manifest = manifest_new(s, r->server.version, r->server.system, e);
	if (t->manifest == NULL)
		return -1;
	if (c == NULL || c->ops->role == NULL)
		return 0;
	if ((t->blocks = plain_object(t, "/blocks", &t->blocks_object, e)) ==
	    NULL)
		return -1;
	return c->ops->start(c, t->blocks, e);
}

static bool
is_rewritten(const struct base_run *r)
{
	return r->plan.incremental && !r->changes->ops->made;
}

static int
begin_archive(void *ctx, uint32_t oid, struct err *e)
{
	struct taking *t = ctx;
	struct base_run *r = t->r;
	const struct repo_pack how = { r->o->codec, r->o->keys, r->o->jobs,
		false };
	struct base_walk walk = { .tablespace = oid, .manifest = t->manifest,
		.changes = r->changes, .rewrite = is_rewritten(r),
		.label = oid == 0 && is_rewritten(r) ? r->lines : NULL,
		.check = r->server.checksums, .start = r->begin.start,
		.scratch = r->o->scratch, .bad = warn_page, .ctx = t };
	struct sink *s;
	char stem[32];

	snprintf(stem, sizeof stem, "/base.tar");
	snprintf(t->role, sizeof t->role, "base");
	if (oid != 0) {
		snprintf(stem, sizeof stem, "/%" PRIu32 ".tar", oid);
		snprintf(t->role, sizeof t->role, "tablespace-%" PRIu32, oid);
	}
	s = repo_draft_pack(r->draft, stem, &how, &t->archive_object, e);
	if (how.codec.kind == CODEC_NONE) /* others gather by themselves */
		s = sink_gather(s, e);
	t->archive = base_walk(s, &walk, e);
	return t->archive == NULL ? -1 : 0;
}

static int
take_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct taking *t = ctx;

	progress_add(t->r->progress, len);
	return sink_write(t->archive, data, len, e);
}

static int
end_archive(void *ctx, struct err *e)
{
	struct taking *t = ctx;
	struct base_run *r = t->r;

	if (sink_finish(t->archive, e) == -1)
		return -1;
	sink_free(t->archive);
	t->archive = NULL;
	return repo_add_packed(r->set, r->draft, &t->archive_object, t->role,
	    e);
}

static int
close_plain(struct taking *t, struct err *e)
{
	struct base_run *r = t->r;

	if (manifest_wal(t->manifest, r->begin.timeline, r->begin.start,
	    r->end, e) == -1 || manifest_finish(t->manifest, e) == -1 ||
	    repo_add_packed(r->set, r->draft, &t->manifest_object, "manifest",
	    e) == -1)
		return -1;
	if (t->blocks == NULL)
		return 0;
	if (r->changes->ops->finish(r->changes, e) == -1 ||
	    sink_finish(t->blocks, e) == -1)
		return -1;
	return repo_add_packed(r->set, r->draft, &t->blocks_object,
	    r->changes->ops->role, e);
}

static int
send(struct taking *t, struct err *e)
{
	static const struct base_take take = { begin_archive, take_data,
		end_archive };
	struct base_run *r = t->r;
	struct base_changes *c = r->changes;

	if (c != NULL && c->ops->send != NULL)
		return c->ops->send(c, &take, t, &r->end, e);
	return base_stream_take(r->pg, &r->begin, r->set, &take, t, &r->end,
	    e);
}

int
base_take(struct base_run *r, struct err *e)
{
	struct taking t = { .r = r };
	int rc = -1;

	r->again.start = r->begin.start;
	progress_total(r->progress, r->begin.size);
	if (open_plain(&t, e) == 0 && send(&t, e) == 0)
		rc = close_plain(&t, e);
	if (r->set->bad_pages > BAD_SAID)
		log_warning("%" PRIu64 " pages have wrong checksums in all",
		    r->set->bad_pages);
	sink_free(t.archive);
	sink_free(t.blocks);
	manifest_free(t.manifest);
	return rc;
}
