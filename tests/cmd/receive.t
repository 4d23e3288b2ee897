#!/bin/bash
# pgk-wal receive: what it stores, when it stops, what it refuses
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/receive.sh
. "$ROOT/tests/sh/receive.sh"

server_initdb=(--wal-segsize=1)
server_start main "wal_level = replica" "max_wal_senders = 8" \
    "max_replication_slots = 8" "checkpoint_timeout = 1h" \
    "autovacuum = off" "wal_keep_size = 200MB"
store_new
q postgres "CREATE TABLE t (a int, b text)"
fill()
{
	q postgres "INSERT INTO t SELECT g, md5(g::text)
	    FROM generate_series(1, ${1:-8000}) g"
}
now()
{
	q postgres "SELECT pg_current_wal_flush_lsn()"
}

# the same bytes as the server's, as far as they go
like_pg_wal()
{
	local file name size n=0

	received "$T/received" "$@" || return 1
	for file in "$T"/received/????????????????????????; do
		name=${file##*/}
		size=$(stat -c %s "$file")
		[ -e "$T/main/data/pg_wal/$name" ] || continue
		cmp -n "$size" "$file" "$T/main/data/pg_wal/$name" || return 1
		n=$((n + 1))
	done
	[ $n -ge 2 ]
}

# usage
run pgk-wal receive --slot 'no slot' --store "$STORE"
exits 2 "a slot's name must be one"
run pgk-wal receive --slot s --store "$STORE" operand
exits 2 "there are no operands"
run pgk-wal receive --slot s --interval 0s --store "$STORE"
exits 2 "an interval is not nothing"
run pgk-wal receive --slot s --endpos 12 --store "$STORE"
exits 2 "an LSN must be one"
run pgk-wal receive --slot none --store "$STORE" --no-encrypt
exits 9 "a slot that is not there"
err_has 'replication slot "none" does not exist' "is named"
err_has 'hint: .*--create-slot' "and how to make it"
run pgk-wal receive --drop-slot --slot none
exits 1 "nor can it be dropped"

# to a place and no further; again; on from there
fill 20000
lsn=$(now)
run pgk-wal receive --create-slot --slot s --endpos "$lsn"
exits 0 "receive to a place"
quiet "silently"
ok "what was stored is the server's log" like_pg_wal
is "$(find "$STORE/wal" -type f -perm /077)" "" "private"
first=$(find "$STORE" -type f | sort | xargs stat -c '%n %i')
run pgk-wal receive --slot s --endpos "$lsn"
exits 0 "a place that is there already"
is "$(find "$STORE" -type f | sort | xargs stat -c '%n %i')" "$first" \
    "changes nothing"
fill 20000
run pgk-wal receive --slot s --endpos "$(now)"
exits 0 "on from there"
ok "and all is the server's log" like_pg_wal
is "$(runs | sed 's/\.partial.*//' | sort -u | wc -l)" 1 \
    "only the last segment is in runs"
is "$(q postgres "SELECT restart_lsn >= '$(now)' FROM pg_replication_slots")" \
    t "the server knows"

# a server that stops, one that is killed; a stop of ours
receiver_start --slot s --interval 1s
receiver_connected
fill 3000
lsn=$(now)
ok "what is written is durable within the interval" receiver_has "$lsn"
SECONDS=0
server_stop main
ok "a server that stops does not wait" test $SECONDS -lt 5
server_start main
receiver_connected
fill 3000
server_stop main KILL
sleep 0.3
server_start main
receiver_connected
fill 3000
lsn=$(now)
ok "it connects again" receiver_has "$lsn"
receiver_stop
exits 0 "SIGTERM is a clean end"
is "$(grep -c 'trying again' "$T/err")" 2 "each loss is said once"
ok "and all is the server's log" like_pg_wal

# one receiver an archive
receiver_start --slot s --interval 1s
receiver_connected
run pgk-wal receive --slot s --interval 1s
exits 4 "a second receiver is refused"
lsn=$(now)
kill -KILL "$receiver"
receiver_wait
fill 100
run pgk-wal receive --slot s --endpos "$(now)"
exits 0 "one that was killed is followed by another"
ok "and all is the server's log" like_pg_wal

# synchronous: many small runs, merged
q postgres "ALTER SYSTEM SET synchronous_standby_names = '\"pgk-wal\"'"
q postgres "SELECT pg_reload_conf()" >/dev/null
receiver_start --slot s --synchronous
receiver_connected
for i in $(seq 400); do
	echo "INSERT INTO t VALUES ($i, 'x');"
done | psql -Xq -d postgres
is $? 0 "commits wait for the store"
lsn=$(now)
many=$(runs | wc -l)
ok "their runs are merged ($many)" test "$many" -lt 90
receiver_stop
exits 0 "and it stops"
quiet "silently"
ok "and all is the server's log" like_pg_wal
q postgres "ALTER SYSTEM RESET synchronous_standby_names"
q postgres "SELECT pg_reload_conf()" >/dev/null

# encrypted, with no key that opens it
key_new one
run pgk-wal receive --slot s -r "$recipient" -Z zstd:3 --endpos "$(now)"
exits 0 "an encrypted archive"
fill 500
run pgk-wal receive --slot s -r "$recipient" --endpos "$(now)"
exits 0 "needs no identity to go on"
fill 40000
run pgk-wal receive --slot s -r "$recipient" --endpos "$(now)"
exits 0 "over segments' ends"
ok "and all is the server's log" like_pg_wal "$T/one.key"

# the segments are pushed as well
pushed=0
for file in "$T"/main/data/pg_wal/????????????????????????; do
	[ -e "$STORE/wal/0000000100000000/${file##*/}.gz.age" ] || continue
	pgk-wal push "$file" -r "$recipient" 2>"$T/err" || break
	pushed=$((pushed + 1))
done
ok "what was received may be pushed as well" test $pushed -ge 2

# no room in the store
fill 40000
lsn=$(now)
cp -a "$STORE" "$T/before"
full=0 said=0 other=""
again()
{
	rm -rf "$STORE"
	cp -a "$T/before" "$STORE"
	# the leak checker cannot work under ptrace
	ASAN_OPTIONS=detect_leaks=0 errat -o "$T/n" "$1" ENOSPC \
	    pgk-wal receive --slot s -r "$recipient" --endpos "$lsn" \
	    >"$T/out" 2>"$T/err" </dev/null
}
again 0
read -r calls _ <"$T/n"
# most calls are closes, which may fail
for ((i = 60; i < calls && full < 3; i += 7)); do
	again $i
	rc=$?
	[ $rc -ne 6 ] || full=$((full + 1))
	! grep -q 'No space left' "$T/err" || said=$((said + 1))
	[ $rc -eq 0 ] || [ $rc -eq 6 ] || other="$other $rc"
done
ok "no room ($full times)" test $full -ge 2
is "$said" "$full" "is said"
is "$other" "" "and nothing else"
run pgk-wal receive --slot s -r "$recipient" --endpos "$(now)"
exits 0 "and later it goes on"
ok "with nothing missing" like_pg_wal "$T/one.key"

# a gap
run pgk-wal receive --drop-slot --slot s
exits 0 "drop the slot"
fill 40000
q postgres "ALTER SYSTEM SET wal_keep_size = 0"
q postgres "SELECT pg_reload_conf()" >/dev/null
q postgres CHECKPOINT
fill 40000
q postgres CHECKPOINT
fill 20000
q postgres CHECKPOINT
before=$(find "$STORE/wal" -type f | sort)
run pgk-wal receive --create-slot --slot s -r "$recipient" --endpos "$(now)"
exits 9 "log that the server has no more is a gap"
err_has 'has already been removed' "which is said"
err_has 'hint: .*--accept-gap' "with what to do"
is "$(find "$STORE/wal" -type f | sort)" "$before" "nothing is stored"
run pgk-wal receive --slot s -r "$recipient" --endpos "$(now)" --accept-gap
exits 3 "it can be accepted"
err_has 'warning: a gap, as told' "with a warning"
# recovery must not take what is before a gap for the end
last=$(comm -12 <(echo "$before") <(runs) | tail -n 1)
last=${last##*/}
mkdir -p "$T/home/pg_wal"
get_last()
{
	run pgk-wal get --partial --prefetch 0 -i "$T/one.key" \
	    "${last%%.*}" "$T/home/pg_wal/RECOVERYXLOG"
}
get_last
exits 0 "the runs before it can be fetched"
is "$(stat -c %s "$T/home/pg_wal/RECOVERYXLOG")" 1048576 "as a segment"
touch "$T/home/recovery.signal"
get_last
exits 255 "but not in a recovery that would end there"
err_has "${last%%.*}.* is missing, and later ones are in the archive" \
    "with why"
q postgres "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'"
q postgres "SELECT pg_reload_conf()" >/dev/null
fill 60000
q postgres CHECKPOINT
fill 40000
q postgres CHECKPOINT
run pgk-wal receive --slot s -r "$recipient" --endpos "$(now)"
exits 9 "a slot that was lost is a gap too"
err_has 'lost|already been removed' "which is said"

# another cluster
server_initdb=()
server_start other "wal_level = replica"
run pgk-wal receive --create-slot --slot s -r "$recipient"
exits 9 "another cluster"
err_has 'another cluster' "is refused"
rm -rf "${STORE:?}"/*
q postgres "CREATE TABLE t (a int, b text)"
fill 100000
lsn=$(now)
q postgres "SELECT pg_switch_wal()" >/dev/null
q postgres "CHECKPOINT"
run pgk-wal receive --slot s --endpos "$lsn"
exits 0 "segments of 16 MB, begun where the slot is"
server_stop other

# the unit for systemd
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/local/bin|$BUILD/bin|; /^Documentation/d" \
	    "$ROOT/cmd/pgk-wal-receive.service" >"$T/pgk-wal-receive.service"
	run systemd-analyze verify "$T/pgk-wal-receive.service"
	exits 0 "the unit is one"
	quiet "and systemd has nothing to say"
else
	skip "the unit is one" "no systemd-analyze here"
fi

# what is no walsender; the sanitizer itself reserves more than any limit
mkdir "$T/fake"
memory=1000000
[ "${PGK_ASAN:-0}" = 0 ] || memory=unlimited
fake()
{
	local mode=$1 status=$2 re=$3

	rm -rf "$STORE" "$T/fake/.s.PGSQL.5432"
	mkdir -m 700 "$STORE"
	perl "$ROOT/tests/sh/fakesender.pl" "$T/fake" "$mode" &
	local pid=$!
	while [ ! -e "$T/fake/.s.PGSQL.5432" ]; do sleep 0.02; done
	run timeout 30 bash -c 'ulimit -v "$1"; shift; exec "$@"' - "$memory" \
	    pgk-wal receive -h "$T/fake" --slot s --no-loop
	kill $pid
	wait $pid 2>/dev/null
	exits "$status" "a liar: $mode"
	err_has "$re" "is told"
	is "$(find "$STORE/wal" -name '0*' -type f | grep -v partial)" "" \
	    "and no segment is stored"
}
fake jump 7 'from 0/3000048 on where 0/3000040 was to follow'
fake back 7 'from 0/3000000 on where 0/3000040'
fake wrap 7 'impossible place'
fake type 7 'unknown type, 0x78'
fake short 7 'too short'
fake flood 7 'keepalive of 2 bytes'
fake length 5 .
fake endless 5 .
fake timeline 7 'calls 1 the timeline after 1'
fake elsewhere 7 'timeline 1 ended at 0/9000000, but came to 0/3000000'
fake out 7 'did not answer START_REPLICATION with a stream'
fake noise 5 .
fake words 5 '"many" for a number'
fake lsn 5 '"here" for an LSN'
fake size 5 'wal_segment_size is "3MB"'
fake history 7 .

finish
