#!/bin/bash
# lib/pg's replication connections, against a real walsender
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "wal_level = replica" "max_wal_senders = 4" \
    "wal_sender_timeout = 60s"
q postgres "CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 20000) g"
mkdir "$T/space"
[ -z "$server_user" ] || chown "$server_user" "$T/space"
q postgres "CREATE TABLESPACE s LOCATION '$T/space'"
q postgres "CREATE TABLE u TABLESPACE s AS SELECT * FROM t"

run replication IDENTIFY_SYSTEM query
exits 0 "IDENTIFY_SYSTEM"
system=$(q postgres "SELECT system_identifier FROM pg_control_system()")
out_has "^rows: $system\\|1\\|[0-9A-F]+/[0-9A-F]+\\|$" "gives one row"
run replication "SHOW wal_segment_size" query
exits 0 "SHOW works"
out_has '^rows: 16MB' "and says 16MB"
run replication "SHOW wal_segment_size" copy
exits 0 "and as a command with results"
out_has '^rows: 16MB' "says the same"
out_has '^done' "and is over"
run replication "NONSENSE" copy
exits 5 "nonsense is refused"
err_has 'ERROR: (cannot execute SQL commands|syntax error)' "by the server"
out_has '^alive' "and the connection lives on"
run replication "NONSENSE" query
exits 5 "nonsense is refused in a query too"
out_has '^alive' "and the connection lives on"

# BASE_BACKUP: rows, rows, COPYs, rows
if [ "$PG_MAJOR" -ge 15 ]; then
	backup="BASE_BACKUP (LABEL 'x', CHECKPOINT 'fast', WAIT false, TABLESPACE_MAP true, MANIFEST 'yes')"
	copies=1 first=n
else
	backup="BASE_BACKUP LABEL 'x' FAST NOWAIT TABLESPACE_MAP MANIFEST 'yes'"
	copies=3 first='[a-zP1]'
fi
for how in copy stream; do
	run replication "$backup" $how
	exits 0 "BASE_BACKUP, $how"
	is "$(grep -c '^copy out: ' "$T/out")" $copies "its data comes"
	is "$(grep -c '^rows: ' "$T/out")" 4 "two tablespaces, start and end"
	out_has "^copy out: [0-9]+ [0-9]{7,} $first" "there is much of it"
	is "$(tail -n 2 "$T/out" | tr '\n' ' ')" "done alive " \
	    "and the connection lives on"
done

# an error within: a file that cannot be read
node=$(q postgres "SELECT pg_relation_filepath('t')")
chmod 000 "$T/main/data/$node"
if [ -n "$server_user" ] || [ "$(id -u)" -ne 0 ]; then
	for how in copy stream; do
		run replication "$backup" $how
		exits 5 "an error in the middle of a backup, $how"
		err_has 'ERROR: could not open file.*Permission denied' "is told"
		out_has '^alive' "and the connection lives on"
	done
fi
chmod 600 "$T/main/data/$node"

# START_REPLICATION
lsn=$(q postgres "SELECT '0/' || lpad(to_hex(((pg_current_wal_lsn() - '0/0')::bigint / 16777216 * 16777216)), 8, '0')")
q postgres "INSERT INTO t SELECT * FROM t"
run replication "START_REPLICATION PHYSICAL $lsn TIMELINE 1" stream 3
exits 0 "START_REPLICATION, ended by us"
out_has '^copy both: 3 [0-9]{4,} w$' "gives messages"
out_has '^rest: ' "and what was under way"
is "$(tail -n 2 "$T/out" | tr '\n' ' ')" "done alive " \
    "and the connection lives on"
run replication "START_REPLICATION PHYSICAL $lsn TIMELINE 7" stream
exits 5 "a timeline that is not there"
out_has '^alive' "and the connection lives on"
run replication "START_REPLICATION SLOT none PHYSICAL $lsn TIMELINE 1" stream
exits 5 "a slot that is not there"
err_has 'replication slot "none" does not exist' "is told"

# a stop, and a server that goes away
wait_stream()
{
	server_until "count(*) > 0 FROM pg_stat_replication"
}
replication "START_REPLICATION PHYSICAL $lsn TIMELINE 1" stream \
    >"$T/out" 2>"$T/err" </dev/null &
pid=$!
wait_stream
kill -TERM $pid
SECONDS=0
wait $pid
rc=$?
ok "SIGTERM ends a stream at once" test $SECONDS -lt 5
err_has 'stopped by SIGTERM' "and it is said"
server_until "count(*) = 0 FROM pg_stat_replication"
replication "START_REPLICATION PHYSICAL $lsn TIMELINE 1" stream \
    >"$T/out" 2>"$T/err" </dev/null &
pid=$!
wait_stream
q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_replication" >/dev/null
wait $pid
rc=$?
exits 5 "a terminated walsender"
err_has 'terminating connection due to administrator command' "says why"
replication "START_REPLICATION PHYSICAL $lsn TIMELINE 1" stream \
    >"$T/out" 2>"$T/err" </dev/null &
pid=$!
wait_stream
server_stop main QUIT
wait $pid
rc=$?
exits 5 "a server that dies"
ok "is said in a line" test -s "$T/err"
run replication IDENTIFY_SYSTEM query
exits 5 "and one that is not there"

finish
