#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "log/log.h"

/* program, get, --partial; an option and its word each: -c, --store,
 * --passphrase-file and the identities; NULL */
#define WORDS_MAX (3 + 2 * (3 + CONF_LIST_MAX) + 1)

/* Put behind the others; `word` is taken, and NULL when it could not be had. */
static int
add(char **words, char *word, struct err *e)
{
	size_t n = 0;

	if (word == NULL)
		return err_nomem(e);
	while (words[n] != NULL)
		n++;
	words[n] = word;
	return 0;
}

/* A file, by a path that holds everywhere. */
static int
add_path(char **words, const char *option, const char *path, struct err *e)
{
	char *whole = realpath(path, NULL);

	if (whole == NULL)
		return err_sys(e, "could not find \"%s\"", path);
	if (add(words, strdup(option), e) == -1) {
		free(whole);
		return -1;
	}
	return add(words, whole, e);
}

/* The pgk-wal beside this program. */
static int
add_program(char **words, struct err *e)
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 16);

	if (len == -1)
		return err_sys(e, "could not find this program");
	program[len] = '\0';
	strcpy(strrchr(program, '/') + 1, "pgk-wal");
	if (access(program, X_OK) == -1)
		log_warning("there is no \"%s\", which restore_command will "
		    "run", program);
	return add(words, strdup(program), e);
}

static int
fill(const struct cli *c, char **words, struct err *e)
{
	const char *url = store_url(c->store);

	/* --partial: what has come of the last segment */
	if (add_program(words, e) == -1 ||
	    add(words, strdup("get"), e) == -1 ||
	    add(words, strdup("--partial"), e) == -1)
		return -1;
	if (c->conf->path != NULL &&
	    add_path(words, "-c", c->conf->path, e) == -1)
		return -1;
	if (strncmp(url, "file://", strlen("file://")) == 0)
		url += strlen("file://");
	if (add_path(words, "--store", url, e) == -1)
		return -1;
	for (size_t i = 0; i < c->identities.count; i++)
		if (add_path(words, "-i", c->identities.items[i], e) == -1)
			return -1;
	if (c->passphrase_file != NULL && add_path(words, "--passphrase-file",
	    c->passphrase_file, e) == -1)
		return -1;
	if (c->ask_passphrase)
		log_warning("restore_command cannot ask for a passphrase: "
		    "give WAL that needs one a --passphrase-file");
	return 0;
}

char **
cli_wal_get(const struct cli *c, struct err *e)
{
	char **words = calloc(WORDS_MAX, sizeof *words);

	if (words == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (fill(c, words, e) == -1) {
		cli_words_free(words);
		return NULL;
	}
	return words;
}

void
cli_words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}
