#!/bin/bash
# pgk-restore -D: chains of base backups, recovered to a point in time.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/base.sh
. "$ROOT/tests/sh/base.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

summaries=()
[ "$PG_MAJOR" -lt 17 ] || summaries=("summarize_wal = on")
recover_start "${summaries[@]}"
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres "CREATE TABLE ledger (n int, xid text DEFAULT txid_current()::text);
    CREATE TABLE rows (id int PRIMARY KEY, t text, n int DEFAULT 0)
    WITH (fillfactor = 80);
    INSERT INTO rows SELECT g, repeat(md5(g::text), 5)
    FROM generate_series(1, 20000) g;
    CREATE TABLE spaced TABLESPACE space AS
    SELECT g FROM generate_series(1, 20000) g;
    CREATE TABLE shrinks AS SELECT g FROM generate_series(1, 20000) g;
    CREATE TABLE dropped AS SELECT g FROM generate_series(1, 20000) g;
    CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS a;
    CREATE TABLE empty (a int)"
note()
{
	q postgres "INSERT INTO ledger VALUES ($1) RETURNING xid"
}
at_lsn()
{
	q postgres 'SELECT pg_current_wal_insert_lsn()'
}
now()
{
	# a set's end is known by the second
	sleep 1.1
	q postgres "SET TimeZone = 'UTC';
	    SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US')"
	sleep 1
}
ledger()
{
	q postgres "SELECT string_agg(n::text, ' ' ORDER BY n) FROM ledger"
}
restored()
{
	place "$1"
	pgk pgk-restore -q -D "$T/$1/data" "${@:2}"
}
# The data folder of a restore, less what tells the time of it.
tree()
{
	(cd "$1" && find . -path ./pg_wal -prune -o -type f \
	    ! -name backup_manifest ! -name pgk-restored \
	    ! -name postgresql.auto.conf -print0 | sort -z |
	    xargs -0 cksum; find . -type d -o -type l -printf '%p %l\n' | sort)
}
maps=(--tablespace-map "$T/main/space=$T/own/space")

# nothing yet ------------------------------------------------------------------
pgk pgk-restore -D "$T/own/none"
exits 1 "no base backup at all"
not_ok "nothing is made" test -e "$T/own/none"

# a chain ---------------------------------------------------------------------
backup --full --environment test
full=$set
note 1 >/dev/null
first_time=$(now)
note 2 >/dev/null
q postgres "UPDATE rows SET n = n + 1 WHERE id % 200 = 0;
    TRUNCATE shrinks; INSERT INTO shrinks SELECT generate_series(1, 3000);
    INSERT INTO spaced SELECT generate_series(1, 100); DROP TABLE dropped;
    CREATE TABLE born AS SELECT g FROM generate_series(1, 5000) g"
backup --incremental --environment test
one=$set
note 3 >/dev/null
q postgres "UPDATE rows SET n = n + 1 WHERE id % 150 = 0;
    DELETE FROM shrinks WHERE g > 10" 
q postgres "VACUUM shrinks"
q postgres "VACUUM FULL spaced"
q postgres "UPDATE spaced SET g = g + 1 WHERE g < 100"
backup --incremental --environment test
two=$set
is "$(json "$two" parent) $(json "$one" parent)" \
    "${one##*/} ${full##*/}" "a chain of three"
note 4 >/dev/null
middle=$(at_lsn)
xid=$(note 5)
q postgres "SELECT pg_create_restore_point('before the mistake')" >/dev/null
second_time=$(now)
q postgres "DELETE FROM ledger WHERE n < 5; DROP TABLE rows"
note 6 >/dev/null
archived

# words -----------------------------------------------------------------------
pgk pgk-restore -D "$T/own/none" --target-lsn 0/1 --latest
exits 2 "two targets"
pgk pgk-restore -D "$T/own/none" --create
exits 2 "an option of the logical mode with -D"
pgk pgk-restore --plan --tsv latest -d x
exits 2 "an option of -D without it"
pgk pgk-restore -D "$T/own/none" --target-time yesterday
exits 2 "no time"
pgk pgk-restore -D "$T/own/none" --target-action sleep
exits 2 "no action"
pgk pgk-restore -D "$T/own/none" --tablespace-map /a/b
exits 2 "no map"
pgk pgk-restore -D "$T/own/none" --environment test \
    --tablespace-map /a=/b
exits 2 "a map of no tablespace"
pgk pgk-restore -D "$T/own/none" --environment test "${maps[@]}" \
    --tablespace-map "$T/main/space=$T/own/other"
exits 2 "two maps of one"

# guards ----------------------------------------------------------------------
pgk pgk-restore -D "$T/own/none"
exits 9 "an environment that is not known"
conf server 'environment = test'
pgk pgk-restore -D "$T/own/none"
exits 9 "the tablespace's own folder is in use"
err_has 'tablespace-map' "and the hint says what to do"
pgk pgk-restore -D "$T/main/data" "${maps[@]}"
exits 9 "a running server's folder"
pgk pgk-restore -D "$T/main/data" "${maps[@]}" --delta
exits 9 "nor with --delta"
err_has 'is running' "because it runs"
as_server mkdir "$T/own/full"
as_server touch "$T/own/full/x"
as_server ln -s full "$T/own/link"
pgk pgk-restore -D "$T/own/full" "${maps[@]}"
exits 9 "a folder that is not empty"
pgk pgk-restore -D "$T/own/full" "${maps[@]}" --delta
exits 9 "and that is no data folder"
pgk pgk-restore -D "$T/own/link/" "${maps[@]}"
exits 9 "a link"
pgk pgk-restore -D "$T/own/none" --tablespace-map \
    "$T/main/space=$T/own/none/x"
exits 9 "a tablespace within the data folder"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --target-lsn FF/0
exits 9 "an LSN beyond the archive"
err_has 'WAL segment 0000000' "the missing segment is named"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" "$two" --target-time \
    "$first_time+00"
exits 9 "a target before the set"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --target-lsn 0/1
exits 1 "a target before any set"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --target-timeline 7
exits 9 "a timeline that is not there"
if mkdir "$T/small" && mount -t tmpfs -o size=3m,mode=711 none "$T/small" \
    2>/dev/null; then
	at_end umount "$T/small"
	[ -z "$server_user" ] || chown "$server_user" "$T/small"
	pgk pgk-restore -D "$T/small/data" "${maps[@]}"
	exits 9 "a file system that is too small"
	err_has 'has room for .* MB' "is said to be"
	is "$(ls "$T/small")" "" "and nothing is made there"
else
	skip "a file system that is too small" "mounting is not allowed here"
fi
is "$(ls "$T/own/full") $(ls -d "$T/own/none" "$T/own/space" 2>/dev/null)" \
    "x " "and nothing was touched"

# the plan --------------------------------------------------------------------
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv
exits 0 "a plan"
is "$(sed -n 's/^chain\t//p' "$T/out" | tr '\n' ' ')" \
    "${full##*/} ${one##*/} ${two##*/} " "names the chain"
out_has "^tablespace	[0-9]+	$T/main/space	$T/own/space\$" "the tablespace"
out_has '^target	latest$' "the target"
out_has '^write_bytes	[0-9]{8}' "how much"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan
exits 0 "a plan for people"
out_has "^chain +${full##*/} \\(full\\)\$" "names the full set"
out_has "^ +${two##*/} \\(upon that\\)\$" "and what is upon it"
out_has '^target +latest, timeline 1$' "the target"
out_has '^WAL +0{7}1[0-9A-F]{16} to 0{7}1[0-9A-F]{16}: [0-9]+ segments?,' \
    "the WAL"
out_has '^bytes +[0-9.]+ [kMG]B to read, [0-9.]+ [kMG]B to write$' "how much"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv --json
exits 2 "two forms at once"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --json \
    --target-time "$first_time+00"
is "$(perl -MJSON::PP -e 'my $p = decode_json(join "", <STDIN>);
    print "@{$p->{chain}} $p->{tablespaces}[0]{from}"' <"$T/out")" \
    "${full##*/} $T/main/space" "as JSON"
not_ok "nothing is made" test -e "$T/own/none"

# the chain, combined -----------------------------------------------------------
restored r1 "${maps[@]}" --target-action promote
exits 0 "restored"
is "$(cat "$T/out")" "$T/r1/data" "stdout names the folder"
err_has 'pg_ctl start' "stderr what to do"
ok "pg_verifybackup accepts it" pg_verifybackup -n "$T/r1/data"
for part in "$full" "$one" "$two"; do
	mkdir -p "$T/u"
	base_unpack "$part" "$T/u/${part##*/}"
done
ok "combined by others" base_combine "$T/u/all" "$T/u/${full##*/}" \
    "$T/u/${one##*/}" "$T/u/${two##*/}"
base_files "$T/u/all" >"$T/theirs"
base_files "$T/r1/data" >"$T/ours"
same "$T/ours" "$T/theirs" "byte for byte what others make of it"
ok "they are many" test "$(wc -l <"$T/ours")" -gt 500
rm -rf "$T/u"
before=$(ls "$STORE"/wal/*/ | wc -l)
tree "$T/r1/data" >"$T/fresh"
boot r1 "archive_mode = on"
server_until 'NOT pg_is_in_recovery()'
is "$(ledger)" "5 6" "latest: all that was archived"
is "$(q postgres "SELECT count(*) FROM pg_class WHERE relname = 'rows'")" 0 \
    "the mistake included"
is "$(q postgres 'SELECT count(*) FROM born') $(q postgres \
    'SELECT count(*), max(g) FROM shrinks') $(q postgres \
    'SELECT count(*) FROM spaced')" "5000 10|10 20100" "what the tables hold"
[ "$PG_MAJOR" -eq 13 ] || ok "amcheck" pg_amcheck --install-missing -a --heapallindexed
q postgres "CREATE TABLE after AS SELECT generate_series(1, 9000) g;
    SELECT pg_switch_wal()" >/dev/null
sleep 1
is "$(ls "$STORE"/wal/*/ | wc -l)" "$before" \
    "it puts nothing into the archive"
server_stop r1

# over what is there ------------------------------------------------------------
as_server touch "$T/r1/data/base/stray" "$T/r1/data/global/999999"
pgk pgk-restore -q -D "$T/r1/data" "${maps[@]}" --target-action promote
exits 9 "a used folder without --delta"
pgk pgk-restore -q -D "$T/r1/data" "${maps[@]}" --target-action promote --delta
exits 0 "and with it"
tree "$T/r1/data" >"$T/again"
same "$T/again" "$T/fresh" "leaves what a fresh one does"
ok "pg_verifybackup accepts it" pg_verifybackup -n "$T/r1/data"
boot r1
server_until 'NOT pg_is_in_recovery()'
is "$(ledger)" "5 6" "and boots"
server_stop r1
rm -rf "$T/r1" "$T/own/space"

# targets -----------------------------------------------------------------------
target()
{
	local name=$1 want=$2

	restored "$name" "${maps[@]}" --target-action promote "${@:3}"
	exits 0 "restored to ${*:3}"
	boot "$name"
	server_until 'NOT pg_is_in_recovery()'
	is "$(ledger)" "$want" "${*:3}: the rows up to there"
	server_stop "$name"
	rm -rf "${T:?}/$name" "$T/own/space"
}
target t1 "1" --target-time "$first_time+00"
target t2 "1 2 3 4 5" --target-time \
    "$(TZ=Asia/Seoul date -d "$second_time+00" '+%F %T.%6N')"
target t3 "1 2 3 4" --target-lsn "$middle"
target t4 "1 2 3 4 5" --target-xid "$xid"
target t5 "1 2 3 4" --target-xid "$xid" --target-exclusive
target t6 "1 2 3 4 5" --target-name 'before the mistake'
target t7 "1 2 3 4" "$one" --target-lsn "$middle" --target-timeline current

# a gap -------------------------------------------------------------------------
server_use main
note 7 >/dev/null
archived
note 8 >/dev/null
archived
missing=$(find "$STORE"/wal/* -type f -name '00000001*' | sort | tail -n 2 |
    head -n 1)
as_server mv "$missing" "$T/own/"
pgk pgk-restore -q -D "$T/own/none" "${maps[@]}"
exits 9 "a gap in the archive"
name=${missing##*/}
err_has "${name%%.*} is missing" "the first missing segment is named"
err_has 'target-lsn' "and what can be reached is said"
sure=$(sed -nE 's/.*--target-lsn ([^ ]*) is sure.*/\1/p' "$T/err")
not_ok "nothing is made" test -e "$T/own/none"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv --target-time \
    "$first_time+00"
exits 0 "a time of which a later set shows that it is before the gap"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv --target-time \
    "$second_time+00"
exits 0 "one behind which a transaction ended before the gap"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv --target-time \
    "$(date -u '+%F %T+00')"
exits 9 "and none behind it"
err_has "${name%%.*} is missing.*behind it" "the missing segment is named"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv --target-name \
    'before the mistake'
exits 0 "a restore point before the gap"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv --target-name none
exits 9 "and one that is nowhere before it"
err_has "${name%%.*} is missing" "the missing segment is named"
target t8 "1 2 3 4" --target-lsn "$middle"
restored t9 "${maps[@]}" --target-action promote --target-lsn "$sure"
exits 0 "restored to what is sure to be reached"
boot t9
server_until 'NOT pg_is_in_recovery()'
ok "it is reached: $sure" grep -q 'recovery stopping' "$T/t9.log"
server_stop t9
rm -rf "$T/t9" "$T/own/space"
as_server mv "$T/own/${missing##*/}" "$missing"

# the newest set cannot be used -------------------------------------------------
server_use main
backup --full --environment test
segment=$(q postgres "SELECT pg_walfile_name('$(json "$set" lsn)')")
archived
as_server mkdir "$T/own/late"
for file in "$STORE"/wal/*/0*; do
	[[ ${file##*/} < $segment ]] || as_server mv "$file" "$T/own/late"
done
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv
exits 3 "a set whose log has not come is passed over, with a warning"
out_has "^set	${two##*/}\$" "for an older one"
pgk pgk-restore -D "$T/own/none" "${maps[@]}" --plan --tsv "$set"
exits 9 "and refused when named"
as_server rm -r "$STORE/${set:?}" "$STORE/$set.json"

# damage ------------------------------------------------------------------------
object=$(ls "$STORE/$full"/base.tar*)
as_server cp "$object" "$T/own/saved"
as_server flip at "$object" $(($(stat -c %s "$object") / 2))
place r2
pgk pgk-restore -q -D "$T/r2/data" "${maps[@]}"
exits 7 "a damaged archive"
err_has 'base.tar' "is named"
not_ok "no server can start on it" test -e "$T/r2/data/global/pg_control"
as_server cp "$T/own/saved" "$object"
pgk pgk-restore -q -D "$T/r2/data" "${maps[@]}" --target-lsn "$middle"
exits 0 "the same command begins again"
ok "and all is as it should be" pg_verifybackup -n "$T/r2/data"
as_server rm "$object"
pgk pgk-restore -q -D "$T/own/none" "${maps[@]}"
ok "an archive that is gone" test "$rc" -eq 7
finish
