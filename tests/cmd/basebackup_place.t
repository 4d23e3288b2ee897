#!/bin/bash
# Tablespaces within the data folder: a folder of it that one was put in, and
# from 16 on those that are folders in pg_tblspc, for tests of PostgreSQL.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

tables=(within)
settings=("wal_keep_size = 256MB")
[ "$PG_MAJOR" -lt 16 ] || {
	tables+=(placed)
	settings+=("allow_in_place_tablespaces = on")
}
[ "$PG_MAJOR" -lt 17 ] || settings+=("summarize_wal = on")
recover_start "${settings[@]}"
as_server mkdir -p "$T/main/data/some/inner"
q postgres "CREATE TABLESPACE within LOCATION '$T/main/data/some/inner'" \
    2>/dev/null
[ "$PG_MAJOR" -lt 16 ] || q postgres "CREATE TABLESPACE placed LOCATION ''"
for i in "${tables[@]}"; do
	q postgres "CREATE TABLE $i TABLESPACE $i AS
	    SELECT g, repeat('x', 100) AS t FROM generate_series(1, 20000) g"
done
change()
{
	local i

	for i in "${tables[@]}"; do
		q postgres "UPDATE $i SET t = '$1' WHERE g % 2000 = 0"
	done
}
oid()
{
	q postgres "SELECT oid FROM pg_tablespace WHERE spcname = '$1'"
}
members()
{
	tar -tzf "$STORE/$set/$1.tar.gz"
}

backup --full --method blocks
exits 0 "a full backup"
change wal
backup --incremental --method wal
exits 0 "by the log"
is "$(members base | grep -c '^some/inner/PG_')" 0 \
    "the data folder's archive has no other's files"
for i in "${tables[@]}"; do
	is "$(members "$(oid "$i")" | grep -c '/INCREMENTAL\.')" 1 \
	    "of \"$i\" there are changed blocks"
done
change blocks
backup --incremental --method blocks
exits 0 "block by block"
if [ "$PG_MAJOR" -ge 17 ]; then
	change summaries
	backup --incremental --method summaries
	exits 0 "by summaries"
fi
archived

maps=(--tablespace-map "$T/main/data/some/inner=$T/own/inner")
if [ "$PG_MAJOR" -ge 16 ]; then
	pgk pgk-restore -D "$T/own/none" "${maps[@]}"
	exits 9 "one that would lie within the data folder"
	err_has "hint: --tablespace-map pg_tblspc/$(oid placed)=FOLDER" \
	    "is to be put elsewhere"
	maps+=(--tablespace-map "pg_tblspc/$(oid placed)=$T/own/placed")
fi
place copy
pgk pgk-restore -q -D "$T/copy/data" "${maps[@]}"
exits 0 "restored"
ok "pg_verifybackup takes it" as_server pg_verifybackup -n "$T/copy/data"
rows()
{
	local i

	for i in "${tables[@]}"; do
		q postgres "SELECT count(*), md5(string_agg(t, '' ORDER BY g))
		    FROM $i"
	done
}
rows >"$T/was"
boot copy
server_until 'NOT pg_is_in_recovery()'
rows >"$T/is"
same "$T/was" "$T/is" "row for row"
finish
