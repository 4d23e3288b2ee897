#!/bin/bash
# pgk-wal receive over promotions
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/receive.sh
. "$ROOT/tests/sh/receive.sh"

server_initdb=(--wal-segsize=1)
server_start main "wal_level = replica" "wal_keep_size = 300MB" \
    "autovacuum = off" "checkpoint_timeout = 1h"
store_new
q postgres "CREATE TABLE t (a int, b text)"
fill()
{
	q postgres "INSERT INTO t SELECT g, md5(g::text)
	    FROM generate_series(1, ${1:-8000}) g"
}
now()
{
	q postgres "SELECT CASE WHEN pg_is_in_recovery()
	    THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_flush_lsn() END"
}

# standby_of FROM NAME: a standby that streams from FROM
standby_of()
{
	mkdir -p "$T/$2"
	[ -z "$server_user" ] || chown "$server_user" "$T/$2"
	as_server "$PG_BIN/pg_basebackup" -h "$T/$1" -p 5432 -U postgres -R \
	    -c fast -D "$T/$2/data" >"$T/$2.copy" 2>&1 || cat "$T/$2.copy"
	server_start "$2" "unix_socket_directories = '$T/$2'" \
	    "hot_standby = on"
}

# the same bytes as in a server's pg_wal, of one timeline
like()
{
	local file name n=0

	received "$T/received" || return 1
	for file in "$T/received/$2"????????????????; do
		name=${file##*/}
		[ -e "$T/$1/data/pg_wal/$name" ] || continue
		cmp -n "$(stat -c %s "$file")" "$file" \
		    "$T/$1/data/pg_wal/$name" || return 1
		n=$((n + 1))
	done
	[ $n -ge 1 ]
}
segments()
{
	find "$STORE/wal" -name "$1*" ! -name '*.partial*' ! -name '*history*' |
	    wc -l
}

# from a standby that is promoted, right behind a segment's end
standby_of main second
receiver_start --create-slot --interval 1s
receiver_connected
server_use main
fill 20000
q postgres "SELECT pg_switch_wal()" >/dev/null
lsn=$(now)
server_use second
server_until "pg_last_wal_replay_lsn() >= '$lsn'"
ok "a standby sends its log on" receiver_has "$lsn"
server_stop main KILL
q postgres "SELECT pg_promote()" >/dev/null
server_until "NOT pg_is_in_recovery()"
fill 20000
lsn=$(now)
ok "and when it is promoted the new timeline" receiver_has "$lsn"
is "$(find "$STORE/wal" -name '00000002.history*' | wc -l)" 1 \
    "its history is there"
ok "its segments too" test "$(segments 00000002)" -ge 1
receiver_stop
exits 0 "without a break"
quiet "and without a word"
ok "timeline 1 is the server's" like second 00000001
ok "timeline 2 is the server's" like second 00000002

# the old primary comes back
server_start main
fill 2000
run pgk-wal receive --create-slot --interval 1s
exits 9 "the old primary is refused"
err_has 'is on timeline 1, but the archive goes on on timeline 2' "with why"
err_has 'hint: .*old primary' "and a hint"
server_stop main
rm -rf "$T/main"

# promoted in the middle of a segment while nothing was received
server_use second
standby_of second third
server_use second
run pgk-wal receive --endpos "$(now)"
exits 0 "a stop before a promotion"
fill 3000
lsn=$(now)
server_use third
server_until "pg_last_wal_replay_lsn() >= '$lsn'"
server_stop second KILL
q postgres "SELECT pg_promote()" >/dev/null
server_until "NOT pg_is_in_recovery()"
fill 20000
run pgk-wal receive --create-slot --endpos "$(now)"
exits 0 "a promotion that it missed"
ok "timeline 2 is complete" like third 00000002
ok "timeline 3 follows" like third 00000003
is "$(runs | grep -c '/00000002[^/]*\.partial')" 1 \
    "the last of timeline 2 stays in runs"

# the archive has more than the standby that was promoted
standby_of third fourth
server_stop fourth
server_use third
fill 3000
run pgk-wal receive --endpos "$(now)"
exits 0 "receive what a standby does not get"
server_stop third KILL
server_start fourth "primary_conninfo = ''"
q postgres "SELECT pg_promote()" >/dev/null
server_until "NOT pg_is_in_recovery()"
fill 20000
run pgk-wal receive --create-slot --endpos "$(now)"
exits 3 "a promotion that lost something"
err_has 'left timeline 3 at .*; the archive has it to .*, which stays' \
    "is told"
ok "timeline 4 is the server's" like fourth 00000004
ok "timeline 3 is still there" like third 00000003
fill 100
run pgk-wal receive --endpos "$(now)"
exits 0 "and it goes on"
quiet "quietly"

finish
