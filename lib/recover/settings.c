#include <ctype.h>
#include <string.h>

#include "recover/recover_int.h"
#include "unit/unit.h"

/* A word for sh, within a command in which % means something. */
static int
add_word(struct buf *b, const char *word, struct err *e)
{
	if (buf_byte(b, '\'', e) == -1)
		return -1;
	for (; *word != '\0'; word++)
		if ((*word == '\'' ? buf_str(b, "'\\''", e) : *word == '%' ?
		    buf_str(b, "%%", e) : buf_byte(b, *word, e)) == -1)
			return -1;
	return buf_byte(b, '\'', e);
}

/* A line of the server's configuration: quotes and backslashes are doubled. */
static int
add_setting(struct buf *b, const char *name, const char *value,
    struct err *e)
{
	if (buf_fmt(b, e, "%s = '", name) == -1)
		return -1;
	for (; *value != '\0'; value++)
		if (((*value == '\'' || *value == '\\') &&
		    buf_byte(b, *value, e) == -1) ||
		    buf_byte(b, *value, e) == -1)
			return -1;
	return buf_str(b, "'\n", e);
}

static int
add_restore_command(struct buf *b, const struct recover_options *o,
    struct err *e)
{
	struct buf command = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;

	for (size_t i = 0; rc == 0 && o->command[i] != NULL; i++)
		if ((rc = add_word(&command, o->command[i], e)) == 0)
			rc = buf_byte(&command, ' ', e);
	if (rc == 0 && (rc = buf_str(&command, "\"%f\" \"%p\"", e)) == 0)
		rc = add_setting(b, "restore_command", command.data, e);
	buf_free(&command);
	return rc;
}

/* As PostgreSQL reads it, in UTC. */
static int
add_time(struct buf *b, const struct recover_options *o, struct err *e)
{
	char when[UNIT_TEXT_MAX], text[UNIT_TEXT_MAX + 16];

	unit_rfc3339(o->time, when);
	when[10] = ' ';
	when[19] = '\0';
	snprintf(text, sizeof text, "%s.%06u+00", when, o->micro);
	return add_setting(b, "recovery_target_time", text, e);
}

/*
 * What the server's own postgresql.conf, wherever it lies, may still say of a
 * recovery before this one or of a standby. A second target is an error even if
 * it is taken back behind the first.
 */
static int
add_nothing_else(struct buf *b, const struct recover_options *o,
    struct err *e)
{
	static const struct {
		const char *name, *value;
		enum recover_target target;
	} none[] = {
		{ "archive_cleanup_command", "", RECOVER_LATEST },
		{ "recovery_min_apply_delay", "0", RECOVER_LATEST },
		{ "recovery_target", "", RECOVER_LATEST },
		{ "recovery_target_time", "", RECOVER_TIME },
		{ "recovery_target_lsn", "", RECOVER_LSN },
		{ "recovery_target_xid", "", RECOVER_XID },
		{ "recovery_target_name", "", RECOVER_NAME },
	};

	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if ((none[i].target == RECOVER_LATEST ||
		    none[i].target != o->target) &&
		    add_setting(b, none[i].name, none[i].value, e) == -1)
			return -1;
	return 0;
}

static int
add_target(struct buf *b, const struct recover_options *o, struct err *e)
{
	char lsn[LSN_TEXT_MAX];
	int rc = 0;

	switch (o->target) {
	case RECOVER_LATEST:
		return 0;
	case RECOVER_TIME:
		rc = add_time(b, o, e);
		break;
	case RECOVER_LSN:
		rc = add_setting(b, "recovery_target_lsn",
		    lsn_text(o->lsn, lsn), e);
		break;
	case RECOVER_XID:
		rc = add_setting(b, "recovery_target_xid", o->word, e);
		break;
	case RECOVER_NAME:
		rc = add_setting(b, "recovery_target_name", o->word, e);
		break;
	}
	if (rc == 0)
		rc = add_setting(b, "recovery_target_inclusive", o->exclusive ?
		    "off" : "on", e);
	return rc == -1 ? -1 : add_setting(b, "recovery_target_action",
	    o->action, e);
}

#define REMARK "# by pgk-restore from "

/* Whether a line is of a restore before this one. */
static bool
is_ours(const char *line, size_t len)
{
	static const char *const names[] = { "restore_command",
		"archive_cleanup_command", "recovery_end_command",
		"recovery_min_apply_delay", "recovery_target",
		"recovery_prefetch", ARCHIVE_GUARD_SETTING, REMARK };

	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (len >= strlen(names[i]) && strncasecmp(line, names[i],
		    strlen(names[i])) == 0)
			return true;
	return false;
}

static int
add_others(struct buf *b, const struct buf *former, struct err *e)
{
	for (size_t at = 0, n; at < former->len; at += n) {
		const char *line = former->data + at,
		    *end = memchr(line, '\n', former->len - at);

		n = end != NULL ? (size_t)(end + 1 - line) : former->len - at;
		if (!is_ours(line, n) && buf_add(b, line, n, e) == -1)
			return -1;
	}
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		return buf_byte(b, '\n', e);
	return 0;
}

int
settings_conf(struct recover *r, struct buf *out, struct err *e)
{
	const char *name = r->chain[r->chain_count - 1]->name;
	char timeline[16];

	snprintf(timeline, sizeof timeline, "%u", r->plan.timeline);
	if (add_others(out, &r->conf, e) == -1 ||
	    buf_fmt(out, e, REMARK "\"%s\"\n", name) == -1 ||
	    add_setting(out, ARCHIVE_GUARD_SETTING, name, e) == -1 ||
	    add_restore_command(out, r->o, e) == -1 ||
	    add_setting(out, "recovery_end_command",
	    "rm -rf pg_wal/pgk-prefetch", e) == -1 ||
	    add_nothing_else(out, r->o, e) == -1 ||
	    add_setting(out, "recovery_target_timeline", timeline, e) == -1)
		return -1;
	/* from 15 on servers read ahead, and would fall into the gap */
	if (r->gap && r->chain[r->chain_count - 1]->server_version >= 150000 &&
	    add_setting(out, "recovery_prefetch", "off", e) == -1)
		return -1;
	return add_target(out, r->o, e);
}

static int
check_text(const char *what, const char *text, struct err *e)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return err_set(e, ERR_USAGE, "a control character in "
			    "%s", what);
	return 0;
}

int
settings_check(const struct recover_options *o, struct err *e)
{
	for (size_t i = 0; o->command[i] != NULL; i++)
		if (check_text("a word of restore_command", o->command[i],
		    e) == -1)
			return -1;
	if (o->target == RECOVER_NAME) {
		if (strlen(o->word) == 0 || strlen(o->word) > 63)
			return err_set(e, ERR_USAGE, "a restore point's name "
			    "has 1 to 63 bytes");
		return check_text("the restore point's name", o->word, e);
	}
	if (o->target == RECOVER_XID && (*o->word == '\0' ||
	    strlen(o->word) > 20 ||
	    strspn(o->word, "0123456789") != strlen(o->word)))
		return err_set(e, ERR_USAGE, "\"%s\" is no transaction's "
		    "number", o->word);
	return 0;
}

void
recover_target_text(const struct recover_options *o, char *out, size_t size)
{
	char when[UNIT_TEXT_MAX], lsn[LSN_TEXT_MAX];

	switch (o->target) {
	case RECOVER_LATEST:
		snprintf(out, size, "latest");
		break;
	case RECOVER_TIME:
		unit_rfc3339(o->time, when);
		if (o->micro == 0)
			snprintf(out, size, "%s", when);
		else
			snprintf(out, size, "%.19s.%06uZ", when, o->micro);
		break;
	case RECOVER_LSN:
		snprintf(out, size, "LSN %s", lsn_text(o->lsn, lsn));
		break;
	case RECOVER_XID:
		snprintf(out, size, "transaction %s", o->word);
		break;
	case RECOVER_NAME:
		snprintf(out, size, "restore point %s", o->word);
		break;
	}
}
