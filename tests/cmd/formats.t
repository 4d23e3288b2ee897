#!/bin/bash
# What PostgreSQL's own programs and ours say of the same base backup: its
# archive, pages, manifest and, from 17 on, its INCREMENTAL files.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

# again FOLDER - take its base.tar and backup_manifest through our rooms into
# FOLDER/again.tar, our manifest and FOLDER/d, what the archive unpacks to
again()
{
	local dir=$1 native=$1/backup_manifest range

	range=$(grep '"Start-LSN"' "$native")
	system=$(q postgres 'SELECT system_identifier FROM pg_control_system()')
	basetar "$PG_MAJOR"0000 "$system" \
	    "$(sed -E 's/.*"Timeline": ([0-9]+).*/\1/' <<<"$range")" \
	    "$(sed -E 's/.*"Start-LSN": "([^"]+).*/\1/' <<<"$range")" \
	    "$(sed -E 's/.*"End-LSN": "([^"]+).*/\1/' <<<"$range")" \
	    "$dir/manifest" <"$dir/base.tar" >"$dir/again.tar" &&
	    mkdir -m 700 "$dir/d" && tar -xf "$dir/again.tar" -C "$dir/d" &&
	    cp "$dir/manifest" "$dir/d/backup_manifest"
}

# a manifest's lines about files, sorted, without the commas
files_of()
{
	grep -E '^\{ "(Encoded-)?Path"' "$1" | sed -E 's/ *\},?$//' | sort
}

check_backup()
{
	local dir=$T/$1 what=$1

	run again "$dir"
	exits 0 "$what: read and written again"
	cp "$T/err" "$dir/said"
	err_has '^[1-9][0-9]+ pages, 0 bad' "$what: every page is good"
	files_of "$dir/backup_manifest" >"$dir/theirs"
	files_of "$dir/manifest" >"$dir/ours"
	same "$dir/ours" "$dir/theirs" "$what: the manifests list the same"
	ok "$what: pg_verifybackup agrees" pg_verifybackup -n -q "$dir/d"
	mkdir "$dir/n"
	tar -xf "$dir/base.tar" -C "$dir/n"
	cp "$dir/d/backup_manifest" "$dir/n"
	ok "$what: the archive written again unpacks to the same" \
	    diff -r "$dir/n" "$dir/d"
}

summarize=()
[ "$PG_MAJOR" -lt 17 ] || summarize=("summarize_wal = on")
server_start main "wal_level = replica" "${summarize[@]}"
q postgres "CREATE TABLE t AS SELECT g AS a, repeat('x', 500) AS b
    FROM generate_series(1, 40000) g"
q postgres 'CREATE INDEX ON t (a)'
q postgres 'CREATE DATABASE other'
ok "pg_basebackup" pg_basebackup -c fast -X none -Ft --no-sync -D "$T/full"
check_backup full

increments()
{
	q postgres 'UPDATE t SET a = a + 1 WHERE a % 400 = 7'
	q postgres "CREATE TABLE u AS SELECT 1"
	# from our manifest, which the server therefore takes
	ok "an incremental backup from our manifest" pg_basebackup -c fast \
	    -X none -Ft --no-sync -D "$T/inc" \
	    --incremental="$T/full/manifest"
	check_backup inc
	is "$(awk '{print ($5 > 50)}' "$T/inc/said")" 1 "it holds blocks"
	ok "pg_combinebackup takes both" \
	    pg_combinebackup --no-sync -o "$T/whole" "$T/full/d" "$T/inc/d"
	ok "pg_verifybackup agrees with what comes out" \
	    pg_verifybackup -q -n "$T/whole"
}
if [ "$PG_MAJOR" -ge 17 ]; then
	increments
else
	skip "increments" "servers of 17 make them"
fi

# the data folder of a server at rest, as an archive, to pg_checksums' eyes
at_rest()
{
	local data=$T/main/data scanned bad

	run as_server "$PG_BIN/pg_checksums" -c -D "$data"
	scanned=$(awk '/^Blocks scanned/ {print $3}' "$T/out")
	bad=$(awk '/^Bad checksums/ {print $3}' "$T/out")
	is "$bad" "$1" "pg_checksums finds $1 bad"
	tar -cf "$T/rest.tar" --format=ustar -C "$data" base global
	is "$(basetar 150000 1 1 FFFFFFFF/FFFFFFFF FFFFFFFF/FFFFFFFF \
	    "$T/rest.manifest" <"$T/rest.tar" 2>&1 >"$T/rest.again")" "$scanned pages, $bad bad, 0 blocks" \
	    "and we as many, in as many pages"
}
table=$(q postgres "SELECT pg_relation_filepath('t')")
server_stop
at_rest 0
for place in 1 4096 8000000; do
	printf X | dd of="$T/main/data/$table" bs=1 seek=$place conv=notrunc \
	    status=none
done
at_rest 2
finish
