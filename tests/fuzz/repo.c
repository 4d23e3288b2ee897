/*
 * What is accepted as a set is one: it can be written, read again to the
 * same text, and its objects bear its name.
 */
#include "fuzz.h"

#include "repo/repo.h"

static const char small[] =
"{ \"format\": 1, \"kind\": \"full\", \"name\": \"a_full_20250127_030000\",\n"
"  \"start\": \"2025-01-26T18:00:00Z\", \"end\": \"2025-01-26T18:01:00Z\",\n"
"  \"sequence\": 2, \"previous\": \"a_full_20250126_030000\",\n"
"  \"previous_blake2b_256\": \"ababababababababababababababababababababababa"
"bababababababababababab\",\n"
"  \"databases\": [ { \"name_base64\": \"/w==\", \"size\": 7 } ],\n"
"  \"tables\": [ { \"database\": \"a\", \"schema\": \"public\",\n"
"      \"table\": \"chat\", \"rows\": 9223372036854775807 } ],\n"
"  \"missing\": [ \"x\", { \"base64\": \"/w==\" } ], \"recipients\": [],\n"
"  \"server_version\": 150018, \"timeline\": 1, \"lsn\": \"0/16B3748\",\n"
"  \"objects\": [ { \"name\": \"a_full_20250127_030000.sql.gz\",\n"
"      \"role\": \"sql\", \"stored\": 1, \"plain\": 2, \"codec\": \"gzip\",\n"
"      \"encrypted\": false, \"blake2b_256\": \"00000000000000000000000000"
"00000000000000000000000000000000000000\" } ] }\n";

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const char *const seeds[] = { small, small, small, small,
		"{}", "[[[[", "\"\\u0000\"", "-1", "1e400",
		"18446744073709551616", "\"../../x\"", "null" };
	size_t n = sizeof seeds / sizeof *seeds;

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct fuzz_seed){ seeds[i], strlen(seeds[i]) };
	return n;
}

static void
check(const struct repo_set *set)
{
	struct buf a = BUF_INIT(REPO_JSON_MAX), b = BUF_INIT(REPO_JSON_MAX);
	struct err e = ERR_INIT;
	struct repo_set *again;

	for (size_t i = 0; i < set->object_count; i++)
		if (strncmp(set->objects[i].name, set->name,
		    strlen(set->name)) != 0 ||
		    store_check_name(set->objects[i].name, &e) == -1)
			abort();
	if (repo_set_write(set, &a, &e) == -1 ||
	    (again = repo_set_parse(a.data, a.len, &e)) == NULL ||
	    repo_set_write(again, &b, &e) == -1 ||
	    a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		abort();
	repo_set_free(again);
	buf_free(&a);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct repo_set *set = repo_set_parse((const char *)data, len, &e);

	if (set != NULL)
		check(set);
	else if (e.kind != ERR_CORRUPT && e.kind != ERR_NOMEM)
		abort();
	repo_set_free(set);
	return 0;
}
