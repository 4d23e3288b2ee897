/*
 * age: files as the age v1 specification says (age-encryption.org/v1), with
 * X25519 recipients and scrypt passphrases; `age -d` opens what is written
 * here, and what age wrote is read here. Armor is read, not written.
 *
 * Secrets live in locked memory that is wiped when released.
 */
#ifndef PGK_AGE_H
#define PGK_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "sink/sink.h"

#define AGE_CHUNK 65536
#define AGE_RECIPIENT_MAX 64 /* bytes of "age1..." with its NUL */
#define AGE_RECIPIENTS_MAX 64
#define AGE_WORK_WRITE 18    /* scrypt log2(N) written: 256 MiB, about 1 s */
#define AGE_WORK_READ_MAX 20 /* read: more is refused */

/*
 * age_keys: whom to encrypt to, and what opens files. A passphrase stands
 * alone among recipients, as the specification demands.
 */
struct age_keys;
struct age_keys *age_keys_new(struct err *e);
void age_keys_free(struct age_keys *k); /* NULL ok */

/*
 * "age1...": ERR_KEY when it is not one (a secret key pasted is said so, and
 * not repeated). One that is there already is not added again.
 */
int age_add_recipient(struct age_keys *k, const char *word, struct err *e);

/*
 * A recipients file, one a line, '#' comments; and an identity file,
 * "AGE-SECRET-KEY-1..." a line, which must be private (fsx.h FSX_PRIVATE).
 * `path` "-" is stdin. ERR_KEY with file and line, never the line's text,
 * and when there is none in it. An identity file that is itself encrypted
 * (armored or not) is opened with the passphrase or the identities added
 * before. After a failure some of the file may have been added.
 */
int age_add_recipients_file(struct age_keys *k, const char *path,
    struct err *e);
int age_add_identity_file(struct age_keys *k, const char *path,
    struct err *e);

/*
 * The first line of a private file, or asked for on the terminal (/dev/tty)
 * without echo, twice with `confirm`: ERR_KEY when there is no terminal,
 * ERR_STOPPED when a signal came (stop.h; the terminal is as it was).
 * ERR_KEY beside recipients.
 */
int age_add_passphrase_file(struct age_keys *k, const char *path,
    struct err *e);
int age_ask_passphrase(struct age_keys *k, bool confirm, struct err *e);

/* How many recipients, and the i-th as text (borrowed); for the .json. */
unsigned age_recipients(const struct age_keys *k);
const char *age_recipient(const struct age_keys *k, unsigned i);
bool age_has_passphrase(const struct age_keys *k);
bool age_can_open(const struct age_keys *k); /* any identity or passphrase */

/* Whether an identity of ours is the secret of this recipient, "age1...". */
bool age_is_ours(const struct age_keys *k, const char *recipient);

/*
 * Encrypt: a stage writing the header at once and then chunks of AGE_CHUNK
 * encrypted on `threads` threads. ERR_KEY without recipient or passphrase.
 * Holds at most 2 * threads + 1 MiB; with a passphrase the constructor takes
 * 256 MiB for a second. `k` is only needed during the call.
 */
struct sink *age_writer(struct sink *next, const struct age_keys *k,
    unsigned threads, struct err *e);

/*
 * The same with a note in the header: a stanza "-> NAME VALUE" (base64) without
 * a body, which readers of age pass over. It can be read without a key, and
 * the header's authentication covers it. `size` is 1 to AGE_NOTE_MAX. ERR_KEY
 * with a passphrase, beside which no other stanza may stand.
 */
#define AGE_NOTE_MAX 32
/* age_writer() with it. */
struct sink *age_writer_noted(struct sink *next, const struct age_keys *k,
    unsigned threads, const char *name, const void *value, size_t size,
    struct err *e);

/*
 * Read a note of exactly `size` bytes from a file's header, which is not
 * authenticated here: 1, or 0 when there is none; -1 with ERR_CORRUPT when
 * the file has no header of age's. Armor is not read.
 */
struct blob;
int age_note(struct blob *b, const char *name, void *value, size_t size,
    struct err *e);

/*
 * Decrypt a stream, armored or not. A chunk is handed on only once it is
 * authentic; finish fails with ERR_CORRUPT when the end is missing or bytes
 * follow it, so what was handed on is whole only after finish. ERR_KEY: no
 * key of ours opens it, or the passphrase wants more work than
 * AGE_WORK_READ_MAX. `k` (NULL: none, which is ERR_KEY) is borrowed until
 * the header has been read, at the latest until the stage is freed.
 */
struct sink *age_reader(struct sink *next, const struct age_keys *k,
    struct err *e);

/*
 * Decrypt by ranges: a blob of the plain bytes, its size known from the
 * stored size after the last chunk proved to be the last: a file that was
 * cut is ERR_CORRUPT here. `inner` is taken (freed on failure too; NULL is
 * passed through). Armor: ERR_CORRUPT with a hint. `k` (NULL: none) is only
 * needed during the call. Many threads may read at once; each read takes
 * one chunk's memory and decrypts whole chunks straight into `data`, which
 * holds nothing unauthentic after a failure.
 */
struct blob *age_open(struct blob *inner, const struct age_keys *k,
    struct err *e);

/*
 * Whether these first bytes (22 are enough) begin an age file, of whatever
 * version; *armored is set if so. Armor behind white space is not noticed
 * here, though age_reader() takes it.
 */
bool age_sniff(const void *data, size_t len, bool *armored);

/*
 * A new identity as age-keygen writes it ("# created: ...", "# public key:
 * ...", the key), appended in one go to `out`, which should be empty: wipe
 * it with buf_wipe().
 */
int age_new_identity(struct buf *out, char recipient[AGE_RECIPIENT_MAX],
    struct err *e);

/*
 * Recipients of all identities of a file ("-" is stdin), one a line, appended
 * to `out`. Errors as age_add_identity_file(); an encrypted file is ERR_KEY.
 */
int age_identity_recipients(const char *path, struct buf *out,
    struct err *e);

#endif
