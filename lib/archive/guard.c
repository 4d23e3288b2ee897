#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "buf/buf.h"
#include "fsx/fsx.h"
#include "unit/unit.h"

#define GUARD_MAX ((size_t)8192)

static int
add_line(struct buf *b, const char *key, const char *value, struct err *e)
{
	size_t at;

	if (buf_fmt(b, e, "%s: ", key) == -1)
		return -1;
	at = b->len;
	if (buf_str(b, value, e) == -1)
		return -1;
	/* one line, whatever the store is called */
	for (; at < b->len; at++)
		if ((unsigned char)b->data[at] < ' ')
			b->data[at] = '?';
	return buf_byte(b, '\n', e);
}

static int
compose(const struct archive_guard *g, struct buf *b, struct err *e)
{
	char when[UNIT_TEXT_MAX], timeline[16];

	snprintf(timeline, sizeof timeline, "%" PRIu32, g->timeline);
	if (buf_str(b, "# This server was restored from a backup. Until it "
	    "is promoted and told so by\n# \"pgk-wal adopt\", \"pgk-wal "
	    "push\" puts nothing of it into an archive.\n", e) == -1 ||
	    add_line(b, "set", g->set, e) == -1 ||
	    add_line(b, "store", g->store, e) == -1 ||
	    add_line(b, "environment", g->environment, e) == -1 ||
	    add_line(b, "timeline", timeline, e) == -1)
		return -1;
	return add_line(b, "time", unit_rfc3339(g->time, when), e);
}

int
archive_guard_write(int datadir, const struct archive_guard *g,
    struct err *e)
{
	struct buf text = BUF_INIT(GUARD_MAX);
	struct fsx_new *f = NULL;
	int rc = -1;

	if (compose(g, &text, e) == -1 || (f = fsx_new_begin(datadir,
	    ARCHIVE_GUARD_FILE, FSX_REPLACE, e)) == NULL ||
	    fsx_write(fsx_new_fd(f), text.data, text.len,
	    ARCHIVE_GUARD_FILE, e) == -1)
		goto done;
	rc = fsx_new_publish(f, e);
done:
	fsx_new_free(f);
	buf_free(&text);
	return rc;
}

static int
slurp(int datadir, char text[GUARD_MAX], struct err *e)
{
	ssize_t n;
	int fd = openat(datadir, ARCHIVE_GUARD_FILE, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no \""
		    ARCHIVE_GUARD_FILE "\"");
	if (fd == -1)
		return err_sys(e, "could not open \"" ARCHIVE_GUARD_FILE
		    "\"");
	n = fsx_read(fd, text, GUARD_MAX - 1, ARCHIVE_GUARD_FILE, e);
	fsx_close(fd);
	if (n == -1)
		return -1;
	text[n] = '\0';
	return 0;
}

static bool
copy(char *to, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (len >= size)
		return false;
	memcpy(to, value, len + 1);
	return true;
}

static bool
take_value(struct archive_guard *g, const char *key, const char *value)
{
	int64_t n;

	if (strcmp(key, "set") == 0)
		return copy(g->set, sizeof g->set, value);
	if (strcmp(key, "store") == 0)
		return copy(g->store, sizeof g->store, value);
	if (strcmp(key, "environment") == 0)
		return copy(g->environment, sizeof g->environment, value);
	if (strcmp(key, "time") == 0)
		return unit_parse_rfc3339(value, &g->time, NULL) == 0;
	if (strcmp(key, "timeline") == 0) {
		if (unit_parse_number(value, 1, UINT32_MAX, &n, NULL) == -1)
			return false;
		g->timeline = (uint32_t)n;
	}
	return true; /* a later version's */
}

int
archive_guard_read(int datadir, struct archive_guard *g, struct err *e)
{
	struct archive_guard found = { .timeline = 0 };
	char text[GUARD_MAX], *rest = text, *line;

	if (slurp(datadir, text, e) == -1)
		return -1;
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *colon = strstr(line, ": ");

		if (*line == '#' || *line == '\0')
			continue;
		if (colon == NULL)
			goto bad;
		*colon = '\0';
		if (!take_value(&found, line, colon + 2))
			goto bad;
	}
	if (found.timeline == 0)
		goto bad;
	*g = found;
	return 0;
bad:
	return err_set(e, ERR_CORRUPT, "\"" ARCHIVE_GUARD_FILE
	    "\" is damaged");
}
