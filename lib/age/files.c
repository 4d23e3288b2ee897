#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "age/age_int.h"
#include "fsx/fsx.h"

/*
 * Key files are read into memory that never moves while it grows, is locked
 * if the limits allow it, and is wiped at the end.
 */
static int
secret_buf(struct buf *b, struct err *e)
{
	*b = (struct buf)BUF_INIT(AGE_KEY_FILE_MAX);
	if (sodium_init() == -1)
		return err_nomem(e);
	if (buf_reserve(b, b->max, e) == -1)
		return -1;
	(void)sodium_mlock(b->data, b->cap);
	return 0;
}

static void
secret_buf_free(struct buf *b)
{
	if (b->data != NULL)
		sodium_munlock(b->data, b->cap); /* wipes it as well */
	buf_free(b);
}

static int
load_stdin(struct buf *out, struct err *e)
{
	ssize_t n = fsx_read(STDIN_FILENO, out->data, out->max, "stdin", e);

	if (n == -1)
		return -1;
	if ((size_t)n == out->max)
		return err_set(e, ERR_KEY, "\"stdin\" is larger than %zu "
		    "bytes", out->max - 1);
	out->len = (size_t)n;
	out->data[out->len] = '\0';
	return 0;
}

static int
load(const char *path, int flags, struct buf *out, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return load_stdin(out, e);
	return fsx_slurp(path, AGE_KEY_FILE_MAX / 2, flags, out, e);
}

static const char *
shown(const char *path)
{
	return strcmp(path, "-") == 0 ? "stdin" : path;
}

/*
 * Give each line that is neither empty nor a comment to `add`; one at least
 * must be a `what`.
 */
static int
each_line(struct age_keys *k, struct buf *text, const char *path,
    const char *what,
    int (*add)(struct age_keys *k, const char *word, struct err *e),
    struct err *e)
{
	char *p = text->data, *end = text->data + text->len;
	unsigned count = 0;

	for (unsigned line = 1; p < end; line++) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		char *stop = nl != NULL ? nl : end;
		char *next = nl != NULL ? nl + 1 : end;

		while (stop > p && (stop[-1] == '\r' || stop[-1] == ' ' ||
		    stop[-1] == '\t'))
			stop--;
		*stop = '\0'; /* there is room: a NUL follows the text */
		if (*p != '#' && stop != p) {
			if (strlen(p) != (size_t)(stop - p))
				err_set(e, ERR_KEY, "a NUL byte");
			else if (add(k, p, e) == 0)
				count++;
			if (e->kind != ERR_NONE)
				return err_prefix(e, "\"%s\" line %u",
				    shown(path), line);
		}
		p = next;
	}
	return count > 0 ? 0 : err_set(e, ERR_KEY,
	    "there is no %s in \"%s\"", what, shown(path));
}

int
age_add_recipients_file(struct age_keys *k, const char *path, struct err *e)
{
	struct buf text;
	int rc = -1;

	/* treated as a secret: an identity file may be given by mistake */
	if (secret_buf(&text, e) == 0 && load(path, 0, &text, e) == 0)
		rc = each_line(k, &text, path, "recipient", age_add_recipient,
		    e);
	secret_buf_free(&text);
	return rc;
}

/* Replace an encrypted identity file in `text` by what is inside. */
static int
open_identity_file(const struct age_keys *k, struct buf *text,
    const char *path, struct err *e)
{
	struct sink *s = NULL;
	struct buf plain;
	struct buf held;
	int rc = -1;

	if (secret_buf(&plain, e) == -1)
		goto done;
	s = age_reader(sink_buf(&plain, e), k, e);
	if (s == NULL || sink_write(s, text->data, text->len, e) == -1 ||
	    sink_finish(s, e) == -1) {
		err_prefix(e, "could not open identity file \"%s\"",
		    shown(path));
		goto done;
	}
	held = *text;
	*text = plain;
	plain = held;
	rc = 0;
done:
	sink_free(s);
	secret_buf_free(&plain);
	return rc;
}

static int
add_identities(struct age_keys *k, const char *path, bool may_open,
    struct err *e)
{
	struct buf text;
	bool armored;
	int rc = -1;

	if (secret_buf(&text, e) == -1 ||
	    load(path, FSX_PRIVATE, &text, e) == -1)
		goto done;
	if (age_sniff(text.data, text.len, &armored)) {
		if (!may_open) {
			err_set(e, ERR_KEY, "\"%s\" is itself encrypted",
			    shown(path));
			err_hint(e, "age -d FILE | pgk-key recipient -");
			goto done;
		}
		if (open_identity_file(k, &text, path, e) == -1)
			goto done;
	}
	rc = each_line(k, &text, path, "identity", age_add_identity, e);
done:
	secret_buf_free(&text);
	return rc;
}

int
age_add_identity_file(struct age_keys *k, const char *path, struct err *e)
{
	return add_identities(k, path, true, e);
}

int
age_add_passphrase_file(struct age_keys *k, const char *path, struct err *e)
{
	struct buf text;
	const char *nl;
	int rc = -1;
	size_t len;

	if (secret_buf(&text, e) == -1 ||
	    fsx_slurp(path, AGE_KEY_FILE_MAX / 2, FSX_PRIVATE, &text,
	    e) == -1)
		goto done;
	nl = memchr(text.data, '\n', text.len);
	len = nl != NULL ? (size_t)(nl - text.data) : text.len;
	if (len > 0 && text.data[len - 1] == '\r')
		len--;
	if ((rc = age_set_passphrase(k, text.data, len, e)) == -1)
		err_prefix(e, "passphrase file \"%s\"", path);
done:
	secret_buf_free(&text);
	return rc;
}

int
age_identity_recipients(const char *path, struct buf *out, struct err *e)
{
	struct age_keys *k = age_keys_new(e);
	char text[AGE_RECIPIENT_MAX];
	int rc = -1;

	/* there is nothing yet to open it with */
	if (k == NULL || add_identities(k, path, false, e) == -1)
		goto done;
	for (unsigned i = 0; i < k->identities; i++) {
		age_recipient_text(k->identity[i].point, text);
		if (buf_fmt(out, e, "%s\n", text) == -1)
			goto done;
	}
	rc = 0;
done:
	age_keys_free(k);
	return rc;
}
