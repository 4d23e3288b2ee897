/*
 * opt: options from one table.
 *
 * A tool's table feeds its parser, its --help, the bash completion
 * (--completion bash, not in --help but in pgk(7)) and the test that compares
 * the man page with it (--options prints one option a line: "-j --jobs N").
 */
#ifndef PGK_OPT_H
#define PGK_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "err/err.h"

/* A table is ended by an entry whose name is NULL. */
struct opt {
	char letter;          /* 'j', or 0 */
	const char *name;     /* "jobs" */
	const char *argument; /* "N" as shown by --help; NULL: a switch */
	const char *help;     /* one line, lower case, no full stop */
	/*
	 * Called once for each time it is given; value is NULL for a
	 * switch. Returns 0, or -1 with *e (ERR_USAGE; opt_parse puts the
	 * option's name before it).
	 */
	int (*take)(void *ctx, const char *value, struct err *e);
	/* or, when take is NULL, one of these is set */
	bool *flag;           /* switch: set to true */
	const char **word;    /* argument: the last one given wins */
	/* what values may be, for the completion: "full snapshot", or
	 * "FILE", "DIRECTORY"; NULL for anything */
	const char *values;
};

struct opt_tool {
	const char *name;     /* "pgk-dump" */
	const char *purpose;  /* one line for --help, with its full stop */
	const char *usage;    /* "[OPTION]... [DATABASE]"; '\n' for another */
	const struct opt *const *tables; /* option tables, NULL at the end */
	void *ctx;            /* for take */
	unsigned operands_min, operands_max; /* UINT_MAX: any number */
	const char *version;  /* for --version; cli_parse() fills it in */
};

/*
 * Parse. Short options cluster (-vj4), long ones take "=value" or the next
 * word, exact names only; "--" ends them, and so does nothing else: operands
 * and options may mix. An operand "-" is an operand. Every tool has --help,
 * --version, --options and --completion bash (added here): they print to
 * stdout, *done is set, and what follows them is not looked at. Operands are
 * gathered at the front of argv (its own strings): *operands, *count of them.
 * ERR_USAGE names the wrong word, quoted.
 */
int opt_parse(const struct opt_tool *tool, int argc, char **argv, bool *done,
    const char *const **operands, unsigned *count, struct err *e);

#endif
