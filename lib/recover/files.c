#include <stdlib.h>
#include <string.h>

#include "recover/recover_int.h"

#define FILES_MAX ((size_t)1 << 26)

static size_t
hash(uint32_t space, const char *path)
{
	uint64_t h = 0xcbf29ce484222325u ^ space; /* FNV-1a */

	for (; *path != '\0'; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

/* Where it is, or the free slot where it belongs. */
static uint32_t *
slot(const struct files *f, uint32_t space, const char *path)
{
	size_t i = hash(space, path) & (f->slot_count - 1);

	for (;; i = (i + 1) & (f->slot_count - 1)) {
		const struct file *there;

		if (f->slots[i] == 0)
			return &f->slots[i];
		there = f->items[f->slots[i] - 1];
		if (there->space == space && strcmp(there->path, path) == 0)
			return &f->slots[i];
	}
}

struct file *
files_find(const struct files *f, uint32_t space, const char *path)
{
	uint32_t n;

	if (f->slot_count == 0)
		return NULL;
	n = *slot(f, space, path);
	return n == 0 ? NULL : f->items[n - 1];
}

/* Twice the room, and slots for at most two thirds of it to be in use. */
static int
grow(struct files *f, struct err *e)
{
	size_t room = f->room == 0 ? 1024 : 2 * f->room;
	struct file **items;
	uint32_t *slots;

	if (room > FILES_MAX)
		return err_set(e, ERR_NOMEM, "more than %zu files", f->room);
	if ((items = reallocarray(f->items, room, sizeof *items)) == NULL)
		return err_nomem(e);
	f->items = items;
	if ((slots = calloc(2 * room, sizeof *slots)) == NULL)
		return err_nomem(e);
	free(f->slots);
	f->slots = slots;
	f->slot_count = 2 * room;
	f->room = room;
	for (size_t i = 0; i < f->count; i++)
		*slot(f, f->items[i]->space, f->items[i]->path) =
		    (uint32_t)(i + 1);
	return 0;
}

struct file *
files_add(struct files *f, uint32_t space, const char *path, struct err *e)
{
	struct file *new;

	if (f->count == f->room && grow(f, e) == -1)
		return NULL;
	if (*slot(f, space, path) != 0) {
		err_set(e, ERR_CORRUPT, "\"%s\" is in it twice", path);
		return NULL;
	}
	if ((new = calloc(1, sizeof *new)) == NULL ||
	    (new->path = strdup(path)) == NULL) {
		free(new);
		err_nomem(e);
		return NULL;
	}
	new->space = space;
	f->items[f->count++] = new;
	*slot(f, space, path) = (uint32_t)f->count;
	return new;
}

void
files_free(struct files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		merge_drop(f->items[i]);
		free(f->items[i]->path);
		free(f->items[i]);
	}
	free(f->items);
	free(f->slots);
	memset(f, 0, sizeof *f);
}
