/*
 * Fuzz: archives of two sets, their members made up from the input, into a
 * folder with things planted in it. Whatever is accepted or refused, nothing
 * outside the folder changes.
 */
#define FUZZ_REPLAY_COUNT 1500
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "recover/recover_int.h"
#include "tar/tar.h"

static const char *const parts[] = { "base", "global", "1", "INCREMENTAL.1",
	"pg_control", "backup_label", "pg_tblspc", "16384", "link", "hard",
	"folder", "..", "pg_wal", "postgresql.auto.conf", "", "/" };
static const char label0[] = "START WAL LOCATION: 0/1000000 (file x)\n";
static const char label1[] = "START WAL LOCATION: 0/2000000 (file x)\n"
    "INCREMENTAL FROM LSN: 0/1000000\n";

static struct repo_tablespace tablespace = { 16384, (char *)"/x" };
static struct repo_set sets[2] = {
	{ .name = (char *)"old", .lsn = (char *)"0/1000000" },
	{ .name = (char *)"new", .lsn = (char *)"0/2000000",
	    .tablespaces = &tablespace, .tablespace_count = 1 },
};
static const struct repo_set *chain[2] = { &sets[0], &sets[1] };
static int home;

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
write_to(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd != -1 && write(fd, text, strlen(text)) ==
	    (ssize_t)strlen(text));
	close(fd);
}

static char path[] = "/tmp/pgk-fuzz.XXXXXX";

static void
leave(void)
{
	rmdir(path);
}

static void
prepare(void)
{
	if (home != 0)
		return;
	must(mkdtemp(path) != NULL && atexit(leave) == 0);
	must((home = open(path, O_RDONLY | O_DIRECTORY)) != -1);
}

/* A folder with links that lead out of it. */
static void
plant(void)
{
	struct err e = ERR_INIT;
	int out;

	must(walk_empty(home, NULL, NULL, &e) == 0);
	must(mkdirat(home, "outside", 0700) == 0);
	must(mkdirat(home, "out", 0700) == 0);
	write_to(home, "outside/1", "outside");
	must((out = openat(home, "out", O_RDONLY | O_DIRECTORY)) != -1);
	must(symlinkat("../outside", out, "link") == 0);
	must(linkat(home, "outside/1", out, "hard", 0) == 0);
	must(mkdirat(out, "folder", 0700) == 0);
	must(symlinkat("../../outside/1", out, "folder/1") == 0);
	close(out);
}

static void
check_outside(void)
{
	char text[16] = "";
	int fd = openat(home, "outside/1", O_RDONLY);

	must(fd != -1 && read(fd, text, sizeof text) == 7 &&
	    memcmp(text, "outside", 7) == 0);
	close(fd);
	/* and nothing else lies there */
	must(unlinkat(home, "outside/1", 0) == 0);
	must(unlinkat(home, "outside", AT_REMOVEDIR) == 0);
}

/* Bytes of the input, zeros behind its end. */
struct input {
	const uint8_t *data;
	size_t len;
};

static uint8_t
next(struct input *in)
{
	uint8_t b = in->len > 0 ? in->data[0] : 0;

	if (in->len > 0) {
		in->data++;
		in->len--;
	}
	return b;
}

static void
add_content(struct input *in, uint8_t how, struct buf *b, struct err *e)
{
	static const char page[BLOCK] = "page";
	uint32_t blocks[4], n = 0, at = 0;

	if (how < 64)
		must(buf_add(b, page, how * 3u, e) == 0);
	else if (how < 128)
		must(buf_str(b, how & 1 ? label0 : label1, e) == 0);
	else if (how < 192)
		for (; how % 8 > 0; how--)
			must(buf_add(b, page, BLOCK, e) == 0);
	else {
		for (uint32_t want = how % 4; n < want; n++)
			blocks[n] = (at += 1 + next(in) % 5) - 1;
		must(increment_header(b, blocks, n, next(in) % 9, e) == 0);
		for (uint32_t i = 0; i < n; i++)
			must(buf_add(b, page, BLOCK, e) == 0);
	}
}

static void
add_member(struct input *in, struct buf *tar)
{
	static const char zeros[TAR_BLOCK];
	struct buf content = BUF_INIT(1 << 20);
	struct tar_member m = { .mode = 0600 };
	unsigned char header[TAR_BLOCK];
	struct err e = ERR_INIT;
	uint8_t kind = next(in), a = next(in), b = next(in);

	m.type = "0000052"[kind % 7];
	snprintf(m.path, sizeof m.path, "%s%s%s", parts[a % 16],
	    b % 17 == 16 ? "" : "/", b % 17 == 16 ? "" : parts[b % 17]);
	snprintf(m.link, sizeof m.link, "%s", m.type == '2' ? "/etc" : "");
	if (m.type == '0')
		add_content(in, next(in), &content, &e);
	m.size = content.len;
	if (tar_header(&m, header, &e) == 0) {
		must(buf_add(tar, header, sizeof header, &e) == 0);
		must(content.len == 0 || buf_add(tar, content.data,
		    content.len, &e) == 0);
		must(buf_add(tar, zeros, tar_padding(m.size), &e) == 0);
	}
	buf_free(&content);
}

static struct buf tars[3]; /* by set, from 1 on */

static struct blob *
reopen(struct recover *r, unsigned set, uint32_t space_number, struct err *e)
{
	(void)r;
	(void)space_number;
	return blob_mem(tars[set].data, tars[set].len, e);
}

static int
send(struct recover *r, unsigned number, struct input *in, struct err *e)
{
	static const char zeros[2 * TAR_BLOCK];
	struct buf *tar = &tars[number];
	struct sink *s = codec_mapped_reader(combine_archive(r, 0, number, e),
	    CODEC_NONE, 1, view_map(r, number, 0, e), e);
	int rc = -1;

	*tar = (struct buf)BUF_INIT(16 << 20);
	for (unsigned n = next(in) % 12; n > 0; n--)
		add_member(in, tar);
	must(buf_add(tar, zeros, sizeof zeros, e) == 0);
	if (s != NULL && sink_write(s, tar->data, tar->len, e) == 0 &&
	    sink_finish(s, e) == 0)
		rc = combine_end(r, number, e);
	sink_free(s);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct recover_options o = { 0 };
	struct space space = { .path = (char *)"out" };
	struct recover r = { .o = &o, .spaces = &space, .space_count = 1,
		.folder_fd = -1, .fd = -1, .reopen = reopen, .chain = chain,
		.label = BUF_INIT(LABEL_MAX), .control = BUF_INIT(CONTROL_MAX),
		.conf = BUF_INIT(CONF_MAX) };
	struct err e = ERR_INIT;

	prepare();
	plant();
	o.delta = next(&in) & 1;
	r.chain_count = 1 + next(&in) % 2;
	must((space.fd = openat(home, "out", O_RDONLY | O_DIRECTORY)) != -1);
	for (unsigned n = 1; n <= r.chain_count; n++)
		if (send(&r, n, &in, &e) == -1)
			break;
	if (e.kind == ERR_NONE && o.delta)
		sweep(&r, &e);
	check_outside();
	files_free(&r.files);
	output_free(&r);
	view_free(&r);
	merge_free(&r);
	buf_free(&tars[1]);
	buf_free(&tars[2]);
	close(space.fd);
	buf_free(&r.label);
	buf_free(&r.control);
	buf_free(&r.conf);
	must(walk_empty(home, NULL, NULL, &e) == 0);
	return 0;
}

/* delta, sets, then a set: how many members, and each of them. */
static const uint8_t chain_of_two[] = { 0, 1,
	5, 5, 0, 16, 5, 1, 16, 0, 0, 3, 194, 1, 1, 8, 0, 5, 16, 64, 0, 1, 4, 10,
	4, 5, 0, 16, 0, 0, 2, 132, 0, 5, 16, 65, 0, 1, 4, 3 };
static const uint8_t planted[] = { 1, 0,
	6, 0, 5, 16, 65, 5, 8, 16, 0, 8, 2, 9, 0, 9, 16, 9, 5, 10, 16,
	0, 10, 2, 9 };
static const uint8_t links[] = { 0, 0, 3, 0, 5, 16, 65, 6, 6, 7, 6, 0, 2 };

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	(void)max;
	out[0] = (struct fuzz_seed){ chain_of_two, sizeof chain_of_two };
	out[1] = (struct fuzz_seed){ planted, sizeof planted };
	out[2] = (struct fuzz_seed){ links, sizeof links };
	return 3;
}
