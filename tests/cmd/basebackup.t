#!/bin/bash
# pgk-basebackup: full and incremental, read back by PostgreSQL's own tools.
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
	run pgk-basebackup -q --no-encrypt --checkpoint fast \
	    --wal-timeout 0 "$@"
	set=$(cat "$T/out")
}

verify()
{
	rm -rf "$T/v" "$T"/v.*
	base_unpack "$1" "$T/v" && pg_verifybackup -n "$T/v" || return
	rm -rf "$T/v" "$T"/v.*
}

mkdir "$T/wal"
[ -z "$server_user" ] || chown "$server_user" "$T/wal"
server_start main "archive_mode = on" "wal_keep_size = 256MB" \
    "archive_command = 'cp %p $T/wal/%f'" "autovacuum = off"
as_server mkdir "$T/main/space" "$T/main/other"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres "CREATE TABLESPACE other LOCATION '$T/main/other'"
q postgres "CREATE TABLE rows (id int PRIMARY KEY, t text, n int DEFAULT 0)
    WITH (fillfactor = 80);
    INSERT INTO rows SELECT g, repeat(md5(g::text), 5) FROM generate_series(1, 60000) g"
q postgres "CREATE TABLE spaced TABLESPACE space AS
    SELECT g FROM generate_series(1, 30000) g"
q postgres "CREATE TABLE empty (a int); CREATE UNLOGGED TABLE unlogged AS
    SELECT g FROM generate_series(1, 1000) g; CREATE TABLE shrinks AS
    SELECT g FROM generate_series(1, 50000) g"
q postgres 'VACUUM ANALYZE'
store_new

# words ----------------------------------------------------------------------
run pgk-basebackup --method rsync
exits 2 "no such method"
run pgk-basebackup --full --incremental
exits 2 "--full with --incremental"
run pgk-basebackup --max-rate 1kB
exits 2 "a rate below the server's least"
run pgk-basebackup --label $'two\nlines'
exits 2 "a label of two lines"
run pgk-basebackup --checkpoint soon
exits 2 "no such checkpoint"
run pgk-basebackup --wal-timeout soon
exits 2 "no such duration"
backup --incremental
exits 9 "--incremental without anything to build on"
err_has 'there is none to build on' "and said"
is "$(find "$STORE" -type f ! -name '.lock*' ! -name RESTORE.txt)" "" \
    "which leaves nothing"
run env PGUSER=nobody pgk-basebackup
exits 5 "no such role"
q postgres 'CREATE ROLE plain LOGIN'
run env PGUSER=plain pgk-basebackup
exits 5 "a role without REPLICATION"
q postgres 'CREATE ROLE backup LOGIN REPLICATION'

# full ------------------------------------------------------------------------
run pgk-basebackup -v --checkpoint fast -U backup --label "it's" \
    --environment test --method blocks --wal-timeout 0
full=$(cat "$T/out")
exits 0 "a full backup"
err_has 'a full backup: there is none to build on' "with -v the reason"
is "$(sets)" "$full" "is listed"
is "$(json "$full" method) $(json "$full" checksums) $(json "$full" bad_pages)" \
    "full on 0" "its method, checksums, bad pages"
is "$(json "$full" environment) $(json "$full" timeline)" "test 1" "its label"
is "$(json "$full" system_identifier)" \
    "$(q postgres 'SELECT system_identifier FROM pg_control_system()')" \
    "its system identifier"
is "$(json "$full" wal_segment_size)" 16777216 "its segment size"
whole_sets "every object has its sum"
no_traces "no traces"
ok "pg_verifybackup accepts it" verify "$full"
ok "unpacked" base_unpack "$full" "$T/full"
is "$(grep -c "^LABEL: it's$" "$T/full/backup_label")" 1 "the label"
is "$(sed -nE 's/^START WAL LOCATION: ([^ ]*).*/\1/p' "$T/full/backup_label")" \
    "$(json "$full" lsn)" "the set says where the backup begins"
is "$(find "$T"/full.* -type f -regex '.*/[0-9]+' | wc -l)" 1 \
    "the tablespace has its one file"

# incremental -----------------------------------------------------------------
q postgres "UPDATE rows SET n = 1 WHERE id % 5000 = 0;
    DELETE FROM shrinks WHERE g > 10000; INSERT INTO empty VALUES (1);
    INSERT INTO spaced VALUES (0); CREATE TABLE newer AS SELECT 1 AS a;
    CREATE TABLE dropped_later AS SELECT 1 AS a"
q postgres 'VACUUM (TRUNCATE) shrinks'
q postgres 'CREATE DATABASE copied'
backup --method blocks
one=$set
exits 0 "an incremental backup"
quiet "silent"
is "$(json "$one" parent) $(json "$one" method)" "${full#*/} blocks" \
    "builds on the full one"
ok "pg_verifybackup accepts it" verify "$one"
ok "it is small" test "$(du -sb "$STORE/$one" | cut -f1)" -lt \
    $(($(du -sb "$STORE/$full" | cut -f1) / 3))
q postgres "UPDATE rows SET n = 2 WHERE id % 7000 = 0; DROP TABLE dropped_later;
    INSERT INTO shrinks SELECT g FROM generate_series(1, 90000) g; TRUNCATE empty"
q postgres 'VACUUM FULL spaced'
backup --method blocks
two=$set
exits 0 "another"
is "$(json "$two" parent)" "${one#*/}" "builds on the one before"
q postgres CHECKPOINT
backup --full --method blocks
exits 0 "a full one at rest"
rest=$set
base_unpack "$one" "$T/one"
base_unpack "$two" "$T/two"
is "$(tail -n 2 "$T/two/backup_label")" \
    "INCREMENTAL FROM LSN: $(json "$one" lsn)
INCREMENTAL FROM TLI: 1" "backup_label says upon what"
ok "unchanged files are 12 bytes" test "$(find "$T/two/base" -size -13c \
    -name 'INCREMENTAL.*' | wc -l)" -gt 100
run base_combine "$T/all" "$T/full" "$T/one" "$T/two"
exits 0 "the chain combines"
base_unpack "$rest" "$T/rest"
base_files "$T/all" >"$T/a"
base_files "$T/rest" >"$T/b"
same "$T/a" "$T/b" "and has byte for byte the files of the full one"
ok "which are many" test "$(wc -l <"$T/a")" -gt 500
rows=$(q postgres 'SELECT sum(n), count(*) FROM rows')
base_boot copy "$T/all"
is "$(q postgres 'SELECT sum(n), count(*) FROM rows')" "$rows" \
    "it starts, and the rows are there"
is "$(q postgres 'SELECT count(*) FROM shrinks') $(q postgres \
    'SELECT count(*) FROM spaced') $(q postgres 'SELECT count(*) FROM empty')" \
    "100000 30001 0" "the shrunk, the moved, the emptied"
if [ "$PG_MAJOR" -ge 14 ]; then
	ok "pg_amcheck finds nothing" pg_amcheck -a --heapallindexed \
	    --install-missing
else
	skip "pg_amcheck finds nothing" "PostgreSQL $PG_MAJOR has none"
fi
server_stop copy
server_use main

# not compressed: plain archives, and what a scratch folder is needed for -------
q postgres 'UPDATE rows SET n = n + 1'
q postgres CHECKPOINT
backup --method blocks -Z none
exits 0 "not compressed"
is "$(json "$set" method)" blocks "incremental"
newest=$set
ok "base.tar is one" test -s "$STORE/$set/base.tar"
ok "pg_verifybackup accepts it" verify "$set"
q postgres 'UPDATE rows SET n = n + 1'
q postgres CHECKPOINT
TMPDIR=/nowhere backup --method blocks
exits 6 "more than memory may hold, and no folder for it"
err_has 'could not make a temporary file in "/nowhere"' "is said"
no_traces "and nothing is left"

# what the server leaves out ----------------------------------------------------
as_server ln -s /etc/hosts "$T/main/data/linked"
backup --method blocks
exits 3 "a link in the data folder"
err_has 'warning: .*skipping special file "./linked"' "is told of"
err_lines 1 "once"
newest=$set
rm "$T/main/data/linked"

# what the next one does by itself --------------------------------------------
backup -v
is "$(json "$set" parent)" "${newest#*/}" "--auto goes on with the newest chain"
conf policy 'base-interval = 1s'
sleep 1
backup -v
exits 0 "a full one that is older than base-interval"
err_has 'a full backup: the last full one, .* is older than 1s' "is said"
is "$(json "$set" method)" full "and a full one made"
sed -i /base-interval/d "$PGK_CONF"
rm "$STORE/$set/blocks"
backup -v
exits 3 "an object is gone"
err_has 'is passed over' "and that is said"
is "$(json "$set" parent)" "$(basename "$(sets | tail -n 3 | head -n 1)")" \
    "the set before it is built on"
printf x | dd of="$STORE/$set/blocks" bs=1 seek=99 conv=notrunc 2>/dev/null
backup
exits 3 "hashes that are damaged"
err_has 'has another sum' "are said"
is "$(json "$set" method)" full "and a full one made"
finish
