#include <string.h>

#include "age/age_int.h"

/*
 * BIP 173. age lifts its limit of 90 characters, but what we read always
 * holds 32 bytes: 52 digits of 5 bits and 6 of checksum.
 */
#define DIGITS 52
#define SUM_DIGITS 6

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t
polymod(uint32_t sum, unsigned digit)
{
	static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d,
		0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ digit;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

static uint32_t
sum_of_hrp(const char *hrp)
{
	uint32_t sum = 1;

	for (const char *p = hrp; *p != '\0'; p++)
		sum = polymod(sum, (unsigned char)*p >> 5);
	sum = polymod(sum, 0);
	for (const char *p = hrp; *p != '\0'; p++)
		sum = polymod(sum, (unsigned char)*p & 31);
	return sum;
}

static char
to_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

void
age_bech32(const char *hrp, const unsigned char data[AGE_KEY], bool upper,
    char out[AGE_BECH32_MAX])
{
	uint32_t sum = sum_of_hrp(hrp), bits = 0;
	unsigned held = 0;
	size_t n = strlen(hrp);

	memcpy(out, hrp, n);
	out[n++] = '1';
	for (size_t i = 0; i < AGE_KEY; i++) {
		bits = (bits << 8 | data[i]) & 0xffff;
		for (held += 8; held >= 5; held -= 5) {
			unsigned digit = bits >> (held - 5) & 31;

			out[n++] = alphabet[digit];
			sum = polymod(sum, digit);
		}
	}
	out[n++] = alphabet[bits << (5 - held) & 31];
	sum = polymod(sum, bits << (5 - held) & 31);
	for (unsigned i = 0; i < SUM_DIGITS; i++)
		sum = polymod(sum, 0);
	sum ^= 1;
	for (unsigned i = SUM_DIGITS; i-- > 0;)
		out[n++] = alphabet[sum >> 5 * i & 31];
	out[n] = '\0';
	for (size_t i = 0; upper && i < n; i++)
		out[i] = to_upper(out[i]);
}

/* The value of a digit in the case asked for, or -1. */
static int
digit_value(char c, bool upper)
{
	for (unsigned i = 0; i < sizeof alphabet - 1; i++)
		if (c == (upper ? to_upper(alphabet[i]) : alphabet[i]))
			return (int)i;
	return -1;
}

int
age_unbech32(const char *hrp, const char *text, bool upper,
    unsigned char data[AGE_KEY])
{
	uint32_t sum = sum_of_hrp(hrp), bits = 0;
	size_t lead = strlen(hrp), n = 0;
	unsigned held = 0;

	if (strlen(text) != lead + 1 + DIGITS + SUM_DIGITS ||
	    text[lead] != '1')
		return -1;
	for (size_t i = 0; i < lead; i++)
		if (text[i] != (upper ? to_upper(hrp[i]) : hrp[i]))
			return -1;
	text += lead + 1;
	for (unsigned i = 0; i < DIGITS + SUM_DIGITS; i++) {
		int digit = digit_value(text[i], upper);

		if (digit == -1)
			return -1;
		sum = polymod(sum, (unsigned)digit);
		if (i >= DIGITS)
			continue;
		bits = (bits << 5 | (unsigned)digit) & 0xffff;
		if ((held += 5) >= 8) {
			held -= 8;
			data[n++] = (unsigned char)(bits >> held);
		}
	}
	/* 260 bits for 256: what is left over must be zero */
	if (sum != 1 || (bits & ((1u << held) - 1)) != 0)
		return -1;
	return 0;
}
