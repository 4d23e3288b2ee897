/*
 * Any bytes as a signature, a public key and a secret key of minisign. Only
 * the signature that was made may pass, whatever its untrusted comment says.
 */
#include "fuzz.h"

#include "sign/sign_int.h"

#define DATA "data"

static struct sign_key *key;
static struct sign_trust *trust;
static struct buf secret = BUF_INIT(1000), public = BUF_INIT(1000);
static struct buf sig = BUF_INIT(1000);

static void
prepare(void)
{
	struct err e = ERR_INIT;

	if (key != NULL)
		return;
	key = malloc(sizeof *key);
	trust = sign_trust_new(&e);
	if (sign_new(&secret, &public, &e) == -1 || sign_key_parse(key,
	    secret.data, secret.len, "key", &e) == -1 || sign_trust_parse(
	    trust, public.data, public.len, "key", &e) == -1 || sign_data(
	    key, DATA, strlen(DATA), "comment", &sig, &e) == -1)
		abort();
}

/* From the second line on, without regard to CR and to ends of lines. */
static size_t
essence(const char *text, size_t len, char *out)
{
	const char *nl = memchr(text, '\n', len);
	size_t n = 0;

	for (const char *p = nl; p != NULL && p < text + len; p++)
		if (*p != '\r' && *p != '\n')
			out[n++] = *p;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char a[SIGN_FILE_MAX], b[SIGN_FILE_MAX];
	const char *text = (const char *)data;
	struct sign_key any;
	struct err e = ERR_INIT;

	prepare();
	if (len > sizeof a)
		return 0;
	if (sign_verify(trust, DATA, strlen(DATA), text, len, &e) == 0) {
		size_t n = essence(text, len, a);

		if (n != essence(sig.data, sig.len, b) ||
		    memcmp(a, b, n) != 0)
			abort();
	} else if (e.kind != ERR_CORRUPT) {
		abort();
	}
	err_clear(&e);
	if (sign_trust_parse(trust, text, len, "x", &e) == 0)
		trust->count = 1;
	else if (e.kind != ERR_KEY)
		abort();
	err_clear(&e);
	if (sign_key_parse(&any, text, len, "x", &e) == 0 &&
	    memcmp(any.secret, key->secret, sizeof any.secret) != 0)
		abort();
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	(void)max;
	prepare();
	out[0] = (struct fuzz_seed){ sig.data, sig.len };
	out[1] = (struct fuzz_seed){ secret.data, secret.len };
	out[2] = (struct fuzz_seed){ public.data, public.len };
	return 3;
}
