/*
 * age keys: words, files, and what is said of them when they are wrong.
 */
#include "age/age_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "age_make.h"
#include "tap.h"

static struct err e;
static char folder[] = "/tmp/pgk-age.XXXXXX";
static char recipient[AGE_RECIPIENT_MAX]; /* of MAKE_IDENTITY */

static const char *
put(const char *name, const void *data, size_t len, mode_t mode)
{
	static char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len ||
	    fchmod(fd, mode) == -1)
		abort();
	close(fd);
	return path;
}

static const char *
put_text(const char *name, const char *text, mode_t mode)
{
	return put(name, text, strlen(text), mode);
}

/* The secret key is nowhere in what would be said. */
static bool
is_silent(void)
{
	return strstr(e.text, "QTJCL5X") == NULL &&
	    strstr(e.hint, "QTJCL5X") == NULL;
}

static void
test_bech32(void)
{
	unsigned char data[AGE_KEY], again[AGE_KEY];
	char text[AGE_BECH32_MAX], wrong[AGE_BECH32_MAX];
	unsigned refused = 0, tried = 0;

	for (unsigned i = 0; i < AGE_KEY; i++)
		data[i] = (unsigned char)(255 - 7 * i);
	age_bech32("age", data, false, text);
	EQ(strlen(text), 62);
	EQ(age_unbech32("age", text, false, again), 0);
	OK(memcmp(data, again, AGE_KEY) == 0);
	EQ(age_unbech32("age", text, true, again), -1);
	EQ(age_unbech32("agf", text, false, again), -1);
	/* any one character changed, missing or too many */
	for (size_t at = 0; at < 62; at++)
		for (char c = '!'; c <= '~'; c++) {
			if (c == text[at])
				continue;
			memcpy(wrong, text, sizeof wrong);
			wrong[at] = c;
			refused += age_unbech32("age", wrong, false,
			    again) == -1;
			tried++;
		}
	for (size_t at = 0; at < 62; at++) {
		memcpy(wrong, text, at);
		memcpy(wrong + at, text + at + 1, 62 - at);
		refused += age_unbech32("age", wrong, false, again) == -1;
		memcpy(wrong + at + 1, text + at, 63 - at);
		wrong[at] = 'q';
		refused += age_unbech32("age", wrong, false, again) == -1;
		tried += 2;
	}
	EQ(refused, tried);
}

static void
test_recipients(void)
{
	struct age_keys *k = age_keys_new(&e);
	char upper[AGE_RECIPIENT_MAX], low[AGE_BECH32_MAX];
	static const unsigned char zero[AGE_KEY], one[AGE_KEY] = { 1 };

	EQ(age_add_recipient(k, recipient, &e), 0);
	EQ(age_add_recipient(k, recipient, &e), 0);
	EQ(age_recipients(k), 1);
	IS(age_recipient(k, 0), recipient);
	OK(!age_can_open(k) && !age_has_passphrase(k));
	for (unsigned i = 0; i < sizeof upper; i++)
		upper[i] = recipient[i] >= 'a' && recipient[i] <= 'z' ?
		    (char)(recipient[i] - 32) : recipient[i];
	FAILS(age_add_recipient(k, upper, &e) == -1, ERR_KEY, "invalid");
	FAILS(age_add_recipient(k, "", &e) == -1, ERR_KEY, "invalid");
	FAILS(age_add_recipient(k, "age1", &e) == -1, ERR_KEY, "\"age1\"");
	FAILS(age_add_recipient(k, "ssh-ed25519 AAAA", &e) == -1, ERR_KEY,
	    "SSH");
	age_add_recipient(k, MAKE_IDENTITY, &e);
	OK(is_silent() && strstr(e.hint, "pgk-key recipient") != NULL);
	FAILS(e.kind == ERR_KEY, ERR_KEY, "secret key");
	/* a secret key with a slip of the pen is not shown either */
	age_add_recipient(k, &MAKE_IDENTITY[1], &e);
	OK(is_silent());
	FAILS(e.kind == ERR_KEY, ERR_KEY, "does not begin with");
	/* points of low order would make the file readable to all */
	age_bech32("age", zero, false, low);
	FAILS(age_add_recipient(k, low, &e) == -1, ERR_KEY, "invalid");
	age_bech32("age", one, false, low);
	FAILS(age_add_recipient(k, low, &e) == -1, ERR_KEY, "invalid");
	FAILS(age_set_passphrase(k, "x", 1, &e) == -1, ERR_KEY, "combined");
	for (unsigned i = 0; i < AGE_RECIPIENTS_MAX - 1; i++) {
		struct buf text = BUF_INIT(1000);
		char other[AGE_RECIPIENT_MAX];

		age_new_identity(&text, other, &e);
		age_add_recipient(k, other, &e);
		buf_wipe(&text);
	}
	EQ(e.kind, ERR_NONE);
	EQ(age_recipients(k), AGE_RECIPIENTS_MAX);
	EQ(age_add_recipient(k, recipient, &e), 0);
	EQ(age_add_identity(k, MAKE_IDENTITY, &e), 0);
	OK(age_can_open(k));
	age_keys_free(k);
	k = age_keys_new(&e);
	EQ(age_set_passphrase(k, "x", 1, &e), 0);
	OK(age_can_open(k) && age_has_passphrase(k));
	FAILS(age_add_recipient(k, recipient, &e) == -1, ERR_KEY,
	    "combined");
	age_keys_free(k);
}

static void
test_recipients_file(void)
{
	struct age_keys *k = age_keys_new(&e);
	struct buf text = BUF_INIT(100000);
	char other[AGE_RECIPIENT_MAX];
	struct buf id = BUF_INIT(1000);

	age_new_identity(&id, other, &e);
	buf_fmt(&text, &e, "# ours\r\n%s\r\n\n#%s\n%s", recipient, recipient,
	    other);
	/* public: any mode will do */
	EQ(age_add_recipients_file(k, put_text("r", text.data, 0644), &e), 0);
	EQ(age_recipients(k), 2);
	IS(age_recipient(k, 1), other);
	FAILS(age_add_recipients_file(k, put_text("r", "# none\n\n", 0644),
	    &e) == -1, ERR_KEY, "there is no recipient in");
	FAILS(age_add_recipients_file(k, put_text("r", "", 0644), &e) == -1,
	    ERR_KEY, "there is no recipient in");
	FAILS(age_add_recipients_file(k, put_text("r", "#\n\nage1x\n", 0644),
	    &e) == -1, ERR_KEY, "r\" line 3: invalid recipient \"age1x\"");
	FAILS(age_add_recipients_file(k, put("r", "age1\0x\n", 7, 0644),
	    &e) == -1, ERR_KEY, "line 1: a NUL byte");
	age_add_recipients_file(k, put_text("r", MAKE_IDENTITY "\n", 0644),
	    &e);
	OK(is_silent());
	FAILS(e.kind == ERR_KEY, ERR_KEY, "line 1: a secret key");
	FAILS(age_add_recipients_file(k, "/nonexistent/file", &e) == -1,
	    ERR_ABSENT, "/nonexistent/file");
	age_keys_free(k);
	buf_free(&text);
	buf_wipe(&id);
}

static void
test_identity_file(void)
{
	struct age_keys *k = age_keys_new(&e);
	struct buf id = BUF_INIT(1000), out = BUF_INIT(1000);
	struct buf two = BUF_INIT(10000);
	char other[AGE_RECIPIENT_MAX];

	EQ(age_new_identity(&id, other, &e), 0);
	OK(strncmp(id.data, "# created: 20", 13) == 0);
	OK(strstr(id.data, "\n# public key: age1") != NULL);
	OK(strstr(id.data, "\nAGE-SECRET-KEY-1") != NULL);
	buf_fmt(&two, &e, "%s\n" MAKE_IDENTITY "\n", id.data);
	EQ(age_add_identity_file(k, put_text("i", two.data, 0600), &e), 0);
	EQ(k->identities, 2);
	EQ(age_add_identity_file(k, put_text("i", two.data, 0400), &e), 0);
	EQ(age_identity_recipients(put_text("i", two.data, 0600), &out, &e),
	    0);
	OK(strncmp(out.data, other, 62) == 0 && out.data[62] == '\n' &&
	    strncmp(out.data + 63, recipient, 62) == 0 && out.len == 126);
	FAILS(age_add_identity_file(k, put_text("i", two.data, 0640), &e) ==
	    -1, ERR_KEY, "group or others");
	FAILS(age_add_identity_file(k, put_text("i", "#\n", 0600), &e) == -1,
	    ERR_KEY, "there is no identity in");
	age_add_identity_file(k, put_text("i", "\n" MAKE_IDENTITY "A\n",
	    0600), &e);
	OK(is_silent());
	FAILS(e.kind == ERR_KEY, ERR_KEY, "line 2: not an age identity");
	FAILS(age_add_identity_file(k, put_text("i",
	    "-----BEGIN OPENSSH PRIVATE KEY-----\n", 0600), &e) == -1,
	    ERR_KEY, "not an age identity");
	FAILS(age_add_identity_file(k, "/nonexistent/file", &e) == -1,
	    ERR_ABSENT, "/nonexistent/file");
	FAILS(age_add_identity_file(k, folder, &e) == -1, ERR_SYS,
	    "not a regular file");
	buf_reset(&two);
	for (unsigned i = 0; i <= AGE_IDENTITIES_MAX; i++)
		buf_str(&two, MAKE_IDENTITY "\n", &e);
	FAILS(age_add_identity_file(k, put_text("i", two.data, 0600), &e) ==
	    -1, ERR_KEY, "more than 64 identities");
	age_keys_free(k);
	buf_wipe(&id);
	buf_wipe(&two);
	buf_free(&out);
}

/* An identity file under a passphrase, armored and not. */
static void
test_locked_identity(void)
{
	struct buf file = BUF_INIT(10000), armored = BUF_INIT(10000);
	struct age_keys *k = age_keys_new(&e);
	unsigned char *data;
	const char *text = "# ours\n" MAKE_IDENTITY "\n";
	unsigned char nonce[AGE_NONCE], key[AGE_KEY];

	make_file(&file, "$v$s$m" MAKE_NONCE);
	memcpy(nonce, MAKE_NONCE, sizeof nonce);
	age_payload_key(make_file_key, nonce, key);
	buf_reserve(&file, strlen(text) + AGE_TAG, &e);
	data = (unsigned char *)file.data + file.len;
	memcpy(data, text, strlen(text));
	age_seal(key, 0, true, data, strlen(text));
	file.len += strlen(text) + AGE_TAG;
	make_armor(&armored, file.data, file.len);

	FAILS(age_add_identity_file(k, put("l", file.data, file.len, 0600),
	    &e) == -1, ERR_KEY, "a passphrase is needed");
	age_set_passphrase(k, "wrong", 5, &e);
	FAILS(age_add_identity_file(k, put("l", file.data, file.len, 0600),
	    &e) == -1, ERR_KEY, "wrong passphrase");
	age_set_passphrase(k, MAKE_PASSPHRASE, strlen(MAKE_PASSPHRASE), &e);
	EQ(age_add_identity_file(k, put("l", file.data, file.len, 0600), &e),
	    0);
	EQ(age_add_identity_file(k, put("l", armored.data, armored.len,
	    0600), &e), 0);
	EQ(k->identities, 2);
	OK(memcmp(k->identity[1].point, make_ours.point, AGE_KEY) == 0);
	FAILS(age_add_identity_file(k, put("l", file.data, file.len - 1,
	    0600), &e) == -1, ERR_CORRUPT, "could not open identity file");
	buf_reset(&armored);
	FAILS(age_identity_recipients(put("l", file.data, file.len, 0600),
	    &armored, &e) == -1, ERR_KEY, "is itself encrypted");
	age_keys_free(k);
	buf_wipe(&file);
	buf_wipe(&armored);
}

static void
test_passphrase_file(void)
{
	struct age_keys *k = age_keys_new(&e);
	char text[AGE_PASSPHRASE_MAX + 3];

	EQ(age_add_passphrase_file(k, put_text("p", "a b \r\nmore\n", 0600),
	    &e), 0);
	OK(k->passphrase_len == 4 && memcmp(k->passphrase, "a b ", 4) == 0);
	EQ(age_add_passphrase_file(k, put_text("p", "open", 0600), &e), 0);
	OK(k->passphrase_len == 4 && memcmp(k->passphrase, "open", 4) == 0);
	FAILS(age_add_passphrase_file(k, put_text("p", "open", 0644), &e) ==
	    -1, ERR_KEY, "group or others");
	FAILS(age_add_passphrase_file(k, put_text("p", "", 0600), &e) == -1,
	    ERR_KEY, "empty");
	FAILS(age_add_passphrase_file(k, put_text("p", "\nsecond", 0600),
	    &e) == -1, ERR_KEY, "empty");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	FAILS(age_add_passphrase_file(k, put_text("p", text, 0600), &e) ==
	    -1, ERR_KEY, "longer than 1024 bytes");
	text[AGE_PASSPHRASE_MAX] = '\n';
	EQ(age_add_passphrase_file(k, put_text("p", text, 0600), &e), 0);
	age_keys_free(k);
}

static void
test_stdin(void)
{
	struct age_keys *k = age_keys_new(&e);
	int fd = open(put_text("s", "# x\n" MAKE_IDENTITY "\n", 0644),
	    O_RDONLY);

	dup2(fd, STDIN_FILENO);
	close(fd);
	EQ(age_add_identity_file(k, "-", &e), 0);
	EQ(k->identities, 1);
	fd = open(put_text("s", "age1y\n", 0644), O_RDONLY);
	dup2(fd, STDIN_FILENO);
	close(fd);
	FAILS(age_add_recipients_file(k, "-", &e) == -1, ERR_KEY,
	    "\"stdin\" line 1: invalid");
	age_keys_free(k);
}

int
main(void)
{
	struct age_keys *k = age_keys_new(&e);
	char command[64];

	make_keys(k);
	make_recipient(recipient);
	age_keys_free(k);
	if (mkdtemp(folder) == NULL)
		abort();
	test_bech32();
	test_recipients();
	test_recipients_file();
	test_identity_file();
	test_locked_identity();
	test_passphrase_file();
	test_stdin();
	EQ(e.kind, ERR_NONE);
	snprintf(command, sizeof command, "rm -r %s", folder);
	EQ(system(command), 0);
	return done();
}
