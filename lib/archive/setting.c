/*
 * The guard's line in postgresql.auto.conf. The server reads that file when
 * it starts and reloads, and only ALTER SYSTEM and pgk write it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "buf/buf.h"
#include "fsx/fsx.h"

#define CONF "postgresql.auto.conf"
#define CONF_MAX ((size_t)4 << 20)

/* Append the file to `out`; one that is not there is empty. */
static int
slurp(int datadir, struct buf *out, struct stat *st, struct err *e)
{
	int fd = openat(datadir, CONF, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	ssize_t n = -1;

	if (fd == -1)
		return errno == ENOENT ? 0 : err_sys(e, "could not open \""
		    CONF "\"");
	if (fstat(fd, st) == -1)
		err_sys(e, "could not look at \"" CONF "\"");
	else if (!S_ISREG(st->st_mode) || st->st_size > (off_t)CONF_MAX)
		err_set(e, ERR_CORRUPT, "\"" CONF "\" is no file of at most "
		    "4 MiB");
	else if (buf_reserve(out, (size_t)st->st_size, e) == 0 &&
	    (n = fsx_read(fd, out->data, (size_t)st->st_size, CONF,
	    e)) != -1) {
		out->len = (size_t)n;
		out->data[n] = '\0';
	}
	fsx_close(fd);
	return n == -1 ? -1 : 0;
}

/* PostgreSQL's: NAME = VALUE or NAME VALUE, in whatever case. */
static bool
is_setting(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	return len > n && strncasecmp(line, name, n) == 0 &&
	    memchr(" \t=", line[n], 3) != NULL;
}

/*
 * What told the recovery where to end. A standby that is made of this server
 * has the file too, and would end there.
 */
static bool
is_target(const char *line, size_t len)
{
	static const char *const names[] = { "recovery_target",
		"recovery_target_time", "recovery_target_lsn",
		"recovery_target_xid", "recovery_target_name",
		"recovery_target_inclusive", "recovery_target_action",
		"recovery_target_timeline", "recovery_min_apply_delay",
		"archive_cleanup_command" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is_setting(line, len, names[i]))
			return true;
	return false;
}

/* All other lines to `rest`, as they are. */
static int
leave_out(const struct buf *conf, struct buf *rest, bool *found,
    struct err *e)
{
	*found = false;
	for (size_t at = 0, n; at < conf->len; at += n) {
		const char *line = conf->data + at,
		    *end = memchr(line, '\n', conf->len - at);

		n = end != NULL ? (size_t)(end + 1 - line) : conf->len - at;
		if (is_setting(line, n, ARCHIVE_GUARD_SETTING))
			*found = true;
		else if (!is_target(line, n) && buf_add(rest, line, n,
		    e) == -1)
			return -1;
	}
	return 0;
}

/* The server must still be able to read it, whoever we are. */
static int
keep_owner(int fd, const struct stat *st, struct err *e)
{
	struct stat own;

	if (fstat(fd, &own) == -1 || ((own.st_uid != st->st_uid ||
	    own.st_gid != st->st_gid) &&
	    fchown(fd, st->st_uid, st->st_gid) == -1) ||
	    fchmod(fd, st->st_mode & 0777) == -1)
		return err_sys(e, "could not give a new \"" CONF "\" the "
		    "owner and mode of the old one");
	return 0;
}

static int
replace(int datadir, const struct buf *text, const struct stat *st,
    struct err *e)
{
	struct fsx_new *f = fsx_new_begin(datadir, CONF, FSX_REPLACE, e);
	int rc = -1;

	if (f != NULL && keep_owner(fsx_new_fd(f), st, e) == 0 &&
	    fsx_write(fsx_new_fd(f), text->data, text->len, CONF, e) == 0)
		rc = fsx_new_publish(f, e);
	fsx_new_free(f);
	return rc;
}

static int
look(int datadir, bool change, bool *found, struct err *e)
{
	struct buf conf = BUF_INIT(CONF_MAX), rest = BUF_INIT(CONF_MAX);
	struct stat st;
	int rc = -1;

	if (slurp(datadir, &conf, &st, e) == 0 &&
	    leave_out(&conf, &rest, found, e) == 0)
		rc = change && *found ? replace(datadir, &rest, &st, e) : 0;
	buf_free(&rest);
	buf_free(&conf);
	return rc;
}

int
archive_guard_is_set(int datadir, bool *set, struct err *e)
{
	return look(datadir, false, set, e);
}

int
archive_guard_unset(int datadir, bool *was, struct err *e)
{
	return look(datadir, true, was, e);
}
