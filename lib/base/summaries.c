#include <stdlib.h>

#include "base/change.h"

#define STEP 65536

struct driver {
	struct base_changes base;
	struct blob *manifest; /* borrowed */
};

static int
send_manifest(struct driver *d, struct pg *pg, struct err *e)
{
	char *data = malloc(STEP);
	int rc = 0;

	if (data == NULL)
		return err_nomem(e);
	for (uint64_t off = 0, n; off < d->manifest->size && rc == 0;
	    off += n) {
		n = d->manifest->size - off < STEP ? d->manifest->size - off :
		    STEP;
		if ((rc = blob_read(d->manifest, off, data, n, e)) == 0)
			rc = pg_copy_write(pg, data, n, e);
	}
	free(data);
	return rc;
}

static int
prepare(struct base_changes *c, struct pg *pg, struct err *e)
{
	struct driver *d = (struct driver *)c;
	enum pg_next what;

	if (pg_send(pg, "UPLOAD_MANIFEST", e) == -1 ||
	    pg_next(pg, &what, NULL, e) == -1)
		return -1;
	if (what != PG_NEXT_COPY_IN)
		return err_set(e, ERR_PG, "the server takes no manifest");
	if (send_manifest(d, pg, e) == -1 || pg_copy_done(pg, e) == -1 ||
	    pg_next(pg, &what, NULL, e) == -1)
		return -1;
	return what == PG_NEXT_DONE ? 0 :
	    err_set(e, ERR_PG, "the server did not take the manifest");
}

static void
driver_free(struct base_changes *c)
{
	free(c);
}

struct base_changes *
base_summaries_new(struct blob *manifest, struct err *e)
{
	static const struct base_changes_ops ops = {
		.method = "summaries", .made = true, .option = "INCREMENTAL",
		.prepare = prepare, .free = driver_free };
	struct driver *d = calloc(1, sizeof *d);

	if (d == NULL) {
		err_nomem(e);
		return NULL;
	}
	d->base.ops = &ops;
	d->manifest = manifest;
	return &d->base;
}

void
base_changes_free(struct base_changes *c)
{
	if (c != NULL)
		c->ops->free(c);
}
