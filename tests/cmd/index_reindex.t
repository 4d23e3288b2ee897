#!/bin/bash
# pgk-index reindex: what is bloated or named is built anew, online; a
# rebuild that is given up, stopped or killed leaves nothing, or nothing for long.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "autovacuum = off"
createdb -T template0 chat
psql -Xq -d chat >"$T/log" 2>&1 <<'END'
CREATE SCHEMA "상담 실";
CREATE TABLE "상담 실"."메시지" (id int PRIMARY KEY, room int, at date);
INSERT INTO "상담 실"."메시지" SELECT g, g % 500, '2025-01-01' FROM generate_series(1, 60000) g;
CREATE INDEX "방, 순서" ON "상담 실"."메시지" (room, id);
DELETE FROM "상담 실"."메시지" WHERE id % 10 < 8;
VACUUM (ANALYZE) "상담 실"."메시지";
CREATE TABLE fresh (id int PRIMARY KEY, v int);
INSERT INTO fresh SELECT g, g FROM generate_series(1, 20000) g;
CREATE INDEX fresh_v ON fresh (v);
CREATE TABLE booking (during tstzrange, EXCLUDE USING gist (during WITH &&));
CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE INDEX parts_id ON parts (id);
ANALYZE;
END
verdicts()
{
	awk -F '\t' 'NR > 1 { print $3, $6 }' "$T/out" | LC_ALL=C sort
}
invalid()
{
	q chat "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"
}
# a session that has an old snapshot
reader()
{
	PGAPPNAME=reader psql -Xq -d chat >/dev/null 2>&1 <<-'END' &
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT count(*) FROM fresh;
	SELECT pg_sleep(60);
	END
	reader=$!
	server_until "count(*) > 0 FROM pg_stat_activity
	    WHERE application_name = 'reader' AND wait_event = 'PgSleep'"
}
no_reader()
{
	q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	    WHERE application_name = 'reader'" >/dev/null
	wait "$reader" 2>/dev/null
}

# no session of ours: the server drops for itself what has to wait
quiet_now()
{
	server_until "count(*) = 0 FROM pg_stat_activity
	    WHERE application_name = 'pgk-index'"
}

run pgk-index -d chat reindex --min-size 100kB --dry-run
exits 1 "what a rebuild would shrink"
out_has '^REINDEX INDEX CONCURRENTLY "상담 실"."방, 순서";' "is printed as SQL"
out_has '^REINDEX INDEX CONCURRENTLY "상담 실"."메시지_pkey";' "a key too"
run pgk-index -d chat reindex --min-size 100kB --tsv
exits 0 "it is rebuilt"
quiet "without a remark"
is "$(verdicts)" "REINDEXED 메시지_pkey
REINDEXED 방, 순서" "and what is not bloated is not"
is "$(perl -CS -ne 'while (/bytes_before=(\d+).*bytes_after=(\d+)/g) { print $2 * 3 < $1 ? "small " : "$2 $1 " }' "$T/out")" \
    "small small " "it has less than a third of the size"
is "$(grep -c 'free_space=known,free_bytes=[0-9]' "$T/out")" 2 \
    "the space was looked at first"
run pgk-index -d chat reindex --min-size 100kB
exits 0 "again"
is "$(cat "$T/out")" "" "there is nothing to do"

run pgk-index -d chat reindex fresh_v '"상담 실"."방, 순서"' parts_id --tsv
exits 0 "indexes by name"
is "$(verdicts)" "REINDEXED fresh_v
REINDEXED parts_1_id_idx
REINDEXED parts_2_id_idx
REINDEXED 방, 순서" "quoted ones too, and the parts of a partitioned one"
run pgk-index -d chat reindex fresh_v nothing 'a b' fresh --tsv
exits 1 "names that are no index's"
is "$(verdicts)" "NO-INDEX a b
NO-INDEX fresh
NO-INDEX nothing" "are told all at once, and nothing is done"
run pgk-index -d chat reindex booking_during_excl --tsv
exits 1 "an exclusion constraint"
is "$(verdicts)" "REFUSED booking_during_excl" "cannot be rebuilt online"
psql -Xq -d chat -c 'CREATE ROLE stranger LOGIN'
run pgk-index -d chat -U stranger reindex fresh_v --tsv
exits 1 "who does not own the table"
is "$(verdicts)" "NO-RIGHT fresh_v" "may not"

# others keep it waiting
reader
run timeout 30 pgk-index -d chat reindex fresh_v --max-wait 1s --tsv
exits 1 "an old snapshot is waited for as long as is allowed"
is "$(verdicts)" "POSTPONED fresh_v" "then it is left for later"
out_has 'waited [0-9]+s for process .* \(reader, ' "who was in the way is said"
no_reader
quiet_now
is "$(invalid)" "" "no copy is left once the reader is gone"

# a stop
reader
pgk-index -d chat reindex fresh_v >"$T/out" 2>"$T/err" &
pid=$!
server_until "count(*) > 0 FROM pg_stat_progress_create_index WHERE phase ~ '^waiting'"
kill -TERM $pid
wait $pid
is "$?" 143 "stopped"
no_reader
quiet_now
is "$(invalid)" "" "no copy is left"

# a kill
reader
pgk-index -d chat reindex fresh_v >"$T/out" 2>"$T/err" &
pid=$!
server_until "count(*) > 0 FROM pg_stat_progress_create_index WHERE phase ~ '^waiting'"
kill -KILL $pid
wait $pid 2>/dev/null
# its session does not know and waits: as when the server is killed
q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'pgk-index'" >/dev/null
quiet_now
is "$(invalid | wc -l)" 1 "killed, it leaves a copy"
no_reader
run pgk-index -d chat reindex --tsv
exits 0 "the next one"
is "$(verdicts)" "DROPPED fresh_v_ccnew" "drops it"
is "$(invalid)" "" "and nothing is left"

# another one at work
reader
pgk-index -d chat reindex fresh_v >/dev/null 2>&1 &
pid=$!
server_until "count(*) > 0 FROM pg_stat_progress_create_index WHERE phase ~ '^waiting'"
run pgk-index -d chat reindex fresh_v
exits 4 "two at a time do not go"
run pgk-index -d chat invalid --tsv
exits 0 "a copy that is being made is no finding"
is "$(verdicts)" "BUILDING fresh_v_ccnew" "but said"
no_reader
wait $pid
is "$?" 0 "the first one goes on and is done"

# a tablespace that is nearly full
if mkdir "$T/small" && mount -t tmpfs -o size=600k tmpfs "$T/small" 2>/dev/null; then
	at_end umount -l "$T/small"
	mkdir "$T/small/space"
	[ -z "$server_user" ] || chown "$server_user" "$T/small/space"
	psql -Xq -d chat -c "CREATE TABLESPACE small LOCATION '$T/small/space'"
	psql -Xq -d chat -c 'ALTER INDEX fresh_v SET TABLESPACE small'
	run pgk-index -d chat reindex fresh_v --tsv
	exits 1 "without room for the copy"
	is "$(verdicts)" "NO-SPACE fresh_v" "it is not begun"
else
	skip "without room for the copy" "no file system to fill"
fi
finish
