#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "proc/proc_int.h"

void
proc_hear(struct proc *p, const char *data, size_t len)
{
	size_t drop;

	if (len > PROC_SAID_MAX) {
		data += len - PROC_SAID_MAX;
		len = PROC_SAID_MAX;
	}
	if (p->said_len + len > PROC_SAID_MAX) {
		drop = p->said_len + len - PROC_SAID_MAX;
		memmove(p->said, p->said + drop, p->said_len - drop);
		p->said_len -= drop;
	}
	/* a NUL would hide what comes after it */
	for (size_t i = 0; i < len; i++)
		p->said[p->said_len++] = data[i] == '\0' ? '?' : data[i];
	p->said[p->said_len] = '\0';
}

const char *
proc_said(const struct proc *p)
{
	return p->said;
}

/* A line of what was said, without its end. */
struct line {
	const char *at;
	size_t len;
};

/* The line at *next, which moves on; false at the end. Blank ones skipped. */
static bool
next_line(const char **next, struct line *line)
{
	*next += strspn(*next, "\r\n");
	line->at = *next;
	line->len = strcspn(*next, "\r\n");
	*next += line->len;
	return line->len > 0;
}

static const char *
find(struct line line, const char *word)
{
	return memmem(line.at, line.len, word, strlen(word));
}

/* The last line with one of the words ("" is in all), else an empty one. */
static struct line
last_with(const char *said, const char *word, const char *or_word)
{
	struct line line, found = { said, 0 };

	while (next_line(&said, &line))
		if (find(line, word) != NULL || find(line, or_word) != NULL)
			found = line;
	return found;
}

/* "pg_dump: error: query failed" becomes "query failed". */
static struct line
without_head(struct line line, const char *word)
{
	const char *at = find(line, word);
	size_t skip = at == NULL ? 0 : (size_t)(at - line.at) + strlen(word);

	while (skip < line.len && line.at[skip] == ' ')
		skip++;
	return (struct line){ line.at + skip, line.len - skip };
}

static void
add(char *text, size_t size, const char *between, struct line line)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%.*s", between, (int)line.len,
	    line.at);
}

/* The reason it gave: text is "" when it said nothing. */
static void
find_reason(const char *said, char *text, size_t size)
{
	struct line line, main_line = last_with(said, "error:", "error:");
	const char *rest;

	text[0] = '\0';
	if (main_line.len == 0)
		main_line = last_with(said, "ERROR:", "FATAL:");
	if (main_line.len == 0)
		main_line = last_with(said, "", "");
	if (main_line.len == 0)
		return;
	add(text, size, "", without_head(main_line, "error: "));
	rest = main_line.at + main_line.len;
	while (next_line(&rest, &line))
		if (find(line, "detail: ") != NULL)
			add(text, size, "; ", without_head(line, "detail: "));
		else if (find(line, "DETAIL: ") != NULL)
			add(text, size, "; ", without_head(line, "DETAIL: "));
}

static int
say_ending(const struct proc *p, enum err_kind kind, const char *reason,
    struct err *e)
{
	const char *colon = reason[0] == '\0' ? "" : ": ";
	int sig;

	if (!WIFSIGNALED(p->status))
		return err_set(e, kind, "\"%s\" ended with exit status %d%s%s",
		    p->program, WEXITSTATUS(p->status), colon, reason);
	sig = WTERMSIG(p->status);
	return err_set(e, kind, "\"%s\" was killed by signal %d (%s)%s%s",
	    p->program, sig, strsignal(sig), colon, reason);
}

int
proc_judge(const struct proc *p, enum err_kind kind, struct err *e)
{
	char reason[ERR_TEXT_MAX];
	struct line hint;

	if (p->lost)
		return err_set(e, kind, "could not learn how \"%s\" ended",
		    p->program);
	if (WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0)
		return 0;
	find_reason(p->said, reason, sizeof reason);
	say_ending(p, kind, reason, e);
	hint = last_with(p->said, "hint: ", "HINT: ");
	if (hint.len > 0) {
		hint = without_head(hint, find(hint, "hint: ") != NULL ?
		    "hint: " : "HINT: ");
		err_hint(e, "%.*s", (int)hint.len, hint.at);
	}
	return -1;
}
