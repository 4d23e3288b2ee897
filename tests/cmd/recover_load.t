#!/bin/bash
# Base backups taken while rows are written; restores to moments in between
# have exactly the rows committed up to there.
# PGK_POINTS is how many moments (default 2).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

points=$(points 2)
settings=("track_commit_timestamp = on")
[ "$PG_MAJOR" -lt 17 ] || settings+=("summarize_wal = on")
recover_start "${settings[@]}"
pgbench -q -i -s 2 postgres >/dev/null 2>&1
q postgres 'CREATE TABLE ledger (n bigserial PRIMARY KEY, t text)'
cat >"$T/load.sql" <<'SQL'
\set aid random(1, 200000)
\set tid random(1, 20)
\set bid random(1, 2)
\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
    VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
INSERT INTO ledger (t) VALUES (repeat('x', 100));
COMMIT;
SQL
pgbench -n -c 3 -R 400 -T 60 -f "$T/load.sql" postgres >/dev/null 2>&1 &
load=$!
stop_load()
{
	kill "$load" 2>/dev/null
	wait "$load" 2>/dev/null
}
at_end stop_load
backup --full
sleep 1.2
first=$(q postgres 'SELECT extract(epoch FROM clock_timestamp())')
for i in 1 2 3; do
	q postgres "CREATE TABLE made_$i AS SELECT * FROM pgbench_tellers;
	    DROP TABLE IF EXISTS made_$((i - 1))" 2>/dev/null
	backup --incremental
	ok "backup $i while rows are written" test "$rc" -eq 0
	sleep 1
done
last=$(q postgres 'SELECT extract(epoch FROM clock_timestamp())')
sleep 0.5
stop_load
server_idle
archived

state()
{
	q postgres "SELECT (SELECT sum(abalance) FROM pgbench_accounts) =
	    (SELECT sum(delta) FROM pgbench_history) AND
	    (SELECT sum(tbalance) FROM pgbench_tellers) =
	    (SELECT sum(delta) FROM pgbench_history) AND
	    (SELECT sum(bbalance) FROM pgbench_branches) =
	    (SELECT sum(delta) FROM pgbench_history)"
}
for ((p = 1; p <= points; p++)); do
	server_use main
	moment=$(q postgres "SET TimeZone = 'UTC'; SELECT to_char(to_timestamp(
	    $first + ($last - $first) * ($p - 0.5 * random()) / $points),
	    'YYYY-MM-DD HH24:MI:SS.US+00')" | tail -n 1)
	want=$(q postgres "SELECT count(*), sum(n) FROM ledger
	    WHERE pg_xact_commit_timestamp(xmin) <= '$moment'")
	place r
	pgk pgk-restore -q -D "$T/r/data" --target-time "$moment" \
	    --target-action promote
	exits 0 "restored to $moment"
	boot r
	server_until 'NOT pg_is_in_recovery()'
	is "$(q postgres 'SELECT count(*), sum(n) FROM ledger')" "$want" \
	    "exactly the rows committed up to then: $want"
	is "$(state)" t "balances agree"
	[ "$PG_MAJOR" -eq 13 ] || ok "amcheck" pg_amcheck --install-missing \
	    -d postgres --heapallindexed
	server_stop r
done
finish
