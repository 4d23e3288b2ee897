#include <stdlib.h>
#include <string.h>

#include "repo/field.h"
#include "unit/unit.h"

int
field_bad(const struct field_at *at, const char *key, const char *what)
{
	return err_set(at->e, ERR_CORRUPT, "field \"%s%s\" %s", at->place,
	    key, what);
}

/* A JSON string's text; base64 if `encoded`. Caller frees. */
static char *
text_of(const struct field_at *at, const char *key, const json_t *v,
    bool encoded)
{
	struct buf b = BUF_INIT(REPO_JSON_MAX);
	char *text = NULL;

	if (!json_is_string(v)) {
		field_bad(at, key, "is no text");
		return NULL;
	}
	if (encoded && (repo_unbase64(&b, json_string_value(v), NULL) == -1 ||
	    b.len == 0)) {
		field_bad(at, key, "is invalid base64");
	} else {
		text = strdup(encoded ? b.data : json_string_value(v));
		if (text == NULL)
			err_nomem(at->e);
	}
	buf_free(&b);
	return text;
}

int
field_text(const struct field_at *at, const char *key, bool need, char **out)
{
	const json_t *v = json_object_get(at->o, key);
	char other[64];
	bool encoded = false;

	if (v == NULL) {
		snprintf(other, sizeof other, "%s_base64", key);
		v = json_object_get(at->o, other);
		encoded = true;
	}
	if (v == NULL)
		return need ? field_bad(at, key, "is missing") : 0;
	free(*out);
	*out = text_of(at, key, v, encoded);
	return *out == NULL ? -1 : 0;
}

int
field_number(const struct field_at *at, const char *key, bool need,
    uint64_t min, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(at->o, key);
	json_int_t n;

	if (v == NULL)
		return need ? field_bad(at, key, "is missing") : 0;
	if (!json_is_integer(v))
		return field_bad(at, key, "is no whole number");
	n = json_integer_value(v);
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return field_bad(at, key, "is out of range");
	*out = (uint64_t)n;
	return 0;
}

int
field_name(const struct field_at *at, const char *key, bool need, char **out)
{
	if (field_text(at, key, need, out) == -1)
		return -1;
	if (*out != NULL && !repo_is_name(*out))
		return field_bad(at, key, "is not the name of a set");
	return 0;
}

int
field_time(const struct field_at *at, const char *key, int64_t *out)
{
	char *text = NULL;
	int rc = field_text(at, key, true, &text);

	if (rc == 0 && unit_parse_rfc3339(text, out, NULL) == -1)
		rc = field_bad(at, key, "is no time");
	free(text);
	return rc;
}

int
field_sum(const struct field_at *at, const char *key, struct digest *out)
{
	char *text = NULL;
	int rc = field_text(at, key, true, &text);

	if (rc == 0 && digest_parse(text, out, NULL) == -1)
		rc = field_bad(at, key, "is no BLAKE2b-256 sum");
	free(text);
	return rc;
}

int
field_check(const struct field_at *at, const char *key, const char *text,
    const char *allowed)
{
	if (text != NULL && (*text == '\0' || strlen(text) > 32 ||
	    text[strspn(text, allowed)] != '\0'))
		return field_bad(at, key, "has an invalid value");
	return 0;
}

int
field_list(const struct field_at *at, const char *key, const json_t **list)
{
	*list = json_object_get(at->o, key);
	if (*list != NULL && !json_is_array(*list))
		return field_bad(at, key, "is no list");
	return *list != NULL;
}

int
field_enter(const json_t *list, const char *key, size_t i, struct field_at *in,
    struct err *e)
{
	in->o = json_array_get(list, i);
	in->e = e;
	snprintf(in->place, sizeof in->place, "%s[%zu].", key, i);
	if (!json_is_object(in->o))
		return err_set(e, ERR_CORRUPT, "\"%s[%zu]\" is no object",
		    key, i);
	return 0;
}

int
field_lines(const struct field_at *at, const char *key, char ***lines,
    size_t *count)
{
	const json_t *list, *v;
	int rc = field_list(at, key, &list);
	char *line;

	if (rc != 1)
		return rc;
	for (size_t i = 0; i < json_array_size(list); i++) {
		bool encoded = false;

		v = json_array_get(list, i);
		if (json_is_object(v)) {
			v = json_object_get(v, "base64");
			encoded = true;
		}
		if ((line = text_of(at, key, v, encoded)) == NULL ||
		    repo_take_line(lines, count, line, at->e) == -1)
			return -1;
	}
	return 0;
}
