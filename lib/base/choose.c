#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sender.h"
#include "increment/increment.h"

/* Those of the running server, which a restored one makes anew. */
static bool
is_excluded(const char *name)
{
	static const char *const names[] = { "postgresql.auto.conf.tmp",
		"current_logfiles.tmp", "backup_label", "tablespace_map",
		"backup_manifest", "postmaster.pid", "postmaster.opts" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "pg_internal.init", 16) == 0 ||
	    strncmp(name, ".s.PGSQL.", 9) == 0;
}

bool
base_is_temporary(const char *name)
{
	return strncmp(name, "pgsql_tmp", 9) == 0;
}

static int
by_name(const void *name, const void *file)
{
	return strcmp(name, ((const struct base_file *)file)->name);
}

/* Unlogged relations begin anew from their init fork. */
static bool
is_unlogged(const struct base_folder *d, const struct page_file *f)
{
	char name[32];

	snprintf(name, sizeof name, "%u_init", f->relation);
	return f->fork != PAGE_INIT && bsearch(name, d->list.files,
	    d->list.count, sizeof *d->list.files, by_name) != NULL;
}

/* From where on nothing of the parent's file counts any more. */
static uint32_t
limit_of(const struct base_entry *x)
{
	const uint32_t old = x->parent->relation.blocks;

	return x->touched.limit < old ? x->touched.limit : old;
}

static uint32_t
count_blocks(const struct base_entry *x)
{
	uint32_t n = 0, limit = x->touched.limit;

	for (uint32_t b = 0; b < x->f.blocks && b < limit; b++)
		if (b % 8 == 0 && b / 8 < x->touched.size &&
		    x->touched.bits[b / 8] == 0)
			b += 7;
		else
			n += base_touched_has(&x->touched, b);
	return limit < x->f.blocks ? n + x->f.blocks - limit : n;
}

/*
 * Not of a free space map, which is not logged, nor of a visibility map: up to
 * minor releases of 2026 records of the heap cleared its bits without naming
 * its page. Nine tenths of a file are as good as all of it.
 */
static bool
is_increment(const struct base_sender *s, const struct base_folder *d,
    struct base_entry *x)
{
	uint64_t size;

	if (d->whole || (x->f.file.fork != PAGE_MAIN &&
	    x->f.file.fork != PAGE_INIT) ||
	    (x->parent = hashes_find(s->parent, &x->f)) == NULL)
		return false;
	base_changed_find(s->changed, x->f.tablespace, &x->f.file,
	    &x->touched);
	if (x->touched.limit == 0)
		return false;
	x->touched.limit = limit_of(x);
	x->count = count_blocks(x);
	size = increment_header_size(x->count) +
	    (uint64_t)x->count * PAGE_SIZE_PG;
	return size < x->file->size - x->file->size / 10;
}

void
base_choose(const struct base_sender *s, const struct base_folder *d,
    const struct base_file *file, struct base_entry *out)
{
	const uint64_t blocks = file->size / PAGE_SIZE_PG;
	char path[TAR_PATH_MAX + 1];

	*out = (struct base_entry){ .file = file,
		.skip = file->folder || is_excluded(file->name) ||
		    base_is_temporary(file->name) };
	if (out->skip || (size_t)snprintf(path, sizeof path, "%s%s",
	    d->archive, file->name) >= sizeof path)
		return;
	/* the last of all */
	out->skip = strcmp(path, "global/pg_control") == 0;
	if (!page_file_parse(path, &out->f.file))
		return;
	out->skip = out->f.file.temporary || is_unlogged(d, &out->f.file);
	if (out->skip || file->size % PAGE_SIZE_PG != 0 || blocks == 0 ||
	    blocks > INCREMENT_BLOCKS_MAX)
		return;
	out->pages = true;
	out->f.tablespace = d->tablespace;
	out->f.blocks = (uint32_t)blocks;
	out->increment = is_increment(s, d, out);
}
