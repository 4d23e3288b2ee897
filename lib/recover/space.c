#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "recover/recover_int.h"
#include "unit/unit.h"

/*
 * The same folder with its parent's links resolved, but not its own, so that
 * a link there is seen. Caller frees.
 */
static char *
absolute(const char *path, struct err *e)
{
	size_t len = strlen(path);
	char *copy, *slash, *parent = NULL, *out = NULL;
	const char *name;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if ((copy = strndup(path, len)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	slash = strrchr(copy, '/');
	name = slash == NULL ? copy : slash + 1;
	if (*name == '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		err_set(e, ERR_USAGE, "\"%s\" cannot be restored into: give "
		    "a folder by its own name", path);
		free(copy);
		return NULL;
	}
	if (slash == NULL)
		parent = realpath(".", NULL);
	else {
		*slash = '\0';
		parent = realpath(slash == copy ? "/" : copy, NULL);
	}
	if (parent == NULL && errno == ENOENT)
		err_set(e, ERR_REFUSED, "there is no folder to make \"%s\" in",
		    path);
	else if (parent == NULL)
		err_sys(e, "could not find \"%s\"", path);
	else if (asprintf(&out, "%s/%s", strcmp(parent, "/") == 0 ? "" :
	    parent, name) == -1) {
		out = NULL;
		err_nomem(e);
	}
	free(parent);
	free(copy);
	return out;
}

/* A path the server's files and ours can hold in one line. */
static int
check_path(const char *path, struct err *e)
{
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(e, ERR_REFUSED,
			    "a control character in the name of a folder");
	return 0;
}

static const char *
mapped(const struct recover_options *o, const char *from)
{
	for (size_t i = 0; i < o->map_count; i++)
		if (strcmp(o->maps[i].from, from) == 0)
			return o->maps[i].to;
	return from;
}

static bool
is_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	    (path[n] == '\0' || path[n] == '/');
}

static int
add(struct recover *r, const struct repo_tablespace *t, struct err *e)
{
	struct space *s = &r->spaces[r->space_count];
	const char *to;

	*s = (struct space){ .fd = -1, .oid = t != NULL ? t->oid : 0 };
	r->space_count++;
	if (t != NULL && (s->from = strdup(t->location)) == NULL)
		return err_nomem(e);
	to = t == NULL ? r->o->datadir : mapped(r->o, t->location);
	if (t != NULL && to[0] != '/') {
		err_set(e, ERR_REFUSED, "tablespace %u would lie within the "
		    "data folder", t->oid);
		return err_hint(e, "--tablespace-map %s=FOLDER puts it "
		    "elsewhere", t->location);
	}
	if ((s->path = absolute(to, e)) == NULL) {
		if (t != NULL && e->kind == ERR_REFUSED)
			err_hint(e, "--tablespace-map %s=FOLDER puts it "
			    "elsewhere", t->location);
		return -1;
	}
	for (size_t i = 0; i + 1 < r->space_count; i++)
		if (is_within(s->path, r->spaces[i].path) ||
		    is_within(r->spaces[i].path, s->path)) {
			err_set(e, ERR_REFUSED, "\"%s\" and \"%s\": one "
			    "would lie within the other", r->spaces[i].path,
			    s->path);
			return t == NULL ? -1 : err_hint(e, "--tablespace-map "
			    "%s=FOLDER puts it elsewhere", t->location);
		}
	return check_path(s->path, e);
}

/* Each map must have been of use. */
static int
check_maps(const struct recover *r, const struct repo_set *set,
    struct err *e)
{
	const struct recover_options *o = r->o;

	for (size_t i = 0; i < o->map_count; i++) {
		bool found = false;

		for (size_t j = 0; j < set->tablespace_count; j++)
			found |= strcmp(set->tablespaces[j].location,
			    o->maps[i].from) == 0;
		if (!found)
			return err_set(e, ERR_USAGE, "\"%s\" has no "
			    "tablespace at \"%s\"", set->name,
			    o->maps[i].from);
		if (o->maps[i].to[0] != '/')
			return err_set(e, ERR_USAGE, "\"%s\" is not an "
			    "absolute path", o->maps[i].to);
		if (mapped(o, o->maps[i].from) != o->maps[i].to)
			return err_set(e, ERR_USAGE, "the tablespace at "
			    "\"%s\" is mapped twice", o->maps[i].from);
	}
	return 0;
}

/*
 * One that is a folder in pg_tblspc, for tests of PostgreSQL, has an archive
 * of its own from 16 on; before, it is in base.tar.
 */
static bool
is_apart(const struct repo_set *set, const struct repo_tablespace *t)
{
	char role[32];

	snprintf(role, sizeof role, "tablespace-%u", t->oid);
	return t->location[0] == '/' || repo_object(set, role) != NULL;
}

int
space_plan(struct recover *r, struct err *e)
{
	const struct repo_set *set = r->chain[r->chain_count - 1];

	if (set->tablespace_count > SPACES_MAX)
		return err_set(e, ERR_CORRUPT, "\"%s\" has %zu tablespaces",
		    set->name, set->tablespace_count);
	r->spaces = calloc(set->tablespace_count + 1, sizeof *r->spaces);
	if (r->spaces == NULL)
		return err_nomem(e);
	if (check_maps(r, set, e) == -1 || add(r, NULL, e) == -1)
		return -1;
	for (size_t i = 0; i < set->tablespace_count; i++)
		if (is_apart(set, &set->tablespaces[i]) &&
		    add(r, &set->tablespaces[i], e) == -1)
			return -1;
	return guard_spaces(r, e);
}

void
space_free(struct recover *r)
{
	for (size_t i = 0; i < r->space_count; i++) {
		fsx_close(r->spaces[i].fd);
		free(r->spaces[i].from);
		free(r->spaces[i].path);
	}
	free(r->spaces);
}

static int
open_space(struct space *s, struct err *e)
{
	if (s->is_new && mkdir(s->path, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "could not make folder \"%s\"", s->path);
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (s->fd == -1)
		return err_sys(e, "could not open folder \"%s\"", s->path);
	if (flock(s->fd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? err_set(e, ERR_BUSY,
		    "\"%s\" is being restored into by another", s->path) :
		    err_sys(e, "could not lock \"%s\"", s->path);
	return 0;
}

static bool
keep_mark(void *ctx, const char *path)
{
	(void)ctx;
	return strcmp(path, RECOVER_MARK) == 0;
}

/* From here on no server starts on what lies there. */
static int
spoil(struct recover *r, struct err *e)
{
	struct buf b = BUF_INIT(CONTROL_MAX);
	int dirfd = r->spaces[0].fd, fd, rc = -1;
	struct err why = ERR_INIT;
	struct digest sum;

	if (mark_control(dirfd, &b, &why) == -1) {
		buf_free(&b);
		return why.kind == ERR_ABSENT ? mark_write(r, NULL, e) :
		    err_pass(e, &why);
	}
	digest_of(b.data, b.len, &sum);
	buf_free(&b);
	if (mark_write(r, &sum, e) == -1 ||
	    (fd = fsx_open_dir(dirfd, "global", e)) == -1)
		return -1;
	if (unlinkat(fd, "pg_control", 0) == -1)
		err_sys(e, "could not remove \"%s\"", CONTROL_PATH);
	else
		rc = fsx_sync_dir(fd, "global", e);
	fsx_close(fd);
	return rc;
}

int
space_take(struct recover *r, struct err *e)
{
	for (size_t i = 0; i < r->space_count; i++)
		if (open_space(&r->spaces[i], e) == -1)
			return -1;
	/* what was seen when it was planned may have changed */
	if (guard_spaces(r, e) == -1 || spoil(r, e) == -1)
		return -1;
	for (size_t i = 0; i < r->space_count; i++) {
		const struct space *s = &r->spaces[i];

		if (fchmod(s->fd, 0700) == -1)
			return err_sys(e, "could not make \"%s\" private",
			    s->path);
		if (r->plan.again && !r->o->delta &&
		    walk_empty(s->fd, keep_mark, NULL, e) == -1)
			return err_prefix(e, "\"%s\"", s->path);
	}
	return 0;
}

/* In place of whatever has the name in a former data folder. */
static int
make_link(struct recover *r, int parent, const char *name, const char *to,
    struct err *e)
{
	char there[PATH_MAX];
	ssize_t n;
	int fd;

	if (symlinkat(to, parent, name) == 0)
		return 0;
	if (errno != EEXIST || !r->o->delta)
		return err_sys(e, "could not make \"pg_tblspc/%s\"", name);
	n = readlinkat(parent, name, there, sizeof there);
	if (n >= 0 && (size_t)n == strlen(to) &&
	    memcmp(there, to, (size_t)n) == 0)
		return 0;
	if (n == -1 && (fd = openat(parent, name, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC)) != -1) {
		int rc = walk_empty(fd, NULL, NULL, e);

		fsx_close(fd);
		if (rc == -1)
			return -1;
		unlinkat(parent, name, AT_REMOVEDIR);
	} else
		unlinkat(parent, name, 0);
	return symlinkat(to, parent, name) == 0 ? 0 :
	    err_sys(e, "could not make \"pg_tblspc/%s\"", name);
}

int
space_links(struct recover *r, struct err *e)
{
	char path[40];
	const char *name;
	int parent;

	for (size_t i = 1; i < r->space_count; i++) {
		snprintf(path, sizeof path, "pg_tblspc/%u", r->spaces[i].oid);
		if ((parent = output_parent(r, 0, path, &name, e)) == -1 ||
		    make_link(r, parent, name, r->spaces[i].path, e) == -1)
			return -1;
	}
	return 0;
}

void
space_parent(const struct space *s, char out[PATH_MAX])
{
	size_t n = (size_t)(strrchr(s->path, '/') - s->path);

	snprintf(out, PATH_MAX, "%.*s", n == 0 ? 1 : (int)n, s->path);
}

/*
 * The folders were opened before the first write: all errors since show. Their
 * own names in their parents are synced with them.
 */
int
space_sync(struct recover *r, struct err *e)
{
	for (size_t i = 0; i < r->space_count; i++)
		if (syncfs(r->spaces[i].fd) == -1)
			return err_sys(e, "could not sync \"%s\"",
			    r->spaces[i].path);
	return 0;
}
