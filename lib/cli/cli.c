#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fsx/fsx.h"
#include "log/log.h"
#include "progress/progress.h"
#include "stop/stop.h"
#include "task/task.h"

/* Keys and rows pass through our memory: no core file may hold them. */
static int
no_core(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return err_sys(e, "could not forbid core files");
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		return err_sys(e, "could not forbid core files");
	return 0;
}

/* A terminal that cannot erase a line would fill with copies of it. */
static bool
is_dumb(const char *term)
{
	return term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;
}

static int
open_log(struct cli *c, struct err *e)
{
	enum log_level level = LOG_LEVEL_INFO;

	if (c->conf->log.file == NULL)
		return 0;
	if (c->conf->log.level != NULL &&
	    log_parse_level(c->conf->log.level, &level) == -1)
		return err_set(e, ERR_CONF, "\"%s\" is no log level",
		    c->conf->log.level);
	return log_to_file(c->conf->log.file, level, e);
}

static int
fill_target(struct cli *c, struct err *e)
{
	if ((c->target = pg_target_new(e)) == NULL)
		return -1;
	if (c->conf->server.conninfo != NULL && pg_target_conninfo(c->target,
	    c->conf->server.conninfo, e) == -1)
		return err_prefix(e, "[server] conninfo");
	/* -d first: what is said of host and port singly goes over it */
	if (c->dbname != NULL && pg_target_database_or_conninfo(c->target,
	    c->dbname, e) == -1)
		return -1;
	if ((c->host && pg_target_set(c->target, "host", c->host, e) == -1) ||
	    (c->port && pg_target_set(c->target, "port", c->port, e) == -1) ||
	    (c->user && pg_target_set(c->target, "user", c->user, e) == -1))
		return -1;
	return 0;
}

int
cli_parse(struct cli *c, const struct opt_tool *tool, int argc, char **argv,
    struct err *e)
{
	struct opt_tool named = *tool;
	enum log_level level;
	const char *env;

	named.version = CLI_VERSION;
	log_open(c->name, LOG_LEVEL_WARNING);
	umask(077);
	if (fsx_std_fds(e) == -1 || no_core(e) == -1 ||
	    opt_parse(&named, argc, argv, &c->done, &c->operands,
	    &c->operand_count, e) == -1 || c->done)
		return e->kind == ERR_NONE ? 0 : -1;
	level = c->verbose == 0 ? LOG_LEVEL_WARNING : c->verbose == 1 ?
	    LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	log_open(c->name, level);
	if (c->quiet || is_dumb(getenv("TERM")))
		progress_mode(-1);
	if (stop_install(e) == -1)
		return -1;
	if (c->conf_path == NULL && (env = getenv("PGK_CONF")) != NULL &&
	    *env != '\0')
		c->conf_path = env;
	if ((c->conf = conf_load(c->conf_path, e)) == NULL ||
	    open_log(c, e) == -1 || fill_target(c, e) == -1)
		return -1;
	if (c->environment == NULL)
		c->environment = c->conf->server.environment;
	if (c->jobs == 0)
		c->jobs = task_cores();
	return 0;
}

bool
cli_names_store(const struct cli *c)
{
	return c->store_url != NULL || c->conf->store.url != NULL;
}

int
cli_open_store(struct cli *c, int store_flags, struct err *e)
{
	const char *url = c->store_url != NULL ? c->store_url :
	    c->conf->store.url;

	if (url == NULL) {
		err_set(e, ERR_USAGE, "no store is named");
		return err_hint(e, "--store DIRECTORY, or url under [store] "
		    "in pgk.conf");
	}
	c->store = store_open(url, store_flags, e);
	return c->store == NULL ? -1 : 0;
}

int
cli_open_repo(struct cli *c, int store_flags, struct err *e)
{
	const struct conf_list *trust = &c->conf->crypt.trust;

	if (trust->count > 0 && (c->trust = sign_trust_new(e)) == NULL)
		return -1;
	for (size_t i = 0; i < trust->count; i++)
		if (sign_trust_add(c->trust, trust->items[i], e) == -1)
			return -1;
	/* only who writes signs: a reader need not be able to read the key */
	if ((store_flags & STORE_CREATE) && c->conf->crypt.sign_key != NULL &&
	    (c->sign_key = sign_key_load(c->conf->crypt.sign_key, e)) == NULL)
		return -1;
	if (cli_open_store(c, store_flags, e) == -1)
		return -1;
	c->repo = repo_open(c->store, c->trust, e);
	return c->repo == NULL ? -1 : 0;
}

int
cli_open_archive(struct cli *c, int store_flags, struct err *e)
{
	if (c->store == NULL && cli_open_store(c, store_flags, e) == -1)
		return -1;
	c->archive = archive_open(c->store, e);
	return c->archive == NULL ? -1 : 0;
}

static int
add_passphrase(struct cli *c, bool confirm, const char *fallback,
    struct err *e)
{
	const char *path = c->passphrase_file != NULL ? c->passphrase_file :
	    fallback;

	if (c->ask_passphrase)
		return age_ask_passphrase(c->keys, confirm, e);
	return path == NULL ? 0 : age_add_passphrase_file(c->keys, path, e);
}

typedef int (*add_key)(struct age_keys *k, const char *word, struct err *e);

static int
add_each(struct age_keys *keys, const struct conf_list *list, add_key add,
    struct err *e)
{
	for (size_t i = 0; i < list->count; i++)
		if (add(keys, list->items[i], e) == -1)
			return -1;
	return 0;
}

int
cli_open_recipients(struct cli *c, struct err *e)
{
	bool given = c->recipients.count > 0 ||
	    c->recipients_files.count > 0 || c->passphrase_file != NULL ||
	    c->ask_passphrase;
	const struct conf_list *words = given ? &c->recipients :
	    &c->conf->crypt.recipient;
	const struct conf_list *files = given ? &c->recipients_files :
	    &c->conf->crypt.recipients_file;
	const char *fallback = given ? NULL : c->conf->crypt.passphrase_file;

	if (c->plain && given)
		return err_set(e, ERR_USAGE, "--no-encrypt with a recipient "
		    "or passphrase: only one can be meant");
	if (c->plain || (words->count == 0 && files->count == 0 &&
	    fallback == NULL && !given))
		return 0;
	/* recipients configured win over a passphrase kept for reading */
	if (words->count > 0 || files->count > 0)
		fallback = NULL;
	if ((c->keys = age_keys_new(e)) == NULL ||
	    add_each(c->keys, words, age_add_recipient, e) == -1 ||
	    add_each(c->keys, files, age_add_recipients_file, e) == -1)
		return -1;
	return add_passphrase(c, true, fallback, e);
}

int
cli_open_identities(struct cli *c, struct err *e)
{
	const struct conf_list *files = c->identities.count > 0 ?
	    &c->identities : &c->conf->crypt.identity;
	const char *fallback = c->conf->crypt.passphrase_file;

	if (files->count == 0 && c->passphrase_file == NULL &&
	    fallback == NULL && !c->ask_passphrase)
		return 0;
	if ((c->keys = age_keys_new(e)) == NULL ||
	    add_passphrase(c, false, fallback, e) == -1)
		return -1;
	return add_each(c->keys, files, age_add_identity_file, e);
}

int
cli_open_spare_identities(struct cli *c, struct err *e)
{
	struct err why = ERR_INIT;

	if (cli_open_identities(c, &why) == 0)
		return 0;
	if (why.kind == ERR_STOPPED || why.kind == ERR_NOMEM)
		return err_pass(e, &why);
	log_info("what is encrypted stays closed: %s", why.text);
	return 0;
}

int
cli_open_readers(struct cli *c, struct err *e)
{
	const bool given = c->identities.count > 0;
	const struct conf_list *files = given ? &c->identities :
	    &c->conf->crypt.identity;
	struct err why = ERR_INIT;

	if (files->count == 0)
		return 0;
	if ((c->readers = age_keys_new(e)) == NULL)
		return -1;
	if (add_each(c->readers, files, age_add_identity_file, &why) == 0)
		return 0;
	age_keys_free(c->readers);
	c->readers = NULL;
	if (given || why.kind == ERR_STOPPED || why.kind == ERR_NOMEM)
		return err_pass(e, &why);
	log_info("what is encrypted stays closed: %s", why.text);
	return 0;
}

int
cli_open_history_keys(struct cli *c, struct err *e)
{
	struct archive *a = archive_open(c->store, e);
	struct err ignored = ERR_INIT;
	bool needs = false;

	if (a == NULL)
		return -1;
	archive_history_needs_key(a, &needs, &ignored);
	archive_close(a);
	if (ignored.kind == ERR_STOPPED || ignored.kind == ERR_NOMEM)
		return err_pass(e, &ignored);
	return needs ? cli_open_spare_identities(c, e) : 0;
}

int
cli_end(struct cli *c, struct err *e)
{
	int signal = stop_requested(), status;

	/* full disk, closed pipe: what was printed did not arrive */
	if (fflush(stdout) == EOF)
		err_sys(e, "could not write to stdout");
	else if (ferror(stdout)) /* earlier: errno is another's by now */
		err_set(e, ERR_SYS, "could not write all to stdout");
	archive_close(c->archive);
	repo_close(c->repo);
	store_close(c->store);
	sign_key_free(c->sign_key);
	sign_trust_free(c->trust);
	age_keys_free(c->keys);
	age_keys_free(c->readers);
	pg_target_free(c->target);
	if (e->kind != ERR_NONE)
		log_error(e);
	status = err_status(e->kind);
	if (e->kind == ERR_STOPPED && signal != 0)
		status = 128 + signal;
	else if (status == 0 && c->status_no)
		status = 1;
	else if (status == 0 && log_warnings() > 0)
		status = 3;
	conf_free(c->conf);
	return status;
}
