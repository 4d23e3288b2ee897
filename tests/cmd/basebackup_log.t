#!/bin/bash
# pgk-basebackup --method wal: what the log says changed, compared byte for
# byte with all that is there; and the logs that cannot be used.
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

# begin_slowly RATE - a backup by the log, $pid, that reads tables by now
begin_slowly()
{
	pgk-basebackup -q --no-encrypt --checkpoint fast --max-rate "$1" \
	    --method wal --wal-timeout 0 >"$T/out" 2>"$T/err" &
	pid=$!
	server_until "count(*) > 0 FROM pg_stat_activity
	    WHERE query LIKE 'COPY%pg_read_binary_file( E''./base/%'
	    AND application_name = 'pgk-basebackup'"
}

# The log that the server has made until now, into the store.
push()
{
	local file last

	last=$(q postgres 'SELECT pg_walfile_name(pg_switch_wal())')
	server_until "last_archived_wal >= '$last' FROM pg_stat_archiver"
	for file in "$T"/wal/0*; do
		pgk-wal push -q "$@" "$file" || return
	done
}

# Work of all sorts, other work for each number.
churn()
{
	psql -Xq -v ON_ERROR_STOP=1 -v n="$1" -d postgres >/dev/null <<'END' ||
UPDATE rows SET n = :n WHERE id % (1000 + 7 * :n) = 0;
INSERT INTO rows SELECT g, md5(g::text), :n
    FROM generate_series(100000 * :n, 100000 * :n + 3000) g;
DELETE FROM rows WHERE id % 50 = :n;
INSERT INTO spaced SELECT :n FROM generate_series(1, 2000);
UPDATE docs SET body = body || ' word' || :n WHERE id % 20 = :n;
DELETE FROM shrinks WHERE g > 20000 / :n;
SELECT nextval('counter') FROM generate_series(1, 50);
TRUNCATE emptied;
INSERT INTO emptied SELECT g FROM generate_series(1, 100 * :n) g;
SELECT format('CREATE TABLE made%s AS SELECT g, repeat(''x'', 300) AS t
    FROM generate_series(1, 2000) g', :n) \gexec
SELECT format('CREATE INDEX ON made%s (g)', :n) \gexec
SELECT format('CREATE UNLOGGED TABLE unlogged%s AS SELECT 1 AS a', :n) \gexec
SELECT format('DROP TABLE made%s', :n - 1) WHERE :n > 1 \gexec
CREATE TEMPORARY TABLE passing AS SELECT g FROM generate_series(1, 5000) g;
SELECT format('CREATE DATABASE copied%s', :n) \gexec
SELECT format('CREATE DATABASE filed%s STRATEGY file_copy', :n)
    WHERE current_setting('server_version_num')::int >= 150000 \gexec
SELECT format('ALTER DATABASE copied%s SET TABLESPACE space', :n) \gexec
SELECT format('DROP DATABASE copied%s', :n - 1) WHERE :n > 1 \gexec
BEGIN;
CREATE TABLE undone AS SELECT g FROM generate_series(1, 3000) g;
UPDATE rows SET t = 'gone' WHERE id % 400 = 0;
ROLLBACK;
VACUUM (TRUNCATE) shrinks;
END
	    return
	case $1 in
	1) q postgres 'VACUUM FULL spaced' && q postgres 'REINDEX TABLE docs' ;;
	2) q postgres 'VACUUM (FREEZE) rows' &&
	    q postgres 'CLUSTER rows USING rows_pkey' ;;
	3) q postgres 'ALTER TABLE spaced SET TABLESPACE pg_default;
	    ALTER TABLE unlogged1 SET LOGGED; ALTER TABLE made3 SET UNLOGGED' ;;
	esac &&
	    q postgres 'VACUUM ANALYZE rows'
}

mkdir "$T/wal"
[ -z "$server_user" ] || chown "$server_user" "$T/wal"
# all of an old segment would be taken from what the server keeps
server_start main "archive_mode = on" "wal_keep_size = 1GB" \
    "archive_command = 'cp %p $T/wal/%f'" "autovacuum = off" \
    "min_wal_size = 1GB" "max_wal_size = 4GB"
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres "CREATE TABLE rows (id int PRIMARY KEY, t text, n int DEFAULT 0)
    WITH (fillfactor = 80);
    INSERT INTO rows SELECT g, repeat(md5(g::text), 5) FROM generate_series(1, 60000) g"
q postgres "CREATE TABLE spaced TABLESPACE space AS
    SELECT g FROM generate_series(1, 30000) g;
    CREATE TABLE shrinks AS SELECT g FROM generate_series(1, 50000) g;
    CREATE TABLE emptied (a int); CREATE SEQUENCE counter;
    CREATE TABLE docs (id serial, at int, body text, words tsvector
        GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED);
    INSERT INTO docs (at, body) SELECT g % 100, 'text ' || g % 300
        FROM generate_series(1, 5000) g;
    CREATE INDEX ON docs USING gin (words); CREATE INDEX ON docs USING brin (at);
    CREATE INDEX ON docs USING hash (body);
    CREATE INDEX ON docs USING gist (int4range(at, at + 5));
    CREATE INDEX docs_spgist ON docs USING spgist (body)"
q postgres 'VACUUM ANALYZE'
store_new

# rights ----------------------------------------------------------------------
q postgres 'CREATE ROLE backup LOGIN REPLICATION'
backup --no-encrypt -U backup -d postgres --method wal
exits 0 "a full backup for the method"
full=$set
is "$(json "$full" method)" full "is one"
ok "has hashes" test -s "$STORE/$full/blocks"
ok "work of all sorts" churn 1
backup --no-encrypt -U backup -d postgres --method wal --incremental
exits 5 "without the rights"
err_has 'the role may not EXECUTE .* in database "postgres"' "is said"
err_has 'hint: roles.sql' "and what to do"
psql -Xq -d postgres -v dump_role= -v restore_role= -v index_role= \
    -v replication_role=backup -f "$ROOT/sql/roles.sql" >/dev/null
run psql -Xq -U backup -d postgres -c "SELECT pg_read_binary_file('/etc/passwd', 0, 10, true)"
exits 1 "roles.sql lets the role read the data folder and no other"

# from the server's pg_wal, byte for byte ---------------------------------------
backup --no-encrypt -U backup -d postgres --method wal
exits 0 "an incremental backup, from what the server keeps"
one=$set
quiet "without a word"
is "$(json "$one" method) $(json "$one" parent)" "wal ${full#*/}" \
    "by the log, upon the full one"
ok "is small" test "$(du -sb "$STORE/$one" | cut -f1)" -lt \
    "$(($(du -sb "$STORE/$full" | cut -f1)))"
ok "more of it" churn 2
backup --no-encrypt
exits 0 "another"
two=$set
is "$(json "$two" method) $(json "$two" parent)" "wal ${one#*/}" \
    "as --auto makes it"
server_stop main KILL
churn_after_crash()
{
	server_start main && churn 3
}
ok "the server crashes, and goes on" churn_after_crash
# all hints are set, so that nobody who only reads changes a page
vacuumdb -aqF
backup --no-encrypt --method wal
exits 0 "a third"
three=$set
is "$(json "$three" method) $(json "$three" parent)" "wal ${two#*/}" "likewise"
backup --no-encrypt --full --method blocks
exits 0 "a full one at rest"
rest=$set
for i in full one two three rest; do
	ok "$i unpacks" base_unpack "${!i}" "$T/$i"
	ok "pg_verifybackup takes it" pg_verifybackup -n "$T/$i"
done
is "$(tail -n 2 "$T/three/backup_label")" "INCREMENTAL FROM LSN: $(json "$two" lsn)
INCREMENTAL FROM TLI: 1" "backup_label says upon what"
is "$(stat -c %a "$T/three/base" "$T/three/PG_VERSION" | tr '\n' ' ')" \
    "700 600 " "modes"
is "$(find "$T/one/pg_wal" "$T/one/pg_replslot" -type f | wc -l)" 0 \
    "no WAL, no slots"
# what BASE_BACKUP holds, ours does, and the other way round
names()
{
	(cd "$1" && find -L . ! -name 'pgsql_tmp*' | sed 's/INCREMENTAL\.//' |
	    grep -vxE './(tablespace_map|backup_manifest)' | sort)
}
names "$T/three" >"$T/a"
names "$T/rest" >"$T/b"
same "$T/a" "$T/b" "the files are those of BASE_BACKUP"
run base_combine "$T/all" "$T/full" "$T/one" "$T/two" "$T/three"
exits 0 "the chain combines"
# the first page of an SP-GiST index has hints that are never logged
hints=$(q postgres "SELECT pg_relation_filepath('docs_spgist')")
base_files "$T/all" | grep -v " ./$hints\$" >"$T/a"
base_files "$T/rest" | grep -v " ./$hints\$" >"$T/b"
same "$T/a" "$T/b" "and has byte for byte the files of the full one"
ok "that of an SP-GiST index but for its first page" cmp -i 8192 \
    "$T/all/$hints" "$T/rest/$hints"
ok "which are many" test "$(wc -l <"$T/a")" -gt 1000
rows=$(q postgres 'SELECT sum(n), count(*) FROM rows')
base_boot copy "$T/all"
is "$(q postgres 'SELECT sum(n), count(*) FROM rows')" "$rows" \
    "it starts, and the rows are there"
if [ "$PG_MAJOR" -ge 14 ]; then
	ok "pg_amcheck finds nothing" pg_amcheck -a --heapallindexed \
	    --install-missing
else
	skip "pg_amcheck finds nothing" "PostgreSQL $PG_MAJOR has none"
fi
server_stop copy
server_use main

# hashes are carried on: any method may follow any other -------------------------
# blocks SET - how many blocks its INCREMENTAL files hold, but for those hints
blocks()
{
	rm -rf "$T/v" "$T"/v.*
	base_unpack "$1" "$T/v"
	find "$T/v" "$T"/v.* -name 'INCREMENTAL.*' -size +12c \
	    ! -name "INCREMENTAL.${hints##*/}" |
	    perl -ne 'chomp; open(F, "<", $_); read(F, $h, 8);
	        $n += (unpack("VV", $h))[1]; END { print $n + 0 }'
}
mv "$STORE/$rest.json" "$T/rest.json"
backup --no-encrypt --method blocks
exits 0 "block by block upon the third"
is "$(json "$set" parent) $(blocks "$set")" "${three#*/} 0" \
    "finds what the log had said already"
q postgres 'UPDATE rows SET n = -1 WHERE id = 77; CHECKPOINT'
backup --no-encrypt --method wal
is "$(json "$set" method)" wal "and the log goes on after it"
ok "with the blocks of that row alone" test "$(blocks "$set")" -lt 20

# from the archive ------------------------------------------------------------
churn 4
push --no-encrypt
# the server has no log from before any more, but for what ends before it is
# pushed: each backup begins with a new segment
forget()
{
	local i

	q postgres 'CREATE TABLE IF NOT EXISTS x (a int)' 2>/dev/null
	server_stop main
	for ((i = 0; i < 3; i++)); do
		server_start main "min_wal_size = 32MB" "max_wal_size = 32MB" \
		    "wal_keep_size = 0"
		q postgres 'INSERT INTO x VALUES (1); SELECT pg_switch_wal()' \
		    >/dev/null
		q postgres CHECKPOINT
		server_stop main
	done
	server_start main "wal_keep_size = 32MB"
}
forget
push --no-encrypt
# while the archive is read, however long, the session asks for nothing
[ "$PG_MAJOR" -lt 14 ] ||
    q postgres "ALTER ROLE backup SET idle_session_timeout = '2s'"
pgk-basebackup -q -vv --no-encrypt --checkpoint fast --wal-timeout 0 \
    -U backup -d postgres --method wal >"$T/out" 2>"$T/err" &
pid=$!
for ((i = 0; i < 500; i++)); do
	! grep -q 'reading WAL segment' "$T/err" || break
	sleep 0.02
done
kill -STOP $pid
sleep 3
kill -CONT $pid
wait $pid
rc=$?
set=$(cat "$T/out")
exits 0 "from the archive"
is "$(json "$set" method)" wal "by the log"
backup --no-encrypt --method blocks
is "$(blocks "$set")" 0 "with all that changed"

# archives that do not do -------------------------------------------------------
churn 5
push --no-encrypt
forget
first=$(q postgres "SELECT pg_walfile_name('$(json "$set" lsn)')")
file=$(find "$STORE/wal" -name "$first*" ! -name '*.backup*')
mv "$file" "$T/kept"
backup --no-encrypt --method wal --incremental
exits 9 "a segment that is gone"
err_has "WAL segment $first is neither in the store" "is named"
no_traces "nothing is left"
backup --no-encrypt -v
exits 0 "--auto"
err_has "not by the log: WAL segment $first" "says so with -v"
is "$(json "$set" method)" blocks "and goes on by blocks"
rm "$STORE/$set.json"
backup --no-encrypt -v --method wal
exits 0 "--auto by the log alone"
err_has "a full backup: WAL segment $first" "says so"
is "$(json "$set" method)" full "and makes a full one"
rm "$STORE/$set.json"
head -c 3000 "$T/kept" >"$file"
backup --no-encrypt
exits 3 "a segment that is damaged"
err_has "the archive's \"$first\": " "is warned of"
is "$(json "$set" method)" blocks "and not used"
rm "$STORE/$set.json"
mv "$T/kept" "$file"

# encrypted -------------------------------------------------------------------
key_new one
rm -rf "$STORE/wal"
push -r "$recipient"
backup -r "$recipient" -v
exits 0 "an archive that is encrypted, on a host without the identity"
err_has 'not by the log: ' "is said with -v"
is "$(json "$set" method)" blocks "goes on by blocks"
rm "$STORE/$set.json"
push -r "$recipient"
backup -r "$recipient" -i "$T/one.key"
exits 0 "with the identity"
is "$(json "$set" method)" wal "it is read"
ok "unpacks" base_unpack "$set" "$T/opened"
rm "$STORE/$set.json"
rm -rf "$STORE/wal"

# a server put back ------------------------------------------------------------
server_stop main
cp -a "$T/main/data" "$T/before"
server_start main
q postgres 'UPDATE rows SET n = 11 WHERE id % 500 = 1'
backup --no-encrypt --full
server_stop main
rm -rf "$T/main/data"
mv "$T/before" "$T/main/data"
server_start main "wal_keep_size = 1GB"
for i in 1 2 3; do
	q postgres "UPDATE rows SET n = 12 WHERE id % 500 = $i"
	q postgres 'SELECT pg_switch_wal()' >/dev/null
done
q postgres 'CHECKPOINT'
backup --no-encrypt -v --incremental
exits 0 "a server whose disk was put back to an hour ago"
err_has 'not by the log: .*the backup to build on: that was taken from a standby, or this server was put back' \
    "is found"
is "$(json "$set" method)" blocks "and what it has is compared"

# logs that lack changes --------------------------------------------------------
server_stop main
server_start main "wal_level = minimal" "archive_mode = off" \
    "max_wal_senders = 0" "wal_keep_size = 0"
q postgres 'BEGIN; TRUNCATE shrinks; INSERT INTO shrinks
    SELECT g FROM generate_series(1, 9000) g; COMMIT'
server_stop main
server_start main "wal_level = replica" "archive_mode = on" \
    "max_wal_senders = 10" "wal_keep_size = 1GB"
backup --no-encrypt --full --method wal
server_stop main
server_start main "wal_level = minimal" "archive_mode = off" \
    "max_wal_senders = 0" "wal_keep_size = 0"
q postgres 'BEGIN; TRUNCATE shrinks; INSERT INTO shrinks
    SELECT g FROM generate_series(1, 9000) g; COMMIT'
server_stop main
server_start main "wal_level = replica" "archive_mode = on" \
    "max_wal_senders = 10" "wal_keep_size = 1GB"
backup --no-encrypt -v
exits 0 "wal_level was minimal in between"
err_has 'not by the log: .*(minimal|neither)' "is found"
is "$(json "$set" method)" blocks "blocks are compared"

# pages, rates, and what changes meanwhile ---------------------------------------
q postgres "UPDATE rows SET n = -2 WHERE id < 3000; CHECKPOINT"
file=$(q postgres "SELECT pg_relation_filepath('rows')")
block=$(q postgres "SELECT (ctid::text::point)[0]::int FROM rows WHERE id = 77")
q postgres "UPDATE rows SET n = -3 WHERE id = 77; CHECKPOINT"
printf 'xyz' | dd of="$T/main/data/$file" bs=1 \
    seek=$((block * 8192 + 5000)) conv=notrunc 2>/dev/null
cp "$T/main/data/$file" "$T/hurt"
backup --no-encrypt --method wal -vv
exits 3 "a page with a wrong checksum"
err_has "wrong checksum: block $block of \"" "is named"
err_has "reading block $block of .* again" "after it was read again"
is "$(json "$set" bad_pages) $(json "$set" method)" "1 wal" "and counted"
q postgres "CREATE TABLE rows2 AS TABLE docs; CREATE TABLE rows3 AS TABLE docs;
    CREATE TABLE rows4 AS TABLE docs; CREATE TABLE rows5 AS TABLE docs"
begun=$(date +%s)
begin_slowly 1MB
q postgres 'DROP TABLE rows2, rows5; TRUNCATE rows4; DELETE FROM rows3'
q postgres 'DROP DATABASE copied5'
q postgres 'VACUUM rows3'
q postgres CHECKPOINT
wait $pid
rc=$?
exits 0 "tables are dropped and cut off while their files are read"
set=$(cat "$T/out")
ok "as slowly as was asked for" test $(($(date +%s) - begun)) -ge 3
is "$(json "$set" method)" wal "by the log"
q postgres "SELECT pg_switch_wal()" >/dev/null
push --no-encrypt
mkdir "$T/again"
[ -z "$server_user" ] || chown "$server_user" "$T/again"
run pgk-restore -q -D "$T/again/data" \
    --tablespace-map "$T/main/space=$T/again/space"
exits 0 "it is restored"
[ -z "$server_user" ] || chown -R "$server_user" "$T/again"
no_traces "no traces"

# files that SQL cannot ask for --------------------------------------------------
odd=$T/main/data/$(printf 'odd\304\343')
echo 1 >"$odd"
backup --no-encrypt --method wal
exits 5 "a file whose name is of another encoding"
err_has 'files of folder "\.": .*invalid byte sequence for encoding "UTF8"' \
    "is what fails"
no_traces "leaves nothing"
backup --no-encrypt
exits 3 "--auto"
err_has 'invalid byte sequence .*; this backup compares blocks instead' \
    "warns of it"
is "$(json "$set" method)" blocks "and takes another way"
no_traces "no traces"
rm "$odd"
ln -s . "$T/main/data/circle"
backup --no-encrypt
exits 3 "a link that leads in a circle"
err_has 'folder "\./circle" is a data folder within a data folder' "is warned of"
is "$(json "$set" method)" blocks "likewise"
rm "$T/main/data/circle"

# names -----------------------------------------------------------------------
long=$(printf 'x%.0s' {1..120})
as_server touch "$T/main/data/$long"
backup --no-encrypt --method wal
exits 5 "a name that no archive of the server's may have either"
err_has "\"$long\" is too long" "is told"
rm "$T/main/data/$long"

# connections -----------------------------------------------------------------
begin_slowly 100kB
# whatever it asks for just then
server_until "count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity
    WHERE application_name = 'pgk-basebackup'"
wait $pid
rc=$?
exits 5 "the connection is cut"
err_lines 1 "one line about it"
no_traces "leaves nothing"
begin_slowly 100kB
kill -TERM $pid
wait $pid
rc=$?
exits 143 "SIGTERM"
no_traces "leaves nothing"
server_until "count(*) = 0 FROM pg_stat_activity
    WHERE application_name = 'pgk-basebackup'"
backup --no-encrypt --method wal
exits 0 "and after all that a backup is made"
finish
