#include <stdlib.h>
#include <string.h>

#include "store/store_int.h"

#define PART_MAX 255
#define PARTS_MAX 8
#define LOCK_PART_MAX 249 /* a driver may put a word before the name */

static bool
is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '%' ||
	    c == '-';
}

int
store_check_name(const char *name, struct err *e)
{
	size_t part = 0, parts = 1;

	for (const char *p = name;; p++) {
		if (*p == '\0' || *p == '/') {
			if (part == 0 || part > PART_MAX)
				goto bad;
			if (*p == '\0')
				break;
			if (++parts > PARTS_MAX)
				goto bad;
			part = 0;
			continue;
		}
		if (!is_name_byte(*p) ||
		    (part == 0 && (*p == '.' || *p == '-')))
			goto bad;
		part++;
	}
	return 0;
bad:
	return err_set(e, ERR_USAGE, "\"%s\" is not an object's name", name);
}

struct store *
store_open(const char *url, int flags, struct err *e)
{
	static const char scheme[] = "file://";
	const char *path = url;
	struct store *s;

	if (strncmp(url, scheme, sizeof scheme - 1) == 0) {
		path += sizeof scheme - 1;
		if (*path != '/') {
			err_set(e, ERR_USAGE, "store \"%s\" names a host, "
			    "not a folder", url);
			err_hint(e, "write file:///path");
			return NULL;
		}
	} else if (strstr(url, "://") != NULL) {
		err_set(e, ERR_USAGE, "store \"%s\" is of no known kind", url);
		err_hint(e, "a store is a path or file:///path");
		return NULL;
	}
	if (*path == '\0') {
		err_set(e, ERR_USAGE, "the store's name is empty");
		return NULL;
	}
	if ((s = store_file_open(path, flags, e)) == NULL)
		return NULL;
	if ((s->url = strdup(url)) == NULL) {
		err_nomem(e);
		store_close(s);
		return NULL;
	}
	return s;
}

void
store_close(struct store *s)
{
	char *url;

	if (s == NULL)
		return;
	url = s->url;
	s->ops->close(s);
	free(url);
}

const char *
store_url(const struct store *s)
{
	return s->url;
}

struct sink *
store_put(struct store *s, const char *name, struct err *e)
{
	if (store_check_name(name, e) == -1)
		return NULL;
	return s->ops->put(s, name, NULL, e);
}

struct sink *
store_put_marked(struct store *s, const char *name,
    char mark[STORE_MARK_MAX], struct err *e)
{
	if (store_check_name(name, e) == -1)
		return NULL;
	return s->ops->put(s, name, mark, e);
}

int
store_put_bytes(struct store *s, const char *name, const void *data,
    size_t len, struct err *e)
{
	struct sink *out = store_put(s, name, e);
	int rc = -1;

	if (out != NULL && sink_write(out, data, len, e) == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

int
store_mark(struct store *s, const char *name, char mark[STORE_MARK_MAX],
    struct err *e)
{
	if (store_check_name(name, e) == -1)
		return -1;
	return s->ops->mark(s, name, mark, e);
}

struct blob *
store_get(struct store *s, const char *name, struct err *e)
{
	if (store_check_name(name, e) == -1)
		return NULL;
	return s->ops->get(s, name, e);
}

int
store_sync(struct store *s, const char *name, struct err *e)
{
	if (store_check_name(name, e) == -1)
		return -1;
	return s->ops->sync(s, name, e);
}

int
store_get_bytes(struct store *s, const char *name, size_t max,
    struct buf *out, struct err *e)
{
	struct blob *b = store_get(s, name, e);
	int rc = -1;

	if (b == NULL)
		return -1;
	if (b->size > max) {
		err_set(e, ERR_CORRUPT, "\"%s\" is larger than %zu bytes",
		    name, max);
	} else if (buf_reserve(out, (size_t)b->size, e) == 0 &&
	    blob_read(b, 0, out->data + out->len, (size_t)b->size, e) == 0) {
		out->len += (size_t)b->size;
		out->data[out->len] = '\0';
		rc = 0;
	}
	blob_free(b);
	return rc;
}

int
store_list(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	if (store_check_name(folder, e) == -1)
		return -1;
	return s->ops->list(s, folder, each, ctx, e);
}

int
store_list_folders(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	if (store_check_name(folder, e) == -1)
		return -1;
	return s->ops->folders(s, folder, each, ctx, e);
}

int
store_delete(struct store *s, const char *name, struct err *e)
{
	if (store_check_name(name, e) == -1)
		return -1;
	return s->ops->del(s, name, NULL, e);
}

int
store_delete_marked(struct store *s, const char *name, const char *mark,
    struct err *e)
{
	if (store_check_name(name, e) == -1)
		return -1;
	return s->ops->del(s, name, mark, e);
}

struct store_lock *
store_lock(struct store *s, const char *name, struct err *e)
{
	const char *slash = strrchr(name, '/');

	if (store_check_name(name, e) == -1)
		return NULL;
	if (strlen(slash != NULL ? slash + 1 : name) > LOCK_PART_MAX) {
		err_set(e, ERR_USAGE, "\"%s\" is too long for a lock", name);
		return NULL;
	}
	return s->ops->lock(s, name, STORE_LOCK, e);
}

struct store_lock *
store_hold(struct store *s, const char *name, struct err *e)
{
	if (store_check_name(name, e) == -1)
		return NULL;
	return s->ops->lock(s, name, STORE_HOLD, e);
}

struct store_lock *
store_seize(struct store *s, const char *name, struct err *e)
{
	if (store_check_name(name, e) == -1)
		return NULL;
	return s->ops->lock(s, name, STORE_SEIZE, e);
}

void
store_unlock(struct store_lock *l)
{
	if (l != NULL)
		l->ops->unlock(l);
}

int
store_sweep(struct store *s, const char *folder, bool dry_run,
    unsigned *count, struct err *e)
{
	if (store_check_name(folder, e) == -1)
		return -1;
	return s->ops->sweep(s, folder, dry_run, count, e);
}
