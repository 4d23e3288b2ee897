#!/bin/bash
# pgk-index apply: a policy made so under traffic, cut short in every way.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

# A stall of a writer that is the machine's own, under a full test run: what
# waits for a lock is told by the server.
STALL_MS=3000

server_start main "log_lock_waits = on" "deadlock_timeout = 400ms" \
    "log_line_prefix = '%a: '"
createdb -T template0 m
psql -Xq -d m -v ON_ERROR_STOP=1 <<'END'
CREATE TABLE t (id int PRIMARY KEY, k int, v text, c int);
INSERT INTO t SELECT g, g % 1000, repeat('x', 20), 0 FROM generate_series(1, 200000) g;
CREATE TABLE p (id int, k text, c int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (2000) PARTITION BY RANGE (id);
CREATE TABLE "p2_가장_긴_이름을_가진_파티션" PARTITION OF p2 FOR VALUES FROM (1000) TO (1500);
CREATE TABLE p2b PARTITION OF p2 FOR VALUES FROM (1500) TO (2000);
CREATE INDEX there_already ON p2b (k);
INSERT INTO p SELECT g % 2000, g, 0 FROM generate_series(1, 20000) g;
CREATE TABLE other (a int);
END

# state of an index of public: "name valid ready live"
state()
{
	q m "SELECT c.relname, indisvalid, indisready, indislive
	    FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
	    WHERE c.relname LIKE '$1%' AND relnamespace = 'public'::regnamespace"
}

# read TABLE in a transaction that then stays open for SECONDS
reader()
{
	PGAPPNAME=reader psql -Xq -d m >/dev/null 2>&1 <<-END &
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT count(*) FROM $1; SELECT pg_sleep($2);
	END
	reader=$!
	server_until "count(*) > 0 FROM pg_stat_activity
	    WHERE application_name = 'reader' AND query LIKE '%pg_sleep%'"
}

unread()
{
	kill "$reader" 2>/dev/null
	wait "$reader" 2>/dev/null
	q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	    WHERE application_name = 'reader'" >/dev/null
	server_until "count(*) = 0 FROM pg_stat_activity
	    WHERE application_name = 'reader'"
}

# until the build of the index waits for the reader
building()
{
	server_until "count(*) > 0 FROM pg_stat_activity
	    WHERE application_name = 'pgk-index' AND query LIKE 'CREATE%$1%'
	    AND wait_event_type = 'Lock'"
}

verdict()
{
	awk -F '\t' -v name="$1" '$6 == name { print $3 }' "$T/out"
}

# under traffic -----------------------------------------------------------------
cat >"$T/policy.sql" <<'END'
\set ON_ERROR_STOP on
CREATE INDEX IF NOT EXISTS t_k_v ON public.t (k, v);
CREATE INDEX IF NOT EXISTS "색인 v" ON public.t (lower(v)) WHERE k < 500;
CREATE INDEX IF NOT EXISTS a_rather_long_name_for_an_index_of_partitions ON public.p (k);
END
cat >"$T/write.bench" <<'END'
\set id random(1, 200000)
\set part random(0, 1999)
UPDATE t SET c = c + 1, v = v || 'y' WHERE id = :id;
INSERT INTO p VALUES (:part, :id, 1);
SELECT count(*) FROM p WHERE id = :part;
END
run pgk-index apply --dry-run -d m "$T/policy.sql"
exits 1 "a dry run says there is something to do"
is "$(state t_k_v)" "" "and does nothing"
(cd "$T" && exec pgbench -n -c 3 -T 60 -l --log-prefix=stall -f write.bench m >/dev/null 2>&1) &
bench=$!
reader other 4
server_until "count(*) > 1 FROM pg_stat_activity WHERE application_name = 'pgbench'"
run pgk-index apply --tsv -v -d m "$T/policy.sql"
exits 0 "apply under traffic, a long reader present"
kill -INT "$bench"
wait "$bench" 2>/dev/null
wait "$reader"
err_has 'waiting for process [0-9]+ \(reader, user postgres' "says whom it waits for"
is "$(verdict t_k_v) $(verdict '색인 v')" "BUILT BUILT" "both are built"
is "$(verdict a_rather_long_name_for_an_index_of_partitions)" BUILT "that of the partitions too"
is "$(q m "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" 0 "all are valid"
is "$(q m "SELECT count(*) FROM pg_inherits h WHERE h.inhrelid = 'there_already'::regclass")" \
    1 "an index that a partition had is used"
is "$(q m "SELECT count(*) FROM pg_partition_tree('a_rather_long_name_for_an_index_of_partitions')")" \
    5 "each partition has one"
stall=$(cat "$T"/stall.* | awk '{ n++; if ($3 > max) max = $3 } END { print int(max / 1000), n }')
diag "${stall#* } transactions meanwhile, the longest took ${stall% *} ms"
ok "no writer was kept for ${STALL_MS} ms" test "${stall% *}" -lt $STALL_MS
is "$(grep -a '^pgbench: .*still waiting' "$T/main.log")" "" \
    "none waited 400 ms for a lock"
ok "while the build did" grep -aq '^pgk-index: .*still waiting' "$T/main.log"
ok "there were writers" test "${stall#* }" -gt 100

before=$(q m "SELECT string_agg(oid || relfilenode::text, ',' ORDER BY oid) FROM pg_class WHERE relkind IN ('i', 'I')")
run pgk-index apply -d m "$T/policy.sql"
exits 0 "again"
is "$(q m "SELECT string_agg(oid || relfilenode::text, ',' ORDER BY oid) FROM pg_class WHERE relkind IN ('i', 'I')")" \
    "$before" "does nothing"
run pgk-index diff -d m "$T/policy.sql"
exits 0 "and there is no drift"
quiet "nothing to remark"

# the dry run's SQL does the same
createdb -T template0 n
q n 'CREATE TABLE t (id int, k int, v text, c int);
    CREATE TABLE p (id int, k text, c int) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000)'
run pgk-index apply --dry-run -d n "$T/policy.sql"
mv "$T/out" "$T/dry.sql"
run psql -Xq -v ON_ERROR_STOP=1 -d n -f "$T/dry.sql"
exits 0 "psql runs the dry run's SQL"
run pgk-index diff -d n "$T/policy.sql"
exits 0 "after which there is no drift"

# cut short ---------------------------------------------------------------------
echo 'CREATE INDEX IF NOT EXISTS cut ON public.t (v, k);' >"$T/cut.sql"
for signal in INT TERM; do
	reader other 60
	pgk-index apply -d m "$T/cut.sql" >"$T/out" 2>"$T/err" </dev/null &
	pid=$!
	building cut
	is "$(state cut | cut -d'|' -f2)" f "a build under way"
	kill -$signal $pid
	wait $pid
	rc=$?
	exits "$((128 + $(kill -l $signal)))" "ended by SIG$signal"
	is "$(state cut)" "" "leaves no invalid index"
	unread
done

# and so in the midst of partitions
echo 'CREATE INDEX IF NOT EXISTS pcut ON public.p (id, c);' >"$T/pcut.sql"
reader other 60
pgk-index apply -d m "$T/pcut.sql" >"$T/out" 2>"$T/err" </dev/null &
pid=$!
building pcut
kill -INT $pid
wait $pid
is "$(q m 'SELECT count(*) FROM pg_index WHERE NOT indisvalid')" 0 \
    "nor one of a table of partitions"
unread

reader other 60
run pgk-index apply --tsv --max-wait 1s -d m "$T/cut.sql"
exits 1 "a build that waits too long"
is "$(verdict cut)" POSTPONED "is put off"
out_has 'waited 1s for process [0-9]+ \(reader' "for whom, is said"
is "$(state cut)" "" "and taken back"
unread

# the reader uses the very table: the server must finish the drop alone
reader t 60
run pgk-index apply --tsv --max-wait 1s -d m "$T/cut.sql"
exits 1 "waiting for a reader of the table"
out_has 'the server drops what was begun' "is said to need the server"
unread
server_until "count(*) = 0 FROM pg_stat_activity WHERE query LIKE 'DROP%cut%'
    AND state = 'active' AND pid <> pg_backend_pid()"
is "$(state cut)" "" "which does so"

# the window's end is a time of day: a minute to wait for
if [ "${PGK_SLOW:-0}" = 1 ]; then
	reader other 100
	printf '[policy]\ntime-zone = UTC\n' >"$T/utc.conf"
	run pgk-index apply --tsv --until "$(TZ=UTC date -d '1 minute' +%H:%M)" \
	    -c "$T/utc.conf" -d m "$T/cut.sql"
	exits 1 "at the window's end"
	out_has 'the window has ended; it waited for process [0-9]+ \(reader' \
	    "a build is put off"
	is "$(state cut)" "" "and taken back"
	unread
else
	skip "the window's end" "PGK_SLOW=1 runs it"
fi
run pgk-index apply --until 25:00 -d m "$T/cut.sql"
exits 2 "no time of day"

# killed: the server goes on
reader other 60
pgk-index apply -d m "$T/cut.sql" >"$T/out" 2>"$T/err" </dev/null &
pid=$!
building cut
kill -KILL $pid
wait $pid 2>/dev/null
run pgk-index apply -d m "$T/cut.sql"
exits 4 "while the server goes on after a kill, another run is refused"
err_has 'pgk-index \(process [0-9]+ of the server\) is at work' "and says by whom"
run pgk-index diff --tsv -d m "$T/cut.sql"
is "$(verdict cut)" BUILDING "diff knows that it is being built"
q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'pgk-index'" >/dev/null
unread
server_until "count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgk-index'"
is "$(state cut | cut -d'|' -f2)" f "an invalid index is left"
run pgk-index diff --tsv -d m "$T/cut.sql"
is "$(verdict cut)" INVALID "diff says so"
run pgk-index apply --tsv -d m "$T/cut.sql"
exits 0 "the next run"
is "$(verdict cut) $(state cut)" "REPAIRED cut|t|t|t" "repairs it"

# a crash of the server in a partition's build
q m "CREATE INDEX torn ON ONLY p (c, k)"
echo 'CREATE INDEX IF NOT EXISTS torn ON public.p (c, k);' >"$T/torn.sql"
reader other 60
pgk-index apply -d m "$T/torn.sql" >"$T/out" 2>"$T/err" </dev/null &
pid=$!
building torn
server_stop main QUIT
wait $pid
rc=$?
exits 5 "the server goes away"
kill "$reader" 2>/dev/null
wait "$reader" 2>/dev/null
server_start
run pgk-index apply --tsv -d m "$T/torn.sql"
exits 0 "after its recovery"
is "$(verdict torn) $(state torn)" "REPAIRED torn|t|t|t" "the partitions' index is completed"
is "$(q m "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" 0 "nothing invalid is left"

# dumps -------------------------------------------------------------------------
echo 'CREATE INDEX IF NOT EXISTS later ON public.t (c);' >"$T/later.sql"
server_hold m other
store_new
pgk-dump -q --no-encrypt m >/dev/null 2>&1 </dev/null &
pid=$!
server_waiting
run pgk-index apply --tsv --max-wait 1s -d m "$T/later.sql"
exits 1 "no build begins while pgk-dump runs"
out_has 'waited 1s for pgk-dump \(process' "which is named"
kill $pid
wait $pid 2>/dev/null
server_unhold
PGAPPNAME=pg_dump psql -Xq -d m -c 'SELECT pg_sleep(60)' >/dev/null 2>&1 &
pid=$!
server_until "count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pg_dump'"
run pgk-index apply --tsv --max-wait 1s -d m "$T/later.sql"
out_has 'waited 1s for pg_dump \(process [0-9]+\), a dump' "nor while pg_dump does"
kill $pid
wait $pid 2>/dev/null
q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'pg_dump'" >/dev/null

# a backup comes first: it does not wait for a build
reader other 60
pgk-index apply -d m "$T/later.sql" >"$T/apply.out" 2>&1 </dev/null &
pid=$!
building later
run pgk-dump -v --no-encrypt m
exits 0 "a dump in the midst of a build"
err_has 'pgk-index \(process [0-9]+ of the server\) is at work .*; it may have to wait' \
    "says who waits for it"
kill -TERM $pid
wait $pid
unread

# what it does with the rest ------------------------------------------------------
cat >"$T/rest.sql" <<'END'
CREATE INDEX IF NOT EXISTS cut ON public.t (v, k) WHERE k > 0;
CREATE INDEX IF NOT EXISTS new_name ON public.t (k, v);
CREATE UNIQUE INDEX IF NOT EXISTS no_way ON public.t (k);
CREATE INDEX IF NOT EXISTS later ON public.t (c);
END
q m 'CREATE UNIQUE INDEX rule ON t (id, k)'
run pgk-index apply --tsv -d m "$T/rest.sql"
exits 1 "one that fails does not stop the others"
is "$(verdict cut) $(verdict new_name) $(verdict no_way) $(verdict later) $(verdict rule)" \
    "CHANGED RENAMED FAILED BUILT UNDECLARED" "each as it is"
out_has 'could not create unique index' "the server's reason"
is "$(state no_way)" "" "nothing of it is left"
is "$(q m "SELECT pg_get_indexdef('cut'::regclass) LIKE '%WHERE%'")" f \
    "what is declared otherwise stays, unless asked for"
sed -i /no_way/d "$T/rest.sql"
run pgk-index apply --tsv --replace --drop-extra -d m "$T/rest.sql"
exits 0 "when asked for"
is "$(verdict cut) $(verdict '색인 v') $(verdict rule)" "REPLACED DROPPED UNDECLARED" \
    "it is replaced, another dropped, and a unique one kept"
is "$(q m "SELECT pg_get_indexdef('cut'::regclass) LIKE '%WHERE (k > 0)'")" t "by the right one"
run pgk-index apply -d m "$T/rest.sql"
exits 0 "and then all is well"

# a drop that must wait is finished by the server
echo 'CREATE INDEX IF NOT EXISTS new_name ON public.t (k, v);' >"$T/one.sql"
q m 'DROP INDEX rule'
reader t 60
run pgk-index apply --tsv --drop-extra --max-wait 1s -d m "$T/one.sql"
exits 1 "a drop that waits too long"
is "$(verdict cut) $(verdict later)" "POSTPONED POSTPONED" "is put off"
out_has 'the server drops it as soon as it can' "and said to need the server"
unread
server_until "count(*) = 0 FROM pg_stat_activity WHERE query LIKE 'DROP%' AND state = 'active'
    AND pid <> pg_backend_pid()"
is "$(state cut)$(state later)" "" "which does so"
q m 'CREATE INDEX extra ON t (v)'
reader t 60
pgk-index apply --drop-extra -d m "$T/one.sql" >"$T/out" 2>"$T/err" </dev/null &
pid=$!
server_until "count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'DROP%extra%'
    AND wait_event_type = 'Lock'"
kill -TERM $pid
wait $pid
rc=$?
exits 143 "a drop that is ended by SIGTERM"
unread
server_until "count(*) = 0 FROM pg_stat_activity WHERE query LIKE 'DROP%' AND state = 'active'
    AND pid <> pg_backend_pid()"
is "$(state extra)" "" "is finished by the server too"

printf '%s;\n' 'CREATE INDEX IF NOT EXISTS good ON public.t (k, c)' \
    'CREATE INDEX IF NOT EXISTS bad1 ON nowhere (a)' \
    'CREATE INDEX IF NOT EXISTS bad2 ON public."at all" (a)' >"$T/tables.sql"
run pgk-index apply --tsv -d m "$T/tables.sql"
exits 1 "unknown tables"
is "$(cut -f 3,5 "$T/out" | tail -n +2 | tr '\t\n' ' ,')" "NO-TABLE nowhere,NO-TABLE at all," \
    "are reported together"
is "$(state good)" "" "and nothing is done"

# the policy that comes with pgk, by the role of roles.sql ------------------------
chat_database chat 200
q chat "CREATE ROLE app; ALTER SCHEMA public OWNER TO app;
    ALTER TABLE messages OWNER TO app; ALTER TABLE agents OWNER TO app;
    ALTER TABLE chat_rooms OWNER TO app; ALTER TABLE agent_sessions OWNER TO app;
    ALTER TABLE customer_sessions OWNER TO app"
psql -Xq -d chat -f "$ROOT/sql/roles.sql" >/dev/null
run pgk-index apply --tsv --replace -U pgk_index -d chat "$ROOT/sql/create_indexes.sql"
exits 0 "pgk's own policy, by pgk_index"
is "$(verdict idx_chat_rooms_waiting) $(verdict idx_chat_rooms_created_at) $(verdict idx_messages_room_timestamp)" \
    "BUILT REPLACED OK" "what was missing, otherwise, and there"
is "$(verdict idx_messages_room_id)" UNDECLARED "what is too much is said, not dropped"
run pgk-index apply -U pgk_dump -d chat "$T/later.sql"
exits 1 "a role that owns nothing"
server_idle
no_orphans "in the end"
finish
