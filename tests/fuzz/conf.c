/* conf: any text is a configuration, or an error that names a line. */
#define FUZZ_REPLAY_COUNT 200000
#include "fuzz.h"

#include "conf/conf.h"

static const char *const texts[] = {
	"[server]\nconninfo = host=localhost user=backup\n"
	"environment = production ; label\n[store]\nurl = /backup\n",
	"[crypt]\nrecipient = age1a\nrecipient = age1b\nidentity = /i\n",
	"[policy]\ntime-zone = Asia/Seoul\n"
	"full = 1d 30d 24h 4h 0 3 * * mon-fri\nwal = 5m 7d 5m 1h -\n",
	"[log]\nfile = /l\nlevel = info\n",
};

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	size_t n = sizeof texts / sizeof *texts;

	for (size_t i = 0; i < n && i < max; i++)
		out[i] = (struct fuzz_seed){ texts[i], strlen(texts[i]) };
	return n < max ? n : max;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct conf *c = conf_parse((const char *)data, len, "f", &e);

	if ((c == NULL) != (e.kind != ERR_NONE))
		abort();
	if (c == NULL && strncmp(e.text, "\"f\" line ", 9) != 0)
		abort();
	if (c != NULL)
		for (int i = 0; i < CONF_KINDS; i++)
			if (c->policy.kind[i].at != NULL &&
			    !c->policy.kind[i].set)
				abort();
	conf_free(c);
	return 0;
}
