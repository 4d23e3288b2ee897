#include <stddef.h>

#include "cli/cli.h"
#include "log/log.h"
#include "progress/progress.h"
#include "task/task.h"
#include "unit/unit.h"

/*
 * The shared options. Their ctx is the struct cli: `take` is used throughout,
 * since flag and word would need its address.
 */

#define TAKE_WORD(field) \
	static int take_##field(void *ctx, const char *value, struct err *e) \
	{ \
		(void)e; \
		((struct cli *)ctx)->field = value; \
		return 0; \
	}

TAKE_WORD(conf_path)
TAKE_WORD(store_url)
TAKE_WORD(dbname)
TAKE_WORD(host)
TAKE_WORD(port)
TAKE_WORD(user)
TAKE_WORD(passphrase_file)

static int
take_environment(void *ctx, const char *value, struct err *e)
{
	if (!conf_is_label(value))
		return err_set(e, ERR_USAGE, "\"%s\" is no label: 1 to 63 of "
		    "A-Z a-z 0-9 . _ -", value);
	((struct cli *)ctx)->environment = value;
	return 0;
}

static int
take_verbose(void *ctx, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct cli *)ctx)->verbose++;
	return 0;
}

static int
take_quiet(void *ctx, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct cli *)ctx)->quiet = true;
	return 0;
}

static int
take_passphrase(void *ctx, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct cli *)ctx)->ask_passphrase = true;
	return 0;
}

static int
take_plain(void *ctx, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct cli *)ctx)->plain = true;
	return 0;
}

static int
take_jobs(void *ctx, const char *value, struct err *e)
{
	int64_t n;

	if (unit_parse_number(value, 1, TASK_THREADS_MAX, &n, e) == -1)
		return -1;
	((struct cli *)ctx)->jobs = (unsigned)n;
	return 0;
}

static int
take_codec(void *ctx, const char *value, struct err *e)
{
	return codec_parse(value, &((struct cli *)ctx)->codec, e);
}

static int
add_to(struct conf_list *list, const char *value, struct err *e)
{
	if (list->count == CONF_LIST_MAX)
		return err_set(e, ERR_USAGE, "given more than %d times",
		    CONF_LIST_MAX);
	/* argv's own string: never freed through this list */
	list->items[list->count++] = (char *)(uintptr_t)value;
	return 0;
}

static int
take_recipient(void *ctx, const char *value, struct err *e)
{
	return add_to(&((struct cli *)ctx)->recipients, value, e);
}

static int
take_recipients_file(void *ctx, const char *value, struct err *e)
{
	return add_to(&((struct cli *)ctx)->recipients_files, value, e);
}

static int
take_identity(void *ctx, const char *value, struct err *e)
{
	return add_to(&((struct cli *)ctx)->identities, value, e);
}

#define END { .name = NULL }

const struct opt cli_options[] = {
	{ 'c', "config", "FILE", "read FILE, not $PGK_CONF or /etc/pgk.conf",
	    take_conf_path, NULL, NULL, "FILE" },
	{ 'v', "verbose", NULL, "say what is being done; twice, in detail",
	    take_verbose, NULL, NULL, NULL },
	{ 'q', "quiet", NULL, "show no progress",
	    take_quiet, NULL, NULL, NULL },
	END
};

const struct opt cli_store_options[] = {
	{ 0, "store", "URL", "where backups lie, instead of [store] url",
	    take_store_url, NULL, NULL, "DIRECTORY" },
	END
};

const struct opt cli_environment_options[] = {
	{ 0, "environment", "LABEL",
	    "what this environment is, such as production",
	    take_environment, NULL, NULL, NULL },
	END
};

const struct opt cli_pg_options[] = {
	{ 'h', "host", "HOST", "database server host or socket directory",
	    take_host, NULL, NULL, NULL },
	{ 'p', "port", "PORT", "database server port",
	    take_port, NULL, NULL, NULL },
	{ 'U', "username", "USER", "user to connect as",
	    take_user, NULL, NULL, NULL },
	{ 'd', "dbname", "DATABASE", "database or connection string",
	    take_dbname, NULL, NULL, NULL },
	END
};

const struct opt cli_jobs_options[] = {
	{ 'j', "jobs", "N", "number of workers (default: processors)",
	    take_jobs, NULL, NULL, NULL },
	END
};

const struct opt cli_codec_options[] = {
	{ 'Z', "compress", "METHOD",
	    "gzip[:1-9], zstd[:1-19] or none (default: gzip:1)",
	    take_codec, NULL, NULL, "gzip zstd none" },
	END
};

const struct opt cli_encrypt_options[] = {
	{ 'r', "recipient", "RECIPIENT", "encrypt for this age recipient",
	    take_recipient, NULL, NULL, NULL },
	{ 'R', "recipients-file", "FILE", "encrypt for all recipients in FILE",
	    take_recipients_file, NULL, NULL, "FILE" },
	{ 0, "passphrase", NULL, "encrypt with a passphrase, asked for",
	    take_passphrase, NULL, NULL, NULL },
	{ 0, "passphrase-file", "FILE",
	    "encrypt with the passphrase in the first line of FILE",
	    take_passphrase_file, NULL, NULL, "FILE" },
	{ 0, "no-encrypt", NULL, "do not encrypt; plain is meant",
	    take_plain, NULL, NULL, NULL },
	END
};

#define IDENTITY \
	{ 'i', "identity", "FILE", "decrypt with the age identities in FILE", \
	    take_identity, NULL, NULL, "FILE" }

const struct opt cli_identity_options[] = { IDENTITY, END };

const struct opt cli_decrypt_options[] = {
	IDENTITY,
	{ 0, "passphrase", NULL, "decrypt with a passphrase, asked for",
	    take_passphrase, NULL, NULL, NULL },
	{ 0, "passphrase-file", "FILE",
	    "decrypt with the passphrase in the first line of FILE",
	    take_passphrase_file, NULL, NULL, "FILE" },
	END
};
