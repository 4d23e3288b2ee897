#include <fcntl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "fsx/fsx.h"
#include "recover/recover_int.h"

#define MARK_MAX ((size_t)16 << 20)

void
mark_free(struct mark *m)
{
	for (size_t i = 0; i < m->space_count; i++)
		free(m->spaces[i]);
	free(m->spaces);
	memset(m, 0, sizeof *m);
}

bool
mark_names(const struct mark *m, const char *path)
{
	for (size_t i = 0; i < m->space_count; i++)
		if (strcmp(m->spaces[i], path) == 0)
			return true;
	return false;
}

/* A regular file of ours; ERR_ABSENT. */
static int
read_file(int dirfd, const char *name, size_t max, struct buf *out,
    struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n = -1;

	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no file \"%s\"", name);
	if (fd == -1 || fstat(fd, &st) == -1)
		err_sys(e, "could not open \"%s\"", name);
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		err_set(e, ERR_REFUSED, "\"%s\" is not what it should be",
		    name);
	else if (buf_reserve(out, (size_t)st.st_size + 1, e) == 0 && (n =
	    fsx_read(fd, out->data + out->len, (size_t)st.st_size, name,
	    e)) != -1) {
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
	fsx_close(fd);
	return n == -1 ? -1 : 0;
}

int
mark_control(int dirfd, struct buf *out, struct err *e)
{
	int fd = fsx_open_dir(dirfd, "global", e), rc;

	if (fd == -1)
		return -1;
	rc = read_file(fd, "pg_control", CONTROL_MAX, out, e);
	fsx_close(fd);
	return rc;
}

/* A line without its newline; what is not known is passed over. */
static int
take_line(struct mark *m, const char *line, struct err *e)
{
	static const char space[] = "tablespace: ", control[] = "control: ";
	char **p;

	if (strncmp(line, control, sizeof control - 1) == 0) {
		m->finishing = digest_parse(line + sizeof control - 1,
		    &m->control, e) == 0;
		err_clear(e);
	}
	if (strncmp(line, space, sizeof space - 1) != 0)
		return 0;
	if ((p = buf_more(m->spaces, m->space_count, sizeof *p, e)) == NULL)
		return -1;
	m->spaces = p;
	if ((p[m->space_count] = strdup(line + sizeof space - 1)) == NULL)
		return err_nomem(e);
	m->space_count++;
	return 0;
}

static int
parse(struct mark *m, char *text, struct err *e)
{
	while (text != NULL && *text != '\0') {
		char *line = strsep(&text, "\n");

		/* a line that was cut says nothing */
		if (text != NULL && take_line(m, line, e) == -1)
			return -1;
	}
	return 0;
}

/* Whether pg_control is absent, or the very one the mark tells. */
static int
is_unfinished(int dirfd, const struct mark *m, struct err *e)
{
	struct buf b = BUF_INIT(CONTROL_MAX);
	struct err why = ERR_INIT;
	struct digest sum;
	int rc = -1;

	if (mark_control(dirfd, &b, &why) == 0) {
		digest_of(b.data, b.len, &sum);
		rc = m->finishing && digest_same(&sum, &m->control);
	} else if (why.kind == ERR_ABSENT)
		rc = 1;
	else
		err_pass(e, &why);
	buf_free(&b);
	return rc;
}

int
mark_read(int dirfd, struct mark *m, struct err *e)
{
	struct buf b = BUF_INIT(MARK_MAX);
	struct mark got = { 0 };
	struct err why = ERR_INIT;
	int rc = -1;

	if (read_file(dirfd, RECOVER_MARK, MARK_MAX, &b, &why) == -1) {
		if (why.kind == ERR_ABSENT)
			rc = 0;
		else
			err_pass(e, &why);
	} else if (parse(&got, b.data, e) == 0)
		rc = is_unfinished(dirfd, &got, e);
	if (rc == 1) {
		*m = got;
		got = (struct mark){ 0 };
	}
	mark_free(&got);
	buf_free(&b);
	return rc;
}

static int
text_of(const struct recover *r, const struct digest *control,
    struct buf *b, struct err *e)
{
	char hex[DIGEST_HEX];

	if (buf_fmt(b, e, "This is an unfinished restore by pgk-restore: no "
	    "server can use it.\nset: %s\nsystem-identifier: %" PRIu64 "\n",
	    r->chain[r->chain_count - 1]->name, r->system) == -1)
		return -1;
	for (size_t i = 1; i < r->space_count; i++)
		if (buf_fmt(b, e, "tablespace: %s\n", r->spaces[i].path) == -1)
			return -1;
	return control == NULL ? 0 : buf_fmt(b, e, "control: %s\n",
	    digest_hex(control, hex));
}

int
mark_write(const struct recover *r, const struct digest *control,
    struct err *e)
{
	int dirfd = r->spaces[0].fd, fd, rc = -1;
	struct buf b = BUF_INIT(MARK_MAX);
	struct fsx_new *new = NULL;

	/* first of all: its temporary must not be all there is */
	fd = openat(dirfd, RECOVER_MARK, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(e, "could not make \"%s/%s\"",
		    r->spaces[0].path, RECOVER_MARK);
	fsx_close(fd);
	if (text_of(r, control, &b, e) == 0 && (new = fsx_new_begin(dirfd,
	    RECOVER_MARK, FSX_REPLACE, e)) != NULL &&
	    fsx_write(fsx_new_fd(new), b.data, b.len, RECOVER_MARK, e) == 0)
		rc = fsx_new_publish(new, e);
	fsx_new_free(new);
	buf_free(&b);
	return rc;
}
