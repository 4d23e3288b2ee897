#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "recover/recover_int.h"
#include "unit/unit.h"

/* An open folder at `path`, -1 with *is_new if there is none. */
static int
look(struct space *s, struct err *e)
{
	struct stat st;
	int fd = s->fd != -1 ? fcntl(s->fd, F_DUPFD_CLOEXEC, 3) :
	    open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT) {
		s->is_new = true;
		return -1;
	}
	if (fd == -1 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_REFUSED, "\"%s\" is a link, or no "
		    "folder", s->path);
	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(e, "could not open folder \"%s\"", s->path);
		fsx_close(fd);
		return -1;
	}
	if (st.st_uid != geteuid()) {
		err_set(e, ERR_REFUSED, "\"%s\" belongs to another user",
		    s->path);
		fsx_close(fd);
		return -1;
	}
	return fd;
}

/* The first line of postmaster.pid is the server's process. */
static int
refuse_running(int dirfd, const char *path, struct err *e)
{
	char text[32] = "";
	int fd = openat(dirfd, "postmaster.pid", O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC | O_NONBLOCK);
	ssize_t n;
	long pid;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1)
		return err_sys(e, "could not read \"%s/postmaster.pid\"",
		    path);
	n = fsx_read(fd, text, sizeof text - 1, "postmaster.pid", e);
	fsx_close(fd);
	if (n == -1)
		return -1;
	pid = strtol(text, NULL, 10);
	if (pid <= 0 || pid > INT_MAX)
		return err_set(e, ERR_REFUSED, "\"%s/postmaster.pid\" cannot "
		    "be understood: a server may be running", path);
	if (kill((pid_t)pid, 0) == 0 || errno != ESRCH) {
		err_set(e, ERR_REFUSED, "a server is running in \"%s\": "
		    "process %ld", path, pid);
		return err_hint(e, "stop it: pg_ctl stop -D \"%s\"", path);
	}
	return 0;
}

/* delta: a stopped server's data folder, of this cluster. */
static int
check_former(struct recover *r, int dirfd, const char *path, struct err *e)
{
	struct buf b = BUF_INIT(CONTROL_MAX);
	struct err why = ERR_INIT;
	uint64_t id = 0;

	if (mark_control(dirfd, &b, &why) == -1 || b.len < sizeof id) {
		buf_free(&b);
		return err_set(e, ERR_REFUSED,
		    "\"%s\" is not empty and no data folder", path);
	}
	memcpy(&id, b.data, sizeof id);
	buf_free(&b);
	if (id != r->system)
		return err_set(e, ERR_REFUSED, "\"%s\" is of another cluster, "
		    "system identifier %llu and not %llu", path,
		    (unsigned long long)id, (unsigned long long)r->system);
	r->plan.replaces = true;
	return refuse_running(dirfd, path, e);
}

static int
guard_data(struct recover *r, int dirfd, struct err *e)
{
	const char *path = r->spaces[0].path;
	bool empty;

	mark_free(&r->mark);
	switch (mark_read(dirfd, &r->mark, e)) {
	case -1:
		return err_prefix(e, "\"%s\"", path);
	case 1:
		r->plan.again = true;
		return 0;
	}
	r->plan.again = false;
	if (walk_is_empty(dirfd, &empty, e) == -1)
		return -1;
	if (empty)
		return 0;
	if (r->o->delta)
		return check_former(r, dirfd, path, e);
	if (refuse_running(dirfd, path, e) == -1)
		return -1;
	err_set(e, ERR_REFUSED, "\"%s\" is not empty", path);
	return err_hint(e, "name a folder that is empty or not there yet, or "
	    "give --delta to reuse a former data folder");
}

/* delta: whether this tablespace lies there in the former data folder too. */
static bool
was_there(const struct space *s, int datadir)
{
	char path[40], there[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof path, "pg_tblspc/%u", s->oid);
	if (datadir == -1)
		return false;
	n = readlinkat(datadir, path, there, sizeof there);
	return n > 0 && (size_t)n == strlen(s->path) &&
	    memcmp(there, s->path, (size_t)n) == 0;
}

static int
guard_space(const struct recover *r, const struct space *s, int dirfd,
    int datadir, struct err *e)
{
	bool empty;

	if (walk_is_empty(dirfd, &empty, e) == -1)
		return -1;
	if (empty || (r->plan.again && mark_names(&r->mark, s->path)) ||
	    (r->plan.replaces && was_there(s, datadir)))
		return 0;
	err_set(e, ERR_REFUSED, "\"%s\" of tablespace %u is not empty",
	    s->path, s->oid);
	return err_hint(e, "--tablespace-map %s=FOLDER puts it elsewhere",
	    s->from);
}

int
guard_spaces(struct recover *r, struct err *e)
{
	int data = -1, rc = 0;

	for (size_t i = 0; rc == 0 && i < r->space_count; i++) {
		struct space *s = &r->spaces[i];
		int fd = look(s, e);

		if (fd == -1)
			rc = e->kind == ERR_NONE ? 0 : -1;
		else if (i == 0) {
			rc = guard_data(r, fd, e);
			data = fd;
		} else {
			rc = guard_space(r, s, fd, data, e);
			fsx_close(fd);
		}
	}
	fsx_close(data);
	return rc;
}

/* What is free on a file system, and what we shall ask of it. */
struct room {
	dev_t device;
	const char *path;
	uint64_t has, needs;
	uint64_t used; /* by what lies there now, which makes room */
};

/* The largest of the chain's archives of a space: it holds at least that. */
static uint64_t
size_of(const struct recover *r, const struct space *s)
{
	char role[32];
	uint64_t size = 0;

	snprintf(role, sizeof role, "tablespace-%u", s->oid);
	for (size_t i = 0; i < r->chain_count; i++) {
		const struct repo_object *o = repo_object(r->chain[i],
		    s->oid == 0 ? "base" : role);

		if (o != NULL && o->plain > size)
			size = o->plain;
	}
	return size;
}

uint64_t
guard_size(const struct recover *r)
{
	uint64_t size = 0;

	for (size_t i = 0; i < r->space_count; i++)
		size += size_of(r, &r->spaces[i]);
	return size;
}

static int
look_room(const struct space *s, struct room *room, struct err *e)
{
	char path[PATH_MAX];
	struct statvfs v;
	struct stat st;
	int fd = -1;

	if (s->is_new)
		space_parent(s, path);
	else
		snprintf(path, sizeof path, "%s", s->path);
	if (stat(path, &st) == -1 || statvfs(path, &v) == -1 ||
	    (s->is_new && access(path, W_OK | X_OK) == -1))
		return err_sys(e, "could not use folder \"%s\"", path);
	if (!s->is_new) {
		if ((fd = fsx_open_dir(AT_FDCWD, path, e)) == -1 ||
		    walk_size(fd, &room->used, e) == -1) {
			fsx_close(fd);
			return -1;
		}
		fsx_close(fd);
	}
	room->device = st.st_dev;
	room->path = s->path;
	room->has = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

int
guard_room(const struct recover *r, struct err *e)
{
	struct room *rooms = calloc(r->space_count, sizeof *rooms);
	char needs[UNIT_TEXT_MAX], has[UNIT_TEXT_MAX];
	size_t count = 0, at;

	if (rooms == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < r->space_count; i++) {
		struct room one = { 0 };

		if (look_room(&r->spaces[i], &one, e) == -1)
			break;
		for (at = 0; at < count && rooms[at].device != one.device;)
			at++;
		if (at == count) {
			rooms[count++] = one;
		}
		rooms[at].has += one.used;
		rooms[at].needs += size_of(r, &r->spaces[i]);
		if (rooms[at].needs > rooms[at].has) {
			err_set(e, ERR_REFUSED, "\"%s\" has room for %s, and "
			    "the backup needs at least %s", rooms[at].path,
			    unit_size(rooms[at].has, has),
			    unit_size(rooms[at].needs, needs));
			break;
		}
	}
	free(rooms);
	return e->kind == ERR_NONE ? 0 : -1;
}
