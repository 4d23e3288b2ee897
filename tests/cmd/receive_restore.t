#!/bin/bash
# A server without archive_command, whose log pgk-wal receive --synchronous
# takes: lost in an instant, restored with every row that was acknowledged.
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

recover_start "archive_mode = off"
q postgres "CREATE TABLE ledger (n int)"
(cd "$T" && server_exec pgk-wal receive --create-slot --synchronous \
    --no-encrypt >"$T/receive.out" 2>"$T/receive.err" </dev/null) &
receiver=$!
receiver_connected
q postgres "ALTER SYSTEM SET synchronous_standby_names = '\"pgk-wal\"'"
q postgres "SELECT pg_reload_conf()" >/dev/null
backup --full
exits 0 "a full backup"
for ((i = 1; i <= 500; i++)); do
	echo "INSERT INTO ledger VALUES ($i) RETURNING n;"
done | psql -XqAt -d postgres >"$T/told" 2>/dev/null &
writer=$!
for ((i = 0; i < 200; i++)); do
	[ "$(q postgres "SELECT count(*) FROM ledger")" -lt 50 ] || break
	sleep 0.05
done
server_stop main KILL
kill -KILL "$receiver"
{ wait "$receiver" "$writer"; } 2>/dev/null
told=$(tail -n 1 "$T/told")
ok "rows were acknowledged ($told)" test "$told" -ge 40
ok "the end of the log is in runs" test -n "$(runs)"

pgk pgk-restore -D "$T/own/new" --plan --tsv
out_has '^wal_last_transaction	20[0-9-]{8}T[0-9:.]+Z$' \
    "when the last transaction in them ended is known"
when=$(sed -n 's/^wal_last_transaction\t//p' "$T/out")
pgk pgk-restore -D "$T/own/new" --target-time 2100-01-01T00:00:00Z
exits 9 "a later target is refused"
err_has "last transaction ended at $when\$" "and told"
pgk pgk-restore -q -D "$T/own/new" --target-action promote
exits 0 "restored"
place again
as_server mv "$T/own/new" "$T/again/data"
boot again "synchronous_standby_names = ''"
q postgres "ALTER SYSTEM RESET synchronous_standby_names"
server_until "NOT pg_is_in_recovery()"
got=$(q postgres "SELECT count(*) FROM ledger")
ok "all of them are there ($got)" test "$got" -ge "$told"
ok "and at most the one under way beside" test "$got" -le $((told + 1))
finish
