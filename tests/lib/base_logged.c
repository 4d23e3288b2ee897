/*
 * The order of a backup by the log, and what is found wrong on its way. What
 * asks a server or reads a log here stands in for the library's functions, in
 * place of which the linker takes it.
 */
#include <stdlib.h>

#include "base/hashes.h"
#include "base/log_read.h"
#include "base/sender.h"
#include "base/session.h"
#include "stage.h"
#include "tap.h"

static struct err e;
static struct buf parent = BUF_INIT(4096);
static const unsigned char key[DIGEST_KEY] = "a key";

/* What was done, word by word; and the word that fails. */
static char done_so_far[1000];
static const char *fails;
static unsigned opened;

static struct {
	bool primary, group;
	uint64_t start, end;
	const char *label, *map;
	struct base_log log;
	struct base_changed *changed;
	bool check, group_access; /* the sender's */
	char text[300]; /* of the files at the end */
} server;

static int
step(struct err *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
step(struct err *why, const char *fmt, ...)
{
	const size_t n = strlen(done_so_far);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(done_so_far + n, sizeof done_so_far - n, fmt, ap);
	va_end(ap);
	if (fails != NULL && strcmp(done_so_far + n, fails) == 0)
		return err_set(why, ERR_PG, "injected");
	strcat(done_so_far, " ");
	return 0;
}

struct pg *
base_session_open(const struct pg_target *target, uint64_t system,
    struct err *why)
{
	(void)target;
	if (system != 42)
		abort();
	if (step(why, "open") == -1)
		return NULL;
	opened++;
	return (struct pg *)&server;
}

void
pg_close(struct pg *c)
{
	opened -= c != NULL;
}

int
base_session_is_primary(struct pg *pg, bool *out, struct err *why)
{
	(void)pg;
	*out = server.primary;
	return step(why, "primary");
}

int
base_session_start(struct pg *pg, const char *label, bool fast,
    uint64_t *start, struct err *why)
{
	(void)pg;
	*start = server.start;
	return step(why, "start(%s,%d)", label, fast);
}

int
base_session_tablespaces(struct pg *pg, struct repo_set *set, struct err *why)
{
	static const struct repo_tablespace list[] = {
		{ 7, (char *)(uintptr_t)"/seven" },
		{ 8, (char *)(uintptr_t)"pg_tblspc/8" },
		{ 9, (char *)(uintptr_t)"/nine" } };

	(void)pg;
	for (size_t i = 0; i < 3; i++)
		if (repo_add_tablespace(set, &list[i], why) == -1)
			abort();
	return step(why, "tablespaces");
}

int
base_session_group_access(struct pg *pg, bool *out, struct err *why)
{
	(void)pg;
	*out = server.group;
	return step(why, "group");
}

int
base_session_stop(struct pg *pg, struct base_ended *out, struct err *why)
{
	(void)pg;
	if (step(why, "stop") == -1)
		return -1;
	out->end = server.end;
	out->label = strdup(server.label);
	out->map = strdup(server.map);
	return 0;
}

struct base_log_reader *
base_log_open(const struct base_log *log, struct base_changed *out,
    struct err *why)
{
	server.log = *log;
	server.changed = out;
	return step(why, "log") == -1 ? NULL :
	    (struct base_log_reader *)&server;
}

int
base_log_until(struct base_log_reader *r, uint64_t lsn, struct err *why)
{
	const struct wal_change w = { WAL_BLOCK, 1663, 5, 6, WAL_MAIN, 7, 0 };

	(void)r;
	if (base_changed_add(server.changed, &w, why) == -1)
		abort();
	return step(why, "until(%d)", (int)lsn);
}

int
base_log_to(struct base_log_reader *r, uint64_t to, struct err *why)
{
	(void)r;
	return step(why, "to(%d)", (int)to);
}

void
base_log_close(struct base_log_reader *r)
{
	(void)r;
}

bool
base_is_apart(const struct base_sender *s, const struct repo_tablespace *t)
{
	(void)s;
	return t->location[0] == '/';
}

int
base_send_tablespace(struct base_sender *s, uint32_t oid, struct err *why)
{
	(void)s;
	return step(why, "space(%d)", (int)oid);
}

int
base_send_data(struct base_sender *s, const struct repo_tablespace *spaces,
    size_t count, struct err *why)
{
	(void)spaces;
	if (s->pg != (struct pg *)&server || s->start != server.start ||
	    s->max_rate != 77 || s->parent == NULL || s->changed == NULL ||
	    s->hashes == NULL)
		abort();
	server.check = s->check;
	server.group_access = s->group_access;
	return step(why, "data(%d)", (int)count);
}

int
base_send_text(struct base_sender *s, const char *path, const char *text,
    struct err *why)
{
	(void)s;
	snprintf(server.text + strlen(server.text), sizeof server.text -
	    strlen(server.text), "%s:%s", path, text);
	return step(why, "%s", path);
}

int
base_send_end(struct base_sender *s, struct err *why)
{
	(void)s;
	return step(why, "end");
}

static void
fresh(void)
{
	memset(&server, 0, sizeof server);
	server.primary = server.group = true;
	server.start = 200;
	server.end = 300;
	server.label = "START WAL LOCATION: 0/C8\nSTART TIMELINE: 3\n";
	server.map = "7 /seven\n";
	done_so_far[0] = '\0';
	fails = NULL;
}

static struct base_changes *
make(void)
{
	const struct base_logged how = { .system = 42, .timeline = 3,
		.segment_size = 1 << 20, .from = 100, .position = 150,
		.label = "name", .lines = "INCREMENTAL\n", .fast = true,
		.check = true, .max_rate = 77, .threads = 2 };

	return base_logged_new(&how, blob_mem(parent.data, parent.len, &e),
	    &e);
}

static int
run(uint64_t *end)
{
	struct base_changes *c = make();
	struct repo_set *set = repo_set_new(REPO_INCREMENTAL, &e);
	struct base_begin begin = { .start = 0 };
	int rc = -1;

	if (c->ops->prepare(c, NULL, &e) == 0 &&
	    c->ops->begin(c, &begin, set, &e) == 0 &&
	    c->ops->look(c, &begin.size, &e) == 0)
		rc = c->ops->send(c, NULL, NULL, end, &e);
	if (rc == 0)
		OK(begin.start == 200 && begin.timeline == 3 &&
		    begin.size == PAGE_SIZE_PG);
	c->ops->free(c);
	repo_set_free(set);
	return rc;
}

static void
order(void)
{
	uint64_t end = 0;

	fresh();
	EQ(run(&end), 0);
	IS(done_so_far, "open primary log until(150) start(name,1) "
	    "tablespaces to(200) group space(7) space(9) data(3) stop "
	    "backup_label tablespace_map end ");
	EQ(end, 300);
	IS(server.text, "backup_label:START WAL LOCATION: 0/C8\n"
	    "START TIMELINE: 3\nINCREMENTAL\ntablespace_map:7 /seven\n");
	OK(server.check && server.group_access && server.log.ended);
	OK(server.log.from == 100 && server.log.timeline == 3 &&
	    server.log.segment_size == 1 << 20 && server.log.threads == 2);
	OK(server.log.pg == (struct pg *)&server);
	fresh();
	server.primary = server.group = false;
	server.map = "";
	server.end = 200;
	EQ(run(&end), 0);
	OK(strstr(done_so_far, " stop backup_label end ") != NULL);
	OK(!server.log.ended && !server.group_access);
	EQ(end, 200);
}

/* One step after the other; nothing comes behind it. */
static void
failing(void)
{
	char steps[sizeof done_so_far], *save = NULL;
	uint64_t end;

	fresh();
	EQ(run(&end), 0);
	strcpy(steps, done_so_far);
	for (char *s = strtok_r(steps, " ", &save); s != NULL;
	    s = strtok_r(NULL, " ", &save)) {
		fresh();
		fails = s;
		FAILS(run(&end), ERR_PG, "injected");
		OK(strcmp(done_so_far + strlen(done_so_far) - strlen(s), s) ==
		    0);
		EQ(opened, 0);
	}
}

static void
bad_ends(void)
{
	static const char *const labels[] = { "", "START TIMELINE: 3\n",
		"X\nSTART TIMELINE: 4\n", "X\nSTART TIMELINE: 33\n",
		"X\nSTART TIMELINE: \n" };
	uint64_t end;

	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		fresh();
		server.label = labels[i];
		FAILS(run(&end), ERR_PG, "not of timeline 3");
	}
	fresh();
	server.end = 199;
	FAILS(run(&end), ERR_PG, "before it begins");
}

/* Its hashes are of every whole file, under the parent's key. */
static void
hashes(void)
{
	static const struct base_relation f = { 0, { 5, 6, 0, PAGE_MAIN,
		false }, 2 };
	struct base_changes *c;
	struct buf out = BUF_INIT(4096);
	struct sink *s = sink_buf(&out, &e);
	unsigned char page[PAGE_SIZE_PG] = "page";
	bool known = true, changed = false;
	struct hashes *h;
	uint64_t got[2];

	fresh();
	c = make();
	IS(c->ops->method, "wal");
	OK(c->ops->made && c->ops->option == NULL);
	IS(c->ops->role, "blocks");
	EQ(c->ops->start(c, s, &e), 0);
	EQ(c->ops->file(c, &f, &known, &e), 0);
	OK(!known);
	for (uint32_t b = 0; b < 2; b++) {
		page[9] = (unsigned char)b;
		EQ(c->ops->block(c, b, page, &changed, &e), 0);
		OK(changed);
	}
	EQ(c->ops->finish(c, &e), 0);
	h = hashes_open(blob_mem(out.data, out.len, &e), &e);
	OK(memcmp(hashes_key(h), key, sizeof key) == 0);
	EQ(hashes_read(h, hashes_find(h, &f), got, &e), 0);
	OK(got[1] == digest_keyed_wide(key, page, sizeof page));
	OK(got[0] != got[1]);
	hashes_close(h);
	c->ops->free(c);
	sink_free(s);
	buf_free(&out);
	/* what a parent's hashes are not */
	FAILS(base_logged_new(&(struct base_logged){ .system = 42 },
	    blob_mem("x", 1, &e), &e) == NULL, ERR_CORRUPT, "too short");
}

int
main(void)
{
	struct hashes_writer *w = hashes_writer_new(key, &e);
	struct sink *s = sink_buf(&parent, &e);

	hashes_start(w, s, &e);
	EQ(hashes_finish(w, &e), 0);
	hashes_writer_free(w);
	sink_free(s);
	order();
	failing();
	bad_ends();
	hashes();
	buf_free(&parent);
	EQ(opened, 0);
	EQ(e.kind, ERR_NONE);
	return done();
}
