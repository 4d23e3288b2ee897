/* recover: archives combined in a folder, hostile ones refused. */
#include <inttypes.h>
#include <sys/stat.h>

#include "recover/recover_int.h"
#include "stage.h"
#include "tap.h"
#include "tar/tar.h"

static struct err e;
#define SETS_MAX (VIEWS_MAX + 6)
static struct repo_set sets[SETS_MAX];
static const struct repo_set *chain[SETS_MAX];
static struct space spaces[2];
static struct recover_options options;
/* The archives sent, by set from the newest (1) on, packed. */
static struct buf packed[SETS_MAX + 1];
static enum codec_kind codec;

static struct blob *
reopen(struct recover *r, unsigned set, uint32_t space, struct err *why)
{
	(void)r;
	(void)space;
	return blob_mem(packed[set].data, packed[set].len, why);
}

/* A restore of `count` sets into the folder "out". */
static void
begin(struct recover *r, size_t count, bool delta)
{
	static char lsn[SETS_MAX][LSN_TEXT_MAX], name[SETS_MAX][24];

	memset(r, 0, sizeof *r);
	memset(spaces, 0, sizeof spaces);
	mkdir("out", 0700);
	spaces[0].fd = open("out", O_RDONLY | O_DIRECTORY);
	spaces[0].path = (char *)"out";
	options.delta = delta;
	r->o = &options;
	r->spaces = spaces;
	r->space_count = 1;
	r->folder_fd = r->fd = -1;
	r->reopen = reopen;
	r->chain = chain;
	r->chain_count = count;
	r->label = (struct buf)BUF_INIT(LABEL_MAX);
	r->control = (struct buf)BUF_INIT(CONTROL_MAX);
	r->conf = (struct buf)BUF_INIT(CONF_MAX);
	for (size_t i = 0; i < count; i++) {
		snprintf(name[i], sizeof name[i], "set%zu", i);
		sets[i].name = name[i];
		sets[i].lsn = (char *)lsn_text(0x1000000 * (i + 1), lsn[i]);
		chain[i] = &sets[i];
	}
}

static void
end(struct recover *r)
{
	files_free(&r->files);
	output_free(r);
	view_free(r);
	merge_free(r);
	for (size_t i = 0; i <= SETS_MAX; i++)
		buf_free(&packed[i]);
	fsx_close(spaces[0].fd);
	buf_free(&r->label);
	buf_free(&r->control);
	buf_free(&r->conf);
}

static void
wipe(void)
{
	if (system("rm -rf out outside") != 0)
		abort();
}

/* Archives. */
static void
add(struct buf *tar, char type, const char *path, const void *data,
    size_t len)
{
	static const char zeros[TAR_BLOCK];
	struct tar_member m = { .type = type, .mode = 0600, .size = len,
		.mtime = 1700000000 };
	unsigned char header[TAR_BLOCK];

	snprintf(m.path, sizeof m.path, "%s", path);
	if (type == '2')
		snprintf(m.link, sizeof m.link, "/etc");
	if (tar_header(&m, header, &e) == -1 ||
	    buf_add(tar, header, sizeof header, &e) == -1 ||
	    buf_add(tar, data, len, &e) == -1 ||
	    buf_add(tar, zeros, tar_padding(len), &e) == -1)
		abort();
}

static void
add_text(struct buf *tar, const char *path, const char *text)
{
	add(tar, '0', path, text, strlen(text));
}

static void
add_label(struct buf *tar, size_t set)
{
	char text[300], a[LSN_TEXT_MAX], b[LSN_TEXT_MAX];
	int n = snprintf(text, sizeof text, "START WAL LOCATION: %s (file "
	    "000000010000000000000001)\nLABEL: x\n",
	    lsn_text(0x1000000 * (set + 1), a));

	if (set > 0)
		snprintf(text + n, sizeof text - (size_t)n, "INCREMENTAL FROM "
		    "LSN: %s\nINCREMENTAL FROM TLI: 1\n",
		    lsn_text(0x1000000 * set, b));
	add_text(tar, "backup_label", text);
}

static void
add_increment(struct buf *tar, const char *path, const uint32_t *blocks,
    uint32_t count, uint32_t truncation, const unsigned char *pages)
{
	struct buf b = BUF_INIT(64 << 20);

	if (increment_header(&b, blocks, count, truncation, &e) == -1 ||
	    buf_add(&b, pages, (size_t)count * BLOCK, &e) == -1)
		abort();
	add(tar, '0', path, b.data, b.len);
	buf_free(&b);
}

static int
send(struct recover *r, unsigned number, struct buf *tar, size_t cut)
{
	const struct codec how = { codec, codec != CODEC_NONE };
	char zeros[2 * TAR_BLOCK] = "";
	struct buf *to = &packed[number];

	*to = (struct buf)BUF_INIT(256 << 20);
	if (buf_add(tar, zeros, sizeof zeros, &e) == -1 ||
	    send_all(codec_writer(sink_buf(to, &e), &how, 1, &e), tar->data,
	    tar->len, 0, &e) == -1)
		abort();
	/* as chain_restore() does */
	if (number == r->chain_count ? send_all(codec_mapped_reader(
	    combine_archive(r, 0, number, &e), codec, 2, view_map(r, number,
	    0, &e), &e), to->data, to->len, cut, &e) == -1 :
	    send_all(codec_mapper(codec, view_map(r, number, 0, &e), &e),
	    to->data, to->len, cut, &e) == -1 ||
	    chain_walk(r, number, 0, &e) == -1)
		return -1;
	return combine_end(r, number, &e) == -1 ? -1 : output_drain(r, &e);
}

/* One archive alone, as a full backup; its folder afterwards is removed. */
static int
send_one(struct buf *tar, bool delta)
{
	struct recover r;
	int rc;

	begin(&r, 1, delta);
	rc = send(&r, 1, tar, 0);
	end(&r);
	buf_reset(tar);
	return rc;
}

static struct buf
slurp(const char *path)
{
	struct buf b = BUF_INIT(256 << 20);

	if (fsx_slurp(path, 256 << 20, 0, &b, &e) == -1)
		printf("# %s\n", e.text);
	err_clear(&e);
	return b;
}

static bool
is_file(const char *path, const void *data, size_t len)
{
	struct buf b = slurp(path);
	bool same = holds(&b, data, len);

	buf_free(&b);
	return same;
}

/*
 * A file through all sets, changed, shrunk and grown at random; some
 * increments leave out blocks that are zeros, as a server does for blocks
 * that were never written. The set `whole`, if not 0, has all of it again.
 */
#define MOST 300
struct history {
	unsigned char *pages; /* MOST of them */
	uint32_t count;
};

static void
change(struct history *h, struct buf *tar, const char *path, size_t cutoff)
{
	static uint32_t blocks[MOST];
	static unsigned char data[MOST * BLOCK];
	uint32_t was = h->count, limit, n = 0;

	h->count = (uint32_t)(stage_random() % cutoff);
	limit = h->count < was ? h->count : was;
	for (uint32_t b = 0; b < h->count; b++) {
		unsigned char *page = h->pages + (size_t)b * BLOCK;
		bool new = b >= limit;

		if (new)
			memset(page, 0, BLOCK);
		if (stage_random() % 4 == 0) {
			unsigned char *with = noise(BLOCK);

			memcpy(page, with, BLOCK);
			free(with);
			memcpy(data + (size_t)n * BLOCK, page, BLOCK);
			blocks[n++] = b;
		}
	}
	/* what is not there has at or after the limit is zeros */
	add_increment(tar, path, blocks, n, limit, data);
	/* a file ends with its last block or at the limit */
	h->count = n > 0 && blocks[n - 1] >= limit ? blocks[n - 1] + 1 : limit;
}

static bool
random_chain(unsigned count, unsigned whole, size_t cut, bool delta)
{
	struct history h = { noise(MOST * BLOCK), 1 + (uint32_t)(stage_random() %
	    MOST) };
	struct buf tar[SETS_MAX];
	struct recover r;
	struct file *f;
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		tar[i] = (struct buf)BUF_INIT(256 << 20);
		add_label(&tar[i], i);
		add(&tar[i], '5', "base", "", 0);
		add(&tar[i], '5', "base/5", "", 0);
		if (i == 0 || i == whole)
			add(&tar[i], '0', "base/5/1", h.pages,
			    (size_t)h.count * BLOCK);
		else
			change(&h, &tar[i], "base/5/INCREMENTAL.1", MOST);
		add_text(&tar[i], CONTROL_PATH, "control");
	}
	begin(&r, count, delta);
	for (unsigned n = 1; n <= count && good; n++)
		good = send(&r, n, &tar[count - n], cut) == 0;
	if (!good)
		printf("# %s\n", e.text);
	f = files_find(&r.files, 0, "base/5/1");
	good = good && f != NULL && f->state == FILE_DONE &&
	    f->size == (uint64_t)h.count * BLOCK &&
	    f->crc == digest_crc32c(0, h.pages, (size_t)h.count * BLOCK) &&
	    is_file("out/base/5/1", h.pages, (size_t)h.count * BLOCK);
	end(&r);
	for (size_t i = 0; i < count; i++)
		buf_free(&tar[i]);
	free(h.pages);
	return good;
}

static void
test_random(void)
{
	static const size_t cuts[] = { 0, 512, 8192, 1000, 100000 };
	unsigned good = 0;

	for (unsigned i = 0; i < 30; i++) {
		codec = (enum codec_kind)(i % 3);
		good += random_chain(4, i % 4, cuts[i % 5], false);
		wipe();
	}
	EQ(good, 30);
	/* each over what the one before has left */
	good = 0;
	for (unsigned i = 0; i < 30; i++) {
		codec = (enum codec_kind)(i % 3);
		good += random_chain(4, i % 4, cuts[i % 5], true);
	}
	EQ(good, 30);
	wipe();
	/* more sets than archives are open at a time */
	good = 0;
	for (unsigned i = 0; i < 3; i++) {
		codec = (enum codec_kind)i;
		good += random_chain(SETS_MAX, i, 0, i == 1);
		wipe();
	}
	EQ(good, 3);
	codec = CODEC_NONE;
	wipe();
}

static void
test_files(void)
{
	struct buf tar = BUF_INIT(1 << 20);
	struct recover r;
	struct stat st;

	add_label(&tar, 0);
	add(&tar, '5', "base", "", 0);
	add(&tar, '5', "base/5", "", 0);
	add(&tar, '5', "global", "", 0);
	add_text(&tar, "base/5/1", "a relation");
	add_text(&tar, "base/5/2", "");
	add_text(&tar, "INCREMENTAL.notes", "somebody's own");
	add_text(&tar, "tablespace_map", "1 /x\n");
	add_text(&tar, "standby.signal", "");
	add_text(&tar, RECOVER_MARK, "theirs");
	add_text(&tar, "postgresql.auto.conf", "a = 1\n"
	    "recovery_target_name = 'old'\nb = 2");
	add_text(&tar, CONTROL_PATH, "control");
	begin(&r, 1, false);
	EQ(send(&r, 1, &tar, 100), 0);
	OK(is_file("out/base/5/1", "a relation", 10));
	OK(stat("out/base/5/2", &st) == 0 && st.st_size == 0 &&
	    (st.st_mode & 07777) == 0600);
	OK(is_file("out/INCREMENTAL.notes", "somebody's own", 14));
	OK(stat("out/base", &st) == 0 && (st.st_mode & 07777) == 0700);
	OK(access("out/" CONTROL_PATH, F_OK) == -1);
	OK(access("out/standby.signal", F_OK) == -1);
	OK(access("out/tablespace_map", F_OK) == -1);
	OK(access("out/" RECOVER_MARK, F_OK) == -1);
	OK(holds(&r.control, "control", 7));
	OK(strncmp(r.label.data, "START WAL", 9) == 0);
	end(&r);
	buf_free(&tar);
	wipe();
}

static void
refuse(const char *word, const char *what)
{
	struct buf tar = BUF_INIT(1 << 20);

	add_label(&tar, 0);
	add(&tar, '5', "base", "", 0);
	add(&tar, '5', "global", "", 0);
	if (strcmp(what, "link") == 0)
		add(&tar, '2', "pg_tblspc/1", "", 0);
	else if (strcmp(what, "increment") == 0)
		add_increment(&tar, "global/INCREMENTAL.1", NULL, 0, 1, NULL);
	else if (strcmp(what, "twice") == 0) {
		add_text(&tar, "base/1", "x");
		add_text(&tar, "base/1", "x");
	} else if (strcmp(what, "orphan") == 0)
		add_text(&tar, "base/5/1", "x");
	else if (strcmp(what, "label") == 0) {
		buf_reset(&tar);
		add_text(&tar, "backup_label", "START WAL LOCATION: 0/5\n");
	} else if (strcmp(what, "no label") == 0) {
		buf_reset(&tar);
		add_text(&tar, "x", "");
	} else if (strcmp(what, "within a file") == 0) {
		add_text(&tar, "base/1", "x");
		add_text(&tar, "base/1/2", "x");
	} else
		add_text(&tar, what, "x");
	FAILS(send_one(&tar, false) == -1, ERR_CORRUPT, word);
	buf_free(&tar);
	wipe();
}

static void
test_hostile(void)
{
	refuse("link", "link");
	refuse("full backup", "increment");
	refuse("twice", "twice");
	refuse("no folder", "orphan");
	refuse("START WAL LOCATION", "label");
	refuse("no backup_label", "no label");
	refuse("folder", "within a file");
	refuse("path", "base/../../outside");
	refuse("path", "/etc/outside");
	OK(access("outside", F_OK) == -1);
}

/* What a former data folder, or somebody else, put in the way. */
static void
test_planted(void)
{
	struct buf tar = BUF_INIT(1 << 20);
	struct stat st;

	for (int delta = 0; delta < 2; delta++) {
		mkdir("out", 0700);
		mkdir("outside", 0700);
		put_file("outside/1", "old", 3);
		if (symlink("../outside", "out/base") == -1)
			abort();
		add_label(&tar, 0);
		add(&tar, '5', "base", "", 0);
		add_text(&tar, "base/1", "new");
		if (delta)
			EQ(send_one(&tar, true), 0);
		else
			FAILS(send_one(&tar, false) == -1, ERR_REFUSED,
			    "appeared");
		OK(is_file("outside/1", "old", 3));
		wipe();
		buf_reset(&tar);
	}
	mkdir("out", 0700);
	mkdir("out/base", 0700);
	mkdir("out/base/3", 0755);
	mkdir("outside", 0700);
	put_file("outside/1", "old", 3);
	put_file("outside/2", "old", 3);
	put_file("out/base/3/x", "x", 1);
	if (link("outside/1", "out/base/1") == -1 ||
	    symlink("../../outside/2", "out/base/2") == -1)
		abort();
	add_label(&tar, 0);
	add(&tar, '5', "base", "", 0);
	add_text(&tar, "base/1", "new");
	add_text(&tar, "base/2", "new");
	add_text(&tar, "base/3", "new");
	EQ(send_one(&tar, true), 0);
	OK(is_file("outside/1", "old", 3) && is_file("outside/2", "old", 3));
	OK(is_file("out/base/1", "new", 3) && is_file("out/base/2", "new", 3) &&
	    is_file("out/base/3", "new", 3));
	OK(lstat("out/base/2", &st) == 0 && S_ISREG(st.st_mode));
	wipe();
	buf_free(&tar);
}

/* Unchanged blocks are not written again. */
static void
test_delta(void)
{
	unsigned char *p = noise(100 * BLOCK);
	struct buf tar = BUF_INIT(4 << 20);
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st;

	mkdir("out", 0700);
	mkdir("out/base", 0700);
	put_file("out/base/1", p, 100 * BLOCK);
	put_file("out/base/2", p, 90 * BLOCK);
	chmod("out/base/1", 0600);
	if (utimensat(AT_FDCWD, "out/base/1", old, 0) == -1)
		abort();
	add_label(&tar, 0);
	add(&tar, '5', "base", "", 0);
	add(&tar, '0', "base/1", p, 100 * BLOCK);
	p[50 * BLOCK] ^= 1;
	add(&tar, '0', "base/2", p, 80 * BLOCK);
	EQ(send_one(&tar, true), 0);
	OK(stat("out/base/1", &st) == 0 && st.st_mtime == 1000);
	OK(is_file("out/base/2", p, 80 * BLOCK));
	wipe();
	buf_free(&tar);
	free(p);
}

static void
test_settings(void)
{
	static const char *const command[] = { "/opt/it's 100%/pgk-wal", "get",
		"-c", "/a\\b", NULL };
	struct buf out = BUF_INIT(1 << 20);
	struct recover r;

	begin(&r, 1, false);
	options.command = command;
	options.action = "promote";
	options.target = RECOVER_TIME;
	options.time = 1737946800;
	options.micro = 5;
	r.plan.timeline = 3;
	buf_str(&r.conf, "a = 1\n Recovery_Target_name = 'x'\n"
	    "# by pgk-restore from \"old\"\npgk.restored = 'old'\n"
	    "restore_command='x'\nrecovery_min_apply_delay = 1h\nb = 2", &e);
	EQ(settings_conf(&r, &out, &e), 0);
	IS(out.data, "a = 1\nb = 2\n# by pgk-restore from \"set0\"\n"
	    "pgk.restored = 'set0'\n"
	    "restore_command = '''/opt/it''\\\\''''s 100%%/pgk-wal'' ''get'' "
	    "''-c'' ''/a\\\\b'' \"%f\" \"%p\"'\n"
	    "recovery_end_command = 'rm -rf pg_wal/pgk-prefetch'\n"
	    "archive_cleanup_command = ''\n"
	    "recovery_min_apply_delay = '0'\n"
	    "recovery_target = ''\n"
	    "recovery_target_lsn = ''\n"
	    "recovery_target_xid = ''\n"
	    "recovery_target_name = ''\n"
	    "recovery_target_timeline = '3'\n"
	    "recovery_target_time = '2025-01-27 03:00:00.000005+00'\n"
	    "recovery_target_inclusive = 'on'\n"
	    "recovery_target_action = 'promote'\n");
	buf_free(&out);
	end(&r);
	options.target = RECOVER_XID;
	options.word = "12x";
	FAILS(settings_check(&options, &e) == -1, ERR_USAGE, "12x");
	options.target = RECOVER_NAME;
	options.word = "a\nb";
	FAILS(settings_check(&options, &e) == -1, ERR_USAGE, "control");
	options = (struct recover_options){ 0 };
	wipe();
}

int
main(void)
{
	enter_dir();
	test_files();
	test_random();
	test_hostile();
	test_planted();
	test_delta();
	test_settings();
	leave_dir();
	return done();
}
