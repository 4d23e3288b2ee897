#include "sink/sink.h"

#include "stage.h"
#include "tap.h"

static struct err e = ERR_INIT;
static struct buf got = BUF_INIT((size_t)8 << 20);

static void
to_fd(void)
{
	unsigned char *data = rows(600000);
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct sink *s;

	OK(send_all(sink_fd(fd, "f", &e), data, 600000, 100, &e) == 0);
	OK(lseek(fd, 0, SEEK_SET) == 0); /* it was not closed */
	s = sink_buf(&got, &e);
	OK(sink_send_fd(fd, "f", s, &e) == 0);
	OK(holds(&got, data, 600000));
	sink_free(s);
	fsx_close(fd);

	fd = open("f", O_RDONLY | O_CLOEXEC);
	FAILS(send_all(sink_fd(fd, "name", &e), "x", 1, 0, &e) == -1, ERR_SYS,
	    "name");
	s = failing_sink(sink_null(&e), 1);
	FAILS(sink_send_fd(fd, "f", s, &e) == -1, ERR_SYS, "injected");
	sink_free(s);
	fsx_close(fd);
	fd = open(".", O_RDONLY | O_CLOEXEC);
	s = sink_null(&e);
	FAILS(sink_send_fd(fd, "folder", s, &e) == -1, ERR_SYS, "folder");
	sink_free(s);
	fsx_close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	FAILS(send_all(sink_fd(fd, "full", &e), "x", 1, 0, &e) == -1, ERR_SYS,
	    "No space left");
	fsx_close(fd);
	free(data);
}

static void
to_memory(void)
{
	struct buf small = BUF_INIT(4);

	OK(send_all(sink_buf(&small, &e), "abcd", 4, 1, &e) == 0);
	IS(small.data, "abcd");
	FAILS(send_all(sink_buf(&small, &e), "e", 1, 0, &e) == -1, ERR_NOMEM,
	    "4 bytes");
	IS(small.data, "abcd");
	buf_free(&small);
	OK(send_all(sink_null(&e), "abcd", 4, 0, &e) == 0);
}

/* A stage that keeps its `next` neither finishes nor frees it. */
static void
keeping(void)
{
	struct sink *s = failing_sink(sink_buf(&got, &e), 2);

	buf_reset(&got);
	OK(send_all(sink_keep(s, &e), "ab", 2, 0, &e) == 0);
	OK(send_all(sink_keep(s, &e), "cd", 2, 0, &e) == 0);
	IS(got.data, "abcd");
	FAILS(send_all(sink_keep(s, &e), "ef", 2, 0, &e) == -1, ERR_SYS,
	    "injected");
	sink_free(s);
}

static void
counting(void)
{
	uint64_t count = 77;
	unsigned steps = 0;
	int rc = -1;

	for (; rc == -1; steps++) {
		buf_reset(&got);
		rc = send_all(sink_count(failing_sink(sink_buf(&got, &e),
		    steps), &count, &e), "abcdef", 6, 2, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	EQ(steps, 3 + 1 + 1);
	EQ(count, 6);
	IS(got.data, "abcdef");
	OK(sink_count(NULL, &count, &e) == NULL);
	sink_free(NULL);
}

/* Any part of a blob, and not a byte beyond it. */
static void
parts_of(struct blob *b, const unsigned char *data, size_t len)
{
	char part[16];
	struct sink *s = sink_buf(&got, &e);

	EQ(b->size, len);
	OK(blob_read(b, 0, part, 5, &e) == 0);
	OK(memcmp(part, data, 5) == 0);
	OK(blob_read(b, len - 3, part, 3, &e) == 0);
	OK(memcmp(part, data + len - 3, 3) == 0);
	OK(blob_read(b, len, part, 0, &e) == 0);
	FAILS(blob_read(b, len - 3, part, 4, &e) == -1, ERR_CORRUPT, "early");
	FAILS(blob_read(b, len + 1, part, 0, &e) == -1, ERR_CORRUPT, "early");
	FAILS(blob_read(b, UINT64_MAX, part, 2, &e) == -1, ERR_CORRUPT,
	    "early");
	buf_reset(&got);
	OK(blob_send(b, 0, len, s, &e) == 0);
	OK(holds(&got, data, len));
	buf_reset(&got);
	OK(blob_send(b, 7, len - 7, s, &e) == 0);
	OK(holds(&got, data + 7, len - 7));
	OK(blob_send(b, len, 0, s, &e) == 0);
	FAILS(blob_send(b, 1, len, s, &e) == -1, ERR_CORRUPT, "early");
	sink_free(s);
	s = failing_sink(sink_null(&e), 1);
	FAILS(blob_send(b, 0, len, s, &e) == -1, ERR_SYS, "injected");
	sink_free(s);
}

/* What is handed on, in how many writes. */
static void
gathering(void)
{
	size_t len = 300000;
	unsigned char *data = rows(len);
	struct sink *s;

	for (size_t cut = 1; cut < len; cut = cut * 11 + 3) {
		buf_reset(&got);
		OK(send_all(sink_gather(sink_buf(&got, &e), &e), data, len,
		    cut, &e) == 0);
		OK(holds(&got, data, len));
	}
	/* four pieces of 64 KiB, what is left, the end */
	OK(send_all(sink_gather(failing_sink(sink_null(&e), 6), &e), data,
	    len, 100, &e) == 0);
	for (unsigned steps = 0; steps < 6; steps++)
		FAILS(send_all(sink_gather(failing_sink(sink_null(&e), steps),
		    &e), data, len, 100, &e) == -1, ERR_SYS, "injected");
	OK(sink_gather(NULL, &e) == NULL);
	s = sink_gather(failing_sink(sink_null(&e), 0), &e);
	OK(sink_write(s, data, 1000, &e) == 0); /* held */
	sink_free(s);
	free(data);
}

static void
blobs(void)
{
	size_t len = 600001;
	unsigned char *data = rows(len);
	struct blob *b;
	char part[4];

	put_file("f", data, len);
	b = blob_mem(data, len, &e);
	parts_of(b, data, len);
	blob_free(b);
	b = blob_fd(open("f", O_RDONLY | O_CLOEXEC), "f", &e);
	parts_of(b, data, len);
	OK(truncate("f", 10) == 0);
	OK(blob_read(b, 6, part, 4, &e) == 0);
	FAILS(blob_read(b, 7, part, 4, &e) == -1, ERR_CORRUPT,
	    "\"f\" became shorter");
	blob_free(b);
	FAILS(blob_fd(open(".", O_RDONLY | O_CLOEXEC), "f", &e) == NULL,
	    ERR_SYS, "not a regular file");
	FAILS(blob_fd(-1, "f", &e) == NULL, ERR_SYS, "could not stat");
	blob_free(NULL);
	free(data);
}

int
main(void)
{
	enter_dir();
	to_fd();
	to_memory();
	keeping();
	counting();
	gathering();
	blobs();
	leave_dir();
	buf_free(&got);
	return done();
}
