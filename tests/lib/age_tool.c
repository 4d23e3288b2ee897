/*
 * age: what the age tool writes is read here, and what is written here the
 * age tool reads. Skipped where it is not installed.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "age/age_int.h"
#include "fsx/fsx.h"
#include "tap.h"
#include "tty.h"

#define PEOPLE 3
#define SIZES 7

static const size_t sizes[SIZES] = { 0, 1, 65535, 65536, 65537, 131072,
	(1 << 20) + 3 };

static struct err e;
static char *data; /* the largest plain file */
static struct {
	char recipient[AGE_RECIPIENT_MAX];
	struct age_keys *keys; /* this one alone */
} people[PEOPLE];

static bool run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool
run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

static void
save(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || fsx_write(fd, bytes, len, path, &e) == -1)
		abort();
	close(fd);
}

static bool
holds(const char *path, size_t len)
{
	struct buf got = BUF_INIT(4 << 20);
	bool same = fsx_slurp(path, got.max, 0, &got, &e) == 0 &&
	    got.len == len && memcmp(got.data, data, len) == 0;

	buf_free(&got);
	return same;
}

static bool
we_write(const struct age_keys *to, unsigned threads, size_t len)
{
	int fd = open("ours.age", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct sink *s = age_writer(sink_fd(fd, "ours.age", &e), to, threads,
	    &e);
	bool good = s != NULL && sink_write(s, data, len, &e) == 0 &&
	    sink_finish(s, &e) == 0;

	sink_free(s);
	close(fd);
	return good;
}

/* As a stream, and at random unless it is armored. */
static bool
we_read(const char *path, const struct age_keys *with, size_t len,
    bool armored)
{
	struct buf got = BUF_INIT(4 << 20);
	struct sink *s = age_reader(sink_buf(&got, &e), with, &e);
	int fd = open(path, O_RDONLY);
	bool good = sink_send_fd(fd, path, s, &e) == 0 &&
	    sink_finish(s, &e) == 0 && got.len == len &&
	    memcmp(got.data ? got.data : "", data, len) == 0;

	sink_free(s);
	if (good && !armored) {
		struct blob *b = age_open(blob_fd(fd, path, &e), with, &e);

		memset(got.data ? got.data : (char[1]){ 0 }, 0, got.len);
		good = b != NULL && b->size == len &&
		    blob_read(b, 0, got.data, len, &e) == 0 &&
		    (len == 0 || memcmp(got.data, data, len) == 0);
		blob_free(b);
	} else {
		close(fd);
	}
	buf_free(&got);
	return good;
}

static void
make_people(void)
{
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct buf id = BUF_INIT(1000);
		char path[32];

		/* the first is made by age-keygen, the others by us */
		snprintf(path, sizeof path, "id%u", i);
		people[i].keys = age_keys_new(&e);
		if (i == 0) {
			struct buf text = BUF_INIT(100);

			OK(run("age-keygen -o %s 2>/dev/null", path));
			EQ(age_identity_recipients(path, &text, &e), 0);
			text.data[62] = '\0';
			strcpy(people[i].recipient, text.data);
			buf_free(&text);
		} else {
			age_new_identity(&id, people[i].recipient, &e);
			save(path, id.data, id.len);
		}
		EQ(age_add_identity_file(people[i].keys, path, &e), 0);
		OK(run("test \"$(age-keygen -y %s)\" = %s", path,
		    people[i].recipient));
		buf_wipe(&id);
	}
}

static void
test_recipients(unsigned count)
{
	struct age_keys *to = age_keys_new(&e);
	unsigned good = 0, tried = 0;
	char words[512] = "";

	for (unsigned i = 0; i < count; i++) {
		age_add_recipient(to, people[i].recipient, &e);
		snprintf(words + strlen(words), sizeof words - strlen(words),
		    " -r %s", people[i].recipient);
	}
	for (unsigned s = 0; s < SIZES; s++) {
		bool armor = s % 2 == 1;

		save("plain", data, sizes[s]);
		good += run("age%s -o theirs.age plain", words);
		good += !armor || run("age -a%s -o theirs.asc plain", words);
		good += we_write(to, 1 + s % 4, sizes[s]);
		for (unsigned i = 0; i < count; i++) {
			good += we_read("theirs.age", people[i].keys,
			    sizes[s], false);
			good += !armor || we_read("theirs.asc",
			    people[i].keys, sizes[s], true);
			good += run("age -d -i id%u ours.age >back", i) &&
			    holds("back", sizes[s]);
			tried += 3;
		}
		tried += 3;
		run("rm -f theirs.age theirs.asc ours.age back");
	}
	EQ(good, tried);
	age_keys_free(to);
}

/* The one whose recipient was not given opens nothing. */
static void
test_stranger(void)
{
	save("plain", data, 100);
	OK(run("age -r %s -o theirs.age plain", people[0].recipient));
	OK(!we_read("theirs.age", people[1].keys, 100, false));
	FAILS(e.kind == ERR_KEY, ERR_KEY, "no identity of ours");
	OK(run("cat id2 | age -r %s -o more.age", people[0].recipient));
	OK(!we_read("more.age", people[1].keys, 100, false));
	FAILS(e.kind == ERR_KEY, ERR_KEY, "no identity of ours");
	/* an identity file to the first opens with the first's identity */
	OK(run("chmod 600 more.age"));
	EQ(age_add_identity_file(people[0].keys, "more.age", &e), 0);
	EQ(people[0].keys->identities, 2);
}

static int
run_age(void *arg)
{
	char *const *argv = arg;

	execvp(argv[0], argv);
	return 127;
}

static void
test_passphrase(void)
{
	static const struct tty_step twice[] = {
		{ "assphrase", "open sesame\n", 0 },
		{ "onfirm", "open sesame\n", 0 }, { 0 } };
	static const struct tty_step once[] = {
		{ "assphrase", "open sesame\n", 0 }, { 0 } };
	static const char *const encrypt[] = { "age", "-p", "-o",
		"theirs.age", "plain", NULL };
	static const char *const decrypt[] = { "age", "-d", "-o", "back",
		"ours.age", NULL };
	struct age_keys *k = age_keys_new(&e);
	char seen[TTY_SEEN];

	save("pass", "open sesame\n", 12);
	EQ(age_add_passphrase_file(k, "pass", &e), 0);
	save("plain", data, 70000);
	run("rm -f theirs.age back");
	EQ(tty_run(run_age, (void *)(uintptr_t)encrypt, twice, seen), 0);
	OK(we_read("theirs.age", k, 70000, false));
	OK(we_write(k, 2, 70000));
	EQ(tty_run(run_age, (void *)(uintptr_t)decrypt, once, seen), 0);
	OK(holds("back", 70000));
	OK(!we_read("theirs.age", people[0].keys, 70000, false));
	FAILS(e.kind == ERR_KEY, ERR_KEY, "a passphrase is needed");
	age_keys_free(k);
}

/* A note is there for all to read, and in nobody's way. */
static void
test_note(void)
{
	static const char sum[32] = "0123456789abcdef0123456789ABCDE\xff";
	struct age_keys *to = age_keys_new(&e), *pass = age_keys_new(&e);
	struct buf out = BUF_INIT(100000), got = BUF_INIT(100000);
	char found[32] = "";
	struct blob *b;
	struct sink *s;

	for (unsigned i = 0; i < PEOPLE; i++)
		age_add_recipient(to, people[i].recipient, &e);
	s = age_writer_noted(sink_buf(&out, &e), to, 2, "pgk.blake2b", sum,
	    sizeof sum, &e);
	OK(s != NULL && sink_write(s, data, 70000, &e) == 0 &&
	    sink_finish(s, &e) == 0);
	sink_free(s);
	save("ours.age", out.data, out.len);
	run("rm -f back");
	OK(run("age -d -i id1 ours.age >back") && holds("back", 70000));
	OK(we_read("ours.age", people[1].keys, 70000, false));
	b = blob_mem(out.data, out.len, &e);
	EQ(age_note(b, "pgk.blake2b", found, 32, &e), 1);
	OK(memcmp(found, sum, 32) == 0);
	EQ(age_note(b, "pgk.blake2", found, 32, &e), 0);
	FAILS(age_note(b, "pgk.blake2b", found, 31, &e) == -1, ERR_CORRUPT,
	    "note");
	blob_free(b);
	/* it cannot be changed unnoticed */
	memcpy(strstr(out.data, "pgk.blake2b MDEy") + 12, "NDEy", 4);
	s = age_reader(sink_buf(&got, &e), people[1].keys, &e);
	FAILS(sink_write(s, out.data, out.len, &e) == -1, ERR_CORRUPT,
	    "authentication code");
	sink_free(s);
	b = blob_mem("age-encryption.org/v1\n-> X", 26, &e);
	FAILS(age_note(b, "x", found, 32, &e) == -1, ERR_CORRUPT, "early");
	blob_free(b);
	b = blob_mem("plain", 5, &e);
	FAILS(age_note(b, "x", found, 32, &e) == -1, ERR_CORRUPT,
	    "not an age file");
	blob_free(b);
	save("pass", "open sesame\n", 12);
	age_add_passphrase_file(pass, "pass", &e);
	FAILS(age_writer_noted(sink_null(&e), pass, 1, "x", sum, 1,
	    &e) == NULL, ERR_KEY, "note");
	buf_free(&out);
	buf_free(&got);
	age_keys_free(to);
	age_keys_free(pass);
}

int
main(void)
{
	char folder[] = "/tmp/pgk-age.XXXXXX";

	if (!run("command -v age age-keygen >/dev/null")) {
		printf("1..0 # SKIP age is not installed\n");
		return 0;
	}
	data = malloc(sizes[SIZES - 1]);
	for (size_t i = 0; i < sizes[SIZES - 1]; i++)
		data[i] = (char)(i * i >> 7);
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		abort();
	make_people();
	test_recipients(1);
	test_recipients(PEOPLE);
	test_note();
	test_stranger();
	test_passphrase();
	EQ(e.kind, ERR_NONE);
	for (unsigned i = 0; i < PEOPLE; i++)
		age_keys_free(people[i].keys);
	free(data);
	OK(chdir("/") == 0 && run("rm -r %s", folder));
	return done();
}
