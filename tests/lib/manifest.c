#include "manifest/manifest.h"

#include "stage.h"
#include "tap.h"

static struct err e = ERR_INIT;
static struct buf text = BUF_INIT((size_t)1 << 20);

static int
make(struct sink *next, int version)
{
	struct manifest *m = manifest_new(next, version,
	    7312345678901234567u, &e);
	int rc = -1;

	if (m != NULL && manifest_file(m, "backup_label", 227, 1700000000,
	    0x04030201, &e) == 0 && manifest_file(m, "base/5/\"\\\n\xff",
	    UINT64_MAX, 0, 0xffffffff, &e) == 0 && manifest_file(m, "a b~",
	    0, INT64_MAX, 0, &e) == 0 && manifest_wal(m, 1, 0x2000028,
	    0x3000000, &e) == 0 && manifest_wal(m, 2, 0x3000000,
	    0x1000000ab, &e) == 0)
		rc = manifest_finish(m, &e);
	manifest_free(m);
	return rc;
}

/* Its own sum is that of all lines but the last; then the last goes. */
static void
check_sum(void)
{
	char *last = strstr(text.data, "\"Manifest-Checksum\": \"");
	char want[128];

	OK(last != NULL && last[-1] == '\n');
	put_file("m", text.data, (size_t)(last - text.data));
	if (have("sha256sum")) {
		struct buf sum = BUF_INIT(1000);

		OK(output(&sum, "sha256sum <m"));
		snprintf(want, sizeof want, "\"Manifest-Checksum\": "
		    "\"%.64s\"}\n", sum.data);
		IS(last, want);
		buf_free(&sum);
	}
	*last = '\0';
}

#define FILES "\"Files\": [\n" \
	"{ \"Path\": \"backup_label\", \"Size\": 227, \"Last-Modified\": " \
	"\"2023-11-14 22:13:20 GMT\", \"Checksum-Algorithm\": \"CRC32C\", " \
	"\"Checksum\": \"01020304\" },\n" \
	"{ \"Encoded-Path\": \"626173652f352f225c0aff\", \"Size\": " \
	"18446744073709551615, \"Last-Modified\": " \
	"\"1970-01-01 00:00:00 GMT\", \"Checksum-Algorithm\": \"CRC32C\", " \
	"\"Checksum\": \"ffffffff\" },\n" \
	"{ \"Path\": \"a b~\", \"Size\": 0, \"Last-Modified\": " \
	"\"1970-01-01 00:00:00 GMT\", \"Checksum-Algorithm\": \"CRC32C\", " \
	"\"Checksum\": \"00000000\" }\n],\n\"WAL-Ranges\": [\n" \
	"{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", " \
	"\"End-LSN\": \"0/3000000\" },\n" \
	"{ \"Timeline\": 2, \"Start-LSN\": \"0/3000000\", " \
	"\"End-LSN\": \"1/AB\" }\n],\n"

static void
texts(void)
{
	OK(make(sink_buf(&text, &e), 160099) == 0);
	check_sum();
	IS(text.data, "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n" FILES);
	buf_reset(&text);
	OK(make(sink_buf(&text, &e), 170000) == 0);
	check_sum();
	IS(text.data, "{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n"
	    "\"System-Identifier\": 7312345678901234567,\n" FILES);
}

static void
no_files(void)
{
	struct manifest *m;

	buf_reset(&text);
	m = manifest_new(sink_buf(&text, &e), 150000, 1, &e);
	OK(manifest_wal(m, 1, 1, 2, &e) == 0);
	OK(manifest_finish(m, &e) == 0);
	manifest_free(m);
	OK(strstr(text.data, "\"Files\": [\n],\n\"WAL-Ranges\"") != NULL);
}

static void
failing_steps(void)
{
	unsigned steps = 0;
	int rc = -1;

	for (; rc == -1; steps++)
		if ((rc = make(failing_sink(sink_null(&e), steps), 180000)) ==
		    -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	EQ(steps, 1 + 3 + 2 + 2 + 1 + 1);
	OK(manifest_new(NULL, 150000, 1, &e) == NULL);
	manifest_free(NULL);
}

int
main(void)
{
	enter_dir();
	texts();
	no_files();
	failing_steps();
	leave_dir();
	buf_free(&text);
	return done();
}
