#include <stdlib.h>
#include <string.h>

#include "recover/recover_int.h"
#include "unit/unit.h"

int
recover_read_timeline(struct recover_options *o, const char *word,
    struct err *e)
{
	int64_t n;

	if (strcmp(word, "latest") == 0)
		o->timeline = RECOVER_NEWEST;
	else if (strcmp(word, "current") == 0)
		o->timeline = RECOVER_CURRENT;
	else {
		if (unit_parse_number(word, 1, UINT32_MAX, &n, e) == -1)
			return -1;
		o->timeline = RECOVER_NUMBER;
		o->timeline_number = (uint32_t)n;
	}
	return 0;
}

int
recover_read_action(struct recover_options *o, const char *word,
    struct err *e)
{
	if (strcmp(word, "pause") != 0 && strcmp(word, "promote") != 0 &&
	    strcmp(word, "shutdown") != 0)
		return err_set(e, ERR_USAGE, "\"%s\" is not one of pause, "
		    "promote, shutdown", word);
	o->action = word;
	return 0;
}

int
recover_read_map(const char *word, struct recover_map *map, char **text,
    struct err *e)
{
	char *copy = strdup(word), *out = copy, *equals = NULL;

	if (copy == NULL)
		return err_nomem(e);
	for (; *word != '\0'; word++) {
		if (*word == '\\' && word[1] == '=')
			word++;
		else if (*word == '=' && equals == NULL) {
			equals = out++;
			continue;
		}
		*out++ = *word;
	}
	*out = '\0';
	if (equals == NULL || equals[1] != '/' || (copy[0] != '/' &&
	    strncmp(copy, "pg_tblspc/", strlen("pg_tblspc/")) != 0)) {
		free(copy);
		return err_set(e, ERR_USAGE, "it takes OLD=NEW, both absolute "
		    "paths; a \"=\" within a path is \"\\=\"");
	}
	*equals = '\0';
	*map = (struct recover_map){ copy, equals + 1 };
	*text = copy;
	return 0;
}
