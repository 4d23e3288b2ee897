#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/feed_int.h"
#include "fsx/fsx.h"
#include "sink/sink.h"

/*
 * What is encrypted is read twice, for its sum and for its bytes: up to this
 * from memory.
 */
#define WHOLE_MAX ((uint64_t)32 << 20)

static int
refuse_restored(const struct archive_guard *g, struct err *e)
{
	err_set(e, ERR_REFUSED, "this server was restored from \"%s\": its "
	    "WAL is not put into an archive", g->set);
	return err_hint(e, "once it is promoted and shall archive: "
	    "pgk-wal adopt");
}

/* No guard stands in this folder. */
static int
check_guard(int home, struct err *e)
{
	struct err why = ERR_INIT;
	struct archive_guard g;

	if (archive_guard_read(home, &g, &why) == 0)
		return refuse_restored(&g, e);
	if (why.kind == ERR_ABSENT)
		return 0;
	/* one that cannot be read guards all the same */
	return err_set(e, ERR_REFUSED, "%s", why.text);
}

static int
check_cluster(struct archive *a, int home, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t id;

	if (feed_control_system(home, &id, &why) == -1)
		return why.kind == ERR_ABSENT ? 0 : err_pass(e, &why);
	return archive_claim(a, id, e);
}

static int
check_home(struct archive *a, const char *path, struct err *e)
{
	int home = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;

	if (home == -1)
		return err_sys(e, "could not open folder \"%s\"", path);
	if (check_guard(home, e) == 0 && check_cluster(a, home, e) == 0)
		rc = 0;
	close(home);
	return rc;
}

static int
put_bytes(struct archive *a, const char *name, int fd, size_t len,
    const struct archive_how *how, struct err *e)
{
	struct buf data = BUF_INIT(WHOLE_MAX);
	ssize_t n;
	int rc = -1;

	if (buf_reserve(&data, len, e) == 0 &&
	    (n = fsx_read(fd, data.data, len, name, e)) != -1)
		rc = archive_put(a, name, data.data, (size_t)n, how, e);
	buf_free(&data);
	return rc;
}

/* `fd` is taken. */
static int
put_file(struct archive *a, const char *name, int fd,
    const struct archive_how *how, struct err *e)
{
	struct blob *b;
	struct stat st;
	int rc = -1;

	if (fstat(fd, &st) == -1) {
		err_sys(e, "could not stat \"%s\"", name);
	} else if (how->keys != NULL && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size <= WHOLE_MAX) {
		rc = put_bytes(a, name, fd, (size_t)st.st_size, how, e);
	} else if ((b = blob_fd(fd, name, e)) != NULL) {
		rc = archive_put_blob(a, name, b, how, e);
		blob_free(b);
		return rc;
	} else {
		return -1;
	}
	fsx_close(fd);
	return rc;
}

int
feed_push(struct archive *a, const char *path,
    const struct archive_how *how, struct err *e)
{
	struct feed_place p;
	int fd;

	if (feed_place(&p, path, e) == -1 ||
	    feed_check_name(p.name, e) == -1 ||
	    check_home(a, p.home, e) == -1 ||
	    (strcmp(p.home, ".") != 0 && check_guard(AT_FDCWD, e) == -1))
		return -1;
	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"", path);
	if (put_file(a, p.name, fd, how, e) == -1)
		return -1;
	archive_tidy(a, p.name);
	return 0;
}
