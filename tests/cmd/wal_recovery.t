#!/bin/bash
# Recovery through pgk-wal get ends where the archive ends, and stops, never
# promotes, when anything else is wrong. PGK_SLOW=1 tries more that is wrong.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/wal.sh
. "$ROOT/tests/sh/wal.sh"

wal_store
key_new one
wal_own "$T/one.key"
key_new two
wal_own "$T/two.key"
conf crypt "recipient = $(age-keygen -y "$T/one.key")" \
    "identity = $T/one.key"
wal_start
ok "a base backup" wal_base
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	wal_rows 30
done
wal_archived
is "$(q postgres 'SELECT failed_count FROM pg_stat_archiver')" 0 \
    "nothing was refused"
server_stop main
rows=360
count()
{
	q postgres 'SELECT count(*) FROM ledger'
}

# to the end: absent files are what ends it
copy_new
ok "recovery ends when the archive ends" copy_ends
is "$(count)" $rows "with every row"
ok "on a timeline of its own" test -e "$T/copy/data/pg_wal/00000002.history"
not_ok "pgk-wal said nothing" grep -q '^pgk-wal' "$T/copy.log"
server_stop copy
mv "$T/copy" "$T/first"

# What goes wrong at the 6th file, then is put right.
middle=$(segments | sed -n 8p)
cat >"$T/get" <<END
#!/bin/bash
echo >>"$T/asked"
[ "\$(wc -l <"$T/asked")" -ne 6 ] || . "$T/fault" >/dev/null 2>&1
PGK_CONF=\$(cat "$T/which") exec $BUILD/bin/pgk-wal -j 2 get "\$@"
END
chmod 755 "$T/get"
fault()
{
	local name=$1 option=$2 fault=$3 repair=$4

	echo "$fault" >"$T/fault"
	echo "$PGK_CONF" >"$T/which"
	: >"$T/asked"
	wal_own "$T/asked" "$T/which" "$T/fault"
	copy_new "$T/get $option %f %p"
	copy_ends
	is $? 1 "$name: the server stops"
	ok "$name: by restore_command" \
	    grep -q 'FATAL:  could not restore file' "$T/copy.log"
	ok "$name: and says why" grep -q '^pgk-wal: ' "$T/copy.log"
	not_ok "$name: it was not promoted" \
	    test -e "$T/copy/data/pg_wal/00000002.history"
	ok "$name: it had begun" test "$(wc -l <"$T/asked")" -ge 6
	eval "$repair"
	ok "$name: it goes on when that is put right" copy_ends
	is "$(count)" $rows "$name: and every row is there"
	server_stop copy
}
gone="mv '$STORE' '$STORE.away'"
fault "the store goes away" "" "$gone" "mv '$STORE.away' '$STORE'"
if [ -n "${PGK_SLOW:-}" ]; then
	fault "it goes away, nothing fetched ahead" --prefetch=0 "$gone" \
	    "mv '$STORE.away' '$STORE'"
	fault "the configuration is none" "" "echo x >>'$PGK_CONF'" \
	    "sed -i '\$d' '$PGK_CONF'"
	if [ -n "$server_user" ] || [ "$(id -u)" -ne 0 ]; then
		fault "the folder cannot be read" "" \
		    "chmod 0 '$STORE'/wal/0*" "chmod 700 '$STORE'/wal/0*"
	fi
fi
fault "another folder is mounted there" --prefetch=0 \
    "$gone; mkdir -m 700 '$STORE'" "rmdir '$STORE'; mv '$STORE.away' '$STORE'"
fault "the key is another" "" "echo '$T/other.conf' >'$T/which'" \
    "cp '$PGK_CONF' '$T/other.conf'"
object=$(echo "$STORE"/wal/*/"$middle".*)
fault "a segment is damaged" --prefetch=0 \
    "cp '$object' '$T/keep'; truncate -s 5000 '$object'" \
    "cat '$T/keep' >'$object'"
fault "a segment is missing" --prefetch=0 "mv '$object' '$T/keep'" \
    "mv '$T/keep' '$object'"

# a fast shutdown while it waits for a file
cat >"$T/get" <<END
#!/bin/bash
[ "\$1" != "$middle" ] || { touch "$T/waits"; exec sleep 60; }
PGK_CONF=$PGK_CONF exec $BUILD/bin/pgk-wal get "\$@"
END
copy_new "$T/get %f %p"
server_exec "$server_bin/postgres" -D "$T/copy/data" </dev/null \
    >>"$T/copy.log" 2>&1 &
server_pids[copy]=$!
for ((i = 0; i < 100; i++)); do
	[ ! -e "$T/waits" ] || break
	sleep 0.1
done
server_stop copy INT
not_ok "a shutdown meanwhile is one" grep -q 'FATAL:  could not restore' \
    "$T/copy.log"
not_ok "and no promotion" test -e "$T/copy/data/pg_wal/00000002.history"

# a restored server, promoted, that archives: its timeline is found
copy_new
{
	echo "set: incremental/base"
	echo "store: $STORE"
	echo "environment: test"
	echo "timeline: 1"
	echo "time: 2025-01-27T03:00:00Z"
} >"$T/copy/data/pgk-restored"
wal_own "$T/copy/data/pgk-restored"
sed -i 's/^archive_mode = off/archive_mode = on/' \
    "$T/copy/data/postgresql.conf"
wal_user pgk-wal adopt -D "$T/copy/data"
exits 9 "not adopted before it is promoted"
err_has 'not promoted: there still is "recovery.signal"' "and why"
ok "recovery, to be adopted" copy_ends
q postgres 'SELECT pg_switch_wal()' >/dev/null
ok "it archives nothing" server_until \
    "failed_count > 0 FROM pg_stat_archiver"
is "$(find "$STORE/wal" -name '00000002*')" "" "indeed"
ok "and says that it was restored" \
    grep -q 'restored from "incremental/base": its WAL is not' "$T/copy.log"
wal_user pgk-wal adopt -D "$T/copy/data" --yes
exits 0 "adopted once it is promoted"
quiet "without a word"
not_ok "the guard is gone" test -e "$T/copy/data/pgk-restored"
wal_user pgk-wal adopt -D "$T/copy/data"
exits 1 "there is none to remove"
wal_rows 10
ok "it archives now" server_until \
    "archived_count > 1 FROM pg_stat_archiver"
wal_archived
ok "its history is there, for whoever has no key" \
    test -e "$STORE/wal/00000002.history.gz"
server_stop copy
sed -i 's/^archive_mode.*//' "$T/base/postgresql.conf"
copy_new
ok "recovery along both timelines" copy_ends
is "$(count)" $((rows + 10)) "has the rows of both"
ok "and begins a third" test -e "$T/copy/data/pg_wal/00000003.history"
server_stop copy

# the process that fetched for the first one is long without work
for ((i = 0; i < 150; i++)); do
	[ -e "$T/first/data/pg_wal/pgk-prefetch" ] || break
	sleep 0.1
done
not_ok "what was fetched ahead is gone" \
    test -e "$T/first/data/pg_wal/pgk-prefetch"
is "$(find "$T/first/data/pg_wal" -name '.pgk-*' -o -name 'RECOVERY*')" "" \
    "nothing else is left"
finish
