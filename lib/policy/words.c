#include <stdlib.h>
#include <string.h>

#include "policy/policy_int.h"
#include "policy/words_int.h"

int
words_bad(struct words *p, const char *wanted, struct err *e)
{
	if (p->end)
		return err_set(e, ERR_CONF, "%s expected at its end", wanted);
	return err_set(e, ERR_CONF, "%s expected at \"%.40s\"", wanted,
	    p->t.word);
}

void
words_next(struct words *p)
{
	p->end = !sqltext_token(&p->at, &p->t);
	if (p->end)
		p->t.begin = p->t.end = p->at;
}

bool
words_is(const struct words *p, const char *keyword)
{
	return !p->end && sqltext_is(&p->t, keyword);
}

bool
words_is_punct(const struct words *p, char c)
{
	return !p->end && p->t.kind == SQLTEXT_PUNCT && p->t.word[0] == c;
}

bool
words_take(struct words *p, const char *keyword)
{
	if (!words_is(p, keyword))
		return false;
	words_next(p);
	return true;
}

char *
words_copy(const char *text, size_t len, struct err *e)
{
	char *s = strndup(text, len);

	if (s == NULL)
		err_nomem(e);
	return s;
}

bool
words_is_name(const struct words *p)
{
	return !p->end && p->t.kind == SQLTEXT_WORD && !p->t.cut &&
	    p->t.word[0] != '\0';
}

char *
words_take_name(struct words *p, const char *wanted, struct err *e)
{
	char *name;

	if (!words_is_name(p)) {
		words_bad(p, wanted, e);
		return NULL;
	}
	name = words_copy(p->t.word, strlen(p->t.word), e);
	words_next(p);
	return name;
}

int
words_take_table(struct words *p, char **schema, char **table, struct err *e)
{
	if ((*table = words_take_name(p, "a table", e)) == NULL)
		return -1;
	if (words_is_punct(p, '.')) {
		words_next(p);
		*schema = *table;
		if ((*table = words_take_name(p, "a table", e)) == NULL)
			return -1;
	} else if ((*schema = words_copy("", 0, e)) == NULL) {
		return -1;
	}
	if (words_is_punct(p, '.'))
		return words_bad(p, "a table of this database", e);
	return 0;
}

int
words_take_list(struct words *p, int (*each)(void *ctx, const char *text,
    size_t len, struct err *e), void *ctx, struct err *e)
{
	const char *begin;
	unsigned depth = 0;

	if (!words_is_punct(p, '('))
		return words_bad(p, "\"(\"", e);
	begin = p->t.end;
	for (words_next(p); !p->end; words_next(p)) {
		if (words_is_punct(p, '(') || words_is_punct(p, '[')) {
			depth++;
		} else if (depth > 0 && (words_is_punct(p, ')') ||
		    words_is_punct(p, ']'))) {
			depth--;
		} else if (depth == 0 && (words_is_punct(p, ',') ||
		    words_is_punct(p, ')'))) {
			if (each(ctx, begin, (size_t)(p->t.begin - begin),
			    e) == -1)
				return -1;
			begin = p->t.end;
			if (words_is_punct(p, ')')) {
				words_next(p);
				return 0;
			}
		}
	}
	return words_bad(p, "\")\"", e);
}

char *
policy_words(const char *text, size_t len, struct err *e)
{
	struct buf b = BUF_INIT(POLICY_TEXT_MAX);
	struct sqltext_token t;
	char *part = words_copy(text, len, e);
	const char *at = part;
	int rc = part == NULL ? -1 : buf_str(&b, "", e);

	while (rc == 0 && sqltext_token(&at, &t)) {
		bool plain = t.kind == SQLTEXT_WORD && !t.quoted && !t.cut;

		if (b.len > 0)
			rc = buf_byte(&b, ' ', e);
		if (rc == 0)
			rc = plain ? buf_str(&b, t.word, e) :
			    buf_add(&b, t.begin, (size_t)(t.end - t.begin), e);
	}
	free(part);
	if (rc == -1)
		buf_free(&b);
	return b.data;
}
