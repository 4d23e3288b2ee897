#!/bin/bash
# Point-in-time recovery over a promotion: a chain of the old primary's, the
# WAL of both, targets before, after and at the end.
#
#	PGK_PITR_TARGETS=N and others as in pitr.t
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

targets=${PGK_PITR_TARGETS:-2}
seconds=${PGK_PITR_SECONDS:-1}
seed=${PGK_PITR_SEED:-$RANDOM}
RANDOM=$seed
diag "PGK_PITR_SEED=$seed"

recover_start "max_wal_senders = 8" "wal_keep_size = 200MB" \
    "hot_standby = on"
as_server mkdir -m 700 "$T/own/truth" "$T/main/space" "$T/own/space2"
q postgres "ALTER SYSTEM SET archive_command =
    '$BUILD/bin/pgk-wal push -c $PGK_CONF %p && cp %p $T/own/truth/%f'"
q postgres "SELECT pg_reload_conf()" >/dev/null
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
psql -Xq -d postgres -f "$ROOT/tests/fixture/churn.sql"
pgbench -i -q postgres >/dev/null 2>&1

# a standby that follows, a full backup and an incremental
place second
as_server "$PG_BIN/pg_basebackup" -h "$T/main" -p 5432 -U postgres -R \
    -c fast -T "$T/main/space=$T/own/space2" -D "$T/second/data" ||
    diag "no standby"
server_start second "unix_socket_directories = '$T/second'"
server_use main
traffic_start
sleep "$seconds"
backup --full
exits 0 "a full backup"
sets_note
sleep "$seconds"
backup --incremental
exits 0 "an incremental one"
sets_note
sleep "$seconds"

# the primary dies in the middle of it
server_stop main KILL
traffic_stop
server_use second
server_until "pg_is_in_recovery()"
q postgres "SELECT pg_promote()" >/dev/null
server_until "NOT pg_is_in_recovery()"
traffic_start
sleep "$seconds"
backup --auto
exits 0 "a backup of the new timeline"
is "$(json "$set" parent)" "" "is a full one"
sets_note
sleep "$seconds"
traffic_stop
q postgres "SELECT xid FROM ledger" >"$T/ledger"
archived
sleep 0.2
server_stop second

# what both have written, as it came to be
commits "$T/own/truth" 00000001
cp "$T/commits" "$T/commits1"
commits "$T/own/truth" 00000002
first=$(head -n 1 "$T/commits" | cut -f1)
switch=$(long "$(awk '$1 == 1 { print $2 }' \
    "$T/own/truth/00000002.history")")
awk -F '\t' -v first="$first" -v fork="$switch" \
    '$1 < first && $1 < fork' "$T/commits1" >"$T/both"
cat "$T/commits" >>"$T/both"
mv "$T/both" "$T/commits"
before=$(awk -F '\t' -v at="$switch" '$1 < at' "$T/commits" | wc -l)
after=$(awk -F '\t' -v at="$switch" '$1 >= at' "$T/commits" | wc -l)
ok "there was traffic on both ($before, $after)" \
    test $((before > 50 && after > 50)) -eq 1

maps=(--tablespace-map "$T/main/space=$T/own/space")
maps2=(--tablespace-map "$T/own/space2=$T/own/space")

# across: the old primary's chain, to the end of the new one's log
reach "over the promotion to the end" latest "" "${set_names[1]}"
for ((i = 1; i < targets; i++)); do
	random_commit
	[[ $lsn < $switch ]] && where=before || where=behind
	if [ $((i % 2)) -eq 1 ]; then
		reach "to transaction $xid, $where it" xid "$xid" \
		    "${set_names[0]}" --target-xid "$xid"
	else
		[[ $lsn < ${set_ends[2]} ]] || maps=("${maps2[@]}")
		reach "to LSN $lsn, $where it" lsn "$lsn" \
		    --target-lsn "$(short "$lsn")"
		maps=(--tablespace-map "$T/main/space=$T/own/space")
	fi
done

# the new server's own
maps=("${maps2[@]}")
reach "the new one's backup" latest ""

finish
