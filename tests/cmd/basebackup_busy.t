#!/bin/bash
# pgk-basebackup while all changes: pgbench, tables and databases that come and
# go, shrink, move; the chain recovers to a cluster that is whole.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/base.sh
. "$ROOT/tests/sh/base.sh"

mkdir "$T/wal"
[ -z "$server_user" ] || chown "$server_user" "$T/wal"
server_start main "archive_mode = on" "wal_keep_size = 1GB" \
    "archive_command = 'cp %p $T/wal/%f'" "autovacuum_naptime = 1s" \
    "checkpoint_timeout = 30s"
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
run pgbench -i -q -s 4 postgres
exits 0 "pgbench"
q postgres "CREATE TABLE ledger (id bigserial, at timestamptz DEFAULT clock_timestamp());
    CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (1);
    CREATE TABLE moves AS SELECT g FROM generate_series(1, 5000) g"
q postgres 'CREATE EXTENSION amcheck'
store_new

touch "$T/go"
traffic()
{
	pgbench -n -c 2 -j 1 -R 300 -T 120 postgres >"$T/bench.out" 2>&1 &
	bench=$!
	(
		n=100
		while [ -e "$T/go" ]; do
			n=$((n + 1))
			psql -Xq -d postgres <<-SQL
				INSERT INTO ledger DEFAULT VALUES;
				CREATE TABLE comes_$n AS SELECT g, repeat('x', 200) t
				    FROM generate_series(1, 3000) g;
				CREATE INDEX ON comes_$n (g);
				DROP TABLE IF EXISTS comes_$((n - 2));
				DELETE FROM moves WHERE g > 100;
				VACUUM moves;
				INSERT INTO moves SELECT g FROM generate_series(101, 5000) g;
				ALTER TABLE moves SET TABLESPACE $([ $((n % 2)) = 0 ] &&
				    echo pg_default || echo space);
				TRUNCATE unlogged; INSERT INTO unlogged VALUES (2);
			SQL
			[ $((n % 5)) -ne 0 ] || psql -Xq -d postgres <<-SQL
				DROP DATABASE IF EXISTS d_$((n - 5));
				CREATE DATABASE d_$n;
				VACUUM FULL pgbench_tellers;
			SQL
		done
	) >"$T/ddl.out" 2>&1 &
	ddl=$!
}
traffic
chain=()
for method in full wal blocks wal; do
	i=${#chain[@]}
	run pgk-basebackup -q --checkpoint fast --wal-timeout 0 \
	    --method "${method/full/wal}" -Z zstd
	exits 0 "backup $i under traffic"
	is "$(json "$(cat "$T/out")" method)" "$method" "is by $method"
	chain+=("$(cat "$T/out")")
	before=$(q postgres 'SELECT max(id) FROM ledger')
	sleep 1
done
rm "$T/go"
wait $ddl
kill $bench
wait $bench
after=$(q postgres 'SELECT max(id) FROM ledger')
is "$(grep -v 'NOTICE' "$T/ddl.out")" "" "the traffic was without errors"
is "$(json "${chain[3]}" parent)" "${chain[2]#*/}" "they are one chain"
last=$(q postgres 'SELECT pg_walfile_name(pg_switch_wal())')
server_until "last_archived_wal >= '$last' FROM pg_stat_archiver"
dirs=()
for i in 0 1 2 3; do
	base_unpack "${chain[i]}" "$T/c$i"
	rm -rf "$T/v"
	ok "pg_verifybackup takes backup $i" pg_verifybackup -n "$T/c$i"
	dirs+=("$T/c$i")
done
run base_combine "$T/all" "${dirs[@]}"
exits 0 "the chain combines"
base_boot copy "$T/all"
is "$(q postgres "SELECT count(*) FROM pgbench_accounts") $(q postgres "SELECT
    (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)
    AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
    AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers)")" \
    "400000 t" "pgbench's balances agree"
is "$(q postgres 'SELECT count(*), max(id) FROM ledger')" "$after|$after" \
    "the ledger is there to its end"
ok "which came after the backup" test "$after" -gt "$before"
is "$(q postgres 'SELECT count(*) FROM moves')" 5000 "the table that moves"
if [ "$PG_MAJOR" -ge 14 ]; then
	ok "pg_amcheck finds nothing" pg_amcheck -a --heapallindexed \
	    --install-missing
else
	is "$(q postgres "SELECT count(bt_index_check(c.oid, true)) > 50 FROM pg_index i
	    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
	    WHERE amname = 'btree' AND relpersistence = 'p'")" t "amcheck finds nothing"
fi
is "$(q postgres 'CREATE EXTENSION pg_visibility;
    SELECT count(*) FROM (SELECT pg_check_visible(oid) FROM pg_class
    WHERE relkind = $$r$$ AND relpersistence = $$p$$) x')" 0 \
    "visibility maps are right"
finish
