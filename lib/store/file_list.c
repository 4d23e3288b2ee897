#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "log/log.h"
#include "store/file_int.h"

struct entry {
	char *name;
	uint64_t size;
};

struct entries {
	struct entry *list;
	size_t count, room;
};

static void
entries_free(struct entries *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->list[i].name);
	free(all->list);
}

static int
entries_add(struct entries *all, const char *name, struct err *e)
{
	if (all->count == all->room) {
		size_t room = all->room == 0 ? 64 : 2 * all->room;
		struct entry *p = reallocarray(all->list, room, sizeof *p);

		if (p == NULL)
			return err_nomem(e);
		all->list = p;
		all->room = room;
	}
	if ((all->list[all->count].name = strdup(name)) == NULL)
		return err_nomem(e);
	all->list[all->count++].size = 0;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name,
	    ((const struct entry *)b)->name);
}

/* All names in a folder. readdir() tells an error from the end by errno. */
static int
read_names(int dir, const char *folder, struct entries *all, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = -1;

	if (d == NULL) {
		err_sys(e, "could not list \"%s\"", folder);
		fsx_close(fd);
		return -1;
	}
	for (;;) {
		errno = 0;
		if ((entry = readdir(d)) == NULL)
			break;
		if (entries_add(all, entry->d_name, e) == -1)
			goto done;
	}
	if (errno != 0) {
		err_sys(e, "could not list \"%s\"", folder);
		goto done;
	}
	rc = 0;
done:
	closedir(d);
	return rc;
}

/* Keep the objects, with their sizes, or the folders. */
static int
keep_only(mode_t type, int dir, const char *folder, struct entries *all,
    struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->count; i++) {
		struct entry one = all->list[i];
		struct stat st;
		int rc = -1;

		all->list[i].name = NULL;
		if (store_check_name(one.name, NULL) == 0) {
			rc = fstatat(dir, one.name, &st, AT_SYMLINK_NOFOLLOW);
			if (rc == -1 && errno != ENOENT) {
				err_sys(e, "could not stat \"%s/%s\"", folder,
				    one.name);
				free(one.name);
				return -1;
			}
		}
		if (rc == 0 && (st.st_mode & S_IFMT) == type) {
			if (type == S_IFREG)
				one.size = (uint64_t)st.st_size;
			all->list[kept++] = one;
		} else {
			free(one.name);
		}
	}
	all->count = kept;
	return 0;
}

static int
list_only(mode_t type, struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	struct entries all = { NULL, 0, 0 };
	struct err why = ERR_INIT;
	int dir, rc = -1;

	dir = file_open_folder((struct file_store *)s, folder, &why);
	if (dir == -1 && why.kind == ERR_ABSENT)
		return 0;
	if (dir == -1)
		return err_pass(e, &why);
	if (read_names(dir, folder, &all, e) == -1 ||
	    keep_only(type, dir, folder, &all, e) == -1)
		goto done;
	if (all.count > 0)
		qsort(all.list, all.count, sizeof *all.list, by_name);
	rc = 0;
	for (size_t i = 0; i < all.count && rc == 0; i++)
		rc = each(ctx, all.list[i].name, all.list[i].size, e);
done:
	entries_free(&all);
	close(dir);
	return rc;
}

int
file_list(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	return list_only(S_IFREG, s, folder, each, ctx, e);
}

int
file_folders(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	return list_only(S_IFDIR, s, folder, each, ctx, e);
}

/*
 * Remove one abandoned temporary. The lock is held while it goes, so that a
 * writer who made it this very moment notices (see begin() in file.c).
 */
static int
sweep_one(int dir, const char *name, struct err *e)
{
	/* for writing: NFS grants exclusive locks on nothing else */
	int rc = 0, fd = openat(dir, name, O_RDWR | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"", name);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK)
			rc = err_sys(e, "could not lock \"%s\"", name);
	} else if (unlinkat(dir, name, 0) == 0) {
		rc = 1;
	} else if (errno != ENOENT) {
		rc = err_sys(e, "could not delete \"%s\"", name);
	}
	close(fd);
	return rc;
}

int
file_sweep(struct store *s, const char *folder, bool dry_run,
    unsigned *count, struct err *e)
{
	struct entries all = { NULL, 0, 0 };
	struct err why = ERR_INIT;
	unsigned gone = 0;
	int dir, rc = -1;

	dir = file_open_folder((struct file_store *)s, folder, &why);
	if (dir == -1 && why.kind == ERR_ABSENT)
		return 0;
	if (dir == -1)
		return err_pass(e, &why);
	if (read_names(dir, folder, &all, e) == -1)
		goto done;
	for (size_t i = 0; i < all.count; i++) {
		const char *name = all.list[i].name;
		int dead = fsx_new_abandoned(dir, name, e);

		if (dead == 1 && !dry_run)
			dead = sweep_one(dir, name, e);
		if (dead == -1)
			goto done;
		if (dead == 0)
			continue;
		log_info("%s abandoned \"%s/%s\"", dry_run ? "would remove" :
		    "removed", folder, name);
		gone++;
	}
	rc = gone > 0 && !dry_run ? fsx_sync_dir(dir, folder, e) : 0;
	if (gone > 0 && !dry_run)
		file_drop_folder((struct file_store *)s, folder);
done:
	if (count != NULL)
		*count += gone;
	entries_free(&all);
	close(dir);
	return rc;
}
