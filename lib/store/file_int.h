/*
 * file_int: what the parts of the `file` driver share.
 */
#ifndef PGK_STORE_FILE_INT_H
#define PGK_STORE_FILE_INT_H

#include <sys/stat.h>

#include "store/store_int.h"

struct file_store {
	struct store base;
	int root;   /* held open: what the path names later does not matter */
	char *path; /* for messages */
};

/*
 * Open the folder of the object `name` by walking from the root, no step
 * through a symbolic link. *leaf is the name's last part. With `made` (not
 * NULL) missing folders are made and *made set to true; they are not synced
 * before something is in them: file_sync_above() does it. Without
 * it they are ERR_ABSENT. Returns a descriptor, or -1.
 */
int file_open_parent(const struct file_store *fs, const char *name,
    bool *made, const char **leaf, struct err *e);

/* Make the folders that lead to the object `name` durable. */
int file_sync_above(const struct file_store *fs, const char *name,
    struct err *e);

/* The same for a folder itself, never made. */
int file_open_folder(const struct file_store *fs, const char *folder,
    struct err *e);

/*
 * Remove the folder, or that of the object `name`, if it is empty and not
 * directly in the root. It comes back by itself, so that nothing need be
 * synced and no failure told. Whoever makes something in it at this moment
 * finds it gone (ENOENT, file_is_removed()) and makes it anew, at most
 * FILE_TRIES times.
 */
#define FILE_TRIES 100
void file_drop_folder(const struct file_store *fs, const char *folder);
void file_drop_parent(const struct file_store *fs, const char *name);
bool file_is_removed(int fd);

/* ERR_REFUSED unless only its owner, us or root, can write to the folder. */
int file_check_folder(int fd, const char *name, struct err *e);

/*
 * The mark of the file `leaf` in the folder `fd`, or of `fd` itself when
 * leaf is "". `shown` is for messages.
 */
int file_mark_of(int fd, const char *leaf, const char *shown, char *mark,
    struct err *e);

/* file_put.c */
struct sink *file_put(struct store *s, const char *name, char *mark,
    struct err *e);

/* file_lock.c */
struct store_lock *file_lock(struct store *s, const char *name,
    enum store_lock_how how, struct err *e);
void file_unlock(struct store_lock *l);

/* file_list.c */
int file_list(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e);
int file_folders(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e);
int file_sweep(struct store *s, const char *folder, bool dry_run,
    unsigned *count, struct err *e);

#endif
