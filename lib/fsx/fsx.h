/*
 * fsx: files, checked.
 *
 * Every open is O_CLOEXEC. Reads and writes go on after EINTR and short
 * counts. Errors are ERR_SYS with the path in the text; a file that is not
 * there is ERR_ABSENT.
 */
#ifndef PGK_FSX_H
#define PGK_FSX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf/buf.h"
#include "err/err.h"

/* Close unless -1; for descriptors whose data was synced or only read. */
void fsx_close(int fd);

/* Write all of it. `name` is for the message. */
int fsx_write(int fd, const void *data, size_t len, const char *name,
    struct err *e);

/* Read up to `len`, fewer only at the end of the file. -1 on failure. */
ssize_t fsx_read(int fd, void *data, size_t len, const char *name,
    struct err *e);

/* The same at an offset. */
ssize_t fsx_pread(int fd, void *data, size_t len, uint64_t off,
    const char *name, struct err *e);

/*
 * Append the whole of a regular file of at most `max` bytes to `out`.
 * FSX_PRIVATE refuses (ERR_KEY) a file that group or others may read, or
 * that belongs to someone who is neither us nor root. FSX_TRUSTED refuses
 * (ERR_REFUSED) one that group or others may write.
 */
#define FSX_PRIVATE 1
#define FSX_TRUSTED 2
/* flags: the above or 0. */
int fsx_slurp(const char *path, size_t max, int flags, struct buf *out,
    struct err *e);

/*
 * A file that appears whole or not at all: fsx_new_begin() opens a hidden
 * temporary file in the same folder, mode 0600, created exclusively and
 * locked (flock) while we live; fsx_new_publish() syncs it, renames it
 * to `name` and syncs the folder. fsx_new_discard() removes it.
 *
 *   dirfd   the folder, borrowed until publish or discard; AT_FDCWD is not
 *           accepted
 *   name    a plain file name without '/'
 */
struct fsx_new;
#define FSX_REPLACE 1 /* publish may replace an existing file; else ERR_BUSY */
#define FSX_WORLD 2   /* mode 0666 less the umask: for -o FILE */
#define FSX_FLEETING 4 /* publish syncs nothing: worthless after a crash */
struct fsx_new *fsx_new_begin(int dirfd, const char *name, int flags,
    struct err *e);
int fsx_new_fd(const struct fsx_new *f);
int fsx_new_publish(struct fsx_new *f, struct err *e);
void fsx_new_free(struct fsx_new *f); /* discards unless published; NULL ok */

/*
 * Whether `name` is the temporary file of fsx_new_begin(), and if so
 * whether its writer is gone: 1 abandoned, 0 alive or not one of ours,
 * -1 error.
 */
int fsx_new_abandoned(int dirfd, const char *name, struct err *e);

/* fsync a folder. */
int fsx_sync_dir(int dirfd, const char *name, struct err *e);

/* Open a folder for openat(), refusing a symbolic link at its last step. */
int fsx_open_dir(int dirfd, const char *name, struct err *e);

/*
 * Make sure descriptors 0..2 are in use, so that no file of ours gets such a
 * number. One that was closed still fails: a stdout that does not arrive
 * anywhere must not look like success.
 */
int fsx_std_fds(struct err *e);

#endif
