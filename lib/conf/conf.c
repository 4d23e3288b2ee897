#include "conf/conf.h"

#include <ini.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "conf/conf_int.h"
#include "fsx/fsx.h"
#include "log/log.h"
#include "unit/unit.h"

#define FILE_MAX ((size_t)1 << 20)
#define LINE_BYTES 4096 /* asked of inih, which by itself takes 197 */
#define LABEL_MAX 63
#define BASE_INTERVAL 86400

/* Distributions that let a program choose it export this; others do not. */
extern int ini_max_line __attribute__((weak));

struct parser {
	struct conf *conf;
	const char *name; /* of the file, for messages */
	const char *text; /* what is left */
	size_t len;
	int line;         /* the one read last, from 1 */
	int failed_at;
	unsigned given;   /* bit i: keys[i] was seen */
	struct err *e;
};

/* Record an error at the line read last. Returns -1. */
static int fail(struct parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
fail(struct parser *p, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->failed_at = p->line;
	return err_set(p->e, ERR_CONF, "\"%s\" line %d: %s", p->name, p->line,
	    text);
}

/* takers: each stores one value, or fails */

typedef int taker(struct parser *p, void *where, const char *value);

static int
take_word(struct parser *p, void *where, const char *value)
{
	char **word = where;

	if ((*word = strdup(value)) == NULL)
		return err_nomem(p->e);
	return 0;
}

static int
take_list(struct parser *p, void *where, const char *value)
{
	struct conf_list *list = where;

	if (list->count == CONF_LIST_MAX)
		return fail(p, "more than %d of them", CONF_LIST_MAX);
	if (take_word(p, &list->items[list->count], value) == -1)
		return -1;
	list->count++;
	return 0;
}

static int
take_conninfo(struct parser *p, void *where, const char *value)
{
	if (!conf_has_password(value))
		return take_word(p, where, value);
	fail(p, "a password does not belong into conninfo");
	return err_hint(p->e, "put it into ~/.pgpass (mode 0600), see "
	    "\"The Password File\" in PostgreSQL's documentation");
}

bool
conf_is_label(const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(word);

	return len > 0 && len <= LABEL_MAX && strspn(word, plain) == len;
}

static int
take_label(struct parser *p, void *where, const char *value)
{
	if (!conf_is_label(value))
		return fail(p, "invalid label \"%s\": 1 to %d of A-Z a-z 0-9 "
		    ". _ -", value, LABEL_MAX);
	return take_word(p, where, value);
}

static int
take_zone(struct parser *p, void *where, const char *value)
{
	struct err why = ERR_INIT;

	if (unit_check_zone(value, &why) == 0)
		return take_word(p, where, value);
	fail(p, "%s", why.text);
	return err_hint(p->e, "%s", why.hint);
}

static int
take_seconds(struct parser *p, void *where, const char *value)
{
	struct err why = ERR_INIT;
	int64_t seconds = 0;

	if (unit_parse_duration(value, &seconds, &why) == -1) {
		fail(p, "%s", why.text);
		return err_hint(p->e, "%s", why.hint);
	}
	if (seconds == 0)
		return fail(p, "\"%s\" is no time at all", value);
	memcpy(where, &seconds, sizeof seconds);
	return 0;
}

static int
take_level(struct parser *p, void *where, const char *value)
{
	enum log_level level;

	if (log_parse_level(value, &level) == -1)
		return fail(p, "invalid log level \"%s\": error, warning, "
		    "info or debug", value);
	return take_word(p, where, value);
}

static int
take_policy(struct parser *p, void *where, const char *value)
{
	struct err why = ERR_INIT;

	if (conf_parse_policy(value, where, &why) == 0)
		return 0;
	if (why.kind == ERR_NOMEM)
		return err_pass(p->e, &why);
	fail(p, "%s", why.text);
	return err_hint(p->e, "%s", why.hint);
}

static const struct key {
	const char *section, *name;
	taker *take;
	size_t where; /* in struct conf */
} keys[] = {
#define KEY(section, name, take, member) \
	{ section, name, take, offsetof(struct conf, member) }
	KEY("server", "conninfo", take_conninfo, server.conninfo),
	KEY("server", "environment", take_label, server.environment),
	KEY("server", "bindir", take_word, server.bindir),
	KEY("store", "url", take_word, store.url),
	KEY("crypt", "recipient", take_list, crypt.recipient),
	KEY("crypt", "recipients-file", take_list, crypt.recipients_file),
	KEY("crypt", "identity", take_list, crypt.identity),
	KEY("crypt", "passphrase-file", take_word, crypt.passphrase_file),
	KEY("crypt", "sign-key", take_word, crypt.sign_key),
	KEY("crypt", "trust", take_list, crypt.trust),
	KEY("policy", "time-zone", take_zone, policy.time_zone),
	KEY("policy", "full", take_policy, policy.kind[CONF_FULL]),
	KEY("policy", "incremental", take_policy,
	    policy.kind[CONF_INCREMENTAL]),
	KEY("policy", "wal", take_policy, policy.kind[CONF_WAL]),
	KEY("policy", "snapshot", take_policy, policy.kind[CONF_SNAPSHOT]),
	KEY("policy", "base-interval", take_seconds, policy.base_interval),
	KEY("log", "file", take_word, log.file),
	KEY("log", "level", take_level, log.level),
#undef KEY
};
#define KEYS (sizeof keys / sizeof *keys)

static const struct key *
find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 &&
		    (name == NULL || strcmp(keys[i].name, name) == 0))
			return &keys[i];
	return NULL;
}

/* A '#' behind a value would silently become a part of it. */
static bool
has_hash_comment(const char *value)
{
	return strstr(value, " #") != NULL || strstr(value, "\t#") != NULL;
}

static int
take_key(struct parser *p, const char *section, const char *name,
    const char *value)
{
	const struct key *k = find_key(section, name);
	unsigned bit;

	if (section[0] == '\0')
		return fail(p, "key \"%s\" stands before any [section]", name);
	if (k == NULL)
		return fail(p, "unknown key \"%s\" in section [%s]", name,
		    section);
	bit = 1u << (k - keys);
	if ((p->given & bit) != 0 && k->take != take_list)
		return fail(p, "key \"%s\" is given twice", name);
	p->given |= bit;
	if (value[0] == '\0')
		return fail(p, "key \"%s\" has no value", name);
	if (k->take != take_conninfo && has_hash_comment(value)) {
		fail(p, "key \"%s\" has a \"#\" in its value", name);
		return err_hint(p->e, "a comment behind a value begins with "
		    "\";\"");
	}
	return k->take(p, (char *)p->conf + k->where, value);
}

/* inih's handler: 0 is failure */
static int
on_key(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;

	return p->e->kind == ERR_NONE &&
	    take_key(p, section, name, value) == 0;
}

/* inih passes over sections without keys and over what follows the ']'. */
static int
check_section(struct parser *p, const char *line)
{
	char name[32];
	size_t len = strcspn(line + 1, "]");
	const char *rest = line + 1 + len;

	if (*rest != ']')
		return 0; /* inih says so */
	snprintf(name, sizeof name, "%.*s", len < sizeof name ? (int)len :
	    (int)sizeof name - 1, line + 1);
	if (find_key(name, NULL) == NULL)
		return fail(p, "unknown section [%s]", name);
	rest++;
	rest += strspn(rest, " \t\r\n");
	if (*rest != '\0' && *rest != ';' && *rest != '#')
		return fail(p, "\"%.*s\" follows section [%s]",
		    (int)strcspn(rest, "\n"), rest, name);
	return 0;
}

static bool
has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') ||
		    text[i] == 0x7f)
			return true;
	return false;
}

/*
 * inih's reader: one line into str[num]. What it would cut, continue from
 * the line before (indented lines) or misread is dealt with here.
 */
static char *
next_line(char *str, int num, void *stream)
{
	struct parser *p = stream;
	const char *line = p->text;
	const char *end;
	size_t len;

	if (p->len == 0 || p->e->kind != ERR_NONE)
		return NULL;
	p->line++;
	end = memchr(line, '\n', p->len);
	len = end == NULL ? p->len : (size_t)(end - line);
	p->text += len + (end != NULL);
	p->len -= len + (end != NULL);
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	for (; len > 0 && (*line == ' ' || *line == '\t'); len--)
		line++;
	if (has_control(line, len)) {
		fail(p, "a control character");
		return NULL;
	}
	if (num < 3 || len > (size_t)num - 3) {
		fail(p, "more than %d bytes in a line", num - 3);
		return NULL;
	}
	memcpy(str, line, len);
	memcpy(str + len, "\n", 2);
	if (str[0] == '[' && check_section(p, str) == -1)
		return NULL;
	return str;
}

static int
parse(struct parser *p)
{
	static const char bom[] = "\xef\xbb\xbf";
	int rc;

	if (&ini_max_line != NULL && ini_max_line < LINE_BYTES)
		ini_max_line = LINE_BYTES;
	if (p->len >= 3 && memcmp(p->text, bom, 3) == 0) {
		p->text += 3;
		p->len -= 3;
	}
	rc = ini_parse_stream(next_line, p, on_key, p);
	if (rc < 0)
		return err_nomem(p->e);
	/* rc is the first bad line, which inih passed over */
	if (rc > 0 && rc != p->failed_at && p->e->kind != ERR_NOMEM) {
		err_clear(p->e);
		p->line = rc;
		return fail(p, "neither \"key = value\" nor \"[section]\"");
	}
	return p->e->kind == ERR_NONE ? 0 : -1;
}

struct conf *
conf_parse(const char *text, size_t len, const char *name, struct err *e)
{
	struct err why = ERR_INIT;
	struct parser p = { .name = name, .text = text, .len = len,
		.e = &why };

	if ((p.conf = calloc(1, sizeof *p.conf)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	p.conf->policy.base_interval = BASE_INTERVAL;
	if (parse(&p) == -1) {
		err_pass(e, &why);
		conf_free(p.conf);
		return NULL;
	}
	return p.conf;
}

struct conf *
conf_load(const char *path, struct err *e)
{
	struct buf text = BUF_INIT(FILE_MAX);
	struct err why = ERR_INIT;
	const char *file = path != NULL ? path : CONF_DEFAULT_PATH;
	struct conf *c = NULL;

	if (fsx_slurp(file, FILE_MAX, FSX_TRUSTED, &text, &why) == 0) {
		c = conf_parse(text.data, text.len, file, e);
		if (c != NULL && (c->path = strdup(file)) == NULL) {
			conf_free(c);
			c = NULL;
			err_nomem(e);
		}
	} else if (why.kind == ERR_ABSENT && path == NULL) {
		c = conf_parse("", 0, file, e);
	} else if (why.kind == ERR_ABSENT) {
		err_set(e, ERR_CONF, "%s", why.text);
	} else {
		err_pass(e, &why);
	}
	buf_free(&text);
	return c;
}

static void
free_list(struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	free(c->path);
	free(c->server.conninfo);
	free(c->server.environment);
	free(c->server.bindir);
	free(c->store.url);
	free_list(&c->crypt.recipient);
	free_list(&c->crypt.recipients_file);
	free_list(&c->crypt.identity);
	free(c->crypt.passphrase_file);
	free(c->crypt.sign_key);
	free_list(&c->crypt.trust);
	free(c->policy.time_zone);
	for (int i = 0; i < CONF_KINDS; i++)
		free(c->policy.kind[i].at);
	free(c->log.file);
	free(c->log.level);
	free(c);
}
