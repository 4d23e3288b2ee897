#include <stdio.h>
#include <string.h>

#include "opt/opt_int.h"

const struct opt opt_common[] = {
	{ .name = "help", .help = "show this help, then exit" },
	{ .name = "version", .help = "show the version, then exit" },
	{ .name = NULL },
};

struct parser {
	const struct opt_tool *tool;
	char **words;     /* argv + 1 */
	int count, at;    /* words[at] is looked at */
	unsigned operands; /* gathered at the front of words */
	bool done;
	struct err *e;
};

void
opt_each(const struct opt_tool *tool,
    void (*each)(void *ctx, const struct opt *o), void *ctx)
{
	for (const struct opt *const *t = tool->tables; *t != NULL; t++)
		for (const struct opt *o = *t; o->name != NULL; o++)
			each(ctx, o);
	for (const struct opt *o = opt_common; o->name != NULL; o++)
		each(ctx, o);
}

/* The option with this letter, or, if 0, with the name name[0..len). */
static const struct opt *
find(const struct opt_tool *tool, char letter, const char *name, size_t len)
{
	for (const struct opt *const *t = tool->tables; *t != NULL; t++)
		for (const struct opt *o = *t; o->name != NULL; o++)
			if (letter != 0 ? o->letter == letter :
			    strlen(o->name) == len &&
			    memcmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

static int
usage_error(struct parser *p)
{
	return err_hint(p->e, "try \"%s --help\"", p->tool->name);
}

static int
apply(struct parser *p, const struct opt *o, const char *value)
{
	if (o->take != NULL) {
		if (o->take(p->tool->ctx, value, p->e) == -1)
			return err_prefix(p->e, "option \"--%s\"", o->name);
	} else if (o->argument != NULL) {
		*o->word = value;
	} else {
		*o->flag = true;
	}
	return 0;
}

/* The word after this one, as a value; NULL with *e when there is none. */
static const char *
next_word(struct parser *p, const char *shown)
{
	if (p->at + 1 < p->count)
		return p->words[++p->at];
	err_set(p->e, ERR_USAGE, "option \"%s\" needs a value", shown);
	usage_error(p);
	return NULL;
}

/* -v, -j4, -j 4, -vj4 */
static int
take_letters(struct parser *p, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const char shown[] = { '-', *letters, '\0' };
		const struct opt *o = find(p->tool, *letters, NULL, 0);
		const char *value;

		if (o == NULL) {
			err_set(p->e, ERR_USAGE, "unknown option \"%s\"",
			    shown);
			return usage_error(p);
		}
		if (o->argument == NULL) {
			if (apply(p, o, NULL) == -1)
				return -1;
			continue;
		}
		value = letters[1] != '\0' ? letters + 1 :
		    next_word(p, shown);
		return value == NULL ? -1 : apply(p, o, value);
	}
	return 0;
}

/* --help and its kin. 1 when it was one of them, 0 when not, -1 on failure. */
static int
take_common(struct parser *p, const char *word)
{
	const struct opt_tool *tool = p->tool;
	const char *shell;

	if (strcmp(word, "--help") == 0) {
		opt_show_help(tool, stdout);
	} else if (strcmp(word, "--version") == 0) {
		printf("%s %s\n", tool->name,
		    tool->version == NULL ? "(unknown)" : tool->version);
	} else if (strcmp(word, "--options") == 0) {
		opt_show_options(tool, stdout);
	} else if (strcmp(word, "--completion") == 0) {
		if ((shell = next_word(p, word)) == NULL)
			return -1;
		if (strcmp(shell, "bash") != 0)
			return err_set(p->e, ERR_USAGE,
			    "no completion for \"%s\", only for \"bash\"",
			    shell);
		opt_show_completion(tool, stdout);
	} else {
		return 0;
	}
	p->done = true;
	return 1;
}

/* --jobs=4, --jobs 4, --verbose */
static int
take_long(struct parser *p, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const char *value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
	const struct opt *o = find(p->tool, 0, word + 2, len);
	int common;

	if (o == NULL && (common = take_common(p, word)) != 0)
		return common == 1 ? 0 : -1;
	if (o == NULL) {
		err_set(p->e, ERR_USAGE, "unknown option \"%.*s\"",
		    (int)len + 2, word);
		return usage_error(p);
	}
	if (o->argument == NULL && value != NULL) {
		err_set(p->e, ERR_USAGE, "option \"--%s\" takes no value",
		    o->name);
		return usage_error(p);
	}
	if (o->argument != NULL && value == NULL &&
	    (value = next_word(p, word)) == NULL)
		return -1;
	return apply(p, o, value);
}

static int
take_words(struct parser *p)
{
	bool options = true;

	for (; p->at < p->count && !p->done; p->at++) {
		char *word = p->words[p->at];
		int rc = 0;

		if (!options || word[0] != '-' || word[1] == '\0')
			p->words[p->operands++] = word;
		else if (strcmp(word, "--") == 0)
			options = false;
		else if (word[1] == '-')
			rc = take_long(p, word);
		else
			rc = take_letters(p, word + 1);
		if (rc == -1)
			return -1;
	}
	return 0;
}

int
opt_parse(const struct opt_tool *tool, int argc, char **argv, bool *done,
    const char *const **operands, unsigned *count, struct err *e)
{
	/* argc is 0 when a program is started with no name at all */
	struct parser p = { .tool = tool, .words = argv + (argc > 0),
		.count = argc > 0 ? argc - 1 : 0, .e = e };

	*done = false;
	if (take_words(&p) == -1)
		return -1;
	*done = p.done;
	*operands = (const char *const *)p.words;
	*count = p.operands;
	if (p.done)
		return 0;
	if (p.operands > tool->operands_max) {
		err_set(e, ERR_USAGE, "too many arguments (first is \"%s\")",
		    p.words[tool->operands_max]);
		return usage_error(&p);
	}
	if (p.operands < tool->operands_min) {
		err_set(e, ERR_USAGE, "missing argument: usage is \"%s %.*s\"",
		    tool->name, (int)strcspn(tool->usage, "\n"), tool->usage);
		return usage_error(&p);
	}
	return 0;
}
