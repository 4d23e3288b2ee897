#!/bin/bash
# A server that is backed up and pruned all the time, with a policy of seconds:
# every moment of the time kept can be recovered after each prune.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

recover_start
q postgres "CREATE TABLE ledger (n int)"
count=0
ticks=()
# a row, and the second after its commit
tick()
{
	count=$((count + 1))
	q postgres "INSERT INTO ledger VALUES ($count)"
	sleep 1.1
	ticks+=("$count $(q postgres "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")")
	sleep 0.1
}
# one round and a half, which the first took $1 seconds for
set_keep()
{
	keep=$(($1 * 3 / 2))
	[ "$keep" -ge 6 ] || keep=6
	cat >>"$PGK_CONF" <<-CONF
		incremental = - ${keep}s - - -
		wal         = - ${keep}s - - -
	CONF
}
# can every moment of the last seconds be had? without --plan's "yes" it is not
look()
{
	local n at since=$1

	for at in "${ticks[@]}"; do
		n=${at% *}
		at=${at#* }
		[ "$at" -gt "$since" ] || continue
		place plan
		pgk pgk-restore --plan --tsv -D "$T/plan/data" \
		    --target-time "$(date -u -d "@$at" '+%F %T+00')"
		[ "$rc" -eq 0 ] || {
			diag "tick $n at $at: $(cat "$T/err")"
			bad=$((bad + 1))
		}
		looked=$((looked + 1))
	done
}

bad=0 looked=0 gone=0 ranges=0
backup --full
tick
for round in 1 2 3 4; do
	begun=$(date +%s)
	backup --full
	tick
	backup --incremental
	tick
	# a moment is reached when a transaction ends behind it
	q postgres "SELECT txid_current()" >/dev/null
	archived
	[ "$round" -gt 1 ] || set_keep $(($(date +%s) - begun))
	since=$(($(date +%s) - keep))
	pgk pgk-prune
	[ "$rc" -eq 0 ] || { bad=$((bad + 1)); tap_tell; }
	gone=$((gone + $(grep -c '^deleted incremental/' "$T/out")))
	ranges=$((ranges + $(grep -c '^deleted wal/' "$T/out")))
	# those of the time before the first base backup never were
	[ "$round" -lt 2 ] || look "$since"
done
diag "$gone sets and $ranges ranges of WAL went, $looked moments were asked for"
is "$bad" 0 "every moment kept can be planned for after each prune"
ok "sets went" test "$gone" -gt 1
ok "WAL went" test "$ranges" -gt 1
ok "moments were asked for" test "$looked" -gt 6
pgk pgk-wal check
exits 0 "the log is whole"
pgk pgk-list incremental
is "$(grep -c '^recoverable: any time .*, gaps: none$' "$T/out")" 1 \
    "pgk-list says so"

# and the oldest of them comes back
for at in "${ticks[@]}"; do
	[ "${at#* }" -gt "$since" ] || continue
	break
done
server_stop main
place rescued
pgk pgk-restore -q -D "$T/rescued/data" --target-action promote \
    --target-time "$(date -u -d "@${at#* }" '+%F %T+00')"
exits 0 "the oldest moment kept"
boot rescued
server_until 'NOT pg_is_in_recovery()'
is "$(q postgres 'SELECT count(*), max(n) FROM ledger')" "${at% *}|${at% *}" \
    "its rows, and none of later"
finish
