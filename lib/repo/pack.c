#include <stdio.h>

#include "age/age.h"
#include "repo/repo.h"

struct sink *
repo_draft_pack(struct repo_draft *d, const char *stem,
    const struct repo_pack *how, struct repo_packed *p, struct err *e)
{
	struct sink *s;

	p->codec = how->codec.kind;
	p->encrypted = how->keys != NULL;
	if ((size_t)snprintf(p->suffix, sizeof p->suffix, "%s%s%s", stem,
	    codec_suffix(p->codec), p->encrypted ? ".age" : "") >=
	    sizeof p->suffix) {
		err_set(e, ERR_USAGE, "\"%s\" is too long for an object",
		    stem);
		return NULL;
	}
	s = repo_draft_object(d, p->suffix, e);
	s = sink_count(s, &p->stored, e);
	s = digest_tee(s, &p->sum, e);
	if (how->keys != NULL)
		s = age_writer(s, how->keys, how->threads, e);
	if (how->compressed)
		return s;
	s = codec_writer(s, &how->codec, how->threads, e);
	return sink_count(s, &p->plain, e);
}

int
repo_add_packed(struct repo_set *set, const struct repo_draft *d,
    const struct repo_packed *p, const char *role, struct err *e)
{
	struct repo_object row = { .role = (char *)(uintptr_t)role,
		.stored = p->stored, .plain = p->plain, .sum = p->sum,
		.codec = p->codec, .encrypted = p->encrypted };
	struct buf name = BUF_INIT(1024);
	int rc = -1;

	if (buf_fmt(&name, e, "%s%s", repo_draft_name(d), p->suffix) == 0) {
		row.name = name.data;
		rc = repo_add_object(set, &row, e);
	}
	buf_free(&name);
	return rc;
}

int
repo_add_recipients(struct repo_set *set, const struct age_keys *keys,
    struct err *e)
{
	for (unsigned i = 0; keys != NULL && i < age_recipients(keys); i++)
		if (repo_add_recipient(set, age_recipient(keys, i), e) == -1)
			return -1;
	return 0;
}
