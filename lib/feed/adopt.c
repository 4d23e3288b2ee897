/*
 * A server was promoted when it is past recovery, by its own files, and on a
 * timeline that it began itself: one later than the backup's, whose history
 * and first segments lie in pg_wal.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/feed_int.h"
#include "fsx/fsx.h"

static bool
is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
check_recovered(int datadir, struct err *e)
{
	static const char *const files[] = { "standby.signal",
		"recovery.signal", "backup_label" };
	struct feed_control c;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (is_there(datadir, files[i]))
			return err_set(e, ERR_REFUSED, "the server is not "
			    "promoted: there still is \"%s\"", files[i]);
	if (feed_control(datadir, &c, e) == -1)
		return -1;
	if (c.state != FEED_STATE_IN_PRODUCTION &&
	    c.state != FEED_STATE_SHUT_DOWN)
		return err_set(e, ERR_REFUSED, "the server is not promoted: "
		    "it is in recovery, or was not shut down cleanly");
	return 0;
}

/* The newest timeline of which pg_wal has a segment. */
static int
newest_timeline(int wal, uint32_t *out, struct err *e)
{
	int fd = openat(wal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint32_t newest = 0;

	if (d == NULL) {
		err_sys(e, "could not list \"pg_wal\"");
		fsx_close(fd);
		return -1;
	}
	while (errno = 0, (entry = readdir(d)) != NULL) {
		struct lsn_name n;

		/* any size will do for the timeline */
		if (lsn_parse_name(entry->d_name, (uint32_t)1 << 20, &n,
		    NULL) == 0 && n.kind == LSN_SEGMENT &&
		    n.timeline > newest)
			newest = n.timeline;
	}
	if (errno != 0)
		err_sys(e, "could not list \"pg_wal\"");
	closedir(d);
	*out = newest;
	return e->kind == ERR_NONE ? 0 : -1;
}

/* Without the file nobody knows which timeline the backup was on. */
static int
read_guard(int datadir, struct archive_guard *g, struct err *e)
{
	struct err why = ERR_INIT;
	bool set = false;

	if (archive_guard_read(datadir, g, e) == 0)
		return 0;
	if (e->kind == ERR_ABSENT &&
	    archive_guard_is_set(datadir, &set, &why) == 0 && set)
		err_hint(e, "somebody removed it, but not the line "
		    ARCHIVE_GUARD_SETTING " of postgresql.auto.conf, which "
		    "pgk-wal receive heeds");
	return -1;
}

int
feed_adoption(int datadir, struct archive_guard *g, uint32_t *timeline,
    struct err *e)
{
	char history[LSN_NAME_MAX];
	struct lsn_name n = { LSN_HISTORY, 0, 0, 0 };
	int wal, rc = -1;

	if (read_guard(datadir, g, e) == -1 ||
	    check_recovered(datadir, e) == -1)
		return -1;
	/* pg_wal may be a link */
	wal = openat(datadir, "pg_wal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (wal == -1)
		return err_sys(e, "could not open folder \"pg_wal\"");
	if (newest_timeline(wal, timeline, e) == -1)
		goto done;
	n.timeline = *timeline;
	lsn_write_name(&n, LSN_SEGMENT_SIZE, history);
	if (*timeline <= g->timeline || !is_there(wal, history))
		err_set(e, ERR_REFUSED, "the server is not promoted: it is "
		    "still on timeline %" PRIu32 ", that of the backup is %"
		    PRIu32, *timeline, g->timeline);
	else
		rc = 0;
done:
	close(wal);
	return rc;
}

int
feed_adopt(int datadir, bool *reload, struct err *e)
{
	if (archive_guard_unset(datadir, reload, e) == -1)
		return -1;
	if (unlinkat(datadir, ARCHIVE_GUARD_FILE, 0) == -1)
		return err_sys(e, "could not remove \"" ARCHIVE_GUARD_FILE
		    "\"");
	return fsx_sync_dir(datadir, "the data folder", e);
}
