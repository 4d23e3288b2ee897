#!/bin/bash
# A restored copy of the cluster, promoted: pgk-wal receive takes nothing from
# it until it is adopted and has reloaded.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"
# shellcheck source=tests/sh/receive.sh
. "$ROOT/tests/sh/receive.sh"

stored()
{
	find "$STORE" -type f ! -name '*lock*' | sort
}
receive()
{
	# what is not refused would go on for ever
	pgk timeout 30 pgk-wal receive --create-slot --no-encrypt \
	    -U pgk_replication "$@"
}
# what somebody sees who is connected for replication
shows()
{
	psql "user=pgk_replication replication=true dbname=replication" -XAt \
	    -c 'SHOW pgk.restored' 2>&1
}
lines()
{
	grep -cE '^(pgk\.restored|# by pgk-restore)' "$1/postgresql.auto.conf"
}
# Restored into NAME, which is reached by main's socket as well, and promoted.
copy()
{
	place "$1"
	pgk pgk-restore -q -D "$T/$1/data" --target-action promote
	exits 0 "restored"
	is "$(lines "$T/$1/data")" 2 "the setting is there, and once"
	command -v pg_verifybackup >/dev/null &&
	    ok "and in the manifest" as_server pg_verifybackup -n \
	        "$T/$1/data"
	boot "$1" "unix_socket_directories = '$T/$1, $T/main'" \
	    "wal_keep_size = 160MB"
	server_until "NOT pg_is_in_recovery()"
}

recover_start
q postgres 'CREATE TABLE ledger (n int)'
psql -Xq -d postgres -f "$ROOT/sql/roles.sql"
backup --full
exits 0 "a full backup"
q postgres 'INSERT INTO ledger VALUES (1)'
archived
receive --endpos "$(q postgres 'SELECT pg_current_wal_flush_lsn()')"
exits 0 "the server itself is received from"
quiet "without a word"
(cd "$T" && server_exec timeout 60 pgk-wal receive --no-encrypt \
    --create-slot -U pgk_replication \
    >"$T/receive.out" 2>"$T/receive.err" </dev/null) &
receiver=$!
receiver_connected
server_stop main

# the copy takes its place while it is received from
before=$(stored)
copy again
name=${set##*/}
receiver_wait
exits 9 "connected again, it is refused"
err_has "the server was restored from \"$name\"" "with why"
err_has 'hint: .*pgk-wal adopt.*reload' "and what to do"
is "$(stored)" "$before" "nothing is stored"
receive
exits 9 "nor is it from the start"
err_has "restored from \"$name\"" "with why"
is "$(stored)" "$before" "nothing is stored"
is "$(q postgres 'SELECT count(*) FROM pg_replication_slots')" 0 \
    "and no slot made"
is "$(shows)" "$name" "the role sees it"
q postgres "ALTER SYSTEM SET work_mem = '5MB'"
server_restart again
receive
exits 9 "ALTER SYSTEM and a restart leave it so"

conf=$T/again/data/postgresql.auto.conf
as_server cp "$conf" "$T/own/conf"

# adopted
as_server mv "$T/again/data/pgk-restored" "$T/own/guard"
pgk pgk-wal adopt -D "$T/again/data" --yes
exits 1 "without the guard's file it is not adopted"
err_has 'hint: .*pgk.restored.*postgresql.auto.conf' \
    "but the setting is told of"
as_server mv "$T/own/guard" "$T/again/data/pgk-restored"
run pgk-wal adopt -D "$T/again/data" --yes
exits 0 "adopted, by whoever may"
err_lines 1 "a line"
err_has "hint: .*pg_ctl reload -D \"$T/again/data\"" "says to reload"
not_ok "the file is gone" test -e "$T/again/data/pgk-restored"
others='^(pgk.restored|recovery_(target|min)|archive)'
is "$(cat "$conf")" "$(grep -vE "$others" "$T/own/conf")" \
    "the setting too, and the target, and nothing else"
is "$(stat -c '%U %a' "$conf")" "$(stat -c '%U %a' "$T/own/conf")" \
    "the file is the server's"
receive
exits 9 "until then it is as it was"
ok "the server reloads" as_server "$PG_BIN/pg_ctl" reload -D "$T/again/data"
for ((i = 0; i < 100; i++)); do
	[ -n "$(shows)" ] || break
	sleep 0.1
done
is "$(shows)" "" "then the setting is empty"
q postgres 'INSERT INTO ledger VALUES (2)'
lsn=$(q postgres 'SELECT pg_current_wal_flush_lsn()')
receive --endpos "$lsn"
exits 0 "and its log is received"
quiet "without a word"
ok "the new timeline" test -n "$(find "$STORE/wal" -name '00000002*.partial.*')"
server_restart again
ok "restarted, it knows no setting" grep -q unrecognized <(shows)
receive --endpos "$lsn"
exits 0 "and is received from"
pgk pgk-wal adopt -D "$T/again/data" --yes
exits 1 "there is nothing left to adopt"
err_lines 1 "in a line"

# a copy of the copy
backup --full
exits 0 "a backup of it"
lsn=$(q postgres 'SELECT pg_current_wal_flush_lsn()')
receive --endpos "$lsn"
exits 0 "and its log"
server_stop again
place other
pgk pgk-restore -q -D "$T/other/data" "$set"
exits 0 "restored"
is "$(lines "$T/other/data")" 2 "it has its own setting alone"
ok "of its own set" grep -q "^pgk.restored = '${set##*/}'\$" \
    "$T/other/data/postgresql.auto.conf"
pgk pgk-restore -q -D "$T/other/data" --delta "$set"
exits 0 "restored over itself"
is "$(lines "$T/other/data")" 2 "it has, too"
finish
