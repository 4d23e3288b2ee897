/*
 * proof: since when an index was not used, as far as that can be proved.
 * Private to the room; for unused.c.
 */
#ifndef PGK_INDEX_PROOF_H
#define PGK_INDEX_PROOF_H

#include "index/usage.h"

/* What is known of an index on one server. */
struct proof {
	bool there;     /* the server has the index */
	bool used;      /* more scans than allowed were seen */
	bool ended;     /* nothing before helps */
	uint64_t scans; /* seen since `from` */
	int64_t from;   /* not used from then on, and there: proved */
	int64_t since;  /* not used since, whether there or not */
	int64_t blind;  /* seconds of it that nobody counted */
	/* the oldest sample looked at so far */
	uint64_t at_scans;
	int64_t at, at_since;
};

struct proofs {
	const struct usage_sample *now;
	uint64_t max_scans; /* that many are as none */
	struct proof *all;  /* of each server, those of the first's indexes */
	size_t indexes;
	size_t samples;     /* looked at */
};

/*
 * Of all indexes of the first server of `now` (borrowed), on all its servers,
 * with the samples in the store (NULL: none). A damaged sample costs its
 * part of the proof and is warned of.
 */
int proofs_make(const struct usage_sample *now, struct store *store,
    uint64_t max_scans, struct proofs *out, struct err *e);
const struct proof *proofs_of(const struct proofs *w, size_t node, size_t i);
void proofs_free(struct proofs *w); /* also of one that is all zero */

#endif
