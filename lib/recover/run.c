#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "log/log.h"
#include "manifest/manifest.h"
#include "recover/recover_int.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define MANIFEST "backup_manifest"

/* The archives belong to the cluster their .json tells. */
static int
check_control(const struct recover *r, struct err *e)
{
	uint64_t id = 0;

	if (r->control.len >= sizeof id)
		memcpy(&id, r->control.data, sizeof id);
	return id == r->system ? 0 : err_set(e, ERR_CORRUPT, "\"%s\" has no "
	    "%s of its cluster", r->chain[r->chain_count - 1]->name,
	    CONTROL_PATH);
}

/* The guard is written by its own room: read back what the manifest needs. */
static int
write_guard(struct recover *r, struct err *e)
{
	const struct repo_set *set = r->chain[r->chain_count - 1];
	struct archive_guard g = { .timeline = set->timeline,
		.time = r->now };
	char text[8192];
	struct file *f;
	ssize_t n;
	int fd;

	snprintf(g.set, sizeof g.set, "%s", set->name);
	snprintf(g.store, sizeof g.store, "%s",
	    store_url(repo_store(r->repo)));
	if (set->environment != NULL)
		snprintf(g.environment, sizeof g.environment, "%s",
		    set->environment);
	if (archive_guard_write(r->spaces[0].fd, &g, e) == -1)
		return -1;
	fd = openat(r->spaces[0].fd, ARCHIVE_GUARD_FILE, O_RDONLY |
	    O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"",
		    ARCHIVE_GUARD_FILE);
	n = fsx_read(fd, text, sizeof text, ARCHIVE_GUARD_FILE, e);
	fsx_close(fd);
	if (n == -1 || (f = files_add(&r->files, 0, ARCHIVE_GUARD_FILE,
	    e)) == NULL)
		return -1;
	f->state = FILE_DONE;
	f->size = (uint64_t)n;
	f->crc = digest_crc32c(0, text, (size_t)n);
	f->mtime = r->now;
	return 0;
}

static int
write_settings(struct recover *r, struct err *e)
{
	struct buf conf = BUF_INIT(2 * CONF_MAX);
	int rc = -1;

	if (settings_conf(r, &conf, e) == 0 &&
	    output_text(r, "postgresql.auto.conf", conf.data, conf.len,
	    e) == 0 && output_text(r, "backup_label", r->label.data,
	    r->label.len, e) == 0 &&
	    output_text(r, "recovery.signal", "", 0, e) == 0)
		rc = write_guard(r, e);
	buf_free(&conf);
	return rc;
}

static bool
is_listed(const struct file *f)
{
	return f->state == FILE_DONE && !(f->space == 0 &&
	    strncmp(f->path, "pg_wal/", strlen("pg_wal/")) == 0);
}

static int
list_files(const struct recover *r, struct manifest *m, struct err *e)
{
	struct buf path = BUF_INIT(8192);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->files.count; i++) {
		const struct file *f = r->files.items[i];

		if (!is_listed(f))
			continue;
		buf_reset(&path);
		if (f->space != 0)
			rc = buf_fmt(&path, e, "pg_tblspc/%u/",
			    r->spaces[f->space].oid);
		if (rc == 0 && (rc = buf_str(&path, f->path, e)) == 0)
			rc = manifest_file(m, path.data, f->size, f->mtime,
			    f->crc, e);
	}
	if (rc == 0)
		rc = manifest_file(m, CONTROL_PATH, r->control.len, r->now,
		    digest_crc32c(0, r->control.data, r->control.len), e);
	buf_free(&path);
	return rc;
}

static int
write_manifest(struct recover *r, struct err *e)
{
	const struct repo_set *set = r->chain[r->chain_count - 1];
	struct fsx_new *new = fsx_new_begin(r->spaces[0].fd, MANIFEST,
	    FSX_REPLACE, e);
	struct manifest *m = NULL;
	struct file *f = NULL;
	int rc = -1;

	if (new != NULL)
		m = manifest_new(sink_fd(fsx_new_fd(new), MANIFEST, e),
		    set->server_version, r->system, e);
	if (m != NULL && list_files(r, m, e) == 0 && manifest_wal(m,
	    set->timeline, r->plan.wal_start, r->plan.consistent, e) == 0 &&
	    manifest_finish(m, e) == 0 && fsx_new_publish(new, e) == 0 &&
	    (f = files_add(&r->files, 0, MANIFEST, e)) != NULL) {
		f->state = FILE_DONE;
		rc = 0;
	}
	manifest_free(m);
	fsx_new_free(new);
	return rc;
}

/* The last step: with it, and not before, there is a data folder. */
static int
publish(struct recover *r, struct err *e)
{
	int fd = -1, rc = -1;
	struct fsx_new *new = NULL;
	struct digest sum;

	digest_of(r->control.data, r->control.len, &sum);
	if (mark_write(r, &sum, e) == 0 &&
	    (fd = fsx_open_dir(r->spaces[0].fd, "global", e)) != -1 &&
	    (new = fsx_new_begin(fd, "pg_control", FSX_REPLACE, e)) != NULL &&
	    fsx_write(fsx_new_fd(new), r->control.data, r->control.len,
	    CONTROL_PATH, e) == 0 && fsx_new_publish(new, e) == 0) {
		if (unlinkat(r->spaces[0].fd, RECOVER_MARK, 0) == -1)
			err_sys(e, "could not remove \"%s\"", RECOVER_MARK);
		else
			rc = fsx_sync_dir(r->spaces[0].fd, r->spaces[0].path,
			    e);
	}
	fsx_new_free(new);
	fsx_close(fd);
	return rc;
}

static int
place(struct recover *r, struct err *e)
{
	if (chain_restore(r, e) == -1 || check_control(r, e) == -1 ||
	    space_links(r, e) == -1)
		return -1;
	progress_stage(r->progress, "syncing", 0, PROGRESS_COUNT);
	if (write_settings(r, e) == -1 || output_drain(r, e) == -1 ||
	    write_manifest(r, e) == -1 ||
	    (r->o->delta && sweep(r, e) == -1) || stop_check(e) == -1)
		return -1;
	log_info("syncing \"%s\"", r->spaces[0].path);
	return space_sync(r, e) == -1 ? -1 : publish(r, e);
}

int
recover_run(struct recover *r, struct err *e)
{
	int rc = -1;

	r->now = unit_now();
	if (guard_room(r, e) == -1 || space_take(r, e) == -1)
		return -1;
	r->progress = progress_new("restore", r->plan.read, PROGRESS_BYTES);
	rc = place(r, e);
	progress_free(r->progress);
	r->progress = NULL;
	if (rc == -1)
		err_hint(e, "\"%s\" is unfinished: the same command begins "
		    "again", r->spaces[0].path);
	return rc;
}
