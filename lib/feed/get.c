#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "feed/feed_int.h"
#include "fsx/fsx.h"
#include "sink/sink.h"
#include "stop/stop.h"

struct get {
	struct archive *a;
	const char *name;
	const struct feed_get *how;
	struct feed_place place;
	int folder, home; /* of the place; home -1 when there is none */
	uint64_t system;  /* what its pg_control says, or 0 */
};

/* The archive is this cluster's, as far as either says. */
static int
check_system(const struct get *g, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t id;

	if (g->system == 0)
		return 0;
	if (archive_system(g->a, &id, &why) == -1) /* said with the answer */
		return why.kind == ERR_ABSENT ? 0 : err_pass(e, &why);
	if (id == g->system)
		return 0;
	return err_set(e, ERR_REFUSED, "the archive is of another cluster: "
	    "its system identifier is %" PRIu64 ", that of the data folder %"
	    PRIu64, id, g->system);
}

/* Recovery ends when a file is said to be absent. */
static bool
ends_recovery(const struct get *g)
{
	struct feed_signals s = feed_signals(g->home);

	return s.recovery && !s.standby;
}

static bool
has_later(const struct archive_list *l, const struct lsn_name *n)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->files[i].name.kind == LSN_SEGMENT &&
		    l->files[i].name.timeline == n->timeline &&
		    l->files[i].name.segment > n->segment)
			return true;
	return false;
}

/*
 * How it is known that the timeline's log goes on behind a segment that is
 * absent; NULL in *why when it is not.
 */
static int
find_later(const struct get *g, const char **why, struct err *e)
{
	struct archive_list l;
	struct lsn_name n;
	uint64_t left = 0;
	int rc = 0;

	*why = NULL;
	if (archive_list(g->a, 0, &l, e) == -1)
		return -1;
	if (lsn_parse_name(g->name, l.segment_size, &n, NULL) == -1 ||
	    n.kind != LSN_SEGMENT)
		goto done;
	if (has_later(&l, &n))
		*why = "later ones are in the archive";
	else if ((rc = archive_left(g->a, n.timeline, g->how->keys, &left,
	    e)) == 0 && left / l.segment_size > n.segment)
		*why = "another timeline left its own behind it";
done:
	archive_list_free(&l);
	return rc;
}

/* Pass the answer "absent" on, unless WAL behind it would be lost. */
static int
answer_absent(const struct get *g, const struct err *why, struct err *e)
{
	const char *later;

	if (ends_recovery(g)) {
		if (find_later(g, &later, e) == -1)
			return -1;
		if (later != NULL) {
			err_set(e, ERR_CORRUPT, "WAL segment \"%s\" is "
			    "missing, and %s", g->name, later);
			return err_hint(e, "recovery cannot go past it; to "
			    "end before it, set a recovery target");
		}
	}
	return err_pass(e, why);
}

/*
 * The part of a segment ends recovery as its absence does, so what holds for
 * that is looked at first.
 */
static int
send(const struct get *g, struct sink *s, struct err *e)
{
	struct err why = ERR_INIT, absent = ERR_INIT;

	if (archive_send(g->a, g->name, g->how->keys, false, s, &why) == 0)
		return 0;
	if (why.kind != ERR_ABSENT || !g->how->partial)
		return err_pass(e, &why);
	answer_absent(g, &why, &absent);
	if (absent.kind != ERR_ABSENT)
		return err_pass(e, &absent);
	return archive_send(g->a, g->name, g->how->keys, true, s, e);
}

static int
fetch(const struct get *g, struct err *e)
{
	struct err why = ERR_INIT;
	struct fsx_new *f = fsx_new_begin(g->folder, g->place.name,
	    FSX_REPLACE | FSX_FLEETING, e);
	struct sink *s = f == NULL ? NULL : sink_fd(fsx_new_fd(f),
	    g->place.name, e);
	int rc = -1;

	if (s == NULL)
		goto done;
	if (send(g, s, &why) == 0)
		rc = stop_check(e) == -1 ? -1 : fsx_new_publish(f, e);
	else
		rc = why.kind == ERR_ABSENT ? answer_absent(g, &why, e) :
		    err_pass(e, &why);
done:
	sink_free(s);
	fsx_new_free(f);
	return rc;
}

static int
act(struct get *g, struct err *e)
{
	struct err why = ERR_INIT;
	bool is_segment = strlen(g->name) == LSN_SEGMENT_NAME;

	if (g->home != -1 && feed_control_system(g->home, &g->system,
	    &why) == -1 && why.kind != ERR_ABSENT)
		return err_pass(e, &why);
	if (!is_segment || feed_take(g->a, g->folder, g->name, g->system,
	    g->place.name) == 0)
		if (check_system(g, e) == -1 || fetch(g, e) == -1)
			return -1;
	if (is_segment && g->how->prefetch > 0)
		feed_ahead(g->a, g->folder, g->home, g->name, g->how);
	return 0;
}

int
feed_get(struct archive *a, const char *name, const char *path,
    const struct feed_get *how, struct err *e)
{
	struct get g = { .a = a, .name = name, .how = how, .home = -1 };
	int rc;

	if (feed_check_name(name, e) == -1 ||
	    feed_place(&g.place, path, e) == -1)
		return -1;
	g.folder = open(g.place.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g.folder == -1)
		return err_sys(e, "could not open folder \"%s\"",
		    g.place.folder);
	g.home = open(g.place.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	archive_set_threads(a, how->threads);
	rc = act(&g, e);
	fsx_close(g.home);
	fsx_close(g.folder);
	return rc;
}
