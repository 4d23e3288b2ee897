#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "feed/feed_int.h"
#include "fsx/fsx.h"

int
feed_check_name(const char *name, struct err *e)
{
	struct lsn_name n;

	/* of which size the segments are is not known yet */
	for (unsigned shift = 20; shift <= 30; shift++)
		if (lsn_parse_name(name, (uint32_t)1 << shift, &n, NULL) == 0)
			return 0;
	return err_set(e, ERR_USAGE, "\"%s\" is not the name of a WAL file",
	    name);
}

int
feed_place(struct feed_place *p, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len;
	char *last;

	p->name = slash != NULL ? slash + 1 : path;
	len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	if (*p->name == '\0')
		return err_set(e, ERR_USAGE, "\"%s\" is not a file name",
		    path);
	if (len >= sizeof p->folder)
		return err_set(e, ERR_USAGE, "the path is too long");
	memcpy(p->folder, len == 0 ? "." : path, len == 0 ? 2 : len);
	if (len > 0)
		p->folder[len] = '\0';
	strcpy(p->home, p->folder);
	last = strrchr(p->home, '/');
	if (last != NULL && strcmp(last + 1, "pg_wal") == 0)
		last[last == p->home] = '\0';
	else
		strcpy(p->home, ".");
	return 0;
}

struct feed_signals
feed_signals(int home)
{
	struct feed_signals s = { false, false };

	if (home != -1) {
		s.recovery = faccessat(home, "recovery.signal", F_OK, 0) == 0;
		s.standby = faccessat(home, "standby.signal", F_OK, 0) == 0;
	}
	return s;
}

/*
 * pg_control begins, in 13 to 18: u64 system identifier, u32 version of the
 * file, u32 of the catalogue, u32 state, padding, i64 time, u64 LSN of the
 * checkpoint, and of that u64 redo LSN, u32 timeline.
 */
#define STATE_AT 16
#define TIMELINE_AT 48
#define CONTROL_HEAD 52

int
feed_control(int datadir, struct feed_control *out, struct err *e)
{
	unsigned char head[CONTROL_HEAD];
	int fd = openat(datadir, "global/pg_control", O_RDONLY | O_NOCTTY |
	    O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_ABSENT, "there is no "
		    "\"global/pg_control\"");
	if (fd == -1)
		return err_sys(e, "could not open \"global/pg_control\"");
	n = fsx_read(fd, head, sizeof head, "global/pg_control", e);
	fsx_close(fd);
	if (n == -1)
		return -1;
	if (n != sizeof head)
		return err_set(e, ERR_CORRUPT, "\"global/pg_control\" is too "
		    "short");
	memcpy(&out->system_identifier, head, 8);
	memcpy(&out->state, head + STATE_AT, 4);
	memcpy(&out->timeline, head + TIMELINE_AT, 4);
	return 0;
}

int
feed_control_system(int datadir, uint64_t *id, struct err *e)
{
	struct feed_control c;

	if (feed_control(datadir, &c, e) == -1)
		return -1;
	*id = c.system_identifier;
	return 0;
}
