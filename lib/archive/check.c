#include <inttypes.h>
#include <stdlib.h>

#include "archive/archive_int.h"

/*
 * The first segment of a timeline begins with pages of the one before: its
 * header may tell an older timeline than its name.
 */
int
archive_check_name(const struct lsn_name *n, const struct wal_info *info,
    struct err *e)
{
	char is[LSN_NAME_MAX], name[LSN_NAME_MAX];

	if (n->segment == info->start / info->segment_size &&
	    info->timeline <= n->timeline)
		return 0;
	lsn_write_name(n, info->segment_size, name);
	lsn_segment_of(info->timeline, info->start, info->segment_size, is);
	return err_set(e, ERR_CORRUPT, "\"%s\" is not what its name says: its "
	    "header is that of segment %s", name, is);
}

struct gate {
	struct sink base;
	struct sink *next;
	struct wal_scan *scan;
	const struct digest *got, *want;
};

static int
gate_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct gate *g = (struct gate *)s;

	if (g->scan != NULL && wal_scan_take(g->scan, data, len, e) == -1)
		return -1;
	return sink_write(g->next, data, len, e);
}

static int
gate_finish(struct sink *s, struct err *e)
{
	struct gate *g = (struct gate *)s;
	uint64_t end;

	if (g->scan != NULL && wal_scan_end(g->scan, &end, e) == -1)
		return -1;
	if (g->want != NULL && !digest_same(g->got, g->want))
		return err_set(e, ERR_CORRUPT, "its bytes are not those whose "
		    "sum was taken");
	return sink_finish(g->next, e);
}

static void
gate_free(struct sink *s)
{
	sink_free(((struct gate *)s)->next);
	free(s);
}

struct sink *
archive_gate(struct sink *next, struct wal_scan *scan,
    const struct digest *got, const struct digest *want, struct err *e)
{
	static const struct sink_ops ops = { gate_write, gate_finish,
		gate_free };
	struct gate *g;

	if (next == NULL)
		return NULL;
	if ((g = malloc(sizeof *g)) == NULL) {
		err_nomem(e);
		sink_free(next);
		return NULL;
	}
	*g = (struct gate){ { &ops }, next, scan, got, want };
	return &g->base;
}
