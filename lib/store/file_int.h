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
 * through a symbolic link. *leaf is the name's last part. With `create`
 * missing folders are made, else ERR_ABSENT. Returns a descriptor, or -1.
 */
int file_open_parent(const struct file_store *fs, const char *name,
    bool create, const char **leaf, struct err *e);

/* The same for a folder itself, never made. */
int file_open_folder(const struct file_store *fs, const char *folder,
    struct err *e);

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
int file_sweep(struct store *s, const char *folder, bool dry_run,
    unsigned *count, struct err *e);

#endif
