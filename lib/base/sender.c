#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sender.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define SLICE 4096 /* files looked at together */
#define CONTROL "global/pg_control"
#define CONTROL_SIZE 8192
#define CONTROL_TRIES 20
#define DEPTH 32 /* of folders */
#define NAP_MS 10
#define APART_ALL 160000 /* all tablespaces have archives from this version */

/* Not faster than was asked for. */
static int
keep_rate(struct base_sender *s, size_t len, struct err *e)
{
	const struct timespec nap = { 0, NAP_MS * 1000000L };
	double until;

	if (s->begun == 0)
		s->begun = unit_clock();
	s->sent += len;
	until = s->begun + (double)s->sent / (double)s->max_rate;
	while (unit_clock() < until) {
		nanosleep(&nap, NULL);
		if (stop_check(e) == -1)
			return -1;
	}
	return 0;
}

int
base_send_bytes(struct base_sender *s, const void *data, size_t len,
    struct err *e)
{
	if (len == 0)
		return 0;
	if (s->max_rate > 0 && keep_rate(s, len, e) == -1)
		return -1;
	return s->take->data(s->ctx, data, len, e);
}

int
base_send_header(struct base_sender *s, const struct tar_member *m,
    struct err *e)
{
	unsigned char header[TAR_BLOCK];
	struct err why = ERR_INIT;

	/* of a file of the server's, not of our words */
	if (tar_header(m, header, &why) == -1)
		return err_set(e, ERR_PG, "%s", why.text);
	return base_send_bytes(s, header, sizeof header, e);
}

void
base_member(const struct base_sender *s, struct tar_member *m,
    uint64_t size, int64_t mtime)
{
	m->mode = m->type == '0' ? 0600 : 0700;
	if (s->group_access)
		m->mode |= m->type == '0' ? 0040 : 0050;
	m->size = size;
	m->mtime = mtime > 0 ? mtime : 0;
}

static int
send_folder_member(struct base_sender *s, const char *path, int64_t mtime,
    struct err *e)
{
	struct tar_member m = { .type = '5' };

	base_member(s, &m, 0, mtime);
	snprintf(m.path, sizeof m.path, "%s", path);
	return base_send_header(s, &m, e);
}

static int
send_files(struct base_sender *s, const struct base_folder *d,
    struct err *e)
{
	struct base_entry *entries = calloc(SLICE, sizeof *entries);
	const size_t count = d->list.count;
	int rc = entries == NULL ? err_nomem(e) : 0;

	for (size_t i = 0, n; i < count && rc == 0; i += n) {
		n = count - i < SLICE ? count - i : SLICE;
		for (size_t k = 0; k < n; k++)
			base_choose(s, d, &d->list.files[i + k], &entries[k]);
		rc = base_send_entries(s, d, entries, n, e);
	}
	free(entries);
	return rc;
}

static int send_folder(struct base_sender *s, struct base_folder *d,
    unsigned depth, struct err *e);

/* The folder `name` in `d`: what kind of it, and what it holds. */
static int
send_inner(struct base_sender *s, const struct base_folder *d,
    const struct base_file *file, unsigned depth, struct err *e)
{
	struct base_folder *inner = calloc(1, sizeof *inner);
	int rc = -1;

	if (inner == NULL)
		return err_nomem(e);
	*inner = (struct base_folder){ .tablespace = d->tablespace,
		.whole = d->whole, .list = BASE_FILES_INIT };
	if ((size_t)snprintf(inner->path, sizeof inner->path, "%s/%s",
	    d->path, file->name) >= sizeof inner->path || depth == DEPTH)
		err_set(e, ERR_PG, "the path of \"%.200s\" is too long",
		    file->name);
	else if (snprintf(inner->archive, sizeof inner->archive, "%s%s",
	    d->archive, file->name) > 0 &&
	    send_folder_member(s, inner->archive, file->mtime, e) == 0) {
		strcat(inner->archive, "/");
		rc = send_folder(s, inner, depth + 1, e);
	}
	base_files_free(&inner->list);
	free(inner);
	return rc;
}

/* A link that leads in a circle would be followed for long. */
static int
check_circle(const struct base_folder *d, struct err *e)
{
	bool global = false, version = false;

	for (size_t i = 0; i < d->list.count; i++) {
		const struct base_file *f = &d->list.files[i];

		global = global || (f->folder && strcmp(f->name, "global") ==
		    0);
		version = version || strcmp(f->name, "PG_VERSION") == 0;
	}
	return !global || !version ? 0 : err_set(e, ERR_PG, "folder \"%s\" "
	    "is a data folder within a data folder, or a link to it",
	    d->path);
}

/* "PG_15_202209061": what a tablespace has for this version of PostgreSQL. */
static bool
is_of_version(const struct base_sender *s, const struct base_file *file)
{
	char version[16];

	snprintf(version, sizeof version, "PG_%d_",
	    pg_server_version(s->pg) / 10000);
	return file->folder && strncmp(file->name, version,
	    strlen(version)) == 0;
}

/*
 * Whether a folder of the data folder is a tablespace's place, of which
 * PostgreSQL only warns: that has an archive of its own. Where the data folder
 * lies a role may not know; the end of the place and what is in it will do.
 */
static bool
is_place(const struct base_sender *s, const struct base_folder *d)
{
	const char *path = d->path + 1; /* behind "." */
	const size_t len = strlen(path);
	bool named = false;

	for (size_t i = 0; i < s->space_count && !d->whole; i++) {
		const char *place = s->spaces[i].location;
		const size_t n = strlen(place);

		named = named || (n > len &&
		    strcmp(place + n - len, path) == 0);
	}
	for (size_t i = 0; i < d->list.count && named; i++)
		if (is_of_version(s, &d->list.files[i]))
			return true;
	return false;
}

static int
send_folder(struct base_sender *s, struct base_folder *d, unsigned depth,
    struct err *e)
{
	if (base_files_list(s->pg, d->path, &d->list, e) == -1)
		return -1;
	if (is_place(s, d))
		return 0;
	if (check_circle(d, e) == -1 || send_files(s, d, e) == -1)
		return -1;
	for (size_t i = 0; i < d->list.count; i++) {
		const struct base_file *f = &d->list.files[i];

		if (f->folder && !base_is_temporary(f->name) &&
		    send_inner(s, d, f, depth, e) == -1)
			return -1;
	}
	return 0;
}

/* the parts of a data folder that are others than the rest */

/* Folders that are kept empty. */
static bool
is_emptied(const char *name)
{
	static const char *const names[] = { "pg_dynshmem", "pg_notify",
		"pg_replslot", "pg_serial", "pg_snapshots", "pg_stat_tmp",
		"pg_subtrans", "pg_wal" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int
send_wal_folders(struct base_sender *s, int64_t mtime, struct err *e)
{
	if (send_folder_member(s, "pg_wal/archive_status", mtime, e) == -1)
		return -1;
	return pg_server_version(s->pg) < 170000 ? 0 :
	    send_folder_member(s, "pg_wal/summaries", mtime, e);
}

bool
base_is_apart(const struct base_sender *s, const struct repo_tablespace *t)
{
	return t->location[0] == '/' || pg_server_version(s->pg) >= APART_ALL;
}

/*
 * Of tablespaces only those without an archive; to others tablespace_map
 * leads, which makes the links.
 */
static int
send_spaces(struct base_sender *s, const struct base_file *file,
    struct err *e)
{
	const struct base_folder d = { .path = "./pg_tblspc",
		.archive = "pg_tblspc/", .whole = true };

	for (size_t i = 0; i < s->space_count; i++) {
		struct base_file inner = *file;
		char oid[16];

		if (base_is_apart(s, &s->spaces[i]))
			continue;
		snprintf(oid, sizeof oid, "%u", s->spaces[i].oid);
		inner.name = oid;
		if (send_inner(s, &d, &inner, 1, e) == -1)
			return -1;
	}
	return 0;
}

static int
send_root(struct base_sender *s, struct base_folder *root, struct err *e)
{
	if (base_files_list(s->pg, root->path, &root->list, e) == -1 ||
	    send_files(s, root, e) == -1)
		return -1;
	for (size_t i = 0; i < root->list.count; i++) {
		const struct base_file *f = &root->list.files[i];
		const bool links = strcmp(f->name, "pg_tblspc") == 0;
		int rc;

		if (!f->folder || base_is_temporary(f->name))
			continue;
		if (!is_emptied(f->name) && !links)
			rc = send_inner(s, root, f, 0, e);
		else if ((rc = send_folder_member(s, f->name, f->mtime, e)) ==
		    0 && links)
			rc = send_spaces(s, f, e);
		else if (rc == 0 && strcmp(f->name, "pg_wal") == 0)
			rc = send_wal_folders(s, f->mtime, e);
		if (rc == -1)
			return -1;
	}
	return 0;
}

struct control {
	unsigned char bytes[2][CONTROL_SIZE];
	int which;
};

static int
keep_control(void *ctx, size_t number, const void *data, size_t len,
    struct err *e)
{
	struct control *c = ctx;

	(void)number;
	if (data == NULL || len != CONTROL_SIZE)
		return err_set(e, ERR_PG, "the server's \"" CONTROL
		    "\" is not of %d bytes", CONTROL_SIZE);
	memcpy(c->bytes[c->which], data, len);
	return 0;
}

/* It may be read while it is written: what came twice is whole. */
static int
send_control(struct base_sender *s, struct err *e)
{
	const struct base_part part = { "pg_control", 0, CONTROL_SIZE };
	struct tar_member m = { .path = CONTROL, .type = '0' };
	struct control c = { .which = 0 };

	for (int i = 0; i < CONTROL_TRIES; i++) {
		c.which = i % 2;
		if (base_files_read(s->pg, "./global", &part, 1,
		    keep_control, &c, e) == -1)
			return -1;
		if (i == 0 || memcmp(c.bytes[0], c.bytes[1],
		    CONTROL_SIZE) != 0)
			continue;
		base_member(s, &m, CONTROL_SIZE, unit_now());
		return base_send_header(s, &m, e) == -1 ? -1 :
		    base_send_bytes(s, c.bytes[0], CONTROL_SIZE, e);
	}
	return err_set(e, ERR_PG, "the server's \"" CONTROL "\" does not "
	    "hold still");
}

int
base_send_data(struct base_sender *s, const struct repo_tablespace *spaces,
    size_t count, struct err *e)
{
	struct base_folder root = { .path = ".", .list = BASE_FILES_INIT };
	int rc = -1;

	s->spaces = spaces;
	s->space_count = count;
	if (s->take->begin(s->ctx, 0, e) == 0 &&
	    send_root(s, &root, e) == 0)
		rc = send_control(s, e);
	base_files_free(&root.list);
	return rc;
}

int
base_send_tablespace(struct base_sender *s, uint32_t oid, struct err *e)
{
	struct base_folder d = { .tablespace = oid, .list = BASE_FILES_INIT };
	int rc = 0;

	snprintf(d.path, sizeof d.path, "./pg_tblspc/%u", oid);
	if (s->take->begin(s->ctx, oid, e) == -1 ||
	    base_files_list(s->pg, d.path, &d.list, e) == -1)
		rc = -1;
	for (size_t i = 0; i < d.list.count && rc == 0; i++)
		if (is_of_version(s, &d.list.files[i]))
			rc = send_inner(s, &d, &d.list.files[i], 0, e);
	base_files_free(&d.list);
	return rc == -1 ? -1 : base_send_end(s, e);
}

int
base_send_text(struct base_sender *s, const char *path, const char *text,
    struct err *e)
{
	static const char zeros[TAR_BLOCK];
	struct tar_member m = { .type = '0' };

	base_member(s, &m, strlen(text), unit_now());
	snprintf(m.path, sizeof m.path, "%s", path);
	if (base_send_header(s, &m, e) == -1 ||
	    base_send_bytes(s, text, (size_t)m.size, e) == -1)
		return -1;
	return base_send_bytes(s, zeros, tar_padding(m.size), e);
}

int
base_send_end(struct base_sender *s, struct err *e)
{
	static const char end[2 * TAR_BLOCK];

	if (base_send_bytes(s, end, sizeof end, e) == -1)
		return -1;
	return s->take->end(s->ctx, e);
}
