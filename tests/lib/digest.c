#include <endian.h>

#include "digest/digest_int.h"

#include "stage.h"
#include "tap.h"

static struct err e = ERR_INIT;
static struct buf plain = BUF_INIT((size_t)64 << 20);
static char hex[DIGEST_HEX];

static void
known(void)
{
	struct digest d;

	digest_of("", 0, &d);
	IS(digest_hex(&d, hex), "0e5751c026e543b2e8ab2eb06099daa1"
	    "d1e5df47778f7787faab45cdf12fe3a8");
	digest_of("abc", 3, &d);
	IS(digest_hex(&d, hex), "bddd813c634239723171ef3fee98579b"
	    "94964e3bb1cb3e427262c8c068d52319");
}

/* In pieces of any size it is the sum of the whole, and that of b2sum. */
static void
streams(void)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 129, 1000000 };
	unsigned char *data = noise(1000000);

	for (unsigned i = 0; i < 6; i++) {
		struct digest whole, d;
		size_t n = sizes[i];
		struct blob *b = blob_mem(data, n, &e);

		digest_of(data, n, &whole);
		for (size_t cut = 0; cut < 200; cut += 63) {
			memset(&d, 0, sizeof d);
			buf_reset(&plain);
			OK(send_all(digest_tee(sink_buf(&plain, &e), &d, &e),
			    data, n, cut, &e) == 0);
			OK(digest_same(&d, &whole));
			OK(holds(&plain, data, n));
		}
		memset(&d, 0, sizeof d);
		OK(digest_blob(b, &d, &e) == 0);
		OK(digest_same(&d, &whole));
		blob_free(b);
		put_file("f", data, n);
		if (have("b2sum")) {
			OK(output(&plain, "b2sum -l 256 <f"));
			plain.data[64] = '\0';
			IS(plain.data, digest_hex(&d, hex));
		}
	}
	free(data);
}

static void
parsing(void)
{
	struct digest d, same;

	digest_of("abc", 3, &d);
	digest_hex(&d, hex);
	memset(&same, 0, sizeof same);
	OK(!digest_same(&d, &same));
	OK(digest_parse(hex, &same, &e) == 0);
	OK(digest_same(&d, &same));
	hex[0] = 'B'; /* one bit from 'b', and not what we write */
	FAILS(digest_parse(hex, &same, &e) == -1, ERR_CORRUPT, "\"B");
	OK(digest_same(&d, &same));
	digest_hex(&d, hex);
	hex[63] = '\0';
	FAILS(digest_parse(hex, &same, &e) == -1, ERR_CORRUPT, "checksum");
	digest_hex(&d, hex);
	hex[20] = 'g';
	FAILS(digest_parse(hex, &same, &e) == -1, ERR_CORRUPT, "checksum");
	hex[20] = ':';
	FAILS(digest_parse(hex, &same, &e) == -1, ERR_CORRUPT, "checksum");
	FAILS(digest_parse("", &same, &e) == -1, ERR_CORRUPT, "\"\"");
	FAILS(digest_parse("bddd813c634239723171ef3fee98579b94964e3bb1cb3e42"
	    "7262c8c068d523190", &same, &e) == -1, ERR_CORRUPT, "checksum");
}

static void
failing_steps(void)
{
	struct digest d;
	unsigned steps = 0;
	int rc = -1;

	for (; rc == -1; steps++) {
		rc = send_all(digest_tee(failing_sink(sink_null(&e), steps),
		    &d, &e), "abcdef", 6, 2, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	EQ(steps, 3 + 1 + 1);
	OK(digest_tee(NULL, &d, &e) == NULL);
}

/* Bit by bit, as the polynomial says (RFC 3720 B.4 has the vectors). */
static uint32_t
slow_crc(const unsigned char *p, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void
crc(void)
{
	unsigned char *data = noise(5000), zeros[32] = { 0 };
	bool good = true;

	EQ(digest_crc32c(0, NULL, 0), 0);
	EQ(digest_crc32c(0, "123456789", 9), 0xe3069283);
	EQ(digest_crc32c(0, zeros, 32), 0x8a9136aa);
	for (size_t n = 0; n < 1000; n++)
		good = good && digest_crc32c(0, data + n % 9, 4 * n) ==
		    slow_crc(data + n % 9, 4 * n);
	for (size_t n = 0; n < 1000; n++)
		good = good && digest_crc32c(digest_crc32c(0, data, n),
		    data + n, 1000 - n) == slow_crc(data, 1000);
	OK(good);
	free(data);
}

/* FIPS 180-2 B.1, and sha256sum on pieces. */
static void
sha256(void)
{
	struct digest_sha256 *s = digest_sha256_new(&e);
	unsigned char *data = noise(100000);
	char out[65];

	digest_sha256_add(s, "abc", 3);
	digest_sha256_hex(s, out);
	IS(out, "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	digest_sha256_free(s);
	s = digest_sha256_new(&e);
	for (size_t at = 0; at < 100000; at += 625)
		digest_sha256_add(s, data + at, 625);
	digest_sha256_hex(s, out);
	put_file("f", data, 100000);
	if (have("sha256sum")) {
		OK(output(&plain, "sha256sum <f"));
		plain.data[64] = '\0';
		IS(plain.data, out);
	}
	digest_sha256_free(s);
	digest_sha256_free(NULL);
	free(data);
}

/* The example of SipHash's paper (appendix A), and that the key matters. */
static void
keyed(void)
{
	unsigned char key[DIGEST_KEY], data[15];

	for (unsigned char i = 0; i < 16; i++)
		key[i] = i;
	for (unsigned char i = 0; i < 15; i++)
		data[i] = i;
	OK(digest_keyed(key, data, 15) == 0xa129ca6149be45e5u);
	key[3] ^= 1;
	OK(digest_keyed(key, data, 15) != 0xa129ca6149be45e5u);
}

/* Lane by lane with the ordinary one, and by every way this processor has. */
static void
keyed_wide(void)
{
	unsigned char *data = noise(8192), lane[1024];
	unsigned char key[DIGEST_KEY] = "a key of 16 byte", other[DIGEST_KEY];
	uint64_t sums[DIGEST_LANES], got[DIGEST_LANES], words[2];

	for (size_t len = 0; len <= 8192; len = len == 0 ? 64 : 2 * len) {
		for (unsigned i = 0; i < DIGEST_LANES; i++) {
			for (size_t at = 0; at < len / 64; at++)
				memcpy(lane + 8 * at, data + 64 * at + 8 * i,
				    8);
			memcpy(other, key, sizeof key);
			other[8] ^= (unsigned char)i;
			sums[i] = htole64(digest_keyed(other, lane, len / 8));
		}
		EQ(digest_keyed_wide(key, data, len) ==
		    digest_keyed(key, sums, sizeof sums), true);
		memcpy(words, key, sizeof words);
		words[0] = le64toh(words[0]);
		words[1] = le64toh(words[1]);
		for (int i = 0; i < DIGEST_WAYS; i++) {
			if (!digest_ways[i].usable())
				continue;
			digest_ways[i].run(words, data, len, got);
			for (int k = 0; k < DIGEST_LANES; k++)
				got[k] = htole64(got[k]);
			OK(memcmp(got, sums, sizeof sums) == 0);
		}
	}
	free(data);
}

int
main(void)
{
	enter_dir();
	known();
	streams();
	parsing();
	failing_steps();
	crc();
	sha256();
	keyed();
	keyed_wide();
	leave_dir();
	buf_free(&plain);
	return done();
}
