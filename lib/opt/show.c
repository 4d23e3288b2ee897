#include <ctype.h>
#include <string.h>

#include "opt/opt_int.h"

#define COLUMNS 79    /* the last one stays free */
#define HEAD_MAX 28   /* a longer head has its help on the next line */

/* "-j, --jobs=N" or "    --help"; returns its length. */
static int
head(const struct opt *o, char *out, size_t size)
{
	const char *equals = o->argument == NULL ? "" : "=";
	const char *argument = o->argument == NULL ? "" : o->argument;

	if (o->letter != 0)
		return snprintf(out, size, "-%c, --%s%s%s", o->letter, o->name,
		    equals, argument);
	return snprintf(out, size, "    --%s%s%s", o->name, equals, argument);
}

struct help {
	FILE *out;
	int width; /* of the widest head that is not too wide */
};

static void
widen(void *ctx, const struct opt *o)
{
	struct help *h = ctx;
	char text[128];
	int n = head(o, text, sizeof text);

	if (n > h->width && n <= HEAD_MAX)
		h->width = n;
}

/* Words, wrapped; the first line stands at `indent` already. */
static void
put_wrapped(FILE *out, const char *text, int indent)
{
	int column = indent;

	while (*text != '\0') {
		int n = (int)strcspn(text, " ");

		if (column > indent && column + 1 + n > COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(out, "%s%.*s", column > indent ? " " : "", n,
		    text);
		text += n;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

static void
put_option(void *ctx, const struct opt *o)
{
	const struct help *h = ctx;
	int indent = 2 + h->width + 2;
	char text[128];

	if (head(o, text, sizeof text) > h->width)
		fprintf(h->out, "  %s\n%*s", text, indent, "");
	else
		fprintf(h->out, "  %-*s  ", h->width, text);
	put_wrapped(h->out, o->help, indent);
}

void
opt_show_help(const struct opt_tool *tool, FILE *out)
{
	struct help h = { out, 0 };
	const char *usage = tool->usage;
	const char *before = "Usage: ";

	for (;;) {
		int n = (int)strcspn(usage, "\n");

		fprintf(out, "%s%s %.*s\n", before, tool->name, n, usage);
		if (usage[n] == '\0')
			break;
		usage += n + 1;
		before = "       ";
	}
	put_wrapped(out, tool->purpose, 0);
	fprintf(out, "\nOptions:\n");
	opt_each(tool, widen, &h);
	opt_each(tool, put_option, &h);
	fprintf(out, "\nThe manual is %s(1), the tour pgk(7).\n", tool->name);
}

static void
put_plain(void *ctx, const struct opt *o)
{
	FILE *out = ctx;

	if (o->letter != 0)
		fprintf(out, "-%c ", o->letter);
	fprintf(out, "--%s%s%s\n", o->name, o->argument == NULL ? "" : " ",
	    o->argument == NULL ? "" : o->argument);
}

void
opt_show_options(const struct opt_tool *tool, FILE *out)
{
	opt_each(tool, put_plain, out);
}

/* One branch of the case over the word before the cursor. */
static void
put_branch(void *ctx, const struct opt *o)
{
	FILE *out = ctx;

	if (o->argument == NULL)
		return;
	fprintf(out, "\t");
	if (o->letter != 0)
		fprintf(out, "-%c | ", o->letter);
	fprintf(out, "--%s)\n", o->name);
	if (o->values == NULL)
		fprintf(out, "\t\t: ;;\n");
	else if (strcmp(o->values, "FILE") == 0)
		fprintf(out, "\t\tcompopt -o filenames\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\") "
		    ";;\n");
	else if (strcmp(o->values, "DIRECTORY") == 0)
		fprintf(out, "\t\tcompopt -o filenames\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\") "
		    ";;\n");
	else
		fprintf(out, "\t\tmapfile -t COMPREPLY < <(compgen -W '%s' "
		    "-- \"$cur\") ;;\n", o->values);
}

static void
put_word(void *ctx, const struct opt *o)
{
	FILE *out = ctx;

	if (o->letter != 0)
		fprintf(out, " -%c", o->letter);
	fprintf(out, " --%s", o->name);
}

static void
put_function_name(const struct opt_tool *tool, FILE *out)
{
	putc('_', out);
	for (const char *p = tool->name; *p != '\0'; p++)
		putc(isalnum((unsigned char)*p) ? *p : '_', out);
}

/* Bash takes '=' for a word of its own: "--jobs=4" comes as three. */
void
opt_show_completion(const struct opt_tool *tool, FILE *out)
{
	fprintf(out, "# bash completion for %s\n", tool->name);
	put_function_name(tool, out);
	fprintf(out, "()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=\n"
	    "\t((COMP_CWORD < 1)) || prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	    "\tif [[ $cur == = ]]; then\n"
	    "\t\tcur=\n"
	    "\telif [[ $prev == = ]] && ((COMP_CWORD > 1)); then\n"
	    "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	    "\tfi\n"
	    "\tCOMPREPLY=()\n"
	    "\tcase $prev in\n");
	opt_each(tool, put_branch, out);
	fprintf(out, "\t*)\n\t\t[[ $cur != -* ]] || mapfile -t COMPREPLY \\\n"
	    "\t\t\t< <(compgen -W '");
	opt_each(tool, put_word, out);
	fprintf(out, "' -- \"$cur\") ;;\n\tesac\n}\ncomplete -o bashdefault "
	    "-o default -F ");
	put_function_name(tool, out);
	fprintf(out, " %s\n", tool->name);
}
