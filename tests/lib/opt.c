#include "opt/opt.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static struct err e;

static struct seen {
	bool verbose, all;
	const char *output;
	char jobs[64]; /* each value taken, a blank after it */
	unsigned count;
	const char *const *operands;
	bool done;
} seen;

static int
take_jobs(void *ctx, const char *value, struct err *why)
{
	struct seen *s = ctx;

	if (strcmp(value, "0") == 0)
		return err_set(why, ERR_USAGE, "\"0\" is none");
	strcat(strcat(s->jobs, value), " ");
	return 0;
}

static int
take_switch(void *ctx, const char *value, struct err *why)
{
	struct seen *s = ctx;

	(void)why;
	strcat(s->jobs, value == NULL ? "X " : "? ");
	return 0;
}

static const struct opt first[] = {
	{ 'j', "jobs", "N", "work on this many cores", take_jobs, NULL, NULL,
	    NULL },
	{ 'v', "verbose", NULL, "say more", NULL, &seen.verbose, NULL, NULL },
	{ .name = NULL },
};
static const struct opt second[] = {
	{ 'o', "output", "FILE", "write to this file instead of the store, "
	    "or to stdout if it is \"-\", which must then not be a terminal",
	    NULL, NULL, &seen.output, "FILE" },
	{ 0, "all", NULL, "every database", NULL, &seen.all, NULL, NULL },
	{ 'x', "exact", NULL, "called", take_switch, NULL, NULL, NULL },
	{ 0, "kind-with-a-long-name", "KIND", "one of them", NULL, NULL,
	    &seen.output, "full snapshot" },
	{ .name = NULL },
};
static const struct opt *const tables[] = { first, second, NULL };
static struct opt_tool tool = { "pgk-dump", "Dumps a database.",
	"[OPTION]... [DATABASE]\n--all", tables, &seen, 0, 2, "1.2.3" };

static char *words[32];

/* Parse words divided by blanks; "_" is the empty word. */
static int
parse(const char *line)
{
	static char text[256];
	int n = 0;

	seen = (struct seen){ .verbose = false };
	strcpy(text, line);
	words[n++] = "pgk-dump";
	for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
		words[n++] = strcmp(w, "_") == 0 ? "" : w;
	words[n] = NULL;
	return opt_parse(&tool, n, words, &seen.done, &seen.operands,
	    &seen.count, &e);
}

static void
good(void)
{
	EQ(parse(""), 0);
	OK(seen.count == 0 && !seen.verbose && !seen.done);
	EQ(parse("-v -j 4 -oout --all db"), 0);
	OK(seen.verbose && seen.all && seen.count == 1);
	IS(seen.jobs, "4 ");
	IS(seen.output, "out");
	IS(seen.operands[0], "db");
	EQ(parse("-vj4 --jobs=5 --jobs 6 -xx"), 0);
	IS(seen.jobs, "4 5 6 X X ");
	EQ(parse("a --output=a=b b -v"), 0);
	OK(seen.verbose && seen.count == 2);
	IS(seen.output, "a=b");
	IS(seen.operands[1], "b");
	EQ(parse("- -- -v"), 0);
	OK(!seen.verbose && seen.count == 2);
	IS(seen.operands[0], "-");
	IS(seen.operands[1], "-v");
	EQ(parse("--output= _ -- --"), 0);
	IS(seen.output, "");
	IS(seen.operands[0], "");
	IS(seen.operands[1], "--");
	EQ(parse("-o -v -o --"), 0);
	IS(seen.output, "--");
	OK(!seen.verbose);
	EQ(opt_parse(&tool, 0, (char *[]){ NULL }, &seen.done, &seen.operands,
	    &seen.count, &e), 0);
}

static void
bad(void)
{
	FAILS(parse("--nope") == -1, ERR_USAGE, "unknown option \"--nope\"");
	FAILS(parse("--nope=secret") == -1, ERR_USAGE,
	    "unknown option \"--nope\"");
	FAILS(parse("--job 4") == -1, ERR_USAGE, "unknown option \"--job\"");
	FAILS(parse("--=4") == -1, ERR_USAGE, "unknown option \"--\"");
	FAILS(parse("-vq") == -1, ERR_USAGE, "unknown option \"-q\"");
	FAILS(parse("-v-") == -1, ERR_USAGE, "unknown option \"--\"");
	FAILS(parse("-vj") == -1, ERR_USAGE, "option \"-j\" needs a value");
	FAILS(parse("--jobs") == -1, ERR_USAGE,
	    "option \"--jobs\" needs a value");
	FAILS(parse("--verbose=1") == -1, ERR_USAGE,
	    "option \"--verbose\" takes no value");
	FAILS(parse("-j0") == -1, ERR_USAGE,
	    "option \"--jobs\": \"0\" is none");
	FAILS(parse("a b c") == -1, ERR_USAGE,
	    "too many arguments (first is \"c\")");
	FAILS(parse("--completion") == -1, ERR_USAGE, "needs a value");
	FAILS(parse("--completion fish") == -1, ERR_USAGE, "\"fish\"");
	FAILS(parse("--help=x") == -1, ERR_USAGE, "unknown option");
	OK(parse("--nope") == -1);
	IS(e.hint, "try \"pgk-dump --help\"");
	err_clear(&e);
	tool.operands_min = 1;
	FAILS(parse("-v") == -1, ERR_USAGE, "missing argument: usage is "
	    "\"pgk-dump [OPTION]... [DATABASE]\"");
	/* not asked of one who asks for help */
	tool.operands_min = 0;
}

/* What a call prints on stdout. */
static const char *
printed(const char *line)
{
	static char text[16384];
	int fds[2], saved;
	ssize_t n;

	fflush(stdout);
	saved = dup(1);
	if (pipe(fds) == -1)
		return "";
	dup2(fds[1], 1);
	close(fds[1]);
	if (parse(line) == -1 || !seen.done)
		fputs("failed", stdout);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	n = read(fds[0], text, sizeof text - 1);
	close(fds[0]);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
shows(void)
{
	const char *text = printed("--help --nope");

	IS(text,
"Usage: pgk-dump [OPTION]... [DATABASE]\n"
"       pgk-dump --all\n"
"Dumps a database.\n"
"\n"
"Options:\n"
"  -j, --jobs=N       work on this many cores\n"
"  -v, --verbose      say more\n"
"  -o, --output=FILE  write to this file instead of the store, or to stdout if\n"
"                     it is \"-\", which must then not be a terminal\n"
"      --all          every database\n"
"  -x, --exact        called\n"
"      --kind-with-a-long-name=KIND\n"
"                     one of them\n"
"      --help         show this help, then exit\n"
"      --version      show the version, then exit\n"
"\n"
"The manual is pgk-dump(1), the tour pgk(7).\n");
	IS(printed("-v --version"), "pgk-dump 1.2.3\n");
	IS(printed("--options"), "-j --jobs N\n-v --verbose\n"
	    "-o --output FILE\n--all\n-x --exact\n"
	    "--kind-with-a-long-name KIND\n--help\n--version\n");
}

/* Bash itself says whether the script does what it should. */
static void
completes(const char *line, const char *want)
{
	static const char asks[] = "source /dev/stdin; compopt() { :; }; "
	    "read -ra COMP_WORDS <<<\"$1\"; [[ $1 != *\" \" ]] || "
	    "COMP_WORDS+=(\"\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
	    "_pgk_dump; echo \"${COMPREPLY[*]}\"";
	char command[1024], got[512] = "";
	char path[] = "/tmp/pgk-opt-XXXXXX";
	const char *script = printed("--completion bash");
	int fd = mkstemp(path);
	FILE *f;

	if (fd == -1 || write(fd, script, strlen(script)) == -1)
		return;
	snprintf(command, sizeof command, "bash -c '%s' bash '%s' <%s", asks,
	    line, path);
	if ((f = popen(command, "r")) != NULL) {
		if (fgets(got, sizeof got, f) == NULL)
			got[0] = '\0';
		pclose(f);
	}
	close(fd);
	unlink(path);
	got[strcspn(got, "\n")] = '\0';
	tap_is(got, want, line, __FILE__, __LINE__);
}

int
main(void)
{
	good();
	bad();
	shows();
	completes("pgk-dump --ver", "--verbose --version");
	completes("pgk-dump -", "-j --jobs -v --verbose -o --output --all -x "
	    "--exact --kind-with-a-long-name --help --version");
	completes("pgk-dump --kind-with-a-long-name ", "full snapshot");
	completes("pgk-dump --kind-with-a-long-name = s", "snapshot");
	completes("pgk-dump --kind-with-a-long-name =", "full snapshot");
	completes("pgk-dump -j ", "");
	completes("pgk-dump -o /dev/nul", "/dev/null");
	completes("pgk-dump ch", "");
	return done();
}
