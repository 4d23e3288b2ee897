#include <string.h>

#include "recover/recover_int.h"

#define INCREMENT_LINE "INCREMENTAL FROM "

/* What follows `key` at the beginning of a line, cut at a space or its end. */
static bool
find(const struct buf *label, const char *key, char *out, size_t size)
{
	const char *p = label->data;

	for (; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
		size_t n;

		p += *p == '\n';
		if (strncmp(p, key, strlen(key)) != 0)
			continue;
		p += strlen(key);
		n = strcspn(p, " \n");
		if (n >= size)
			return false;
		memcpy(out, p, n);
		out[n] = '\0';
		return true;
	}
	return false;
}

/* A line that tells an LSN must be there and tell this one. */
static int
check_lsn(const struct buf *label, const char *key, const char *want,
    struct err *e)
{
	char text[64] = "";
	uint64_t a, b;

	if (want == NULL || !find(label, key, text, sizeof text) ||
	    lsn_parse(text, &a, e) == -1 || lsn_parse(want, &b, e) == -1 ||
	    a != b) {
		err_clear(e);
		return err_set(e, ERR_CORRUPT, "its backup_label has not the "
		    "\"%s%s\" it should", key, want != NULL ? want : "");
	}
	return 0;
}

/*
 * What the backup's own label says must be what its .json says. That of the
 * newest set is what the server will read, less the lines of an increment,
 * which it would refuse.
 */
int
label_take(struct recover *r, unsigned set, const struct buf *label,
    struct err *e)
{
	size_t at = r->chain_count - set;

	if (label->len == 0 || strlen(label->data) != label->len)
		return err_set(e, ERR_CORRUPT, "its backup_label is no text");
	if (check_lsn(label, "START WAL LOCATION: ", r->chain[at]->lsn,
	    e) == -1 || (at > 0 && check_lsn(label,
	    INCREMENT_LINE "LSN: ", r->chain[at - 1]->lsn, e) == -1))
		return -1;
	for (const char *p = label->data; set == 1 && *p != '\0';) {
		size_t n = strcspn(p, "\n");

		n += p[n] == '\n';
		if (strncmp(p, INCREMENT_LINE, strlen(INCREMENT_LINE)) != 0 &&
		    buf_add(&r->label, p, n, e) == -1)
			return -1;
		p += n;
	}
	return 0;
}
