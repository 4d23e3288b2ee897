#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static struct {
	pthread_mutex_t lock;
	const char *program;
	enum log_level level, file_level;
	int file; /* or -1 */
	unsigned warnings;
	void (*hide)(void *arg);
	void (*show)(void *arg);
	void *arg;
} state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.program = "pgk",
	.level = LOG_LEVEL_WARNING,
	.file = -1,
};

void
log_open(const char *program, enum log_level level)
{
	state.program = program;
	state.level = level;
}

const char *
log_program(void)
{
	return state.program;
}

int
log_to_file(const char *path, enum log_level level, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW | O_NOCTTY, 0600);

	if (fd == -1)
		return err_sys(e, "could not open log file \"%s\"", path);
	if (state.file != -1)
		close(state.file);
	state.file = fd;
	state.file_level = level;
	return 0;
}

int
log_parse_level(const char *word, enum log_level *level)
{
	static const char *const words[] = { "error", "warning", "info",
		"debug" };

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	return -1;
}

/* Bytes of the well-formed UTF-8 character at s, or 0. */
static size_t
utf8_len(const unsigned char *s)
{
	size_t n;
	unsigned min, c;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2, min = 0x80, c = s[0] & 0x1f;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3, min = 0x800, c = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4, min = 0x10000, c = s[0] & 0x07;
	else
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
	    (c >= 0x80 && c <= 0x9f))
		return 0;
	return n;
}

/* One line of printable text, whatever is in it. */
static size_t
clean(const char *text, char *out, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = 0;

	while (*s != '\0' && len + 5 < size) {
		size_t n = *s < 0x20 || *s == 0x7f ? 0 : utf8_len(s);

		if (n == 0) {
			len += (size_t)snprintf(out + len, 5, "\\x%02x", *s);
			s++;
			continue;
		}
		memcpy(out + len, s, n);
		len += n;
		s += n;
	}
	out[len] = '\0';
	return len;
}

static void
put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody left to tell */
		data += n;
		len -= (size_t)n;
	}
}

static void
put_file(const char *mark, const char *text)
{
	char line[LINE_MAX_BYTES + 128], when[32];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		when[0] = '\0';
	n = snprintf(line, sizeof line, "%s %s[%ld]: %s%s\n", when,
	    state.program, (long)getpid(), mark, text);
	if (n > 0)
		put(state.file, line, (size_t)n < sizeof line ? (size_t)n :
		    sizeof line - 1);
}

static void
say(enum log_level level, const char *mark, const char *text, bool file_only)
{
	char line[LINE_MAX_BYTES], body[LINE_MAX_BYTES - 256];
	bool to_err, to_file;
	int n;

	pthread_mutex_lock(&state.lock);
	if (level == LOG_LEVEL_WARNING)
		state.warnings++;
	to_err = !file_only && level <= state.level;
	to_file = state.file != -1 && level <= state.file_level;
	if (to_err || to_file)
		clean(text, body, sizeof body);
	if (to_file)
		put_file(mark, body);
	if (to_err) {
		n = snprintf(line, sizeof line, "%s: %s%s\n", state.program,
		    mark, body);
		if (state.hide != NULL)
			state.hide(state.arg);
		if (n > 0)
			put(STDERR_FILENO, line, (size_t)n);
		if (state.show != NULL)
			state.show(state.arg);
	}
	pthread_mutex_unlock(&state.lock);
}

static void say_fmt(enum log_level level, const char *mark, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

static void
say_fmt(enum log_level level, const char *mark, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES / 2];

	vsnprintf(text, sizeof text, fmt, ap);
	say(level, mark, text, false);
}

void
log_error(const struct err *e)
{
	say(LOG_LEVEL_ERROR, "", e->text, false);
	if (e->hint[0] != '\0')
		say(LOG_LEVEL_ERROR, "hint: ", e->hint, false);
}

#define SAY(level, mark) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		say_fmt((level), (mark), fmt, ap); \
		va_end(ap); \
	} while (0)

void
log_warning(const char *fmt, ...)
{
	SAY(LOG_LEVEL_WARNING, "warning: ");
}

void
log_info(const char *fmt, ...)
{
	SAY(LOG_LEVEL_INFO, "");
}

void
log_record(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	say(LOG_LEVEL_INFO, "", text, true);
}

void
log_debug(const char *fmt, ...)
{
	SAY(LOG_LEVEL_DEBUG, "");
}

void
log_hint(const char *fmt, ...)
{
	SAY(LOG_LEVEL_ERROR, "hint: ");
}

unsigned
log_warnings(void)
{
	unsigned n;

	pthread_mutex_lock(&state.lock);
	n = state.warnings;
	pthread_mutex_unlock(&state.lock);
	return n;
}

void
log_overlay(void (*hide)(void *arg), void (*show)(void *arg), void *arg)
{
	pthread_mutex_lock(&state.lock);
	state.hide = hide;
	state.show = show;
	state.arg = arg;
	pthread_mutex_unlock(&state.lock);
}
