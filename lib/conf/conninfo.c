#include <string.h>

#include "conf/conf_int.h"

static bool
is_secret(const char *keyword, size_t len)
{
	return (len == 8 && memcmp(keyword, "password", len) == 0) ||
	    (len == 11 && memcmp(keyword, "sslpassword", len) == 0);
}

/* postgresql://user:secret@host/db?password=secret */
static bool
uri_has_password(const char *p)
{
	size_t authority = strcspn(p, "/?#");
	const char *at = memchr(p, '@', authority);

	if (at != NULL && memchr(p, ':', (size_t)(at - p)) != NULL)
		return true;
	p = strchr(p, '?');
	while (p != NULL) {
		p++;
		if (is_secret(p, strcspn(p, "=&")))
			return true;
		p = strchr(p, '&');
	}
	return false;
}

/* A value: to the next blank, or quoted; backslashes hide what follows. */
static const char *
skip_value(const char *p)
{
	bool quoted = *p == '\'';

	for (p += quoted; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (quoted ? *p == '\'' : strchr(" \t\n\r\f\v", *p) !=
		    NULL)
			return p + 1;
	}
	return p;
}

bool
conf_has_password(const char *conninfo)
{
	static const char blank[] = " \t\n\r\f\v";
	const char *p = conninfo;
	const char *slashes = strstr(p, "://");

	if (strncmp(p, "postgresql://", 13) == 0 ||
	    strncmp(p, "postgres://", 11) == 0)
		return uri_has_password(slashes + 3);
	while (*(p += strspn(p, blank)) != '\0') {
		size_t len = strcspn(p, "= \t\n\r\f\v");

		if (is_secret(p, len))
			return true;
		p += len;
		p += strspn(p, blank);
		if (*p != '=')
			return false; /* not well formed */
		p++;
		p = skip_value(p + strspn(p, blank));
	}
	return false;
}
