#include "source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "fsx/fsx.h"
#include "piece/piece.h"
#include "unpack/unpack.h"

void
source_close(struct source *s)
{
	blob_free(s->blob);
	fsx_close(s->fd);
	store_unlock(s->hold);
	repo_set_free(s->set);
	free(s->database);
	free(s->name);
	*s = (struct source)SOURCE_INIT;
}

/* `fd` is taken. */
static int
open_fd(struct source *s, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    lseek(fd, 0, SEEK_CUR) == 0) {
		s->blob = blob_fd(fd, s->name, e);
		return s->blob == NULL ? -1 : 0;
	}
	s->fd = fd;
	return 0;
}

static int
open_file(struct source *s, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no file \"%s\"",
		    path);
	if (fd == -1)
		return err_sys(e, "could not open \"%s\"", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		fsx_close(fd);
		return err_set(e, ERR_USAGE, "\"%s\" is a folder", path);
	}
	return open_fd(s, fd, e);
}

static int
open_set(struct source *s, struct cli *c, const char *word, const char *role,
    struct err *e)
{
	if (cli_open_repo(c, 0, e) == -1 ||
	    (s->set = repo_find(c->repo, word, &s->database, e)) == NULL ||
	    (s->hold = repo_hold(c->repo, s->set, e)) == NULL)
		return -1;
	free(s->name);
	if ((s->name = strdup(s->set->name)) == NULL)
		return err_nomem(e);
	s->object = repo_object(s->set, role);
	if (s->object == NULL) {
		err_set(e, ERR_ABSENT, "set \"%s\" has no object \"%s\"",
		    s->set->name, role);
		return s->set->kind != REPO_INCREMENTAL ? -1 : err_hint(e,
		    "it is a base backup: pgk-restore -D restores it");
	}
	s->blob = repo_object_open(c->repo, s->set, s->object, e);
	return s->blob == NULL ? -1 : 0;
}

int
source_open(struct source *s, struct cli *c, const char *word,
    const char *role, struct err *e)
{
	bool is_stdin = strcmp(word, "-") == 0;
	int fd;

	if ((s->name = strdup(is_stdin ? "stdin" : word)) == NULL)
		return err_nomem(e);
	if (is_stdin) {
		if ((fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
			return err_sys(e, "could not read stdin");
		return open_fd(s, fd, e);
	}
	if (repo_is_set_word(word) && access(word, F_OK) == -1)
		return open_set(s, c, word, role, e);
	return open_file(s, word, e);
}

static int
blame(const struct source *s, const struct age_keys *keys, struct err *e)
{
	if (s->set != NULL)
		repo_blame(s->set, keys, e);
	/* what is wrong with the data is said of the data, not of stdout */
	if (e->kind == ERR_CORRUPT || e->kind == ERR_KEY)
		err_prefix(e, "\"%s\"", s->object ? s->object->name : s->name);
	return -1;
}

int
source_unpack(struct source *s, const struct age_keys *keys, struct err *e)
{
	if (s->blob == NULL)
		return err_set(e, ERR_USAGE, "\"%s\" can only be read from "
		    "front to back: this needs a file", s->name);
	s->blob = unpack_blob(s->blob, keys, e);
	if (s->blob == NULL)
		return blame(s, keys, e);
	return 0;
}

/* stored bytes -> out, through the stages that undo what was done to them */
static int
send_stream(struct source *s, const struct age_keys *keys, struct sink *out,
    struct digest *sum, struct err *e)
{
	struct sink *in = digest_tee(unpack_stream(sink_keep(out, e), keys, 1,
	    e), sum, e);
	int rc = in == NULL ? -1 : s->blob != NULL ?
	    blob_send(s->blob, 0, s->blob->size, in, e) :
	    sink_send_fd(s->fd, s->name, in, e);

	if (rc == 0)
		rc = sink_finish(in, e);
	sink_free(in);
	return rc;
}

/* A part of the file outside of its pieces: a mark, the index. */
static int
send_part(struct blob *b, uint64_t from, uint64_t to, enum codec_kind kind,
    struct sink *out, struct err *e)
{
	struct sink *in = codec_reader(sink_keep(out, e), kind, e);
	int rc = in == NULL ? -1 : blob_send(b, from, to - from, in, e);

	if (rc == 0)
		rc = sink_finish(in, e);
	sink_free(in);
	return rc;
}

static int
send_pieces(struct blob *b, const struct piece_index *x, struct sink *out,
    struct err *e)
{
	struct piece_reader *r = piece_reader_new(b, x, e);
	uint64_t end = codec_mark_size(piece_codec(x));
	int rc = r == NULL ? -1 :
	    send_part(b, 0, end, piece_codec(x), out, e);

	for (size_t i = 0; rc == 0 && i < piece_count(x); i++) {
		rc = piece_read(r, piece_at(x, i), out, e);
		end = piece_at(x, i)->off + piece_at(x, i)->len;
	}
	if (rc == 0)
		rc = send_part(b, end, b->size, piece_codec(x), out, e);
	piece_reader_free(r);
	return rc;
}

/* A file that may be ours; 1 when it is not and is to be sent as a stream. */
static int
send_file(struct source *s, const struct age_keys *keys, struct sink *out,
    struct err *e)
{
	struct err why = ERR_INIT;
	struct piece_index *x;
	struct blob *b;
	int rc;

	/* an armored age file cannot be read anywhere: as a stream, then */
	if ((b = unpack_blob(s->blob, keys, &why)) == NULL) {
		s->blob = NULL;
		err_pass(e, &why);
		return -1;
	}
	s->blob = b;
	if ((x = piece_open(b, &why)) == NULL) {
		if (why.kind == ERR_ABSENT)
			return 1;
		err_pass(e, &why);
		return -1;
	}
	rc = send_pieces(b, x, out, e);
	piece_index_free(x);
	return rc;
}

static bool
is_armored(struct blob *b)
{
	unsigned char first[64];
	size_t n = b->size < sizeof first ? (size_t)b->size : sizeof first;
	struct err ignored = ERR_INIT;
	bool armored = false;

	return blob_read(b, 0, first, n, &ignored) == 0 &&
	    age_sniff(first, n, &armored) && armored;
}

static int
send_source(struct source *s, const struct age_keys *keys, struct sink *out,
    struct err *e)
{
	struct digest sum;
	int rc = 1;

	if (s->object == NULL && s->blob != NULL && !is_armored(s->blob))
		rc = send_file(s, keys, out, e);
	if (rc != 1)
		return rc;
	if (send_stream(s, keys, out, &sum, e) == -1)
		return -1;
	if (s->object != NULL && !digest_same(&sum, &s->object->sum))
		return err_set(e, ERR_CORRUPT, "its bytes are not those that "
		    "were stored");
	return 0;
}

int
source_send(struct source *s, const struct age_keys *keys, struct sink *out,
    struct err *e)
{
	return send_source(s, keys, out, e) == -1 ? blame(s, keys, e) : 0;
}
