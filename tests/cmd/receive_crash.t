#!/bin/bash
# pgk-wal receive --synchronous: what a client was told to be committed is in
# the store, whatever is killed and when
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/receive.sh
. "$ROOT/tests/sh/receive.sh"

rounds=$(points 8)

server_initdb=(--wal-segsize=1)
server_start main "wal_level = replica" "wal_keep_size = 500MB" \
    "wal_sender_timeout = 10s"
store_new
q postgres "CREATE TABLE ledger (n serial, filler text DEFAULT repeat('x', 1000))"
q postgres "ALTER SYSTEM SET synchronous_standby_names = '\"pgk-wal\"'"
q postgres "SELECT pg_reload_conf()" >/dev/null
receiver_start --create-slot --synchronous
receiver_connected

# number of each transaction that was acknowledged, as long as $T/go is there
for ((i = 0; i < 500; i++)); do
	echo "INSERT INTO ledger DEFAULT VALUES RETURNING txid_current() AS x \\gset"
	echo "\\echo :x"
done >"$T/ledger.sql"
touch "$T/go"
: >"$T/told"
while [ -e "$T/go" ]; do
	psql -XqAt -v ON_ERROR_STOP=1 -d postgres -f "$T/ledger.sql" \
	    >>"$T/told" 2>/dev/null </dev/null || sleep 0.05
done &
writer=$!

kill_receiver()
{
	kill -KILL "$receiver"
	receiver_wait 2>/dev/null
	receiver_start --synchronous
}

kill_server()
{
	server_stop main KILL 2>/dev/null
	sleep 0.2
	server_start main
}

RANDOM=42
for ((round = 0; round < rounds; round++)); do
	sleep "0.$((RANDOM % 7 + 2))"
	case $((round % 3)) in
	0) kill_receiver ;;
	1) kill_server ;;
	2)
		kill_receiver
		kill_server
		;;
	esac 2>/dev/null
	# its first connection may have met a server that was not there
	kill -0 "$receiver" 2>/dev/null || receiver_start --synchronous
	receiver_connected || diag "$(cat "$T/receive.err")"
done
sleep 0.5

# all is lost at one instant but the store
kill -KILL "$receiver"
server_stop main KILL
receiver_wait 2>/dev/null
rm "$T/go"
wait $writer
told=$(grep -c . "$T/told")
ok "commits were acknowledged ($told)" test "$told" -gt 50

# missing: transactions told whose commit is not in the store
missing()
{
	local file first="" last

	received "$T/received" || return
	for file in "$T"/received/0*; do
		truncate -s 1M "$file"
		last=${file##*/}
		first=${first:-$last}
	done
	pg_waldump -p "$T/received" -r Transaction "$first" "$last" 2>/dev/null |
	    sed -nE 's/.* tx: *([0-9]+),.* desc: COMMIT.*/\1/p' |
	    sort >"$T/stored"
	sort "$T/told" | comm -23 - "$T/stored"
}
is "$(missing)" "" "each of them is in the store"
stored=$(wc -l <"$T/stored")
ok "which has little more ($stored)" test "$stored" -lt $((told + 600))

# on from there, and nothing is different from the server's own log
server_start main
q postgres "ALTER SYSTEM RESET synchronous_standby_names"
q postgres "SELECT pg_reload_conf()" >/dev/null
run pgk-wal receive --endpos "$(q postgres "SELECT pg_current_wal_flush_lsn()")"
exits 0 "it goes on"
is "$(find "$STORE" -name '*.tmp')" "" "no temporary is left"
received "$T/received"
different=""
compared=0
for file in "$T"/received/0*; do
	name=${file##*/}
	cmp -s -n "$(stat -c %s "$file")" "$file" \
	    "$T/main/data/pg_wal/$name" || different="$different $name"
	compared=$((compared + 1))
done
is "$different" "" "all $compared segments are the server's"
is "$(missing)" "" "and each commit is there"

finish
