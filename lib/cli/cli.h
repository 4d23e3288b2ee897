/*
 * cli: what the tools' mains have in common: shared option tables, the
 * configuration merged with them, opening what they name, the exit status.
 *
 * A main declares `struct cli c = CLI_INIT("pgk-dump")`, points an opt_tool's
 * tables at its own options and the shared ones it wants (their ctx is the
 * struct cli, so a tool's own `take` gets it too: embed struct cli first),
 * and then:
 *
 *	if (cli_parse(&c, &tool, argc, argv, &e) == -1 || c.done)
 *		return cli_end(&c, &e);
 *	... cli_open_repo(&c, STORE_CREATE, &e), act ...
 *	return cli_end(&c, &e);
 */
#ifndef PGK_CLI_H
#define PGK_CLI_H

#include <stdbool.h>

#include "age/age.h"
#include "archive/archive.h"
#include "codec/codec.h"
#include "conf/conf.h"
#include "opt/opt.h"
#include "pg/pg.h"
#include "repo/repo.h"
#include "sign/sign.h"
#include "store/store.h"

#define CLI_VERSION "0.1.0"

struct cli {
	const char *name;
	/* after cli_parse() */
	bool done; /* --help or --version was answered: exit 0 */
	struct conf *conf;
	const char *const *operands;
	unsigned operand_count;
	unsigned jobs;            /* -j, default: cores */
	struct pg_target *target; /* conf's conninfo, then -h -p -U -d over it */
	const char *environment;  /* --environment, else conf's, else NULL */
	unsigned verbose;
	bool quiet;
	/* after cli_open_*() */
	struct store *store;
	struct repo *repo;
	struct archive *archive;
	struct sign_trust *trust; /* from [crypt] trust, or NULL */
	struct sign_key *sign_key; /* from [crypt] sign-key, or NULL */
	struct age_keys *keys;
	struct age_keys *readers; /* of cli_open_readers(), or NULL */
	/* what the options said; private to cli */
	const char *conf_path, *store_url, *dbname, *host, *port, *user;
	const char *passphrase_file;
	bool ask_passphrase, plain;
	struct conf_list recipients, recipients_files, identities;
	struct codec codec; /* -Z; gzip by default */
	bool status_no; /* set by a tool: exit 1, "the answer is no" */
};

#define CLI_INIT(tool_name) { .name = (tool_name), \
	.codec = { CODEC_GZIP, 1 } }

/* Option tables, ended by an entry without a name. ctx: struct cli. */
extern const struct opt cli_options[];         /* -c --config, -v, -q */
extern const struct opt cli_store_options[];   /* --store URL */
extern const struct opt cli_environment_options[]; /* --environment LABEL */
extern const struct opt cli_pg_options[];      /* -h -p -U -d */
extern const struct opt cli_jobs_options[];    /* -j --jobs */
extern const struct opt cli_codec_options[];   /* -Z --compress */
/* -r --recipient, -R --recipients-file, --passphrase-file, --passphrase,
 * --no-encrypt */
extern const struct opt cli_encrypt_options[];
/* -i --identity, --passphrase-file, --passphrase */
extern const struct opt cli_decrypt_options[];
extern const struct opt cli_identity_options[]; /* -i alone, beside encrypt */

/*
 * Standard descriptors, signals, no core dumps; parse; load the
 * configuration ($PGK_CONF if no -c); open the log; fill `target`.
 */
int cli_parse(struct cli *c, const struct opt_tool *tool, int argc,
    char **argv, struct err *e);

/*
 * A command, for tools whose first operand is one: no option may be taken and
 * not heeded, and each of these checks is ERR_USAGE with the word at fault.
 */
struct cli_command {
	const char *name;    /* the operand */
	const char *needs;   /* its own operands, for people: "a FILE.sql" */
	unsigned operands_min, operands_max; /* not counting itself */
	const char *options; /* those it heeds: "max-wait until" */
	bool server;         /* it connects: -h, -p, -U and -d mean something */
};

/* Whether `option` is among the command's. */
bool cli_takes(const struct cli_command *k, const char *option);
int cli_refuse_option(const struct cli_command *k, const char *option,
    struct err *e);

/*
 * Of a table whose entries have `flag` or `word`, also beside `take`, which
 * then sets it: none is given that the command does not heed.
 */
int cli_check_options(const struct cli_command *k, const struct opt *table,
    struct err *e);

/* No server is named for a command that connects to none. */
int cli_check_server(const struct cli_command *k, const struct cli *c,
    struct err *e);

/* Nor keys to write with or to read with for one that does not. */
int cli_check_keys(const struct cli_command *k, const struct cli *c,
    struct err *e);

/* As many operands behind the command's word as it wants. */
int cli_check_operands(const struct cli_command *k, const struct cli *c,
    struct err *e);

/* Whether a person can be asked: stdin and stderr are a terminal. */
bool cli_can_ask(void);

/* Ask on stderr "NAME: QUESTION [y/N] "; true for "y" or "yes" on stdin. */
bool cli_ask(const struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Open the store alone. ERR_USAGE with a hint when none is named. */
int cli_open_store(struct cli *c, int store_flags, struct err *e);

/* Whether an option or the configuration names a store. */
bool cli_names_store(const struct cli *c);

/*
 * Open store and repo, with the trusted keys configured; with STORE_CREATE,
 * for writing, with the signing key too.
 */
int cli_open_repo(struct cli *c, int store_flags, struct err *e);

/* Open the store, unless it is open, and its archive. */
int cli_open_archive(struct cli *c, int store_flags, struct err *e);

/* keys for writing: options, else [crypt]; c->keys stays NULL for plain. */
int cli_open_recipients(struct cli *c, struct err *e);

/* keys for reading: options, else [crypt]; c->keys NULL: there are none. */
int cli_open_identities(struct cli *c, struct err *e);

/*
 * The same for a tool that does well without them: keys that are not on this
 * host are no error.
 */
int cli_open_spare_identities(struct cli *c, struct err *e);

/*
 * Identities of a tool that writes, for what it reads besides: c->readers, NULL
 * when there are none. Those of options must be there, [crypt]'s need not.
 */
int cli_open_readers(struct cli *c, struct err *e);

/*
 * The same again, only to look into encrypted histories of timelines: nothing
 * is asked for or looked for when there are none. A log that cannot be
 * listed is no error: who then lists it is told.
 */
int cli_open_history_keys(struct cli *c, struct err *e);

/*
 * The words of the pgk-wal get that finds WAL as this tool found its backup:
 * by the same configuration, store and keys, as whole paths. NULL at the end;
 * freed with cli_words_free(). After cli_open_store(). ERR_SYS: a path that is
 * not there. Warns when there is no pgk-wal beside this program, and when it
 * would have to ask for a passphrase.
 */
char **cli_wal_get(const struct cli *c, struct err *e);
void cli_words_free(char **words); /* NULL ok */

/*
 * Print the error, release all, return the exit status: 0; 1 with status_no;
 * 3 when warnings were given; err_status(); 128 + signal when stopped. A
 * stdout that could not be written (ENOSPC, EPIPE) turns success into ERR_SYS.
 */
int cli_end(struct cli *c, struct err *e);

#endif
