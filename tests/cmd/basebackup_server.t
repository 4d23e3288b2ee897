#!/bin/bash
# pgk-basebackup and what servers do: summaries, standbys, promotions, damage,
# crashes, other clusters, many tablespaces.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/base.sh
. "$ROOT/tests/sh/base.sh"

backup()
{
	run pgk-basebackup -q --checkpoint fast --wal-timeout 0 "$@"
	set=$(cat "$T/out")
}

# a standby of the server in use
standby_start()
{
	mkdir "$T/$1"
	pg_basebackup -Xs -R -c fast -D "$T/$1/data" -T \
	    "$T/main/space=$T/$1/space" || return
	[ -z "$server_user" ] || chown -R "$server_user" "$T/$1"
	server_start "$1" "unix_socket_directories = '$T/$1'" \
	    "archive_mode = off"
}

mkdir "$T/wal"
[ -z "$server_user" ] || chown "$server_user" "$T/wal"
settings=("archive_mode = on" "wal_keep_size = 256MB"
    "archive_command = 'cp %p $T/wal/%f'" "autovacuum = off")
[ "$PG_MAJOR" -lt 17 ] || settings+=("summarize_wal = on")
server_start main "${settings[@]}"
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres "CREATE TABLE rows (id int PRIMARY KEY, t text, n int DEFAULT 0)
    WITH (fillfactor = 80);
    INSERT INTO rows SELECT g, repeat(md5(g::text), 5) FROM generate_series(1, 30000) g"
q postgres "CREATE TABLE spaced TABLESPACE space AS
    SELECT g FROM generate_series(1, 30000) g"
q postgres 'VACUUM'
store_new

# summaries -------------------------------------------------------------------
if [ "$PG_MAJOR" -ge 17 ]; then
	backup --method summaries
	exits 0 "a full backup for summaries"
	full=$set
	not_ok "has no hashes" test -e "$STORE/$full/blocks"
	q postgres "UPDATE rows SET n = 1 WHERE id % 3000 = 0"
	backup --method summaries
	exits 0 "an incremental one by summaries"
	one=$set
	is "$(json "$one" method) $(json "$one" parent)" \
	    "summaries ${full#*/}" "is one"
	q postgres "UPDATE rows SET n = 2 WHERE id % 7000 = 0;
	    INSERT INTO spaced VALUES (1)"
	backup --method summaries
	two=$set
	base_unpack "$full" "$T/full"
	base_unpack "$one" "$T/one"
	base_unpack "$two" "$T/two"
	for dir in full one two; do
		rm -rf "$T/v" "$T/v".*
		ok "pg_verifybackup takes it" pg_verifybackup -n "$T/$dir"
	done
	run base_combine "$T/all" "$T/full" "$T/one" "$T/two"
	exits 0 "the chain combines"
	rows=$(q postgres 'SELECT sum(n), count(*) FROM rows')
	base_boot copy "$T/all"
	is "$(q postgres 'SELECT sum(n), count(*) FROM rows')" "$rows" \
	    "it starts, and the rows are there"
	server_stop copy
	server_use main
	backup -v --method blocks
	err_has 'a full backup: set ".*" has no object "blocks"' \
	    "blocks cannot go on where there are none"
	backup --method blocks
	q postgres "UPDATE rows SET n = 3 WHERE id % 9000 = 0"
	backup -v
	is "$(json "$set" method)" summaries "--auto takes summaries where it can"
	# as if they had been kept too short a time
	q postgres 'CHECKPOINT'
	lsn=$(q postgres 'SELECT pg_current_wal_lsn()')
	q postgres 'SELECT pg_switch_wal()' >/dev/null
	q postgres CHECKPOINT
	server_until "summarized_lsn >= '$lsn' FROM pg_get_wal_summarizer_state()"
	rm -f "$T"/main/data/pg_wal/summaries/*
	q postgres "UPDATE rows SET n = 3 WHERE id % 9000 = 0"
	backup -v --incremental
	exits 9 "summaries that are gone"
	backup -v
	exits 0 "--auto copes"
	is "$(json "$set" method)" full "with a full backup"
	backup --method summaries
	exits 0 "on which summaries go on"
	q postgres 'ALTER SYSTEM SET summarize_wal = off'
	q postgres 'SELECT pg_reload_conf()' >/dev/null
	server_until "current_setting('summarize_wal') = 'off'"
	backup --method summaries
	exits 9 "summaries that are off"
	err_has 'summarize_wal is off' "are refused"
	backup -v
	is "$(json "$set" method)" full "without them --auto takes blocks"
else
	backup --method summaries
	exits 9 "no summaries before 17"
	err_has 'PostgreSQL has them from 17 on' "is said"
	backup
fi

# a wrong page ----------------------------------------------------------------
q postgres "CREATE TABLE hurt AS SELECT g FROM generate_series(1, 9000) g; CHECKPOINT"
file=$(q postgres "SELECT pg_relation_filepath('hurt')")
cp "$T/main/data/$file" "$T/whole"
printf 'x' | dd of="$T/main/data/$file" bs=1 seek=$((3 * 8192 + 4000)) \
    conv=notrunc 2>/dev/null
backup
exits 3 "a page with a wrong checksum"
err_has "wrong checksum: block 3 of \"$file\"" "is named"
err_lines 1 "and no other"
is "$(json "$set" bad_pages)" 1 "counted, and the set is there"
# one that is right when it is read again was being written: new sessions take
# three seconds, in which it is made right
q postgres 'ALTER SYSTEM SET pre_auth_delay = 3'
q postgres 'SELECT pg_reload_conf()' >/dev/null
pgk-basebackup -vv -q --full --checkpoint fast --method blocks \
    --wal-timeout 0 >"$T/out" 2>"$T/err" &
pid=$!
for ((i = 0; i < 300; i++)); do
	! grep -q 'reading block 3 of' "$T/err" || break
	sleep 0.1
done
dd if="$T/whole" of="$T/main/data/$file" conv=notrunc 2>/dev/null
wait $pid
rc=$?
set=$(cat "$T/out")
exits 0 "a page that was wrong for a moment"
is "$(json "$set" bad_pages)" 0 "is not counted"
err_has "reading block 3 of \"$file\" again" "since it was read again"
q postgres 'ALTER SYSTEM RESET pre_auth_delay'
q postgres 'SELECT pg_reload_conf()' >/dev/null
q postgres 'DROP TABLE hurt; CHECKPOINT'
backup
exits 0 "it is gone"

# encrypted -------------------------------------------------------------------
key_new one
backup -r "$recipient" -Z zstd --method blocks
exits 0 "encrypted"
is "$(cd "$STORE/$set" && echo *)" \
    "$(cd "$STORE/$set" && echo [0-9]*.tar.zst.age) backup_manifest base.tar.zst.age blocks" \
    "the archives are, manifest and hashes are not"
rm -rf "$T/v" "$T/v".*
ok "unpacks" base_unpack "$set" "$T/v"
ok "pg_verifybackup takes it" pg_verifybackup -n "$T/v"

# a standby -------------------------------------------------------------------
standby_start standby
q postgres 'CHECKPOINT'
backup -v
exits 0 "from a standby"
rm -rf "$T/v" "$T/v".*
ok "unpacks" base_unpack "$set" "$T/v"
ok "pg_verifybackup takes it" pg_verifybackup -n "$T/v"
is "$(grep -c 'BACKUP FROM: standby' "$T/v/backup_label")" 1 "it was one"
backup --full --method blocks
first=$set
server_use main
for i in 1 2 3; do
	q postgres "UPDATE rows SET n = $i WHERE id % 40 = $i;
	    INSERT INTO spaced VALUES ($i); SELECT pg_switch_wal()" >/dev/null
done
q postgres CHECKPOINT
q postgres "UPDATE rows SET n = 4 WHERE id % 50 = 1;
    SELECT pg_logical_emit_message(false, '', repeat('x', 17000000))" >/dev/null
lsn=$(q postgres 'SELECT pg_current_wal_flush_lsn()')
server_use standby
server_until "pg_last_wal_replay_lsn() >= '$lsn'"
backup --method wal --incremental
exits 0 "by the log, when it begins before what was replayed"
is "$(json "$set" method)" wal "is one"
second=$set
server_use main
q postgres CHECKPOINT
lsn=$(q postgres 'SELECT pg_current_wal_flush_lsn()')
server_use standby
server_until "pg_last_wal_replay_lsn() >= '$lsn'"
q postgres CHECKPOINT
backup --method wal --incremental
third=$set
backup --full --method blocks
rm -rf "$T"/c.* "$T/v" "$T/v".*
for i in "$first" "$second" "$third" "$set"; do
	base_unpack "$i" "$T/c.${i#*/}"
done
run base_combine "$T/v" "$T/c.${first#*/}" "$T/c.${second#*/}" \
    "$T/c.${third#*/}"
exits 0 "the standby's chain combines"
base_files "$T/v" >"$T/a"
base_files "$T/c.${set#*/}" >"$T/b"
same "$T/a" "$T/b" "and has byte for byte the files of the full one"
rm -rf "$T"/c.*
q postgres 'SELECT pg_promote()' >/dev/null
server_until 'NOT pg_is_in_recovery()'
backup -v
exits 0 "a standby promoted"
err_has 'a full backup: set ".*" is on timeline 1, the server on 2' \
    "begins a new chain"
is "$(json "$set" timeline) $(json "$set" method)" "2 full" "on its timeline"
backup
is "$(json "$set" parent)" "$(basename "$(sets | tail -n 2 | head -n 1)")" \
    "that goes on"
server_stop standby
server_use main

# another cluster -------------------------------------------------------------
server_start fresh
backup -v
exits 0 "another cluster into the same store"
err_has 'there is none of this cluster' "builds on none of it"
server_stop fresh
server_use main

# checksums come and go -------------------------------------------------------
server_stop main
as_server pg_checksums -d -D "$T/main/data" >/dev/null
server_start main
store_new
backup --full
is "$(json "$set" checksums)" off "without checksums"
if [ "$PG_MAJOR" -ge 17 ]; then
	backup --method summaries
	exits 9 "summaries without checksums and wal_log_hints"
fi
server_stop main
as_server pg_checksums -e -D "$T/main/data" >/dev/null
server_start main
backup -v
err_has 'data checksums were "off" in set ".*" and are "on" now' \
    "switched on they begin a new chain"

# crashes ---------------------------------------------------------------------
pgk-basebackup -q --full --checkpoint fast --max-rate 1MB \
    --wal-timeout 0 >"$T/out" 2>"$T/err" &
pid=$!
server_until "count(*) > 0 FROM pg_stat_progress_basebackup
    WHERE phase = 'streaming database files'"
backup
exits 4 "while one runs another is busy"
kill -TERM $pid
wait $pid
rc=$?
exits 143 "SIGTERM"
no_traces "leaves nothing"
ok "no walsender stays" server_until "count(*) = 0 FROM pg_stat_activity
    WHERE backend_type = 'walsender'"
pgk-basebackup -q --full --checkpoint fast --max-rate 1MB \
    --wal-timeout 0 >"$T/out" 2>"$T/err" &
pid=$!
server_until "count(*) > 0 FROM pg_stat_progress_basebackup
    WHERE phase = 'streaming database files'"
q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'walsender'" >/dev/null
wait $pid
rc=$?
exits 5 "the connection is cut"
err_lines 1 "one line about it"
no_traces "leaves nothing"
pgk-basebackup -q --full --checkpoint fast --max-rate 1MB \
    --wal-timeout 0 >"$T/out" 2>"$T/err" &
pid=$!
server_until "count(*) > 0 FROM pg_stat_progress_basebackup
    WHERE phase = 'streaming database files'"
server_stop main QUIT
wait $pid
rc=$?
exits 5 "the server goes down at once"
no_traces "leaves nothing"
server_start main
backup
exits 0 "and after all that a backup is made"
finish
