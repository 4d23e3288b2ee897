#include <string.h>

#include "cli/cli.h"

bool
cli_takes(const struct cli_command *k, const char *option)
{
	size_t len = strlen(option);

	for (const char *p = k->options; (p = strstr(p, option)) != NULL;
	    p += len)
		if ((p == k->options || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

int
cli_refuse_option(const struct cli_command *k, const char *option,
    struct err *e)
{
	return err_set(e, ERR_USAGE, "option \"--%s\" is not for \"%s\"",
	    option, k->name);
}

int
cli_check_options(const struct cli_command *k, const struct opt *table,
    struct err *e)
{
	for (const struct opt *o = table; o->name != NULL; o++) {
		bool given = (o->flag != NULL && *o->flag) ||
		    (o->word != NULL && *o->word != NULL);

		if (given && !cli_takes(k, o->name))
			return cli_refuse_option(k, o->name, e);
	}
	return 0;
}

int
cli_check_server(const struct cli_command *k, const struct cli *c,
    struct err *e)
{
	if (k->server || (c->dbname == NULL && c->host == NULL &&
	    c->port == NULL && c->user == NULL))
		return 0;
	return err_set(e, ERR_USAGE, "\"%s\" connects to no server", k->name);
}

int
cli_check_keys(const struct cli_command *k, const struct cli *c,
    struct err *e)
{
	const struct {
		const char *option;
		bool given;
	} keys[] = {
		{ "recipient", c->recipients.count > 0 },
		{ "recipients-file", c->recipients_files.count > 0 },
		{ "no-encrypt", c->plain },
		{ "identity", c->identities.count > 0 }
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].given && !cli_takes(k, keys[i].option))
			return cli_refuse_option(k, keys[i].option, e);
	return 0;
}

int
cli_check_operands(const struct cli_command *k, const struct cli *c,
    struct err *e)
{
	unsigned count = c->operand_count - 1;

	if (count < k->operands_min)
		return err_set(e, ERR_USAGE, "\"%s\" needs %s", k->name,
		    k->needs);
	if (count > k->operands_max)
		return err_set(e, ERR_USAGE, "unexpected word \"%s\"",
		    c->operands[1 + k->operands_max]);
	return 0;
}
