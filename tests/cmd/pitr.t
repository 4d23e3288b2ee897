#!/bin/bash
# Point-in-time recovery as a whole: traffic all along, a full backup and three
# incrementals, WAL by pgk-wal push; restores to targets picked at random.
# PostgreSQL's own pg_waldump says what had been committed by then.
#
#	PGK_PITR_TARGETS=N    restore N times (5)
#	PGK_PITR_SECONDS=N    of traffic between backups (1)
#	PGK_PITR_RATE=N       transactions a second (150)
#	PGK_PITR_SCALE=N      of pgbench (1)
#	PGK_PITR_SEED=N       the same targets again
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"
# shellcheck source=tests/sh/pitr.sh
. "$ROOT/tests/sh/pitr.sh"

targets=${PGK_PITR_TARGETS:-5}
seconds=${PGK_PITR_SECONDS:-1}
seed=${PGK_PITR_SEED:-$RANDOM}
RANDOM=$seed
diag "PGK_PITR_SEED=$seed"

summaries=()
[ "$PG_MAJOR" -lt 17 ] || summaries=("summarize_wal = on")
recover_start "max_wal_senders = 8" "wal_keep_size = 200MB" \
    "checkpoint_timeout = 30s" "autovacuum = on" "autovacuum_naptime = 1s" \
    "${summaries[@]}"
as_server mkdir -m 700 "$T/own/truth" "$T/main/space"
q postgres "ALTER SYSTEM SET archive_command =
    '$BUILD/bin/pgk-wal push -c $PGK_CONF %p && cp %p $T/own/truth/%f'"
q postgres "SELECT pg_reload_conf()" >/dev/null
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
psql -Xq -d postgres -f "$ROOT/tests/fixture/churn.sql"
pgbench -i -q -s "${PGK_PITR_SCALE:-1}" postgres >/dev/null 2>&1

# a full one and three incrementals, all under way
traffic_start
sleep "$seconds"
backup --full
exits 0 "a full backup"
sets_note
points=0
for i in 1 2 3; do
	sleep "$seconds"
	points=$((points + 1))
	q postgres "SELECT pg_create_restore_point('point $points')" >/dev/null
	sleep "$seconds"
	backup --incremental
	exits 0 "incremental $i"
	sets_note
done
sleep "$seconds"
points=$((points + 1))
q postgres "SELECT pg_create_restore_point('point $points')" >/dev/null
traffic_stop
q postgres "SELECT xid FROM ledger" >"$T/ledger"
archived
sleep 0.2
commits "$T/own/truth" 00000001
ok "there was traffic ($(wc -l <"$T/ledger") rows, $(wc -l <"$T/commits") \
commits)" test "$(wc -l <"$T/ledger")" -gt 100
run cat "$T/churn.out"
is "$(grep -c ERROR "$T/out")" 0 "without errors" || tap_tell

maps=(--tablespace-map "$T/main/space=$T/own/space")
kinds=(lsn time xid name latest)
for ((i = 0; i < targets; i++)); do
	random_commit
	case ${kinds[i % 5]} in
	lsn)
		reach "to LSN $lsn" lsn "$lsn" --target-lsn "$(short "$lsn")"
		;;
	time)
		reach "to $time" time "$time" --target-time "$time+00"
		;;
	xid)
		reach "to transaction $xid" xid "$xid" --target-xid "$xid"
		;;
	name)
		word="point $((1 + RANDOM % points))"
		reach "to $word" name "$word" --target-name "$word"
		;;
	latest)
		reach "to the end" latest ""
		;;
	esac
done

finish
