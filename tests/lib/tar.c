#include "tar/tar.h"

#include "stage.h"
#include "tap.h"

static struct err e = ERR_INIT;
static struct buf archive = BUF_INIT((size_t)16 << 20);
static struct buf said = BUF_INIT((size_t)16 << 20);

/* A reader that writes down what it is told, and may fail at a step. */
static unsigned steps_left;

static int
step(struct err *why)
{
	return steps_left-- == 0 ? err_set(why, ERR_SYS, "injected") : 0;
}

static int
on_member(void *ctx, const struct tar_member *m, struct err *why)
{
	(void)ctx;
	buf_fmt(&said, why, "%c %s%s%s %o %llu %lld\n", m->type, m->path,
	    m->link[0] != '\0' ? " -> " : "", m->link, m->mode,
	    (unsigned long long)m->size, (long long)m->mtime);
	return step(why);
}

static int
on_data(void *ctx, const void *data, size_t len, struct err *why)
{
	(void)ctx;
	buf_add(&said, data, len, why);
	return step(why);
}

static int
on_end(void *ctx, struct err *why)
{
	(void)ctx;
	buf_str(&said, "|\n", why);
	return step(why);
}

static int
read_part(size_t len, size_t cut)
{
	static const struct tar_take take = { on_member, on_data, on_end };

	buf_reset(&said);
	return send_all(tar_reader(&take, NULL, &e), archive.data, len, cut,
	    &e);
}

static int
read_all(size_t cut)
{
	steps_left = UINT32_MAX;
	return read_part(archive.len, cut);
}

static void
zeros(size_t n)
{
	static const char zero[TAR_BLOCK];

	for (; n > TAR_BLOCK; n -= TAR_BLOCK)
		buf_add(&archive, zero, TAR_BLOCK, &e);
	buf_add(&archive, zero, n, &e);
}

static int
add(char type, const char *path, const char *link, uint32_t mode,
    const char *text, int64_t mtime)
{
	struct tar_member m = { .type = type, .mode = mode,
		.size = strlen(text), .mtime = mtime };
	unsigned char header[TAR_BLOCK];

	snprintf(m.path, sizeof m.path, "%s", path);
	snprintf(m.link, sizeof m.link, "%s", link);
	if (tar_header(&m, header, &e) == -1)
		return -1;
	buf_add(&archive, header, sizeof header, &e);
	buf_add(&archive, text, m.size, &e);
	zeros(tar_padding(m.size));
	return 0;
}

static void
make(void)
{
	buf_reset(&archive);
	add('0', "backup_label", "", 0600, "START WAL", 1700000000);
	add('5', "base", "", 0700, "", 1700000001);
	add('0', "base/empty", "", 0640, "", 0);
	add('2', "pg_tblspc/16390", "/srv/ts 1", 0777, "", 1);
	zeros(2 * TAR_BLOCK);
}

static const char made[] = "0 backup_label 600 9 1700000000\nSTART WAL|\n"
    "5 base 700 0 1700000001\n"
    "0 base/empty 640 0 0\n|\n"
    "2 pg_tblspc/16390 -> /srv/ts 1 777 0 1\n";

static void
round_trips(void)
{
	make();
	for (size_t cut = 0; cut < 1600; cut += 1 + cut / 3) {
		OK(read_all(cut) == 0);
		if (cut == 0 || cut >= 9)
			IS(said.data, made);
	}
	zeros(20 * TAR_BLOCK); /* as blocking pads it */
	OK(read_all(0) == 0);
	EQ(tar_padding(0), 0);
	EQ(tar_padding(1), 511);
	EQ(tar_padding(512), 0);
	EQ(tar_padding(UINT64_MAX), 1);
}

/* Sizes and times that octal digits cannot hold; the header alone. */
static void
wide(void)
{
	static const uint64_t sizes[] = { 8589934591, 8589934592, 1ull << 40,
		INT64_MAX };
	static const int64_t times[] = { 8589934592, -1, INT64_MIN,
		INT64_MAX };

	for (unsigned i = 0; i < 4; i++) {
		struct tar_member m = { .path = "f", .type = '0',
			.size = sizes[i], .mtime = times[i] };
		unsigned char header[TAR_BLOCK];
		char want[64];

		OK(tar_header(&m, header, &e) == 0);
		buf_reset(&archive);
		buf_add(&archive, header, sizeof header, &e);
		FAILS(read_all(0) == -1, ERR_CORRUPT, "too early");
		snprintf(want, sizeof want, "0 f 0 %llu %lld\n",
		    (unsigned long long)sizes[i], (long long)times[i]);
		IS(said.data, want);
	}
}

static void
long_names(void)
{
	char path[300], file[300];

	for (size_t n = 95; n <= 260; n++) {
		bool good;

		memset(path, 'a', n);
		memset(path + n, 0, sizeof path - n);
		path[20] = path[60] = '/';
		path[n < 160 ? 100 : 155] = n > 101 ? '/' : 'a';
		buf_reset(&archive);
		good = add('0', path, "", 0600, "x", 0) == 0;
		err_clear(&e);
		zeros(2 * TAR_BLOCK);
		if (good) {
			snprintf(file, sizeof file, "0 %s 600 1 0\nx|\n",
			    path);
			good = read_all(0) == 0 &&
			    strcmp(said.data, file) == 0;
			tap_ok(good && n <= 255, "long path", __FILE__,
			    __LINE__);
		} else {
			tap_ok(n > 255, "too long", __FILE__, __LINE__);
		}
	}
	memset(path, 'b', 100);
	path[100] = '\0';
	buf_reset(&archive);
	FAILS(add('0', path, "", 0, "", 0) == -1, ERR_USAGE, "too long");
	FAILS(add('2', "l", path, 0, "", 0) == -1, ERR_USAGE, "too long");
	FAILS(add('0', "", "", 0, "", 0) == -1, ERR_USAGE, "too long");
	path[99] = '\0';
	OK(add('0', path, "", 0, "", 0) == 0);
	OK(add('2', "l", path, 0, "", 0) == 0);
	FAILS(add('5', path, "", 0, "", 0) == -1, ERR_USAGE, "too long");
}

/* Put text at a place of the first header, and make its sum right. */
static int
with(size_t at, const char *text, size_t len)
{
	unsigned sum = 8 * ' ';
	char field[9];

	make();
	memcpy(archive.data + at, text, len);
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		if (i < 148 || i >= 156)
			sum += (unsigned char)archive.data[i];
	snprintf(field, sizeof field, "%07o ", sum);
	memcpy(archive.data + 148, field, 8);
	return read_all(0);
}

static void
refused(void)
{
	static const char *const paths[] = { "", "/etc/passwd", "../x",
		"a/../b", "a/..", "..", ".", "a/./b", "a//b", "a/", "./",
		".//a", "././a", "a\nb", "a\x7f", "\x01" };

	for (unsigned i = 0; i < 16; i++)
		FAILS(with(0, paths[i], strlen(paths[i]) + 1) == -1,
		    ERR_CORRUPT, "path");
	/* who has such a file is told which it is */
	FAILS(with(0, "old\nname", 9) == -1, ERR_CORRUPT,
	    "the path \"old\nname\" is not allowed");
	FAILS(with(345, "a\nb", 4) == -1, ERR_CORRUPT, "the path \"a\nb/");
	OK(with(0, "./x/..y", 8) == 0);
	OK(strncmp(said.data, "0 x/..y 600 9 ", 14) == 0);
	for (const char *t = "13467xgLKSVMNA\0"; *t != '\0'; t++)
		FAILS(with(156, t, 1) == -1, ERR_CORRUPT, "no file");
	FAILS(with(156, "", 1) == -1, ERR_CORRUPT, "no file");
	FAILS(with(156, "5", 1) == -1, ERR_CORRUPT, "size");
	FAILS(with(156, "2", 1) == -1, ERR_CORRUPT, "link");
	FAILS(with(257, "ustar  ", 8) == -1, ERR_CORRUPT, "ustar");
	FAILS(with(345, "../", 4) == -1, ERR_CORRUPT, "path");
	FAILS(with(345, "/", 2) == -1, ERR_CORRUPT, "path");
	FAILS(with(100, "0000x00", 7) == -1, ERR_CORRUPT, "number");
	FAILS(with(124, "            ", 12) == -1, ERR_CORRUPT, "number");
	FAILS(with(124, "0000000001 1", 12) == -1, ERR_CORRUPT, "number");
	FAILS(with(124, "-0000000001 ", 12) == -1, ERR_CORRUPT, "number");
	FAILS(with(124, "\x80\1\0\0\0\0\0\0\0\0\0\1", 12) == -1, ERR_CORRUPT,
	    "number");
	FAILS(with(124, "\x80\0\0\0\x80\0\0\0\0\0\0\1", 12) == -1,
	    ERR_CORRUPT, "number");
	FAILS(with(124, "\x81\0\0\0\0\0\0\0\0\0\0\1", 12) == -1,
	    ERR_CORRUPT, "number");
	FAILS(with(124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    12) == -1, ERR_CORRUPT, "size");
	FAILS(with(124, "777777777777", 12) == -1, ERR_CORRUPT, "too early");
	OK(with(124, "         11 ", 12) == 0); /* PostgreSQL's, GNU's: 9 */
	OK(with(124, "00000000011", 12) == 0);
	make();
	archive.data[10] ^= 1;
	FAILS(read_all(0) == -1, ERR_CORRUPT, "sum");
	make();
	archive.data[512 + 9] = 1; /* the padding's first byte */
	FAILS(read_all(0) == -1, ERR_CORRUPT, "padding");
	make();
	archive.data[archive.len - 1] = 1;
	FAILS(read_all(0) == -1, ERR_CORRUPT, "after its end");
	make();
	buf_byte(&archive, 0, &e);
	FAILS(read_all(0) == -1, ERR_CORRUPT, "too early");
	buf_reset(&archive);
	FAILS(read_all(0) == -1, ERR_CORRUPT, "too early");
}

static void
damage(void)
{
	unsigned missed = 0, wrong = 0;

	make();
	for (size_t n = 0; n < archive.len; n++) {
		steps_left = UINT32_MAX;
		missed += read_part(n, 0) == 0;
		wrong += e.kind != ERR_CORRUPT;
		err_clear(&e);
	}
	EQ(missed, 0);
	EQ(wrong, 0);
	/* a bit of a header is guarded by the sum, or says what it said */
	for (size_t i = 0; i < 512 * 8; i++) {
		make();
		archive.data[i / 8] ^= (char)(1 << i % 8);
		if (read_all(0) == 0)
			missed += strcmp(said.data, made) != 0;
		else
			wrong += e.kind != ERR_CORRUPT;
		err_clear(&e);
	}
	EQ(missed, 0);
	EQ(wrong, 0);
}

static void
failing_steps(void)
{
	unsigned steps = 0;
	int rc = -1;

	make();
	for (; rc == -1; steps++) {
		steps_left = steps;
		if ((rc = read_part(archive.len, 0)) == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	EQ(steps, 4 + 1 + 2 + 1);
}

/* What GNU tar says of ours, and we of its. */
static void
gnu_tar(void)
{
	if (!have("tar"))
		return;
	make();
	put_file("ours.tar", archive.data, archive.len);
	OK(output(&said, "TZ=UTC tar -tvf ours.tar --full-time 2>&1 |"
	    " awk '{print $1, $3, $4, $5, $6, $7, $8, $9}'"));
	IS(said.data, "-rw------- 9 2023-11-14 22:13:20 backup_label   \n"
	    "drwx------ 0 2023-11-14 22:13:21 base/   \n"
	    "-rw-r----- 0 1970-01-01 00:00:00 base/empty   \n"
	    "lrwxrwxrwx 0 1970-01-01 00:00:01 pg_tblspc/16390 -> /srv/ts 1\n");
	OK(output(&said, "mkdir -p d/sub && printf abc >d/sub/f &&"
	    " ln -s /x d/l && chmod 640 d/sub/f && chmod 700 d/sub &&"
	    " touch -h -d @77 d/sub/f d/l d/sub &&"
	    " tar -cf theirs.tar --format=ustar -C d l sub && cat theirs.tar"));
	buf_reset(&archive);
	buf_add(&archive, said.data, said.len, &e);
	OK(read_all(0) == 0);
	IS(said.data, "2 l -> /x 777 0 77\n5 sub 700 0 77\n"
	    "0 sub/f 640 3 77\nabc|\n");
	/* a sparse gigantic one, whose size is in base 256 */
	OK(output(&said, "truncate -s 9G big && tar -cf - --format=gnu big"
	    " 2>/dev/null | head -c 512"));
	buf_reset(&archive);
	buf_add(&archive, said.data, said.len, &e);
	memcpy(archive.data + 257, "ustar\00000", 8);
	memcpy(archive.data + 148, "        ", 8);
	{
		unsigned sum = 0;

		for (unsigned i = 0; i < 512; i++)
			sum += (unsigned char)archive.data[i];
		snprintf(archive.data + 148, 8, "%06o", sum);
	}
	FAILS(read_all(0) == -1, ERR_CORRUPT, "too early");
	OK(strstr(said.data, " 9663676416 ") != NULL);
}

/* What nobody wants to see is passed over, up to where the next begins. */
struct skipping {
	uint64_t at;
	size_t seen, ends;
};

static int
skipping_member(void *ctx, const struct tar_member *m, struct err *why)
{
	(void)why;
	((struct skipping *)ctx)->at = m->at;
	return 0;
}

static int
skipping_data(void *ctx, const void *data, size_t len, struct err *why)
{
	(void)data;
	(void)why;
	((struct skipping *)ctx)->seen += len;
	return 0;
}

static int
skipping_end(void *ctx, struct err *why)
{
	(void)why;
	((struct skipping *)ctx)->ends++;
	return 0;
}

static void
skips(void)
{
	static const struct tar_take take = { skipping_member, skipping_data,
		skipping_end };
	struct tar_member m = { .path = "a", .type = '0', .size = 2000 };
	unsigned char header[TAR_BLOCK], zeros[4 * TAR_BLOCK] = { 0 };
	struct skipping s = { 0, 0, 0 };
	struct sink *r = tar_reader(&take, &s, &e);

	OK(tar_header(&m, header, &e) == 0);
	OK(tar_left(r) == 0 && tar_skip(r, 0, &e) == 0);
	for (int i = 0; i < 2; i++) {
		OK(sink_write(r, header, sizeof header, &e) == 0);
		EQ(s.at, TAR_BLOCK + i * 5 * TAR_BLOCK);
		OK(sink_write(r, zeros, 100, &e) == 0);
		EQ(tar_left(r), 1900);
		OK(tar_skip(r, 1500, &e) == 0);
		EQ(tar_left(r), 400);
		EQ(s.ends, i);
		if (i == 0)
			OK(tar_skip(r, 400, &e) == 0);
		else
			OK(sink_write(r, zeros, 400, &e) == 0);
		EQ(s.ends, i + 1);
		OK(sink_write(r, zeros, tar_padding(2000), &e) == 0);
	}
	EQ(s.seen, 100 + 100 + 400);
	OK(sink_write(r, zeros, 2 * TAR_BLOCK, &e) == 0 &&
	    sink_finish(r, &e) == 0);
	sink_free(r);
}

int
main(void)
{
	enter_dir();
	skips();
	round_trips();
	wide();
	long_names();
	refused();
	damage();
	failing_steps();
	gnu_tar();
	leave_dir();
	buf_free(&archive);
	buf_free(&said);
	return done();
}
