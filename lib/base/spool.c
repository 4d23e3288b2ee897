#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/walk.h"
#include "buf/buf.h"
#include "fsx/fsx.h"
#include "increment/increment.h"

#define STEP ((size_t)256 << 10)

struct base_spool {
	const char *scratch;
	uint32_t *blocks; /* INCREMENT_BLOCKS_MAX */
	uint32_t count;
	struct buf memory; /* the pages that are not in the file yet */
	int fd;            /* or -1: no file was needed */
	uint64_t written;
};

struct base_spool *
base_spool_new(const char *scratch, struct err *e)
{
	struct base_spool *s = calloc(1, sizeof *s);

	if (s == NULL || (s->blocks = calloc(INCREMENT_BLOCKS_MAX,
	    sizeof *s->blocks)) == NULL) {
		err_nomem(e);
		free(s);
		return NULL;
	}
	s->scratch = scratch;
	s->memory = (struct buf)BUF_INIT(SPOOL_MEMORY);
	s->fd = -1;
	return s;
}

void
base_spool_free(struct base_spool *s)
{
	if (s == NULL)
		return;
	fsx_close(s->fd);
	buf_free(&s->memory);
	free(s->blocks);
	free(s);
}

/* A file that grew for one relation is not kept for all others. */
void
base_spool_reset(struct base_spool *s)
{
	fsx_close(s->fd);
	s->fd = -1;
	s->written = 0;
	s->count = 0;
	buf_reset(&s->memory);
}

/* Without a name from the beginning, or as good as that. */
static int
open_scratch(struct base_spool *s, struct err *e)
{
	char name[4096];
	mode_t mask;

	s->fd = open(s->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd != -1)
		return 0;
	if ((size_t)snprintf(name, sizeof name, "%s/pgk-XXXXXX", s->scratch) >=
	    sizeof name)
		return err_set(e, ERR_USAGE, "the path \"%.200s\" is too long",
		    s->scratch);
	mask = umask(077);
	s->fd = mkostemp(name, O_CLOEXEC);
	umask(mask);
	if (s->fd == -1)
		return err_sys(e, "could not make a temporary file in \"%s\"",
		    s->scratch);
	unlink(name);
	return 0;
}

static int
spill(struct base_spool *s, struct err *e)
{
	if (s->fd == -1 && open_scratch(s, e) == -1)
		return -1;
	if (fsx_write(s->fd, s->memory.data, s->memory.len,
	    "temporary file", e) == -1)
		return -1;
	s->written += s->memory.len;
	buf_reset(&s->memory);
	return 0;
}

int
base_spool_add(struct base_spool *s, uint32_t block, const void *page,
    struct err *e)
{
	if (s->count == INCREMENT_BLOCKS_MAX)
		return err_set(e, ERR_CORRUPT, "a file of more than %d blocks",
		    INCREMENT_BLOCKS_MAX);
	if (s->memory.len + PAGE_SIZE_PG > SPOOL_MEMORY && spill(s, e) == -1)
		return -1;
	if (buf_add(&s->memory, page, PAGE_SIZE_PG, e) == -1)
		return -1;
	s->blocks[s->count++] = block;
	return 0;
}

uint32_t
base_spool_count(const struct base_spool *s)
{
	return s->count;
}

const uint32_t *
base_spool_blocks(const struct base_spool *s)
{
	return s->blocks;
}

int
base_spool_read(struct base_spool *s, int (*each)(void *ctx,
    const void *data, size_t len, struct err *e), void *ctx, struct err *e)
{
	char *data = malloc(STEP);
	int rc = data == NULL ? err_nomem(e) : 0;

	for (uint64_t off = 0; rc == 0 && off < s->written;) {
		size_t n = s->written - off < STEP ?
		    (size_t)(s->written - off) : STEP;
		ssize_t got = fsx_pread(s->fd, data, n, off,
		    "temporary file", e);

		if (got != (ssize_t)n)
			rc = got == -1 ? -1 : err_set(e, ERR_SYS,
			    "the temporary file became shorter");
		else
			rc = each(ctx, data, n, e);
		off += n;
	}
	free(data);
	if (rc == 0 && s->memory.len > 0)
		rc = each(ctx, s->memory.data, s->memory.len, e);
	return rc;
}
