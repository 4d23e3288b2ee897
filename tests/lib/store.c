#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "store/store.h"
#include "tap.h"

static struct err e;
static char top[64] = "/tmp/pgk-store-XXXXXX";

static void
touch(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0)
		abort();
}

static int
add_name(void *ctx, const char *name, uint64_t size, struct err *err)
{
	return buf_fmt(ctx, err, "%s:%llu ", name, (unsigned long long)size);
}

/* The names of a folder, hidden ones as well if `all`, as one string. */
static const char *
names(struct store *s, const char *folder)
{
	static struct buf b = BUF_INIT(65536);

	buf_reset(&b);
	buf_str(&b, "", &e);
	if (store_list(s, folder, add_name, &b, &e) == -1)
		return e.text;
	return b.data;
}

static const char *
folders(struct store *s, const char *folder)
{
	static struct buf b = BUF_INIT(65536);

	buf_reset(&b);
	buf_str(&b, "", &e);
	if (store_list_folders(s, folder, add_name, &b, &e) == -1)
		return e.text;
	return b.data;
}

static void
test_names(void)
{
	static const char *const good[] = { "a", "full/x.json",
		"A/b/c/d/e/f/g/h", "a-b", "_",
		"full/%EA%B0%80_full_20250127_030000.sql.gz.age" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "a/..", "../a", "a/../b", ".a", "a/.b", "-a", "a/-b",
		"a b", "a\nb", "a\\b", "\xea\xb0\x80", "a*", "a:b",
		"1/2/3/4/5/6/7/8/9" };
	char part[257];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		EQ(store_check_name(good[i], &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(store_check_name(bad[i], &e) == -1, ERR_USAGE, "name");
	memset(part, 'a', 256);
	part[255] = '\0';
	EQ(store_check_name(part, &e), 0);
	part[255] = 'a';
	part[256] = '\0';
	FAILS(store_check_name(part, &e) == -1, ERR_USAGE, "name");
}

static void
test_open(void)
{
	struct store *s;

	FAILS(store_open("", 0, &e) == NULL, ERR_USAGE, "empty");
	FAILS(store_open("s3://b/p", 0, &e) == NULL, ERR_USAGE, "known kind");
	FAILS(store_open("file://host/p", 0, &e) == NULL, ERR_USAGE, "host");
	FAILS(store_open("no/such", STORE_CREATE, &e) == NULL, ERR_ABSENT,
	    "no folder");
	FAILS(store_open("new", 0, &e) == NULL, ERR_ABSENT, "new");
	s = store_open("./new/", STORE_CREATE, &e);
	OK(s != NULL);
	IS(store_url(s), "./new/");
	store_close(s);
	EQ(symlink("new", "link"), 0);
	FAILS(store_open("link", 0, &e) == NULL, ERR_REFUSED, "symbolic");
	FAILS(store_open("link/", 0, &e) == NULL, ERR_REFUSED, "symbolic");
	touch("file", "");
	FAILS(store_open("file", 0, &e) == NULL, ERR_SYS, "file");
	mkdir("wide", 0700);
	chmod("wide", 0770);
	FAILS(store_open("wide", 0, &e) == NULL, ERR_REFUSED, "group");
	chmod("wide", 0702);
	FAILS(store_open("wide", 0, &e) == NULL, ERR_REFUSED, "others");
	chmod("wide", 0755);
	s = store_open("wide", 0, &e);
	OK(s != NULL);
	store_close(s);
	if (geteuid() == 0) {
		mkdir("theirs", 0700);
		if (chown("theirs", 65534, 65534) == 0)
			FAILS(store_open("theirs", 0, &e) == NULL,
			    ERR_REFUSED, "another user");
	}
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
test_objects(struct store *s)
{
	struct buf b = BUF_INIT(1000);
	char text[8] = { 0 };
	struct sink *out;
	struct blob *in;

	umask(0);
	IS(names(s, "full"), "");
	FAILS(store_get(s, "full/a", &e) == NULL, ERR_ABSENT, "full");
	FAILS(store_delete(s, "full/a", &e) == -1, ERR_ABSENT, "full");
	EQ(store_put_bytes(s, "full/b.json", "hello", 5, &e), 0);
	EQ(store_put_bytes(s, "full/a", "", 0, &e), 0);
	EQ(store_put_bytes(s, "full/B", "12", 2, &e), 0);
	EQ(store_put_bytes(s, "deep/er/x", "1", 1, &e), 0);
	EQ(mode_of("new/full"), 0700);
	EQ(mode_of("new/deep/er"), 0700);
	EQ(mode_of("new/full/b.json"), 0600);
	IS(names(s, "full"), "B:2 a:0 b.json:5 ");
	IS(names(s, "deep"), "");
	FAILS(store_put_bytes(s, "full/a", "x", 1, &e) == -1, ERR_BUSY,
	    "exists");
	EQ(store_sync(s, "full/a", &e), 0);
	FAILS(store_sync(s, "full/none", &e) == -1, ERR_ABSENT, "no object");
	FAILS(store_sync(s, "full/../a", &e) == -1, ERR_USAGE, "name");
	FAILS(store_put_bytes(s, "full/../a", "x", 1, &e) == -1, ERR_USAGE,
	    "name");

	/* nothing before finish, nothing without it */
	out = store_put(s, "full/c", &e);
	OK(out != NULL && sink_write(out, "abc", 3, &e) == 0);
	IS(names(s, "full"), "B:2 a:0 b.json:5 ");
	sink_free(out);
	IS(names(s, "full"), "B:2 a:0 b.json:5 ");

	EQ(store_get_bytes(s, "full/b.json", 5, &b, &e), 0);
	EQ(store_get_bytes(s, "full/a", 0, &b, &e), 0);
	IS(b.data, "hello");
	FAILS(store_get_bytes(s, "full/b.json", 4, &b, &e) == -1, ERR_CORRUPT,
	    "larger");
	buf_free(&b);
	in = store_get(s, "full/b.json", &e);
	OK(in != NULL && blob_read(in, 1, text, 3, &e) == 0);
	IS(text, "ell");
	FAILS(blob_read(in, 3, text, 3, &e) == -1, ERR_CORRUPT, "too early");
	blob_free(in);
	EQ(store_delete(s, "full/B", &e), 0);
	FAILS(store_delete(s, "full/B", &e) == -1, ERR_ABSENT, "full/B");
	IS(names(s, "full"), "a:0 b.json:5 ");
}

static void
test_marks(struct store *s)
{
	char mark[STORE_MARK_MAX], other[STORE_MARK_MAX];
	struct sink *out = store_put_marked(s, "full/m", mark, &e);

	OK(out != NULL && sink_finish(out, &e) == 0);
	sink_free(out);
	EQ(store_mark(s, "full/m", other, &e), 0);
	IS(mark, other);
	EQ(store_delete(s, "full/m", &e), 0);
	FAILS(store_mark(s, "full/m", other, &e) == -1, ERR_ABSENT, "full/m");
	FAILS(store_delete_marked(s, "full/m", mark, &e) == -1, ERR_ABSENT,
	    "full/m");
	/* a stranger's file may be given the same inode, never the mark */
	touch("new/full/m", "theirs");
	FAILS(store_delete_marked(s, "full/m", mark, &e) == -1, ERR_REFUSED,
	    "another object");
	EQ(store_mark(s, "full/m", other, &e), 0);
	EQ(store_delete_marked(s, "full/m", other, &e), 0);
}

/* Things that others put into the folder reach nothing outside. */
static void
test_hostile(struct store *s)
{
	touch("outside", "secret");
	mkdir("elsewhere", 0700);
	EQ(symlink("../../outside", "new/full/link"), 0);
	EQ(symlink("../elsewhere", "new/linked"), 0);
	mkfifo("new/full/fifo", 0600);
	mkdir("new/full/folder", 0700);
	touch("new/full/with space", "");
	touch("new/full/.hidden", "");
	IS(names(s, "full"), "a:0 b.json:5 ");
	FAILS(store_get(s, "full/link", &e) == NULL, ERR_REFUSED, "symbolic");
	FAILS(store_hold(s, "full/link", &e) == NULL, ERR_SYS, "link");
	FAILS(store_get(s, "full/fifo", &e) == NULL, ERR_SYS, "regular");
	FAILS(store_hold(s, "full/fifo", &e) == NULL, ERR_SYS, "regular");
	FAILS(store_put_bytes(s, "full/link", "x", 1, &e) == -1, ERR_BUSY,
	    "exists");
	FAILS(store_put_bytes(s, "linked/x", "x", 1, &e) == -1, ERR_REFUSED,
	    "symbolic");
	FAILS(store_get(s, "linked/x", &e) == NULL, ERR_REFUSED, "symbolic");
	names(s, "linked");
	FAILS(e.kind != ERR_NONE, ERR_REFUSED, "symbolic");
	FAILS(store_lock(s, "linked/x", &e) == NULL, ERR_REFUSED, "symbolic");
	chmod("new/full", 0777);
	FAILS(store_put_bytes(s, "full/x", "x", 1, &e) == -1, ERR_REFUSED,
	    "others");
	names(s, "full");
	FAILS(e.kind != ERR_NONE, ERR_REFUSED, "others");
	chmod("new/full", 0700);
	EQ(symlink("../../outside", "new/full/.lock-work"), 0);
	FAILS(store_lock(s, "full/work", &e) == NULL, ERR_SYS, "lock");
	unlink("new/full/.lock-work");
	unlink("new/full/link");
	unlink("new/full/fifo");
}

/* Run `act` in a child that holds what `how` takes until we are done. */
static pid_t
hold_in_child(struct store_lock *(*how)(struct store *, const char *,
    struct err *), const char *name)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		struct store *mine = store_open("new", 0, &e);

		if (mine == NULL || how(mine, name, &e) == NULL ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	OK(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	return pid;
}

static void
end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
test_locks(struct store *s)
{
	struct store_lock *a, *b;
	pid_t pid;

	a = store_lock(s, "full/work", &e);
	OK(a != NULL);
	FAILS(store_lock(s, "full/work", &e) == NULL, ERR_BUSY, "in use");
	b = store_lock(s, "full/other", &e);
	OK(b != NULL);
	store_unlock(a);
	store_unlock(b);
	pid = hold_in_child(store_lock, "full/work");
	FAILS(store_lock(s, "full/work", &e) == NULL, ERR_BUSY, "in use");
	end_child(pid);
	a = store_lock(s, "full/work", &e);
	OK(a != NULL);
	store_unlock(a);

	FAILS(store_hold(s, "full/none", &e) == NULL, ERR_ABSENT, "none");
	FAILS(store_seize(s, "full/none", &e) == NULL, ERR_ABSENT, "none");
	a = store_hold(s, "full/b.json", &e);
	b = store_hold(s, "full/b.json", &e);
	OK(a != NULL && b != NULL);
	FAILS(store_seize(s, "full/b.json", &e) == NULL, ERR_BUSY, "in use");
	store_unlock(a);
	FAILS(store_seize(s, "full/b.json", &e) == NULL, ERR_BUSY, "in use");
	store_unlock(b);
	a = store_seize(s, "full/b.json", &e);
	OK(a != NULL);
	FAILS(store_hold(s, "full/b.json", &e) == NULL, ERR_BUSY, "in use");
	EQ(store_delete(s, "full/b.json", &e), 0);
	FAILS(store_hold(s, "full/b.json", &e) == NULL, ERR_ABSENT, "b.json");
	store_unlock(a);
	IS(names(s, "full"), "a:0 ");
}

/* Leave a temporary behind as a killed writer does. */
static pid_t
writer_of(const char *name, bool die)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		struct store *mine = store_open("new", 0, &e);
		struct sink *out = store_put(mine, name, &e);

		if (out == NULL || sink_write(out, "x", 1, &e) == -1 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		if (!die)
			pause();
		_exit(0);
	}
	close(ready[1]);
	OK(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	if (die)
		waitpid(pid, NULL, 0);
	return pid;
}

static pid_t
writer(bool die)
{
	return writer_of("full/t", die);
}

static void
test_sweep(struct store *s)
{
	unsigned n = 0;
	pid_t live = writer(false);

	writer(true);
	writer(true);
	EQ(store_sweep(s, "full", true, &n, &e), 0);
	EQ(n, 2);
	EQ(store_sweep(s, "full", false, &n, &e), 0);
	EQ(n, 4);
	EQ(store_sweep(s, "full", false, &n, &e), 0);
	EQ(n, 4);
	end_child(live);
	EQ(store_sweep(s, "full", false, NULL, &e), 0);
	EQ(store_sweep(s, "full", false, &n, &e), 0);
	EQ(n, 4);
	EQ(store_sweep(s, "absent", false, &n, &e), 0);
	OK(access("new/full/.hidden", F_OK) == 0);
	IS(names(s, "full"), "a:0 ");
}

/* Writers that come and go while another process sweeps all the time. */
static void
test_sweep_race(struct store *s)
{
	pid_t pid = fork();
	char name[32];
	int bad = 0;

	if (pid == 0) {
		struct store *mine = store_open("new", 0, &e);

		while (store_sweep(mine, "race", false, NULL, &e) == 0)
			;
		_exit(1);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "race/%d", i);
		bad += store_put_bytes(s, name, "x", 1, &e) == -1;
	}
	EQ(bad, 0);
	if (bad > 0)
		printf("# %s\n", e.text);
	err_clear(&e);
	EQ(waitpid(pid, NULL, WNOHANG), 0);
	end_child(pid);
}

/* A folder within one is there while something lies in it. */
static void
test_folders(struct store *s)
{
	struct sink *out;
	unsigned n = 0;

	EQ(store_put_bytes(s, "kind/set/a", "1", 1, &e), 0);
	EQ(store_put_bytes(s, "kind/set/b", "22", 2, &e), 0);
	EQ(store_put_bytes(s, "kind/x", "3", 1, &e), 0);
	mkdir("new/kind/.hidden", 0700);
	mkdir("new/kind/with space", 0700);
	EQ(symlink("set", "new/kind/link"), 0);
	IS(folders(s, "kind"), "set:0 ");
	IS(folders(s, "none"), "");
	FAILS(store_list_folders(s, "../kind", NULL, NULL, &e) == -1,
	    ERR_USAGE, "name");
	IS(names(s, "kind"), "x:1 ");
	IS(names(s, "kind/set"), "a:1 b:2 ");
	EQ(mode_of("new/kind/set"), 0700);
	EQ(store_delete(s, "kind/set/a", &e), 0);
	IS(folders(s, "kind"), "set:0 ");
	/* a stranger's file in it keeps it */
	touch("new/kind/set/.theirs", "");
	EQ(store_delete(s, "kind/set/b", &e), 0);
	IS(folders(s, "kind"), "set:0 ");
	unlink("new/kind/set/.theirs");
	EQ(store_put_bytes(s, "kind/set/b", "22", 2, &e), 0);
	EQ(store_delete(s, "kind/set/b", &e), 0);
	IS(folders(s, "kind"), "");
	/* that of a kind stays */
	EQ(store_delete(s, "kind/x", &e), 0);
	OK(access("new/kind", F_OK) == 0);
	/* a put without an end leaves nothing, a live one is in nobody's way */
	out = store_put(s, "kind/set/c", &e);
	OK(out != NULL);
	EQ(store_sweep(s, "kind/set", false, &n, &e), 0);
	EQ(n, 0);
	IS(folders(s, "kind"), "set:0 ");
	sink_free(out);
	IS(folders(s, "kind"), "");
	/* what a kill leaves */
	end_child(writer_of("kind/set/t", false));
	OK(access("new/kind/set", F_OK) == 0);
	EQ(store_sweep(s, "kind/set", true, &n, &e), 0);
	OK(access("new/kind/set", F_OK) == 0);
	EQ(store_sweep(s, "kind/set", false, &n, &e), 0);
	EQ(n, 2);
	OK(access("new/kind/set", F_OK) == -1);
	mkdir("new/kind/set", 0700);
	EQ(store_sweep(s, "kind/set", false, &n, &e), 0);
	OK(access("new/kind/set", F_OK) == 0);
	FAILS(store_delete(s, "kind/set/x", &e) == -1, ERR_ABSENT, "set/x");
	OK(access("new/kind/set", F_OK) == -1);
	unlink("new/kind/link");
}

/* Puts and locks while the folder goes again and again. */
static void
test_folder_race(struct store *s)
{
	const struct timespec nap = { 0, 3000000 };
	pid_t pid = fork();
	int bad = 0;

	if (pid == 0) {
		struct store *mine = store_open("new", 0, &e);

		/* it is not there, but its empty folder goes */
		for (;; err_clear(&e)) {
			store_delete(mine, "kind/race/none", &e);
			if (e.kind != ERR_ABSENT)
				_exit(1);
			nanosleep(&nap, NULL);
		}
	}
	for (int i = 0; i < 300; i++) {
		struct sink *out = store_put(s, "kind/race/dropped", &e);

		bad += out == NULL;
		sink_free(out);
		bad += store_put_bytes(s, "kind/race/x", "x", 1, &e) == -1 ||
		    store_delete(s, "kind/race/x", &e) == -1;
	}
	for (int i = 0; i < 100; i++) {
		struct store_lock *l = store_lock(s, "kind/race/x", &e);

		bad += l == NULL;
		store_unlock(l);
		unlink("new/kind/race/.lock-x");
		rmdir("new/kind/race");
	}
	EQ(bad, 0);
	if (bad > 0)
		printf("# %s\n", e.text);
	err_clear(&e);
	EQ(waitpid(pid, NULL, WNOHANG), 0);
	end_child(pid);
}

int
main(void)
{
	char command[128];
	struct store *s;

	if (mkdtemp(top) == NULL || chdir(top) == -1)
		return 1;
	test_names();
	test_open();
	s = store_open("new", 0, &e);
	test_objects(s);
	test_marks(s);
	test_hostile(s);
	test_locks(s);
	test_sweep(s);
	test_sweep_race(s);
	test_folders(s);
	test_folder_race(s);
	if (system("rm -rf new") == 0)
		FAILS(store_put_bytes(s, "full/x", "x", 1, &e) == -1, ERR_SYS,
		    "removed");
	names(s, "full");
	FAILS(e.kind != ERR_NONE, ERR_SYS, "removed");
	store_close(s);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return (chdir("/") == -1 || system(command) != 0) | done();
}
