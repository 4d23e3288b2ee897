#!/bin/bash
# pgk-index analyze: statistics that are stale are made anew, others are not.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "autovacuum = off"
createdb -T template0 chat
psql -Xq -d chat >"$T/log" 2>&1 <<'END'
CREATE TABLE "방" (id int, state text);
INSERT INTO "방" SELECT g, 's' || g % 3 FROM generate_series(1, 5000) g;
CREATE TABLE quiet (id int);
INSERT INTO quiet SELECT generate_series(1, 1000);
CREATE TABLE empty (id int);
CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO parts SELECT g, '2025-03-01' FROM generate_series(1, 1000) g;
END
cat >"$T/policy.sql" <<'END'
CREATE INDEX IF NOT EXISTS room_state ON "방" (state);
CREATE INDEX IF NOT EXISTS quiet_id ON public.quiet (id);
END

# as the server has it, once its counters say so
verdicts()
{
	awk -F '\t' 'NR > 1 { print $3, $5 }' "$T/out" | LC_ALL=C sort
}
# changes are counted some time after they were made
changed() # TABLE N
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ "$(q chat "SELECT n_mod_since_analyze >= $2 FROM pg_stat_all_tables
		    WHERE relname = '$1'")" != t ] || return 0
		sleep 0.1
	done
	echo "# no changes of $1 were counted"
}
# and so is that they were analyzed
settled()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ "$(q chat "SELECT bool_and(n_mod_since_analyze = 0) FROM pg_stat_user_tables")" != t ] ||
		    return 0
		sleep 0.1
	done
	echo "# no ANALYZE was counted"
}
changed parts_1 1000
changed quiet 1000
changed "방" 5000

run pgk-index -d chat analyze --dry-run --tsv
exits 1 "statistics that were never made"
is "$(verdicts)" "FRESH empty
STALE parts
STALE parts_1
STALE quiet
STALE 방" "are stale; a table without rows needs none"
run pgk-index -d chat analyze --tsv
exits 0 "they are made"
quiet "without a remark"
is "$(verdicts | cut -d' ' -f1 | sort | uniq -c | awk '{ print $1, $2 }')" "4 ANALYZED
1 FRESH" "and that is said"
is "$(q chat "SELECT count(*) FROM pg_stats WHERE tablename IN ('방', 'parts')")" \
    4 "the partitioned table has its own"
settled
run pgk-index -d chat analyze --tsv
exits 0 "again"
is "$(verdicts | cut -d' ' -f1 | sort -u)" FRESH "there is nothing to do"

psql -Xq -d chat -c "UPDATE \"방\" SET state = 'x' WHERE id <= 300"
changed "방" 300
run pgk-index -d chat analyze --dry-run
exits 0 "300 of 5000 are few"
run pgk-index -d chat analyze --dry-run --stale 1
exits 1 "but for who says so"
run pgk-index -d chat analyze --tsv "$T/policy.sql"
exits 0 "a policy's tables are done with any change"
is "$(verdicts)" "ANALYZED 방
FRESH quiet" "and only they"

settled
psql -Xq -d chat -c "CREATE INDEX ON \"방\" (upper(state))"
run pgk-index -d chat analyze --json
exits 0 "an index on an expression has no statistics yet"
is "$(perl -MJSON::PP -e '$, = " "; print map { "$_->{verdict} $_->{reason}" }
    grep { $_->{verdict} ne "FRESH" } @{decode_json(join "", <STDIN>)}' <"$T/out")" \
    "ANALYZED 1 index on expressions has no statistics" "it gets them"

psql -Xq -d chat -c "UPDATE quiet SET id = 1" -c 'UPDATE "방" SET id = 2'
changed quiet 900
changed "방" 4900
server_hold chat quiet
run timeout 30 pgk-index -d chat analyze --tsv
exits 1 "a table that others hold"
is "$(verdicts | grep -v FRESH)" "ANALYZED 방
POSTPONED quiet" "is left for later, others are done"
server_unhold
for _ in {1..50}; do
	[ "$(q chat "SELECT n_mod_since_analyze FROM pg_stat_all_tables WHERE relname = '방'")" != 0 ] || break
	sleep 0.1
done

psql -Xq -d chat -c 'CREATE ROLE reader LOGIN' -c 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader'
run pgk-index -d chat -U reader analyze --tsv
exits 1 "who may not"
is "$(verdicts | grep -v FRESH)" "NO-RIGHT quiet" "is told so"

cat >>"$T/policy.sql" <<'END'
CREATE INDEX IF NOT EXISTS a ON nowhere (a);
CREATE INDEX IF NOT EXISTS b ON other.nowhere (b);
CREATE INDEX IF NOT EXISTS c ON nowhere (c);
END
run pgk-index -d chat analyze --tsv "$T/policy.sql"
exits 1 "tables that are not there"
is "$(verdicts)" "NO-TABLE nowhere
NO-TABLE nowhere" "are named all at once, and nothing is done"
run pgk-index -d chat analyze "$T/none.sql"
exits 1 "no such file"
run pgk-index -d chat analyze --stale x
exits 2 "no share"
finish
