#include <stdio.h>
#include <string.h>

#include "repo/repo_int.h"

#define SUFFIX_MAX 30

static const char *const kinds[REPO_KINDS] = {
	[REPO_FULL] = "full",
	[REPO_INCREMENTAL] = "incremental",
	[REPO_WAL] = "wal",
	[REPO_SNAPSHOT] = "snapshot",
};

const char *
repo_kind_name(enum repo_kind kind)
{
	return kinds[kind];
}

int
repo_kind_parse(const char *word, enum repo_kind *kind, struct err *e)
{
	for (unsigned i = 0; i < REPO_KINDS; i++)
		if (strcmp(word, kinds[i]) == 0) {
			*kind = (enum repo_kind)i;
			return 0;
		}
	err_set(e, ERR_USAGE, "\"%s\" is no kind of backup", word);
	return err_hint(e, "kinds are full, incremental, wal and snapshot");
}

static bool
is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '%' || c == '-';
}

bool
repo_is_name(const char *name)
{
	size_t len = 0;

	while (is_name_byte(name[len]))
		if (++len > REPO_NAME_MAX)
			return false;
	return len > 0 && name[len] == '\0' && name[0] != '-';
}

bool
repo_is_suffix(const char *suffix)
{
	static const char *const ours[] = { "json", "intent", "proof-" };
	size_t len;

	if ((suffix[0] != '.' && suffix[0] != '/') ||
	    !is_name_byte(suffix[1]) || strlen(suffix) > SUFFIX_MAX)
		return false;
	if (suffix[0] == '/' && suffix[1] == '-')
		return false;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (suffix[0] == '.' && strncmp(suffix + 1, ours[i], strlen(ours[i])) == 0)
			return false;
	for (len = 1; is_name_byte(suffix[len]) || suffix[len] == '.'; len++)
		continue;
	return suffix[len] == '\0';
}

struct repo_path
repo_path(enum repo_kind kind, const char *name, const char *suffix)
{
	struct repo_path path;

	snprintf(path.text, sizeof path.text, "%s/%s%s", kinds[kind], name,
	    suffix);
	return path;
}

/* Digits at the end of name[0..len); returns how many. */
static size_t
digits(const char *name, size_t len)
{
	size_t n = 0;

	while (n < len && name[len - 1 - n] >= '0' && name[len - 1 - n] <= '9')
		n++;
	return n;
}

/* Whether it ends in _YYYYMMDD_HHMMSS, then perhaps _N. */
static bool
has_stamp(const char *name, size_t len)
{
	size_t n = digits(name, len);

	if (n > 0 && n < 6 && n < len && name[len - n - 1] == '_') {
		len -= n + 1;
		n = digits(name, len);
	}
	return n == 6 && len > 16 && name[len - 7] == '_' &&
	    digits(name, len - 7) == 8 && name[len - 16] == '_';
}

bool
repo_is_ours(enum repo_kind kind, const char *folder)
{
	size_t len = strlen(folder);

	if (kind == REPO_WAL)
		return len == 16 && strspn(folder, "0123456789ABCDEF") == 16;
	return repo_is_name(folder) && has_stamp(folder, len);
}

bool
repo_is_set_word(const char *word)
{
	const char *slash = strchr(word, '/'), *name = word;
	char plain[REPO_NAME_MAX + 1];
	enum repo_kind kind;
	size_t len;

	if (strcmp(word, "latest") == 0 || strncmp(word, "latest:", 7) == 0)
		return true;
	if (slash != NULL) {
		char folder[16];

		snprintf(folder, sizeof folder, "%.*s", (int)(slash - word),
		    word);
		if (repo_kind_parse(folder, &kind, NULL) == -1)
			return false;
		name = slash + 1;
	}
	len = strlen(name);
	if (len > 5 && strcmp(name + len - 5, ".json") == 0)
		len -= 5;
	if (len > REPO_NAME_MAX)
		return false;
	memcpy(plain, name, len);
	plain[len] = '\0';
	return repo_is_name(plain) && (slash != NULL || has_stamp(name, len));
}
