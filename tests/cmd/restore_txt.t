#!/bin/bash
# RESTORE.txt: what it says of base backups and the WAL brings the rows back
# without pgk, to the second.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

mkdir "$T/store"
[ -z "$server_user" ] || chown "$server_user" "$T/store"
chmod 700 "$T/store"
printf '[store]\nurl = %s\n[policy]\ntime-zone = Asia/Seoul\n' "$T/store" \
    >"$T/archive.conf"
settings=("archive_mode = on" "archive_command = 'cd / && PGK_CONF=$T/archive.conf \
$BUILD/bin/pgk-wal push \"$T/main/data/%p\"'")
[ "$PG_MAJOR" -lt 17 ] || settings+=("summarize_wal = on")
server_start main "${settings[@]}"
q postgres "CREATE TABLE ledger (id int PRIMARY KEY, t timestamptz DEFAULT clock_timestamp())"
q postgres "INSERT INTO ledger SELECT generate_series(1, 1000)"

# base backups by the same user, in the same store
backup()
{
	run as_server env PGK_CONF="$T/archive.conf" PGHOST="$PGHOST" \
	    PGPORT="${PGPORT:-5432}" PGUSER=postgres \
	    "$BUILD/bin/pgk-basebackup" -q --checkpoint fast "$@"
	set=$(cat "$T/out")
}
backup --full
exits 0 "a full base backup"
full=$set
q postgres "INSERT INTO ledger SELECT generate_series(1001, 2000)"
backup --incremental
exits 0 "an incremental one"
increment=$set
q postgres "INSERT INTO ledger SELECT generate_series(2001, 3000)"
target=$(q postgres "SELECT clock_timestamp()")
sleep 1
q postgres "DELETE FROM ledger"
q postgres "SELECT pg_switch_wal()" >/dev/null
last=$(q postgres "SELECT pg_walfile_name(pg_switch_wal())")
server_until "last_archived_wal >= '$last' FROM pg_stat_archiver" ||
    server_until "(SELECT failed_count = 0 FROM pg_stat_archiver)"
server_stop main

# the text's own restore_command, in one line
sed -n "/^    restore_command = '/,/'\$/p" "$T/store/RESTORE.txt" |
    tr -d '\n' | sed "s|STORE|$T/store|g; s/  */ /g" >"$T/command"
ok "RESTORE.txt has a restore_command" grep -q 'exit 255' "$T/command"

# follow NAME DATA - as the text goes on from an unpacked DATA
follow()
{
	{
		cat "$T/command"
		printf '\nrecovery_target_time = %s\n' "'$target'"
		printf "recovery_target_action = 'promote'\narchive_mode = off\n"
		printf "unix_socket_directories = '%s'\n" "$T/$1"
	} >>"$2/postgresql.auto.conf"
	touch "$2/recovery.signal"
	mkdir "$T/$1"
	mv "$2" "$T/$1/data"
	[ -z "$server_user" ] || chown -R "$server_user" "$T/$1"
	server_start "$1" "unix_socket_directories = '$T/$1'" \
	    "archive_mode = off" && server_use "$1" &&
	    server_until 'NOT pg_is_in_recovery()'
}
unpack()
{
	mkdir -m 700 "$2"
	gunzip -c "$T/store/$1/base.tar.gz" | tar -x -C "$2"
	cp "$T/store/$1/backup_manifest" "$2"
}
unpack "$full" "$T/D1"
follow alone "$T/D1"
is "$(q postgres 'SELECT count(*), max(id) FROM ledger')" "3000|3000" \
    "the full one alone and the WAL: the rows before the DELETE"
ok "the last one committed before the target" test "$(q postgres \
    "SELECT max(t) < '$target' FROM ledger")" = t
server_stop alone

if [ "$PG_MAJOR" -ge 17 ]; then
	unpack "$full" "$T/D1"
	unpack "$increment" "$T/D2"
	pg_combinebackup "$T/D1" "$T/D2" -o "$T/DATA" 2>"$T/err"
	is $? 0 "pg_combinebackup"
	follow both "$T/DATA"
	is "$(q postgres 'SELECT count(*) FROM ledger')" 3000 \
	    "the chain combined by PostgreSQL's own tool"
	server_stop both
fi
finish
