#include <string.h>

#include "receive/receive.h"

/* 'w', three numbers; 'k', two numbers and a byte. */
#define DATA_HEADER 25
#define KEEPALIVE_SIZE 18

/* Seconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define POSTGRES_EPOCH INT64_C(946684800)

static uint64_t
get64(const char *from)
{
	const unsigned char *p = (const unsigned char *)from;
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | p[i];
	return n;
}

static void
put64(char *to, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		to[i] = (char)(n & 0xff);
}

static int
decode_data(const char *message, size_t len, struct receive_message *m,
    struct err *e)
{
	if (len < DATA_HEADER)
		return err_set(e, ERR_CORRUPT, "the server sent a message of the "
		    "log of %zu bytes, too short to be one", len);
	m->type = RECEIVE_DATA;
	m->start = get64(message + 1);
	m->end = get64(message + 9);
	m->data = message + DATA_HEADER;
	m->len = len - DATA_HEADER;
	if (m->start == 0 || m->start > UINT64_MAX - m->len)
		return err_set(e, ERR_CORRUPT, "the server sent bytes of the log "
		    "from an impossible place");
	return 0;
}

int
receive_decode(const char *message, size_t len, struct receive_message *out,
    struct err *e)
{
	struct receive_message m = { .type = RECEIVE_KEEPALIVE };

	if (len == 0)
		return err_set(e, ERR_CORRUPT, "the server sent an empty message");
	if (message[0] == 'w') {
		if (decode_data(message, len, &m, e) == -1)
			return -1;
	} else if (message[0] == 'k') {
		if (len < KEEPALIVE_SIZE)
			return err_set(e, ERR_CORRUPT, "the server sent a "
			    "keepalive of %zu bytes, too short to be one", len);
		m.end = get64(message + 1);
		m.reply = message[17] != 0;
	} else {
		return err_set(e, ERR_CORRUPT, "the server sent a message of an "
		    "unknown type, 0x%02x", (unsigned char)message[0]);
	}
	*out = m;
	return 0;
}

void
receive_status(uint64_t written, uint64_t flushed, int64_t now_us,
    char out[RECEIVE_STATUS_SIZE])
{
	out[0] = 'r';
	put64(out + 1, written);
	put64(out + 9, flushed);
	put64(out + 17, 0); /* nothing is applied here */
	put64(out + 25, (uint64_t)(now_us - POSTGRES_EPOCH * 1000000));
	out[33] = 1; /* answer: so that silence is noticed */
}
