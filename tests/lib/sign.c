/*
 * sign: keys and signatures of our own, every bit flipped, and both ways with
 * minisign where it is installed.
 */
#include "sign/sign_int.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "fsx/fsx.h"
#include "tap.h"
#include "tty.h"

#define DATA "the quick brown fox\n"
#define COMMENT "pgk set full/x sequence 7"

static struct err e;

static bool
run(const char *command)
{
	return system(command) == 0;
}

static const char *
save(const char *path, const void *data, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || fsx_write(fd, data, len, path, &e) == -1 ||
	    fchmod(fd, mode) == -1)
		abort();
	close(fd);
	return path;
}

static void
load(const char *path, struct buf *out)
{
	buf_reset(out);
	fsx_slurp(path, out->max - 1, 0, out, &e);
}

static int
verify(const struct sign_trust *t, const struct buf *sig)
{
	return sign_verify(t, DATA, strlen(DATA), sig->data, sig->len, &e);
}

static struct sign_key *key;
static struct sign_trust *trust;

static void
make_keys(void)
{
	struct buf secret = BUF_INIT(1000), public = BUF_INIT(1000);

	EQ(sign_new(&secret, &public, &e), 0);
	save("our.key", secret.data, secret.len, 0600);
	save("our.pub", public.data, public.len, 0644);
	key = sign_key_load("our.key", &e);
	trust = sign_trust_new(&e);
	OK(key != NULL && trust != NULL);
	EQ(sign_trust_add(trust, "our.pub", &e), 0);
	buf_wipe(&secret);
	buf_free(&public);
}

static void
test_own(void)
{
	struct buf sig = BUF_INIT(20000), more = BUF_INIT(20000);
	struct sign_trust *nobody = sign_trust_new(&e);
	char comment[4098];

	EQ(sign_data(key, DATA, strlen(DATA), COMMENT, &sig, &e), 0);
	EQ(verify(trust, &sig), 0);
	FAILS(sign_verify(trust, DATA, strlen(DATA) - 1, sig.data, sig.len,
	    &e) == -1, ERR_CORRUPT, "was not signed like this");
	FAILS(verify(nobody, &sig) == -1, ERR_CORRUPT, "not trusted");
	FAILS(sign_verify(trust, DATA, strlen(DATA), "", 0, &e) == -1,
	    ERR_CORRUPT, "not a minisign signature");
	EQ(sign_data(key, "", 0, "", &more, &e), 0);
	EQ(sign_verify(trust, "", 0, more.data, more.len, &e), 0);
	FAILS(sign_data(key, "", 0, "two\nlines", &more, &e) == -1,
	    ERR_USAGE, "control");
	memset(comment, 'c', sizeof comment - 1);
	comment[sizeof comment - 1] = '\0';
	FAILS(sign_data(key, "", 0, comment, &more, &e) == -1, ERR_USAGE,
	    "too long");
	comment[4096] = '\0';
	buf_reset(&more);
	EQ(sign_data(key, DATA, strlen(DATA), comment, &more, &e), 0);
	EQ(verify(trust, &more), 0);
	/* line ends of another system, and none at the end */
	buf_reset(&more);
	for (size_t i = 0; i + 1 < sig.len; i++) {
		if (sig.data[i] == '\n')
			buf_byte(&more, '\r', &e);
		buf_byte(&more, sig.data[i], &e);
	}
	EQ(verify(trust, &more), 0);
	buf_str(&more, "\r\nmore", &e);
	FAILS(verify(trust, &more) == -1, ERR_CORRUPT, "not a minisign");
	buf_reset(&more);
	while (more.len < 17000)
		buf_str(&more, "\n", &e);
	FAILS(verify(trust, &more) == -1, ERR_CORRUPT, "not a minisign");
	sign_trust_free(nobody);
	buf_free(&sig);
	buf_free(&more);
}

/* All but the untrusted comment's text is covered. */
static void
test_damage(void)
{
	struct buf sig = BUF_INIT(2000);
	unsigned found = 0, tried = 0;
	size_t first;

	EQ(sign_data(key, DATA, strlen(DATA), COMMENT, &sig, &e), 0);
	first = strcspn(sig.data, "\n");
	for (size_t bit = 0; bit < 8 * sig.len; bit++) {
		if (bit / 8 >= strlen(SIGN_UNTRUSTED) && bit / 8 < first)
			continue;
		/* a CR before the line end is read like the LF alone */
		sig.data[bit / 8] ^= (char)(1 << bit % 8);
		found += verify(trust, &sig) == -1 && e.kind == ERR_CORRUPT;
		err_clear(&e);
		sig.data[bit / 8] ^= (char)(1 << bit % 8);
		tried++;
	}
	EQ(found, tried);
	found = tried = 0;
	/* the last byte is a line end that may be missing */
	for (size_t len = 0; len + 1 < sig.len; len++) {
		found += sign_verify(trust, DATA, strlen(DATA), sig.data,
		    len, &e) == -1 && e.kind == ERR_CORRUPT;
		err_clear(&e);
		tried++;
	}
	EQ(found, tried);
	buf_free(&sig);
}

/* A copy of our key's text with one byte of what it encodes changed. */
static void
change_key(size_t at, unsigned char with, bool no_sum)
{
	struct buf text = BUF_INIT(1000), out = BUF_INIT(1000);
	unsigned char raw[SIGN_SECRET_BYTES];
	const char *line;

	load("our.key", &text);
	line = strchr(text.data, '\n') + 1;
	if (!sign_unbase64(line, strlen(line) - 1, raw, sizeof raw))
		abort();
	raw[at] ^= with;
	if (no_sum)
		memset(raw + sizeof raw - SIGN_SUM, 0, SIGN_SUM);
	buf_str(&out, SIGN_UNTRUSTED "x\n", &e);
	sign_base64(&out, raw, sizeof raw, &e);
	save("bad.key", out.data, out.len, 0600);
	buf_wipe(&text);
	buf_wipe(&out);
}

static void
test_keys(void)
{
	struct buf text = BUF_INIT(1000);
	char word[57];
	unsigned found = 0;

	/* every byte of the key is held by something, the id by the sum */
	for (size_t at = 54; at < SIGN_SECRET_BYTES; at++) {
		change_key(at, 4, false);
		found += sign_key_load("bad.key", &e) == NULL &&
		    e.kind == ERR_KEY && strstr(e.text, "damaged") != NULL;
		err_clear(&e);
	}
	EQ(found, SIGN_SECRET_BYTES - 54);
	found = 0;
	for (size_t at = 62; at < 62 + SIGN_SECRET; at++) {
		change_key(at, 4, true);
		found += sign_key_load("bad.key", &e) == NULL;
		err_clear(&e);
	}
	EQ(found, SIGN_SECRET);
	change_key(0, 0, true);
	sign_key_free(sign_key_load("bad.key", &e));
	EQ(e.kind, ERR_NONE);
	change_key(0, 1, false);
	FAILS(sign_key_load("bad.key", &e) == NULL, ERR_KEY, "unknown kind");
	change_key(2, 'S', false);
	FAILS(sign_key_load("bad.key", &e) == NULL, ERR_KEY, "unknown kind");
	change_key(4, 1, false);
	FAILS(sign_key_load("bad.key", &e) == NULL, ERR_KEY, "unknown kind");
	load("our.key", &text);
	FAILS(sign_key_load(save("bad.key", text.data, text.len, 0640), &e) ==
	    NULL, ERR_KEY, "group or others");
	found = 0;
	for (size_t len = 0; len + 1 < text.len; len++) {
		save("bad.key", text.data, len, 0600);
		found += sign_key_load("bad.key", &e) == NULL &&
		    e.kind == ERR_KEY;
		err_clear(&e);
	}
	EQ(found, text.len - 1);
	FAILS(sign_key_load("none.key", &e) == NULL, ERR_ABSENT, "none.key");
	FAILS(sign_trust_add(trust, "our.key", &e) == -1, ERR_KEY,
	    "not a minisign public key");
	FAILS(sign_trust_add(trust, "none.pub", &e) == -1, ERR_ABSENT,
	    "none.pub");
	load("our.pub", &text);
	memcpy(word, strchr(text.data, '\n') + 1, 56);
	word[56] = '\0';
	EQ(sign_trust_add(trust, word, &e), 0);
	word[55] = word[55] == 'A' ? 'B' : 'A'; /* another, but a key */
	EQ(sign_trust_add(trust, word, &e), 0);
	word[2] = '*';
	FAILS(sign_trust_add(trust, word, &e) == -1, ERR_KEY, "not a mini");
	load("our.pub", &text);
	text.data[text.len - 2] = '*';
	FAILS(sign_trust_add(trust, save("bad.pub", text.data, text.len,
	    0644), &e) == -1, ERR_KEY, "not a minisign public key");
	while (trust->count < SIGN_TRUST_MAX)
		sign_trust_add(trust, "our.pub", &e);
	FAILS(sign_trust_add(trust, "our.pub", &e) == -1, ERR_KEY,
	    "more than 64");
	buf_wipe(&text);
}

static void
check_theirs(const struct sign_trust *theirs, const char *how)
{
	struct buf sig = BUF_INIT(20000);

	if (OK(run(how))) {
		load("their.minisig", &sig);
		EQ(verify(theirs, &sig), 0);
	}
	buf_free(&sig);
}

static int
run_minisign(void *arg)
{
	char *const *argv = arg;

	execvp(argv[0], argv);
	return 127;
}

static void
test_minisign(void)
{
	static const char *const make[] = { "minisign", "-G", "-p",
		"pass.pub", "-s", "pass.key", NULL };
	static const struct tty_step twice[] = { { "assword: ", "abc\n", 0 },
		{ "assword (one more time): ", "abc\n", 0 }, { 0 } };
	struct buf sig = BUF_INIT(20000);
	struct sign_trust *theirs = sign_trust_new(&e);
	struct sign_key *k;
	char seen[TTY_SEEN];

	save("data", DATA, strlen(DATA), 0644);
	OK(sign_data(key, DATA, strlen(DATA), COMMENT " \xc3\xa9", &sig,
	    &e) == 0);
	save("data.minisig", sig.data, sig.len, 0644);
	OK(run("minisign -V -p our.pub -m data | grep -q 'sequence 7'"));
	OK(run("minisign -V -H -q -P $(tail -1 our.pub) -m data"));
	OK(run("minisign -S -s our.key -m data -x their.minisig >/dev/null"));
	OK(run("minisign -R -s our.key -p again.pub >/dev/null 2>&1 && "
	    "test \"$(tail -1 again.pub)\" = \"$(tail -1 our.pub)\""));
	load("their.minisig", &sig);
	EQ(verify(trust, &sig), 0);

	OK(run("minisign -G -W -p their.pub -s their.key >/dev/null"));
	EQ(sign_trust_add(theirs, "their.pub", &e), 0);
	check_theirs(theirs, "minisign -S -s their.key -m data "
	    "-x their.minisig -t 'a comment' -c other >/dev/null");
	check_theirs(theirs, "minisign -S -l -s their.key -m data "
	    "-x their.minisig >/dev/null");
	run("chmod 600 their.key");
	k = sign_key_load("their.key", &e);
	buf_reset(&sig);
	OK(k != NULL && sign_data(k, DATA, strlen(DATA), "", &sig, &e) == 0);
	save("data.minisig", sig.data, sig.len, 0644);
	OK(run("minisign -V -q -p their.pub -m data"));
	FAILS(verify(trust, &sig) == -1, ERR_CORRUPT, "not trusted");
	sign_key_free(k);

	EQ(tty_run(run_minisign, (void *)(uintptr_t)make, twice, seen), 0);
	run("chmod 600 pass.key");
	OK(sign_key_load("pass.key", &e) == NULL &&
	    strstr(e.hint, "minisign -C -W") != NULL);
	FAILS(e.kind == ERR_KEY, ERR_KEY, "has a password");
	sign_trust_free(theirs);
	buf_free(&sig);
}

int
main(void)
{
	char folder[] = "/tmp/pgk-sign.XXXXXX", command[64];

	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		abort();
	make_keys();
	test_own();
	test_damage();
	test_keys();
	if (run("command -v minisign >/dev/null"))
		test_minisign();
	else
		printf("ok %u # SKIP minisign is not installed\n",
		    ++tap_count);
	EQ(e.kind, ERR_NONE);
	sign_key_free(key);
	sign_trust_free(trust);
	snprintf(command, sizeof command, "rm -r %s", folder);
	OK(chdir("/") == 0 && run(command));
	return done();
}
