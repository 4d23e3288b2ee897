/*
 * receive: a walsender's messages, and the segment that grows.
 */
#include <stdlib.h>
#include <unistd.h>

#include "receive/receive_int.h"
#include "tap.h"
#include "wal/wal.h"

#define SIZE ((uint32_t)1 << 20)
#define NUMBER 5

static struct err e;
static char top[64] = "/tmp/pgk-receive-XXXXXX";
static unsigned char *segment;
static struct receive_options o = { .how = {
	.codec = { CODEC_GZIP, 1 }, .threads = 1 } };

static void
test_messages(void)
{
	static const char data[] = "w\0\0\0\1\0\0\0\2" "\0\0\0\1\0\0\0\3"
	    "\0\0\0\0\0\0\0\0" "abc";
	static const char wrap[] = "w\xff\xff\xff\xff\xff\xff\xff\xfe"
	    "\0\0\0\1\0\0\0\3" "\0\0\0\0\0\0\0\0" "abc";
	static const char zero[] = "w\0\0\0\0\0\0\0\0" "\0\0\0\1\0\0\0\3"
	    "\0\0\0\0\0\0\0\0" "abc";
	static const char alive[] = "k\0\0\0\1\0\0\0\2" "\0\0\0\0\0\0\0\0\1";
	struct receive_message m;

	EQ(receive_decode(data, 28, &m, &e), 0);
	EQ(m.type, RECEIVE_DATA);
	OK(m.start == 0x100000002 && m.end == 0x100000003);
	OK(m.len == 3 && memcmp(m.data, "abc", 3) == 0);
	EQ(receive_decode(data, 25, &m, &e), 0);
	EQ(m.len, 0);
	EQ(receive_decode(alive, 18, &m, &e), 0);
	EQ(m.type, RECEIVE_KEEPALIVE);
	OK(m.end == 0x100000002 && m.reply);
	FAILS(receive_decode(data, 24, &m, &e) == -1, ERR_CORRUPT, "short");
	FAILS(receive_decode(data, 1, &m, &e) == -1, ERR_CORRUPT, "short");
	FAILS(receive_decode(alive, 17, &m, &e) == -1, ERR_CORRUPT, "short");
	FAILS(receive_decode(data, 0, &m, &e) == -1, ERR_CORRUPT, "empty");
	FAILS(receive_decode("x", 1, &m, &e) == -1, ERR_CORRUPT, "0x78");
	FAILS(receive_decode(wrap, 28, &m, &e) == -1, ERR_CORRUPT,
	    "impossible");
	FAILS(receive_decode(zero, 28, &m, &e) == -1, ERR_CORRUPT,
	    "impossible");
}

static void
test_status(void)
{
	char out[RECEIVE_STATUS_SIZE];

	receive_status(0x0102030405060708, 3, 946684800000000 + 5, out);
	OK(memcmp(out, "r\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\3"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\1", sizeof out) == 0);
}

static void
test_slots(void)
{
	char name[70];

	EQ(receive_check_slot("pgk_1", &e), 0);
	FAILS(receive_check_slot("", &e) == -1, ERR_USAGE, "slot");
	FAILS(receive_check_slot("a b", &e) == -1, ERR_USAGE, "slot");
	FAILS(receive_check_slot("Upper", &e) == -1, ERR_USAGE, "slot");
	FAILS(receive_check_slot("a;b", &e) == -1, ERR_USAGE, "slot");
	memset(name, 'a', sizeof name);
	name[63] = '\0';
	EQ(receive_check_slot(name, &e), 0);
	name[63] = 'a';
	name[64] = '\0';
	FAILS(receive_check_slot(name, &e) == -1, ERR_USAGE, "slot");
}

/* Pages with right headers and noise between. */
static void
make_segment(void)
{
	uint64_t system = 7, at = (uint64_t)NUMBER * SIZE;
	uint32_t timeline = 1, size = SIZE, page = WAL_PAGE;

	segment = malloc(SIZE);
	for (uint32_t i = 0; i < SIZE; i++)
		segment[i] = (unsigned char)(i * 2654435761u >> 24);
	for (uint32_t i = 0; i < SIZE; i += WAL_PAGE) {
		uint64_t here = at + i;

		memset(segment + i, 0, i == 0 ? WAL_LONG_HEADER : 24);
		memcpy(segment + i, "\x10\xd1", 2);
		segment[i + 2] = i == 0 ? 2 : 0;
		memcpy(segment + i + 4, &timeline, 4);
		memcpy(segment + i + 8, &here, 8);
	}
	memcpy(segment + 24, &system, 8);
	memcpy(segment + 32, &size, 4);
	memcpy(segment + 36, &page, 4);
}

/* How many runs lie in the archive; *covered: how far. */
static size_t
count_runs(uint32_t *covered)
{
	struct archive_list l = { .files = NULL };
	size_t n = 0;

	if (archive_list(o.archive, SIZE, &l, &e) == -1)
		return 9999;
	for (size_t i = 0; i < l.count; i++)
		n += l.files[i].run;
	*covered = archive_covered(l.files, l.count);
	archive_list_free(&l);
	return n;
}

static void
test_growing(void)
{
	struct growing g;
	struct buf b = BUF_INIT((size_t)2 * SIZE);
	uint32_t at = 0, covered, most = 0;
	size_t n, worst = 0;
	bool well = true;

	EQ(growing_new(&g, SIZE, "/nowhere", &e), 0);
	growing_begin(&g, 1, NUMBER);
	EQ(growing_durable(&g), (uint64_t)NUMBER * SIZE);
	EQ(growing_publish(&g, &o, &e), 0);
	EQ(count_runs(&covered), 0);

	/* small runs, a large one now and then */
	for (unsigned i = 0; i < 1500 && well; i++) {
		uint32_t len = i % 100 == 99 ? 9000 : 8 + i % 64;

		well = growing_take(&g, at, segment + at, len, &e) == 0 &&
		    growing_publish(&g, &o, &e) == 0;
		at += len;
		if (i % 50 == 0) {
			n = count_runs(&covered);
			worst = n > worst ? n : worst;
			well = well && covered == at;
		}
	}
	OK(well);
	EQ(growing_durable(&g), (uint64_t)NUMBER * SIZE + at);
	printf("# at most %zu runs\n", worst);
	OK(worst <= 90);
	EQ(archive_get(o.archive, "000000010000000000000005", NULL, true, &b,
	    &e), 0);
	OK(b.len == SIZE && memcmp(b.data, segment, at) == 0);
	while (b.len > at && b.data[b.len - 1] == 0)
		b.len--;
	EQ(b.len, at);

	/* sent again: the same is well, other bytes are not */
	EQ(growing_take(&g, 0, segment, at / 2, &e), 0);
	EQ(growing_take(&g, at / 2, segment + at / 2, at, &e), 0);
	EQ(g.filled, at + at / 2);
	segment[at - 1] ^= 1;
	FAILS(growing_take(&g, 0, segment, at, &e) == -1, ERR_REFUSED,
	    "000000010000000000000005");
	segment[at - 1] ^= 1;

	/* begun anew, as after a restart: nothing is put before it is known */
	most = g.published;
	g.filled = 0;
	EQ(growing_take(&g, 0, segment, most - 1, &e), 0);
	EQ(growing_publish(&g, &o, &e), 0);
	EQ(g.published, most);

	/* whole: the runs go */
	EQ(growing_take(&g, most - 1, segment + most - 1, SIZE - most + 1,
	    &e), 0);
	EQ(growing_publish(&g, &o, &e), 0);
	EQ(growing_durable(&g), (uint64_t)(NUMBER + 1) * SIZE);
	EQ(count_runs(&covered), 0);
	buf_reset(&b);
	EQ(archive_get(o.archive, "000000010000000000000005", NULL, false,
	    &b, &e), 0);
	OK(b.len == SIZE && memcmp(b.data, segment, SIZE) == 0);
	buf_free(&b);
	growing_free(&g);
}

/* A segment that is held in a file. */
static void
test_large(void)
{
	struct growing g;
	uint32_t size = (uint32_t)128 << 20, covered;

	FAILS(growing_new(&g, size, "/nowhere", &e) == -1, ERR_SYS,
	    "/nowhere");
	growing_free(&g);
	EQ(growing_new(&g, size, top, &e), 0);
	growing_begin(&g, 1, 1);
	EQ(growing_take(&g, 0, segment, SIZE, &e), 0);
	EQ(growing_publish(&g, &o, &e), 0);
	EQ(growing_durable(&g), size + SIZE);
	covered = 0;
	EQ(growing_take(&g, SIZE, segment, SIZE, &e), 0);
	EQ(growing_publish(&g, &o, &e), 0);
	EQ(g.run_count, 2);
	EQ(covered, 0);
	growing_free(&g);
}

int
main(void)
{
	struct store *s;
	char command[128];

	if (mkdtemp(top) == NULL || (s = store_open(top, 0, &e)) == NULL ||
	    (o.archive = archive_open(s, &e)) == NULL)
		return 1;
	o.store = s;
	make_segment();
	EQ(archive_claim_size(o.archive, SIZE, &e), 0);
	test_messages();
	test_status();
	test_slots();
	test_growing();
	test_large();
	archive_close(o.archive);
	store_close(s);
	free(segment);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command) != 0 || done();
}
