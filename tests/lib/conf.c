#include "conf/conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static struct err e;

static struct conf *
parse(const char *text)
{
	return conf_parse(text, strlen(text), "t.conf", &e);
}

static const char whole[] =
    "# the policy of a chat service\n"
    "[server]\r\n"
    "  conninfo    = host=localhost port=54321 user=backup dbname=chat\r\n"
    "environment = production                 ; a set carries it\n"
    "\tbindir=/usr/lib/postgresql/15/bin\n"
    "[store] ; where\n"
    "url  = /backup;postgresql ; a semicolon in a name\n"
    "[crypt]\n"
    "recipient = age1a\n"
    "recipient = age1b\n"
    "recipients-file = /etc/pgk/recipients\n"
    "identity  = /etc/pgk/identity\n"
    "passphrase-file = /etc/pgk/pass phrase\n"
    "sign-key = /etc/pgk/sign\n"
    "trust = RWQ=\n"
    "[policy]\n"
    "time-zone   = Asia/Seoul\n"
    ";             every keep rpo  rto  at (crontab)\n"
    "full        = 1d    30d  24h  4h   0 3 * * *\n"
    "incremental = 1h    7d   1h   2h   0 * * * *   ; hourly\n"
    "wal         = 5m    7d   5m   1h   -\n"
    "snapshot    = 7d    84d  -    -    0 2 * * 0\n"
    "base-interval = 2d\n"
    "[log]\n"
    "file = /var/log/pgk.log\n"
    "level = info";

static void
good(void)
{
	struct conf *c = parse(whole);

	if (c == NULL) {
		tap_is(e.text, "", "parsed", __FILE__, __LINE__);
		return;
	}
	IS(c->path, NULL);
	IS(c->server.conninfo,
	    "host=localhost port=54321 user=backup dbname=chat");
	IS(c->server.environment, "production");
	IS(c->server.bindir, "/usr/lib/postgresql/15/bin");
	IS(c->store.url, "/backup;postgresql");
	EQ(c->crypt.recipient.count, 2);
	EQ(c->policy.base_interval, 2 * 86400);
	IS(c->crypt.recipient.items[1], "age1b");
	IS(c->crypt.recipients_file.items[0], "/etc/pgk/recipients");
	IS(c->crypt.identity.items[0], "/etc/pgk/identity");
	IS(c->crypt.passphrase_file, "/etc/pgk/pass phrase");
	IS(c->crypt.sign_key, "/etc/pgk/sign");
	IS(c->crypt.trust.items[0], "RWQ=");
	IS(c->policy.time_zone, "Asia/Seoul");
	OK(c->policy.kind[CONF_FULL].set);
	EQ(c->policy.kind[CONF_FULL].every, 86400);
	EQ(c->policy.kind[CONF_FULL].keep, 30 * 86400);
	EQ(c->policy.kind[CONF_FULL].rpo, 86400);
	EQ(c->policy.kind[CONF_FULL].rto, 4 * 3600);
	IS(c->policy.kind[CONF_FULL].at, "0 3 * * *");
	IS(c->policy.kind[CONF_INCREMENTAL].at, "0 * * * *");
	IS(c->policy.kind[CONF_WAL].at, NULL);
	EQ(c->policy.kind[CONF_SNAPSHOT].rpo, 0);
	IS(c->log.file, "/var/log/pgk.log");
	IS(c->log.level, "info");
	conf_free(c);
	c = parse("");
	OK(c != NULL && c->store.url == NULL && !c->policy.kind[0].set);
	conf_free(c);
	c = parse("\xef\xbb\xbf[log]\nlevel=debug\n");
	OK(c != NULL && strcmp(c->log.level, "debug") == 0);
	conf_free(c);
	conf_free(NULL);
}

static void
refuses(const char *text, const char *word)
{
	struct conf *c = parse(text);

	tap_fails(c == NULL, &e, ERR_CONF, word, text, __FILE__, __LINE__);
	conf_free(c);
}

static void
bad(void)
{
	refuses("[store]\nurl = /b\n[stork]\nurl=/x\n",
	    "\"t.conf\" line 3: unknown section [stork]");
	refuses("[stork]\n", "line 1: unknown section [stork]");
	refuses("[]\n", "unknown section []");
	refuses("[STORE]\n", "unknown section [STORE]");
	refuses("[store] url=/b\n", "\"url=/b\" follows section [store]");
	refuses("[store\nurl=/b\n", "line 1: neither");
	refuses("url=/b\n", "key \"url\" stands before any [section]");
	refuses("\n\n[store]\nurk=/b\n",
	    "line 4: unknown key \"urk\" in section [store]");
	refuses("[server]\nurl=/b\n", "unknown key \"url\" in section");
	refuses("[store]\nurl=/b\nurl=/c\n", "line 3: key \"url\" is given "
	    "twice");
	refuses("[store]\nurl=/b\n[log]\n[store]\nurl=/b\n", "given twice");
	refuses("[store]\nurl\nurk=1\n", "line 2: neither");
	refuses("[store]\nurl=\n", "line 2: key \"url\" has no value");
	refuses("[store]\nurl= ; nothing\n", "has no value");
	refuses("[store]\nurl=/b # old\n", "has a \"#\"");
	refuses("[store]\nurl=/b\x01\n", "control character");
	refuses("[log]\nlevel=loud\n", "invalid log level \"loud\"");
	refuses("[server]\nenvironment=a b\n", "invalid label \"a b\"");
	refuses("[server]\nenvironment=0123456789012345678901234567890123456"
	    "789012345678901234567890123\n", "invalid label");
	refuses("[policy]\ntime-zone=../x\n", "unknown time zone \"../x\"");
	refuses("[policy]\nbase-interval=0s\n", "no time at all");
	refuses("[policy]\nbase-interval=-\n", "line 2: ");
	refuses("[policy]\nfull=1d 30d\n", "every keep rpo rto at");
	/* an indented line is no continuation of the value before it */
	refuses("[crypt]\nidentity = a\n  b\n", "line 3: neither");
	OK(conf_parse("[store]\nurl=/b\0c\n", 17, "t.conf", &e) == NULL);
	IS(e.text, "\"t.conf\" line 2: a control character");
	err_clear(&e);
}

static void
passwords(void)
{
	static const char *const secret[] = { "password=hush",
		"host=x password = hush", "host='a b' password='hush'",
		"application_name='a\\' b' password=hush",
		"sslpassword=hush", "postgresql://u:hush@h/db",
		"postgres://h/db?password=hush",
		"postgresql://h/db?sslmode=require&password=hush",
		"password", "host = x\tpassword=hush" };
	static const char *const plain[] = { "dbname=password",
		"user=password host=x", "passfile=/etc/pgk/pgpass",
		"application_name='password=x'", "postgresql://u@h:5432/db",
		"postgresql://u@h/db?passfile=/x", "service=chat",
		"postgresql://[::1]:5432/db", "options='-c a=b' dbname=x" };
	char text[200];
	struct conf *c;

	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
		snprintf(text, sizeof text, "[server]\nconninfo=%s\n",
		    secret[i]);
		c = parse(text);
		OK(c == NULL && strstr(e.text, "hush") == NULL);
		OK(strstr(e.hint, ".pgpass") != NULL);
		FAILS(c == NULL, ERR_CONF, "a password does not belong");
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		snprintf(text, sizeof text, "[server]\nconninfo=%s\n",
		    plain[i]);
		c = parse(text);
		IS(c == NULL ? e.text : c->server.conninfo, plain[i]);
		conf_free(c);
	}
}

static void
policy_rows(void)
{
	static const char *const good_at[] = { "* * * * *", "*/5 * * * *",
		"0,30 0-6 1,15 jan-mar mon", "59 23 31 12 7", "0-58/2 * * * *",
		"0 3 * * MON-fri", "00 03 01 01 00", "0\t3  *  * *" };
	static const char *const bad_at[] = { "0 3 * *", "0 3 * * * *",
		"60 3 * * *", "0 24 * * *", "0 3 0 * *", "0 3 32 * *",
		"0 3 * 13 *", "0 3 * 0 *", "0 3 * * 8", "5-1 * * * *",
		"*/0 * * * *", "*/60 * * * *", "*/ * * * *", "1- * * * *",
		"-1 * * * *", "1,,2 * * * *", ", * * * *", "1, * * * *",
		"x * * * *", "** * * * *", "0 3 * mon *", "0 3 * * jan",
		"0 3 * * monday", "1.5 * * * *", "@daily", "1/2 * * * *",
		"- -", "100 * * * *", "0 3 * * * root /bin/sh" };
	static const char *const bad_row[] = { "", "-", "1d 30d 24h 4h",
		"1d 30d 24h -", "1x 30d 24h 4h -", "0s 30d 24h 4h -",
		"1d 0d 24h 4h -", "1d -30d 24h 4h -", "1d,30d,24h,4h,-" };
	struct conf_policy row = { .every = 7 };
	char text[200];

	for (size_t i = 0; i < sizeof good_at / sizeof *good_at; i++) {
		snprintf(text, sizeof text, "- - - - %s", good_at[i]);
		OK(conf_parse_policy(text, &row, &e) == 0 && row.at != NULL &&
		    row.set && row.keep == 0);
		free(row.at);
	}
	snprintf(text, sizeof text, " 1h30m\t2w  -  90s\t0 \t3  * * * ");
	EQ(conf_parse_policy(text, &row, &e), 0);
	IS(row.at, "0 3 * * *");
	EQ(row.every, 5400);
	EQ(row.keep, 14 * 86400);
	EQ(row.rto, 90);
	free(row.at);
	row = (struct conf_policy){ .every = 7 };
	for (size_t i = 0; i < sizeof bad_at / sizeof *bad_at; i++) {
		snprintf(text, sizeof text, "1d 1d 1d 1d %s", bad_at[i]);
		FAILS(conf_parse_policy(text, &row, &e) == -1, ERR_CONF,
		    "cron");
	}
	for (size_t i = 0; i < sizeof bad_row / sizeof *bad_row; i++)
		FAILS(conf_parse_policy(bad_row[i], &row, &e) == -1, ERR_CONF,
		    "");
	OK(row.every == 7 && !row.set && row.at == NULL);
}

/* No line is cut: it is taken whole or refused. */
static void
long_lines(void)
{
	static char text[20000];
	struct conf *c;

	for (size_t n = 150; n < 9000; n += n < 250 || n > 4000 ? 1 : 97) {
		size_t at = (size_t)sprintf(text, "[store]\nurl=");

		memset(text + at, 'u', n);
		strcpy(text + at + n, "\n[log]\nlevel=info\n");
		c = parse(text);
		if (c != NULL && (strlen(c->store.url) != n ||
		    c->log.level == NULL))
			EQ(strlen(c->store.url), n);
		if (c == NULL && strstr(e.text, "in a line") == NULL)
			IS(e.text, "more than N bytes in a line");
		if (c == NULL && n <= 193)
			EQ(n, 0);
		err_clear(&e);
		conf_free(c);
	}
	OK(sizeof text > 9000);
	memset(text, ' ', 8000);
	strcpy(text + 8000, "; far\n[log]\nlevel=info\n");
	c = parse(text);
	OK(c != NULL && c->log.level != NULL);
	conf_free(c);
}

static void
lists(void)
{
	char text[CONF_LIST_MAX * 16 + 64];
	size_t len = (size_t)sprintf(text, "[crypt]\n");
	struct conf *c;

	for (int i = 0; i < CONF_LIST_MAX; i++)
		len += (size_t)sprintf(text + len, "identity=i%d\n", i);
	c = parse(text);
	EQ(c == NULL ? 0 : c->crypt.identity.count, CONF_LIST_MAX);
	conf_free(c);
	strcpy(text + len, "identity=x\n");
	refuses(text, "more than 64 of them");
}

static void
files(void)
{
	char dir[] = "/tmp/pgk-conf-XXXXXX", path[64];
	struct conf *c;
	int fd;

	if (mkdtemp(dir) == NULL)
		return;
	snprintf(path, sizeof path, "%s/pgk.conf", dir);
	FAILS((c = conf_load(path, &e)) == NULL, ERR_CONF, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	OK(write(fd, whole, sizeof whole - 1) == sizeof whole - 1);
	c = conf_load(path, &e);
	IS(c == NULL ? e.text : c->path, path);
	conf_free(c);
	fchmod(fd, 0664);
	FAILS((c = conf_load(path, &e)) == NULL, ERR_REFUSED,
	    "can be written by group or others");
	fchmod(fd, 0646);
	FAILS((c = conf_load(path, &e)) == NULL, ERR_REFUSED, path);
	close(fd);
	unlink(path);
	FAILS((c = conf_load(dir, &e)) == NULL, ERR_SYS,
	    "not a regular file");
	rmdir(dir);
}

int
main(void)
{
	good();
	bad();
	passwords();
	policy_rows();
	long_lines();
	lists();
	files();
	return done();
}
