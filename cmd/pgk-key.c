/*
 * pgk-key: makes age identities and minisign keys, prints recipients.
 *
 * It reads no configuration: keys are made before there is one. Signals keep
 * their ordinary effect, since nothing lasts but reading stdin.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "age/age.h"
#include "cli/cli.h"
#include "fsx/fsx.h"
#include "log/log.h"
#include "opt/opt.h"
#include "sign/sign.h"

#define KEY_TEXT_MAX 1024 /* of one key file that we make */
#define RECIPIENTS_TEXT_MAX ((size_t)1 << 20)

static const char *output;

static const struct opt options[] = {
	{ 'o', "output", "FILE", "write the secret key to FILE (mode 0600), "
	    "which must not exist", NULL, NULL, &output, "FILE" },
	{ .name = NULL },
};

static const struct opt *const tables[] = { options, NULL };

static const struct opt_tool description = {
	.name = "pgk-key",
	.purpose = "Makes keys for encrypted and signed backups.",
	.usage = "new [-o FILE]\nrecipient [FILE|-]\nnew-signing -o FILE",
	.tables = tables,
	.operands_min = 1,
	.operands_max = 2,
	.version = CLI_VERSION,
};

/* Keys pass through our memory: no core file may hold them. */
static int
no_core(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0) == -1)
		return err_sys(e, "could not forbid core files");
	return 0;
}

/* A key file on its way to its name. */
struct key_file {
	const char *path, *name; /* name: the last part of path */
	int dirfd;
	struct fsx_new *file;
};

#define KEY_FILE_INIT { NULL, NULL, -1, NULL }

static void
key_file_close(struct key_file *f)
{
	fsx_new_free(f->file);
	fsx_close(f->dirfd);
}

static int
refuse_existing(const char *path, struct err *e)
{
	err_clear(e);
	err_set(e, ERR_REFUSED, "\"%s\" exists already", path);
	return err_hint(e, "a key that is lost makes its backups worthless: "
	    "choose another name, or move the old key away");
}

/* Write `text` beside `path`, which must not exist. */
static int
key_file_write(struct key_file *f, const char *path, int flags,
    const struct buf *text, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char *folder;

	f->path = path;
	f->name = slash != NULL ? slash + 1 : path;
	if (*f->name == '\0')
		return err_set(e, ERR_USAGE, "\"%s\" is not a file name",
		    path);
	folder = slash == NULL ? strdup(".") : slash == path ? strdup("/") :
	    strndup(path, (size_t)(slash - path));
	if (folder == NULL)
		return err_nomem(e);
	f->dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dirfd == -1)
		err_sys(e, "could not open folder \"%s\"", folder);
	free(folder);
	if (f->dirfd == -1)
		return -1;
	if (fstatat(f->dirfd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return refuse_existing(path, e);
	if ((f->file = fsx_new_begin(f->dirfd, f->name, flags, e)) == NULL)
		return -1;
	return fsx_write(fsx_new_fd(f->file), text->data, text->len, path, e);
}

static int
key_file_publish(struct key_file *f, struct err *e)
{
	if (fsx_new_publish(f->file, e) == 0)
		return 0;
	/* another made it meanwhile */
	return e->kind == ERR_BUSY ? refuse_existing(f->path, e) : -1;
}

static int
write_stdout(const struct buf *text, struct err *e)
{
	return fsx_write(STDOUT_FILENO, text->data, text->len, "stdout", e);
}

/* The shell made the file behind stdout, perhaps for all to read. */
static void
warn_of_readers(void)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		log_warning("the secret key was written to a file that "
		    "others may read");
}

static int
key_new(const char *operand, struct err *e)
{
	struct buf text = BUF_INIT(KEY_TEXT_MAX);
	struct key_file f = KEY_FILE_INIT;
	char recipient[AGE_RECIPIENT_MAX];
	int rc = -1;

	if (operand != NULL)
		return err_set(e, ERR_USAGE, "unexpected word \"%s\"",
		    operand);
	if (age_new_identity(&text, recipient, e) == -1)
		goto done;
	if (output == NULL || strcmp(output, "-") == 0) {
		if (write_stdout(&text, e) == -1)
			goto done;
		warn_of_readers();
	} else if (key_file_write(&f, output, 0, &text, e) == -1 ||
	    key_file_publish(&f, e) == -1) {
		goto done;
	}
	fprintf(stderr, "Public key: %s\n", recipient);
	rc = 0;
done:
	key_file_close(&f);
	buf_wipe(&text);
	return rc;
}

static int
key_recipient(const char *operand, struct err *e)
{
	struct buf text = BUF_INIT(RECIPIENTS_TEXT_MAX);
	int rc = -1;

	if (output != NULL)
		return err_set(e, ERR_USAGE,
		    "option \"--output\" is for new keys");
	if (age_identity_recipients(operand != NULL ? operand : "-", &text,
	    e) == 0)
		rc = write_stdout(&text, e);
	buf_free(&text);
	return rc;
}

/* FILE first: minisign -R makes FILE.pub again should we die in between. */
static int
publish_both(struct key_file *secret, struct key_file *public, struct err *e)
{
	if (key_file_publish(secret, e) == -1)
		return -1;
	if (key_file_publish(public, e) == 0)
		return 0;
	unlinkat(secret->dirfd, secret->name, 0); /* nobody has used it */
	return -1;
}

static int
key_new_signing(const char *operand, struct err *e)
{
	struct buf secret = BUF_INIT(KEY_TEXT_MAX);
	struct buf public = BUF_INIT(KEY_TEXT_MAX);
	struct key_file s = KEY_FILE_INIT, p = KEY_FILE_INIT;
	char *public_path = NULL;
	int rc = -1;

	if (operand != NULL)
		return err_set(e, ERR_USAGE, "unexpected word \"%s\"",
		    operand);
	if (output == NULL || strcmp(output, "-") == 0) {
		err_set(e, ERR_USAGE, "\"new-signing\" makes two files and "
		    "needs a name for them");
		return err_hint(e, "pgk-key new-signing -o FILE");
	}
	if (asprintf(&public_path, "%s.pub", output) == -1) {
		public_path = NULL;
		err_nomem(e);
		goto done;
	}
	if (sign_new(&secret, &public, e) == -1 ||
	    key_file_write(&s, output, 0, &secret, e) == -1 ||
	    key_file_write(&p, public_path, FSX_WORLD, &public, e) == -1 ||
	    publish_both(&s, &p, e) == -1)
		goto done;
	fprintf(stderr, "Public key: %s", strchr(public.data, '\n') + 1);
	rc = 0;
done:
	key_file_close(&s);
	key_file_close(&p);
	free(public_path);
	buf_wipe(&secret);
	buf_free(&public);
	return rc;
}

static int
act(const char *verb, const char *operand, struct err *e)
{
	static const struct {
		const char *name;
		int (*run)(const char *operand, struct err *e);
	} verbs[] = { { "new", key_new }, { "recipient", key_recipient },
		{ "new-signing", key_new_signing } };

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return verbs[i].run(operand, e);
	err_set(e, ERR_USAGE, "unknown word \"%s\"", verb);
	return err_hint(e, "new, recipient or new-signing");
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	const char *const *words;
	unsigned count;
	bool done;

	log_open(description.name, LOG_LEVEL_WARNING);
	if (fsx_std_fds(&e) == 0 && no_core(&e) == 0 &&
	    opt_parse(&description, argc, argv, &done, &words, &count,
	    &e) == 0 && !done)
		act(words[0], count > 1 ? words[1] : NULL, &e);
	if (fflush(stdout) == EOF)
		err_sys(&e, "could not write to stdout");
	if (e.kind != ERR_NONE)
		log_error(&e);
	return e.kind != ERR_NONE ? err_status(e.kind) :
	    log_warnings() > 0 ? 3 : 0;
}
