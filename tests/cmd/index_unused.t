#!/bin/bash
# pgk-index unused and watch-usage: nothing is called unused but what is
# proved to be, on every kind of index, with a standby, over samples and over counters that began anew.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "autovacuum = off"
createdb -T template0 ix
psql -Xq -d ix -f "$ROOT/tests/fixture/indexes.sql"
store=$T/store
mkdir -m 700 "$store"

verdict_of()
{
	awk -F '\t' -v index_name="$1" '$6 == index_name { print $2, $3 }' \
	    "$T/out"
}
names() # VERDICT
{
	awk -F '\t' -v verdict="$1" '$3 == verdict { print $6 }' "$T/out" |
	    LC_ALL=C sort
}
# an index's scans are counted some time after they were made
scanned()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ "$(q ix "SELECT idx_scan > 0 FROM pg_stat_all_indexes
		    WHERE indexrelname = '$1'")" != t ] || return 0
		sleep 0.1
	done
	echo "# no scan of $1 was counted"
}
use()
{
	psql -Xq -d ix -c 'SET enable_seqscan = off' -c "SET search_path = \"상담 실\"" \
	    -c "$1" >/dev/null
}

run pgk-index -d ix unused --tsv
exits 0 "counters that are young allow no verdict"
is "$(names UNUSED)$(names IDLE)" "" "and none is given"
is "$(names EARLY | wc -l | awk '{ print ($1 > 30) }')" 1 "that is said"

run pgk-index -d ix unused --min-age 0s --tsv
exits 1 "indexes nobody scans"
is "$(names UNUSED)" "$(q ix "SELECT relname FROM pg_class c JOIN pg_index i
    ON indexrelid = c.oid WHERE relname ~ '^(idle|dup|pre|cov)_'
    AND NOT indisunique" | LC_ALL=C sort)" \
    "those that are for queries only, and no other"
is "$(names NEEDED | grep -cE '^(fk_|unique_|identity_|clustered_)|_pkey$|_excl$|_key$|^booking_seq$')" \
    "$(names NEEDED | grep -cv '^dup_')" "the others are needed"
for name in fk_customer fk_whole fk_pair clustered_v identity_k dup_email; do
	is "$(verdict_of $name)" "ok NEEDED" "$name is needed"
done
is "$(grep -c 'statistics_first=(lower' "$T/out")" 2 \
    "expressions whose statistics would go are named"

# drop all, undo all: the same
catalogue()
{
	q ix "SELECT i.indexrelid::regclass, pg_get_indexdef(i.indexrelid),
	    obj_description(i.indexrelid) FROM pg_index i
	    JOIN pg_class c ON c.oid = i.indexrelid
	    JOIN pg_namespace n ON n.oid = c.relnamespace
	    WHERE n.nspname !~ '^pg_' AND relname !~ '^event_.*_idx'
	    ORDER BY i.indexrelid::regclass::text COLLATE \"C\""
}
catalogue >"$T/before"
awk -F '\t' '$3 == "UNUSED" { print $10 }' "$T/out" |
    psql -Xq -v ON_ERROR_STOP=1 -d ix >"$T/log" 2>&1
is "$?" 0 "every fix runs"
awk -F '\t' '$3 == "UNUSED" { print $11 }' "$T/out" |
    psql -Xq -v ON_ERROR_STOP=1 -d ix >"$T/log" 2>&1
is "$?" 0 "every undo runs"
catalogue >"$T/after"
same "$T/before" "$T/after" "and makes the same indexes again"

use 'SELECT * FROM "고객" WHERE at = now()'
psql -Xq -d ix -c 'VACUUM "상담 실".event_2'
use "SELECT id, at FROM event WHERE id = 3 AND at = '2025-02-04'"
scanned idle_at
scanned event_2_id_at_idx
run pgk-index -d ix unused --min-age 0s --tsv
is "$(verdict_of idle_at)" "ok USED" "one that was scanned is used"
is "$(verdict_of idle_event)" "ok USED" \
    "a partitioned one is when one of its partitions was"
sleep 1 # to where the time of the last scan is over
run pgk-index -d ix unused --min-age 0s --max-scans 100 --tsv
is "$(verdict_of idle_at)" "warning UNUSED" "but for as many as are allowed"

# samples
run pgk-index -d ix watch-usage
exits 2 "samples need a store"
run pgk-index -d ix --store "$store" watch-usage
exits 0 "a sample is taken"
quiet "in silence"
is "$(cat "$T/out")" "" "altogether"
sample=$(find "$store/usage" -name '*.tsv.gz')
is "$(zcat "$sample" | head -n 1)" $'pgk-usage\t1' "gunzip reads it"
is "$(stat -c %a "$sample")" 600 "it is private"
folder=${sample%/*}

now=$(date +%s)
# stamp SECONDS-AGO, in names and in samples
stamp()
{
	date -u -d "@$((now - $1))" +%Y%m%d_%H%M%S
}
when()
{
	date -u -d "@$((now - $1))" +%Y-%m-%dT%H:%M:%SZ
}
# past AGE [SED]: the sample as if it were taken so long ago, the counters
# being the same ones since before
past()
{
	local age=$1 since
	shift

	since=$(when 8000000)
	zcat "$sample" | sed -E "/^node/s/\t[^\t]*\t[^\t]*$/\t$(when "$age")\t$since/" |
	    sed -E "${1:-b}" | gzip >"$folder/$(stamp "$age").tsv.gz"
	chmod 600 "$folder/$(stamp "$age").tsv.gz"
}
day=86400
begin=$((now - $(q postgres "SELECT extract(epoch FROM pg_postmaster_start_time())::bigint")))
# day by day, the last one just before the server (and its counters) began
for n in 60 40 20 5 1; do
	past $((n * day))
done
past $((begin + 10))
run pgk-index -d ix --store "$store" unused --tsv
exits 1 "samples are a proof"
quiet "without a remark"
is "$(verdict_of idle_gin)" "warning UNUSED" "not scanned in 60 days: unused"
is "$(verdict_of idle_at)" "ok USED" "scanned today: used"
is "$(grep -c 'not scanned for 59d on 1 server' "$T/out" |
    awk '{ print ($1 > 20) }')" 1 "the time nobody counted is taken off" ||
    diag "$(cut -f3,9 "$T/out" | sort | uniq -c)"
run pgk-index -d ix --store "$store" unused --min-age 90d --tsv
is "$(names UNUSED)" "" "no verdict beyond the first sample"

# scanned 20 days ago, and not since
past $((20 * day)) '/\tidle_gin\t/s/\t0\t0\t/\t5\t5\t/'
for n in 5 1; do
	past $((n * day)) '/\tidle_gin\t/s/\t0\t0\t/\t5\t5\t/'
done
past $((begin + 10)) '/\tidle_gin\t/s/\t0\t0\t/\t5\t5\t/'
run pgk-index -d ix --store "$store" unused --tsv
is "$(verdict_of idle_gin)" "ok USED" "scanned 20 days ago: used"
run pgk-index -d ix --store "$store" unused --min-age 15d --tsv
is "$(verdict_of idle_gin)" "warning UNUSED" "but not in the last 15"

# not there 20 days ago; and another one by then
past $((20 * day)) '/\tidle_hash\t/d; /\tidle_brin\t/s/[0-9a-f]{32}/0123456789abcdef0123456789abcdef/'
run pgk-index -d ix --store "$store" unused --tsv
is "$(verdict_of idle_hash)" "note EARLY" "one that is younger: no verdict"
is "$(verdict_of idle_brin)" "note EARLY" "one that was another index: none"
is "$(verdict_of idle_json)" "warning UNUSED" "others are not touched by it"

# a counter that went down though the counters did not begin anew
for n in 60 40 20; do
	past $((n * day)) '/\tidle_json\t/s/\t0\t0\t/\t7\t7\t/'
done
run pgk-index -d ix --store "$store" unused --min-age 40d --tsv
is "$(verdict_of idle_json)" "warning UNUSED" "not scanned for 60 days"
run pgk-index -d ix --store "$store" unused --min-age 50d --tsv
is "$(verdict_of idle_json)" "ok USED" \
    "less 15 in which the counter was reset: nobody knows of those"

# damage
printf 'x' | dd of="$folder/$(ls "$folder" | head -n 1)" bs=1 seek=30 conv=notrunc 2>/dev/null
run pgk-index -d ix --store "$store" unused --tsv
exits 1 "a damaged sample costs its part of the proof only"
err_has 'usage sample .*: ' "and is named"
is "$(verdict_of idle_lower)" "warning UNUSED" "the rest still proves"

# what is too old goes
n=$(find "$folder" -type f | wc -l)
run pgk-index -d ix --store "$store" watch-usage --keep 30d -v
exits 0 "another sample"
is "$(find "$folder" -type f | wc -l)" $((n - 1)) "and the two oldest are gone"
err_has 'deleted usage/' "which -v says"
run pgk-index -d postgres --store "$store" watch-usage
exits 0 "another database"
is "$(find "$store/usage" -mindepth 1 -type d | wc -l)" 2 "has its own folder"

# a standby's queries count
mkdir "$T/standby"
[ -z "$server_user" ] || chown "$server_user" "$T/standby"
as_server "$PG_BIN/pg_basebackup" -h "$T/main" -U postgres -D "$T/standby/data" \
    -R -c fast -X stream >"$T/log" 2>&1 || diag "$(cat "$T/log")"
server_start standby "unix_socket_directories = '$T/standby'"
server_use standby
server_until 'pg_is_in_recovery()'
use 'SELECT * FROM "고객" WHERE code = '"'c1'"' COLLATE "POSIX"'
scanned idle_collate
server_use main
rm -rf "$store/usage"
run pgk-index -d ix unused --min-age 0s --tsv
exits 3 "a standby that is connected and not asked"
err_has 'no verdict: 1 standby is connected' "allows no verdict"
is "$(names UNUSED)" "" "and none is given"
run pgk-index -d ix unused --min-age 0s --tsv --alone
exits 1 "but when no queries run there"
is "$(verdict_of idle_collate)" "warning UNUSED" "then it is as if unused"
run pgk-index -d ix unused --min-age 0s --tsv --also "host=$T/standby"
exits 1 "with the standby asked"
quiet "there is a verdict"
is "$(verdict_of idle_collate)" "ok USED" "scanned on the standby: used"
is "$(verdict_of idle_gin)" "warning UNUSED" "scanned on neither: unused"
run pgk-index -d ix --store "$store" watch-usage --also "host=$T/standby"
exits 0 "a sample of both"
is "$(zcat "$store"/usage/*/*.gz | grep -c '^node')" 2 "holds both"
run pgk-index -d ix unused --min-age 0s --also "host=$T/standby" --also "host=$T/standby"
exits 2 "a server named twice"
run pgk-index -d ix unused --min-age 0s --also "host=$T/nowhere"
exits 5 "a server that cannot be asked"
err_has 'no verdict without server 2 of 2' "is no verdict"
is "$(cat "$T/out")" "" "and nothing is printed"
server_use standby
run pgk-index -d ix unused --min-age 0s --tsv
exits 3 "a standby alone"
err_has 'the primary was not asked' "is no verdict either"
is "$(names UNUSED)" "" "and none is given"
run pgk-index -d ix unused --min-age 0s --tsv --also "host=$T/main"
is "$(names UNUSED | grep -c .)" "$(names UNUSED | grep -c '^\(idle\|dup\|pre\|cov\)_')" \
    "with the primary beside it there is one"
server_stop standby
server_start other
server_use main
run pgk-index -d postgres unused --also "host=$T/other"
exits 2 "another cluster is no standby"
finish
