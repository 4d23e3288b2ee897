#include "manifest/manifest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf/buf.h"
#include "digest/digest.h"
#include "lsn/lsn.h"

#define PATH_TEXT_MAX ((size_t)1 << 20)
#define TIME_TEXT_MAX 64

struct manifest {
	struct sink *next;
	struct digest_sha256 *sum; /* of all that went to next */
	struct buf line;           /* the one being made */
	bool files, ranges;        /* there was one already */
};

/* Send the line, and sum it up. */
static int
put(struct manifest *m, struct err *e)
{
	digest_sha256_add(m->sum, m->line.data, m->line.len);
	return sink_write(m->next, m->line.data, m->line.len, e);
}

static int
head(struct manifest *m, int server_version, uint64_t system_identifier,
    struct err *e)
{
	bool new = server_version >= 170000;

	if (buf_fmt(&m->line, e, "{ \"PostgreSQL-Backup-Manifest-Version\": "
	    "%d,\n", new ? 2 : 1) == -1 || (new && buf_fmt(&m->line, e,
	    "\"System-Identifier\": %" PRIu64 ",\n", system_identifier) ==
	    -1) || buf_str(&m->line, "\"Files\": [", e) == -1)
		return -1;
	return put(m, e);
}

struct manifest *
manifest_new(struct sink *next, int server_version,
    uint64_t system_identifier, struct err *e)
{
	struct manifest *m;

	if ((m = sink_stage(next, sizeof *m, e)) == NULL)
		return NULL;
	m->next = next;
	m->line = (struct buf)BUF_INIT(PATH_TEXT_MAX);
	if ((m->sum = digest_sha256_new(e)) == NULL ||
	    head(m, server_version, system_identifier, e) == -1) {
		manifest_free(m);
		return NULL;
	}
	return m;
}

void
manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	sink_free(m->next);
	digest_sha256_free(m->sum);
	buf_free(&m->line);
	free(m);
}

/* Whether it stands in JSON as it is; else it is given in hexadecimal. */
static bool
is_plain(const char *path)
{
	for (; *path != '\0'; path++)
		if (*path < ' ' || *path > '~' || *path == '"' ||
		    *path == '\\')
			return false;
	return true;
}

static int
put_path(struct manifest *m, const char *path, struct err *e)
{
	if (is_plain(path))
		return buf_fmt(&m->line, e, "{ \"Path\": \"%s\"", path);
	if (buf_str(&m->line, "{ \"Encoded-Path\": \"", e) == -1)
		return -1;
	for (; *path != '\0'; path++)
		if (buf_fmt(&m->line, e, "%02x",
		    (unsigned)(unsigned char)*path) == -1)
			return -1;
	return buf_byte(&m->line, '"', e);
}

static const char *
time_text(int64_t when, char out[TIME_TEXT_MAX])
{
	time_t t = (time_t)when;
	struct tm tm;

	/* of a year that no calendar has, nobody asks the second */
	if (gmtime_r(&t, &tm) == NULL || strftime(out, TIME_TEXT_MAX,
	    "%Y-%m-%d %H:%M:%S GMT", &tm) == 0)
		return "1970-01-01 00:00:00 GMT";
	return out;
}

int
manifest_file(struct manifest *m, const char *path, uint64_t size,
    int64_t mtime, uint32_t crc, struct err *e)
{
	char when[TIME_TEXT_MAX];

	assert(!m->ranges);
	buf_reset(&m->line);
	if (buf_str(&m->line, m->files ? ",\n" : "\n", e) == -1 ||
	    put_path(m, path, e) == -1)
		return -1;
	m->files = true;
	/* the CRC's bytes as they lie in PostgreSQL's memory */
	if (buf_fmt(&m->line, e, ", \"Size\": %" PRIu64
	    ", \"Last-Modified\": \"%s\", \"Checksum-Algorithm\": "
	    "\"CRC32C\", \"Checksum\": \"%02x%02x%02x%02x\" }", size,
	    time_text(mtime, when), crc & 0xff, crc >> 8 & 0xff,
	    crc >> 16 & 0xff, crc >> 24) == -1)
		return -1;
	return put(m, e);
}

int
manifest_wal(struct manifest *m, uint32_t timeline, uint64_t start,
    uint64_t end, struct err *e)
{
	char from[LSN_TEXT_MAX], to[LSN_TEXT_MAX];

	buf_reset(&m->line);
	if (buf_str(&m->line, m->ranges ? ",\n" :
	    "\n],\n\"WAL-Ranges\": [\n", e) == -1)
		return -1;
	m->ranges = true;
	if (buf_fmt(&m->line, e, "{ \"Timeline\": %" PRIu32
	    ", \"Start-LSN\": \"%s\", \"End-LSN\": \"%s\" }", timeline,
	    lsn_text(start, from), lsn_text(end, to)) == -1)
		return -1;
	return put(m, e);
}

int
manifest_finish(struct manifest *m, struct err *e)
{
	char sum[65];

	assert(m->ranges);
	buf_reset(&m->line);
	if (buf_str(&m->line, "\n],\n", e) == -1 || put(m, e) == -1)
		return -1;
	digest_sha256_hex(m->sum, sum);
	buf_reset(&m->line);
	if (buf_fmt(&m->line, e, "\"Manifest-Checksum\": \"%s\"}\n", sum) ==
	    -1 || sink_write(m->next, m->line.data, m->line.len, e) == -1)
		return -1;
	return sink_finish(m->next, e);
}
