#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsx/fsx.h"
#include "sink/sink.h"

#define SEND_BYTES ((size_t)256 << 10)

int
blob_read(struct blob *b, uint64_t off, void *data, size_t len, struct err *e)
{
	if (off > b->size || len > b->size - off)
		return err_set(e, ERR_CORRUPT, "the object ends too early");
	return len == 0 ? 0 : b->ops->read(b, off, data, len, e);
}

void
blob_free(struct blob *b)
{
	if (b != NULL)
		b->ops->free(b);
}

/* a file */

struct fd_blob {
	struct blob base;
	int fd;
	char *name;
};

static int
fd_read(struct blob *b, uint64_t off, void *data, size_t len, struct err *e)
{
	struct fd_blob *f = (struct fd_blob *)b;
	ssize_t n = fsx_pread(f->fd, data, len, off, f->name, e);

	if (n == -1)
		return -1;
	if ((size_t)n != len)
		return err_set(e, ERR_CORRUPT, "\"%s\" became shorter",
		    f->name);
	return 0;
}

static void
fd_free(struct blob *b)
{
	struct fd_blob *f = (struct fd_blob *)b;

	fsx_close(f->fd);
	free(f->name);
	free(f);
}

struct blob *
blob_fd(int fd, const char *name, struct err *e)
{
	static const struct blob_ops ops = { fd_read, fd_free };
	struct fd_blob *f = NULL;
	struct stat st;

	if (fstat(fd, &st) == -1) {
		err_sys(e, "could not stat \"%s\"", name);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_SYS, "\"%s\" is not a regular file", name);
		goto fail;
	}
	if ((f = calloc(1, sizeof *f)) == NULL ||
	    (f->name = strdup(name)) == NULL) {
		err_nomem(e);
		goto fail;
	}
	f->base.ops = &ops;
	f->base.size = (uint64_t)st.st_size;
	f->fd = fd;
	return &f->base;
fail:
	free(f);
	fsx_close(fd);
	return NULL;
}

/* memory */

struct mem_blob {
	struct blob base;
	const char *data;
};

static int
mem_read(struct blob *b, uint64_t off, void *data, size_t len, struct err *e)
{
	(void)e;
	memcpy(data, ((struct mem_blob *)b)->data + off, len);
	return 0;
}

static void
mem_free(struct blob *b)
{
	free(b);
}

struct blob *
blob_mem(const void *data, size_t len, struct err *e)
{
	static const struct blob_ops ops = { mem_read, mem_free };
	struct mem_blob *m = malloc(sizeof *m);

	if (m == NULL) {
		err_nomem(e);
		return NULL;
	}
	*m = (struct mem_blob){ { &ops, len }, data };
	return &m->base;
}

int
blob_send(struct blob *b, uint64_t off, uint64_t len, struct sink *s,
    struct err *e)
{
	char *data = malloc(SEND_BYTES);
	int rc = 0;

	if (data == NULL)
		return err_nomem(e);
	while (len > 0 && rc == 0) {
		size_t n = len < SEND_BYTES ? (size_t)len : SEND_BYTES;

		if ((rc = blob_read(b, off, data, n, e)) == 0)
			rc = sink_write(s, data, n, e);
		off += n;
		len -= n;
	}
	free(data);
	return rc;
}
