#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "feed/feed_int.h"
#include "fsx/fsx.h"
#include "wal/wal.h"

int
feed_tag(struct archive *a, char tag[FEED_TAG + 1])
{
	struct buf text = BUF_INIT(8192);
	char hex[DIGEST_HEX];
	struct digest d;
	char boot[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : fsx_read(fd, boot, sizeof boot, "boot_id",
	    NULL);
	int rc = -1;

	fsx_close(fd);
	if (n > 0 && buf_add(&text, boot, (size_t)n, NULL) == 0 &&
	    buf_str(&text, store_url(archive_store(a)), NULL) == 0) {
		digest_of(text.data, text.len, &d);
		memcpy(tag, digest_hex(&d, hex), FEED_TAG);
		tag[FEED_TAG] = '\0';
		rc = 0;
	}
	buf_free(&text);
	return rc;
}

/* taking */

/* Whether it is the segment: the rest was proven when it was fetched. */
static bool
is_right(struct archive *a, int fd, const char *name, uint64_t system)
{
	unsigned char head[WAL_LONG_HEADER];
	struct wal_info info;
	struct lsn_name n;
	struct stat st;
	uint64_t id = system;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    fsx_read(fd, head, sizeof head, name, NULL) == sizeof head &&
	    wal_read_info(head, &info, NULL) == 0 &&
	    (uint64_t)st.st_size == info.segment_size &&
	    lsn_parse_name(name, info.segment_size, &n, NULL) == 0 &&
	    n.segment == info.start / info.segment_size &&
	    info.timeline <= n.timeline &&
	    (system != 0 || archive_system(a, &id, NULL) == 0) &&
	    info.system_identifier == id;
}

int
feed_take(struct archive *a, int folder, const char *name, uint64_t system,
    const char *to)
{
	char file[FEED_FILE], tag[FEED_TAG + 1];
	int dir = openat(folder, FEED_FOLDER, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC), fd, rc = 0;

	if (dir == -1)
		return 0;
	if (feed_tag(a, tag) == 0) {
		snprintf(file, sizeof file, "%s.%s", name, tag);
		fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_CLOEXEC);
		if (fd != -1 && is_right(a, fd, name, system) &&
		    renameat(dir, file, folder, to) == 0)
			rc = 1;
		fsx_close(fd);
	}
	close(dir);
	return rc;
}
