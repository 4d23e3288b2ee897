/*
 * basetar - read a base backup's archive and write it again, as our rooms do
 *
 *	basetar VERSION SYSTEM TIMELINE START END MANIFEST <base.tar >again.tar
 *
 * Writes the backup_manifest as well, and on stderr one line: how many pages
 * were looked at, how many of them are bad, and how many blocks the
 * INCREMENTAL files hold. START and END are LSNs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf/buf.h"
#include "digest/digest.h"
#include "increment/increment.h"
#include "lsn/lsn.h"
#include "manifest/manifest.h"
#include "page/page.h"
#include "tar/tar.h"

struct job {
	struct sink *out;
	struct manifest *manifest;
	uint64_t start;
	/* the present file */
	struct tar_member m;
	uint32_t crc;
	struct increment_reader *increment;
	struct page_file file;
	bool pages;
	uint32_t block;
	unsigned char page[PAGE_SIZE_PG];
	size_t held;
	/* counts */
	uint64_t looked, bad, blocks;
};

static int
on_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *e)
{
	struct job *j = ctx;
	struct buf b = BUF_INIT((size_t)1 << 20);
	int rc = increment_header(&b, blocks, count, truncation, e);

	if (rc == 0)
		rc = sink_write(j->out, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

static void
look(struct job *j, const void *page, uint32_t block)
{
	j->looked++;
	if (!page_is_good(page, j->file.segment * PAGE_SEGMENT + block,
	    j->start))
		j->bad++;
}

static int
on_block(void *ctx, uint32_t block, const void *page, struct err *e)
{
	struct job *j = ctx;

	j->blocks++;
	if (j->pages)
		look(j, page, block);
	return sink_write(j->out, page, PAGE_SIZE_PG, e);
}

static int
on_member(void *ctx, const struct tar_member *m, struct err *e)
{
	static const struct increment_take take = { on_head, on_block };
	struct job *j = ctx;
	unsigned char header[TAR_BLOCK];
	char path[TAR_PATH_MAX];

	j->m = *m;
	j->crc = 0;
	j->held = 0;
	j->block = 0;
	if (!increment_is(m->path, path))
		strcpy(path, m->path);
	else if ((j->increment = increment_reader_new(m->size, &take, j,
	    e)) == NULL)
		return -1;
	j->pages = m->type == '0' && page_file_parse(path, &j->file);
	return tar_header(m, header, e) == -1 ? -1 :
	    sink_write(j->out, header, sizeof header, e);
}

static void
pages(struct job *j, const unsigned char *p, size_t len)
{
	while (len > 0) {
		size_t n = PAGE_SIZE_PG - j->held;

		if (n > len)
			n = len;
		memcpy(j->page + j->held, p, n);
		p += n;
		len -= n;
		if ((j->held += n) == PAGE_SIZE_PG) {
			look(j, j->page, j->block++);
			j->held = 0;
		}
	}
}

static int
on_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct job *j = ctx;

	j->crc = digest_crc32c(j->crc, data, len);
	if (j->increment != NULL)
		return increment_write(j->increment, data, len, e);
	if (j->pages)
		pages(j, data, len);
	return sink_write(j->out, data, len, e);
}

static int
on_end(void *ctx, struct err *e)
{
	static const char zeros[TAR_BLOCK];
	struct job *j = ctx;
	int rc = 0;

	if (j->increment != NULL)
		rc = increment_end(j->increment, e);
	increment_reader_free(j->increment);
	j->increment = NULL;
	if (rc == -1 || sink_write(j->out, zeros, tar_padding(j->m.size), e))
		return -1;
	if (strncmp(j->m.path, "pg_wal/", 7) == 0)
		return 0;
	return manifest_file(j->manifest, j->m.path, j->m.size, j->m.mtime,
	    j->crc, e);
}

static int
run(struct job *j, char **argv, struct err *e)
{
	static const struct tar_take take = { on_member, on_data, on_end };
	static const char zeros[2 * TAR_BLOCK];
	struct sink *in = tar_reader(&take, j, e);
	uint64_t end = 0;
	int rc = -1;

	if (in == NULL || lsn_parse(argv[4], &j->start, e) == -1 ||
	    lsn_parse(argv[5], &end, e) == -1)
		goto done;
	j->out = sink_fd(STDOUT_FILENO, "stdout", e);
	j->manifest = manifest_new(sink_file(argv[6], e), atoi(argv[1]),
	    strtoull(argv[2], NULL, 10), e);
	if (j->out == NULL || j->manifest == NULL)
		goto done;
	if (sink_send_fd(STDIN_FILENO, "stdin", in, e) == 0 &&
	    sink_finish(in, e) == 0 &&
	    sink_write(j->out, zeros, sizeof zeros, e) == 0 &&
	    sink_finish(j->out, e) == 0 && manifest_wal(j->manifest,
	    (uint32_t)atoi(argv[3]), j->start, end, e) == 0)
		rc = manifest_finish(j->manifest, e);
done:
	sink_free(in);
	increment_reader_free(j->increment);
	manifest_free(j->manifest);
	sink_free(j->out);
	return rc;
}

int
main(int argc, char **argv)
{
	struct job j = { .start = 0 };
	struct err e = ERR_INIT;

	if (argc != 7)
		return 2;
	if (run(&j, argv, &e) == -1) {
		fprintf(stderr, "basetar: %s\n", e.text);
		return 1;
	}
	fprintf(stderr, "%" PRIu64 " pages, %" PRIu64 " bad, %" PRIu64
	    " blocks\n", j.looked, j.bad, j.blocks);
	return 0;
}
