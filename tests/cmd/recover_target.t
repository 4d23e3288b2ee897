#!/bin/bash
# pgk-restore -D: a target that the archive does not reach is refused before
# anything is touched, one that it does is reached, and the set that leads to it
# is found.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

server_initdb=(--wal-segsize=1)
# what a recovery by hand and a standby have left is not to count
recover_start "track_commit_timestamp = on" "max_prepared_transactions = 5" \
    "recovery_target_name = 'long ago'" "recovery_target_action = shutdown" \
    "recovery_min_apply_delay = 1h" \
    "archive_cleanup_command = 'touch $T/own/cleaned'"
q postgres "CREATE TABLE ledger (n int, xid text DEFAULT txid_current()::text)"

note()
{
	q postgres "INSERT INTO ledger VALUES ($1) RETURNING xid"
}
point()
{
	q postgres "SELECT pg_create_restore_point('$1')" >/dev/null
}
# when a transaction was committed, and that plus some microseconds
committed()
{
	q postgres "SET TimeZone = 'UTC'; SELECT to_char(
	    pg_xact_commit_timestamp('$1') + ${2:-0} * interval '1 us',
	    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
}
plan()
{
	pgk pgk-restore -D "$T/own/none" --plan --tsv "$@"
}
chosen()
{
	sed -n 's/^set\t//p' "$T/out"
}
# reaches NAME ROWS OPTION... - restored to this, booted, promoted
reaches()
{
	place restored
	pgk pgk-restore -q -D "$T/restored/data" --target-action promote "${@:3}"
	exits 0 "$1"
	boot restored
	server_until "NOT pg_is_in_recovery()"
	is "$(q postgres "SELECT string_agg(n::text, ' ' ORDER BY n)
	    FROM ledger")" "$2" "$1: the rows up to there"
	server_stop restored
}
# dies SETTING VALUE - the data folder just restored, with another target: it
# ends without having reached it
dies()
{
	local i

	place restored
	pgk pgk-restore -q -D "$T/restored/data" "${@:3}"
	as_server sed -i "s,^$1 = .*,$1 = '$2'," \
	    "$T/restored/data/postgresql.auto.conf"
	: >"$T/restored.log"
	server_exec "$server_bin/postgres" -D "$T/restored/data" \
	    -c unix_socket_directories="$T/restored" -c archive_mode=off \
	    </dev/null >>"$T/restored.log" 2>&1 &
	for ((i = 0; i < 300; i++)); do
		kill -0 $! 2>/dev/null || break
		sleep 0.1
	done
	kill -QUIT $! 2>/dev/null
	wait $! 2>/dev/null
	ok "PostgreSQL does not reach $1 $2" grep -q \
	    'recovery ended before configured recovery target was reached' \
	    "$T/restored.log"
}

backup --full
one=${set##*/}
first=$(note 1)
point daily
q postgres "BEGIN; INSERT INTO ledger VALUES (2); PREPARE TRANSACTION 'p'"
prepared=$(q postgres "SELECT transaction FROM pg_prepared_xacts")
note 3 >/dev/null
q postgres "COMMIT PREPARED 'p'"
note 4 >/dev/null
point once
sleep 1.1 # a set's end is known by the second
backup --full
two=${set##*/}
sleep 1.1
note 5 >/dev/null
point daily
note 6 >/dev/null
last=$(note 7)
point end
# records behind the last transaction's end, in further segments
q postgres "SELECT pg_logical_emit_message(false, '', repeat('x', 2000000))" \
    >/dev/null
archived
when=$(committed "$last")
before=$(committed "$last" -1)

# times -------------------------------------------------------------------------
plan
exits 0 "a plan"
out_has "^wal_last_transaction	$when\$" "tells when the last transaction ended"
end=$(sed -n 's/^wal_end\t//p' "$T/out")
pgk pgk-restore -D "$T/own/none" --plan
out_has "^ +last transaction ended at $when\$" "to people too"
pgk pgk-list --tsv incremental
is "$(awk -F '\t' 'NR > 1 { print $NF }' "$T/out" | sort -u)" \
    "${before:0:19}Z" "pgk-list as well"
pgk pgk-list incremental
plan --target-time "$(sed -nE \
    's/^recoverable: any time from ([-0-9: ]+[+][0-9]+) to .*/\1/p' "$T/out")"
is "$rc $(chosen)" "0 $one" "and the first time it tells is one"
pgk pgk-wal check --tsv
exits 0 "pgk-wal check"
is "$(awk -F '\t' '$1 == "backup" { print $NF }' "$T/out" | sort -u)" \
    "${before:0:19}Z" "says it"
pgk pgk-wal check --json
is "$(perl -MJSON::PP -e 'print "$_->{to_time}\n"
    for @{decode_json(join "", <STDIN>)->{backups}}' <"$T/out" | sort -u)" \
    "${before:0:19}Z" "as JSON too"
pgk pgk-wal check
out_has " ${before:0:19}Z +-\$" "and to people"
pgk pgk-wal check --fast
out_has ' - +-$' "but not if it is to be fast"
for time in "$when" "$(committed "$last" 1)" '2100-01-01 00:00:00+00'; do
	pgk pgk-restore -q -D "$T/own/none" --target-time "$time"
	exits 9 "$time is refused"
	err_has "last transaction ended at $when\$" "and the end said"
	err_has "hint: --target-time '$before' .*--latest.*wait" "and what to do"
	not_ok "nothing is made" test -e "$T/own/none"
done
plan --target-time "$before"
exits 0 "what the hint says is not"
reaches "just before the last" "1 2 3 4 5 6" --target-time "$before"
dies recovery_target_time "${when%Z}+00" --target-time "$before"
reaches "exclusively" "1 2 3 4 5 6" --target-time "$when" --target-exclusive
server_use main
plan --target-exclusive --target-time "$(committed "$last" 1)"
exits 9 "exclusively, behind it"

# places ------------------------------------------------------------------------
plan --target-lsn "$end"
exits 9 "the end of the archive's last segment is refused"
record=$(sed -nE 's/.*last record begins at (.*)/\1/p' "$T/err")
reaches "the last record" "1 2 3 4 5 6 7" --target-lsn "$record"
server_use main
printf -v behind '%s/%X' "${record%/*}" $((16#${record#*/} + 1))
plan --target-lsn "$behind"
exits 9 "one behind it is refused"

# transactions --------------------------------------------------------------------
plan --target-xid "$last"
is "$rc $(chosen)" "0 $two" "a transaction of after the newest set"
plan --target-xid "$first"
is "$rc $(chosen)" "0 $one" "one of before it: an older set"
plan --target-xid "$prepared"
is "$rc $(chosen)" "0 $one" "a prepared one"
reaches "a prepared transaction" "1 2 3" --target-xid "$prepared"
plan --target-xid 4000000
exits 9 "one that is not there"
err_has "transaction 4000000, is not in .*start of \"$one\"" "is said to be not"
plan --target-xid "$first" "$two"
exits 9 "one of before the set that is named"
not_ok "nothing is made" test -e "$T/own/none"

# restore points ------------------------------------------------------------------
plan --target-name once
is "$rc $(chosen)" "0 $one" "a restore point of before the newest set"
plan --target-name daily
is "$rc $(chosen)" "0 $two" "one that is there twice: the newest set"
reaches "it" "1 2 3 4 5" --target-name daily
reaches "the older one, by the set" "1" --target-name daily "$one"
plan --target-name dail
exits 9 "one that is not there"
if command -v script >/dev/null; then
	pgk script -qec "pgk-restore -D $T/own/none --plan --target-name dail" \
	    /dev/null
	out_has 'looking for the target.* [0-9]+%' \
	    "somebody who waits is told what for"
else
	skip "a terminal" "no script(1) here"
fi
plan --target-name end
exits 0 "the last"
dies recovery_target_name dail --target-name end

reaches "the end" "1 2 3 4 5 6 7"
not_ok "no archive was cleaned up" test -e "$T/own/cleaned"

finish
