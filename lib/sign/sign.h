/*
 * sign: signatures that `minisign -V` checks (Ed25519, prehashed with
 * BLAKE2b-512: algorithm "ED"; legacy "Ed" is read, not written), with
 * minisign's own key files.
 */
#ifndef PGK_SIGN_H
#define PGK_SIGN_H

#include <stddef.h>

#include "buf/buf.h"

struct sign_key;   /* a secret key, in locked memory */
struct sign_trust; /* one or more public keys */

/*
 * minisign's secret key file, private (FSX_PRIVATE). Only keys without a
 * password (minisign -G -W) can be used unattended: others are ERR_KEY with
 * that hint, and so are damaged ones.
 */
struct sign_key *sign_key_load(const char *path, struct err *e);
void sign_key_free(struct sign_key *k); /* NULL ok */

/*
 * Public keys, up to 64: minisign.pub's path or the base64 line "RW..."
 * itself. ERR_KEY when it is neither.
 */
struct sign_trust *sign_trust_new(struct err *e);
int sign_trust_add(struct sign_trust *t, const char *path_or_key,
    struct err *e);
void sign_trust_free(struct sign_trust *t); /* NULL ok */

/*
 * Append the text of a .minisig file for `data`. `comment` is the trusted
 * comment, which the signature covers: one line of at most 4096 bytes without
 * control characters, else ERR_USAGE.
 */
int sign_data(const struct sign_key *k, const void *data, size_t len,
    const char *comment, struct buf *out, struct err *e);

/*
 * ERR_CORRUPT unless `sig` (at most 16 KiB) is a signature of `data` by a
 * trusted key, its trusted comment included.
 */
int sign_verify(const struct sign_trust *t, const void *data, size_t len,
    const void *sig, size_t sig_len, struct err *e);

/*
 * A new key pair without password as two files of minisign, appended to
 * `secret`, which should be empty (wipe it with buf_wipe()), and `public`.
 */
int sign_new(struct buf *secret, struct buf *public, struct err *e);

#endif
