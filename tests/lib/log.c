#include "log/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static struct err e;
static int said; /* stderr, as a file */
static char text[1 << 20];

/* What was written since the last call. */
static const char *
take(int fd)
{
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	if (ftruncate(fd, 0) == -1)
		text[0] = '\0';
	return text;
}

static void
levels(void)
{
	struct err why = ERR_INIT;

	log_warning("early");
	IS(take(said), "pgk: warning: early\n");
	EQ(log_warnings(), 1);
	log_open("pgk-test", LOG_LEVEL_WARNING);
	IS(log_program(), "pgk-test");
	err_set(&why, ERR_SYS, "could not read \"x\"");
	log_error(&why);
	IS(take(said), "pgk-test: could not read \"x\"\n");
	err_hint(&why, "look for it");
	log_error(&why);
	IS(take(said), "pgk-test: could not read \"x\"\n"
	    "pgk-test: hint: look for it\n");
	log_info("%d tables", 3);
	log_debug("more");
	IS(take(said), "");
	log_hint("try %s", "this");
	IS(take(said), "pgk-test: hint: try this\n");
	log_open("pgk-test", LOG_LEVEL_INFO);
	log_info("%d tables", 3);
	log_debug("more");
	IS(take(said), "pgk-test: 3 tables\n");
	log_open("pgk-test", LOG_LEVEL_DEBUG);
	log_debug("more");
	IS(take(said), "pgk-test: more\n");
	log_open("pgk-test", LOG_LEVEL_ERROR);
	log_warning("counted, not shown");
	IS(take(said), "");
	EQ(log_warnings(), 2);
	log_open("pgk-test", LOG_LEVEL_WARNING);
}

static void
parses(void)
{
	enum log_level level = LOG_LEVEL_ERROR;

	EQ(log_parse_level("debug", &level), 0);
	EQ(level, LOG_LEVEL_DEBUG);
	EQ(log_parse_level("error", &level), 0);
	EQ(level, LOG_LEVEL_ERROR);
	EQ(log_parse_level("Debug", &level), -1);
	EQ(log_parse_level("", &level), -1);
	EQ(level, LOG_LEVEL_ERROR);
}

/* One event stays one line of printable text. */
static void
hostile(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "a\nb: error: c", "a\\x0ab: error: c" },
		{ "\r\t\x1b[2J\x7f", "\\x0d\\x09\\x1b[2J\\x7f" },
		{ "의료 é 😀", "의료 é 😀" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "\xc0\xaf", "\\xc0\\xaf" },             /* overlong */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },    /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xc2\x85\xc2\x9b", "\\xc2\\x85\\xc2\\x9b" }, /* C1 */
		{ "cut \xec\x9d", "cut \\xec\\x9d" },
		{ "%s%n%d", "%s%n%d" },
	};
	char want[256];
	static char big[100000];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		log_warning("%s", cases[i].in);
		snprintf(want, sizeof want, "pgk-test: warning: %s\n",
		    cases[i].out);
		IS(take(said), want);
	}
	memset(big, '\n', sizeof big - 1);
	log_warning("%s", big);
	take(said);
	OK(strlen(text) < 4096 && text[strlen(text) - 1] == '\n' &&
	    strchr(text, '\n') == text + strlen(text) - 1);
}

static void
to_file(void)
{
	char dir[] = "/tmp/pgk-log-XXXXXX", path[64], link[64];
	struct stat st;
	int fd;

	if (mkdtemp(dir) == NULL)
		return;
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(link, sizeof link, "%s/link", dir);
	EQ(symlink(path, link), 0);
	FAILS(log_to_file(link, LOG_LEVEL_INFO, &e) == -1, ERR_SYS, link);
	FAILS(log_to_file(dir, LOG_LEVEL_INFO, &e) == -1, ERR_SYS, dir);
	EQ(log_to_file(path, LOG_LEVEL_INFO, &e), 0);
	EQ(log_to_file(path, LOG_LEVEL_INFO, &e), 0);
	log_info("to the file\nalone");
	log_debug("not there");
	log_open("pgk-test", LOG_LEVEL_DEBUG);
	log_record("kept %s", "in mind");
	log_open("pgk-test", LOG_LEVEL_WARNING);
	IS(take(said), "");
	log_warning("both");
	IS(take(said), "pgk-test: warning: both\n");
	fd = open(path, O_RDWR | O_CLOEXEC);
	fstat(fd, &st);
	EQ(st.st_mode & 0777, 0600);
	take(fd);
	/* 2025-01-27T03:00:00Z pgk-test[123]: ... */
	OK(text[4] == '-' && text[10] == 'T' && text[19] == 'Z' &&
	    strncmp(text + 20, " pgk-test[", 10) == 0);
	OK(strstr(text, "]: to the file\\x0aalone\n") != NULL);
	OK(strstr(text, "]: kept in mind\n") != NULL);
	OK(strstr(text, "]: warning: both\n") != NULL);
	OK(strstr(text, "not there") == NULL);
	close(fd);
	unlink(path);
	unlink(link);
	rmdir(dir);
}

static char order[256];

static void
hide(void *arg)
{
	strcat(order, arg);
	strcat(order, "h");
}

static void
show(void *arg)
{
	(void)arg;
	strcat(order, take(said)[0] != '\0' ? "*s" : "s");
}

static void
overlay(void)
{
	log_overlay(hide, show, "1");
	log_warning("x");
	log_debug("not shown, so nothing to hide for");
	log_warning("x");
	log_overlay(NULL, NULL, NULL);
	log_warning("x");
	IS(order, "1h*s1h*s");
	take(said);
}

static void *
warn_often(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_warning("%s", (const char *)arg);
	return NULL;
}

static void
threads(void)
{
	static char words[4][300];
	unsigned before = log_warnings(), good = 0;
	pthread_t t[4];

	for (int i = 0; i < 4; i++) {
		memset(words[i], 'a' + i, sizeof words[i] - 1);
		pthread_create(&t[i], NULL, warn_often, words[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	EQ(log_warnings() - before, 800);
	take(said);
	for (char *line = strtok(text, "\n"); line != NULL;
	    line = strtok(NULL, "\n")) {
		const char *body = line + strlen("pgk-test: warning: ");

		good += strlen(line) == 19 + 299 &&
		    strspn(body, (char[]){ body[0], '\0' }) == 299;
	}
	EQ(good, 800);
}

int
main(void)
{
	char path[] = "/tmp/pgk-said-XXXXXX";
	int saved = dup(2);

	said = mkstemp(path);
	unlink(path);
	dup2(said, 2);
	fcntl(2, F_SETFL, O_APPEND);
	levels();
	parses();
	hostile();
	to_file();
	overlay();
	threads();
	dup2(saved, 2);
	return done();
}
