#!/bin/bash
# A relation of more than a gigabyte, in two files: full, incremental by both
# methods, cut off and grown again, restored. Most of it is pages of zeros, which
# take no room and no time.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

# sent SET - the files of the relation in a set
sent()
{
	gunzip -c "$STORE/$1/base.tar.gz" | tar -tf - |
	    grep -E "/(INCREMENTAL\.)?$node(\.[0-9]+)?$" | sed 's,.*/,,' |
	    sort | tr '\n' ' '
}

# blocks SET - how many blocks its INCREMENTAL.* files of the relation hold
blocks()
{
	rm -rf "$T/v"
	mkdir "$T/v"
	gunzip -c "$STORE/$1/base.tar.gz" | tar -xf - -C "$T/v" --wildcards \
	    "base/*/INCREMENTAL.$node*"
	find "$T/v" -type f | perl -ne 'chomp; open(F, "<", $_);
	    read(F, $h, 8); $n += (unpack("VV", $h))[1]; END { print $n + 0 }'
}

# look - what is in the relation
look()
{
	q postgres 'SELECT count(*), sum(id), sum(n), count(t)
	    FROM big'
}

# settle - whoever reads first changes pages: hints of what is committed
settle()
{
	look >/dev/null
	q postgres CHECKPOINT
}

# same_back NAME WHAT - restore the newest and compare
same_back()
{
	local want

	want=$(look) && [ -n "$want" ] || want="no rows"
	archived
	place "$1"
	pgk pgk-restore -q -D "$T/$1/data"
	exits 0 "$2: restored"
	boot "$1"
	server_until 'NOT pg_is_in_recovery()'
	is "$(look)" "$want" "$2: the rows are there"
	server_stop "$1"
	server_use main
	rm -rf "${T:?}/$1"
}

recover_start "max_wal_size = 1GB" "autovacuum = off"
q postgres "CREATE TABLE big (id int, n int, t text) WITH (fillfactor = 50);
    INSERT INTO big SELECT g, 0, repeat('x', 500) FROM generate_series(1, 3000) g"
node=$(q postgres "SELECT pg_relation_filenode('big')")
file=$T/main/data/$(q postgres "SELECT pg_relation_filepath('big')")
server_stop main
as_server truncate -s 1G "$file"
as_server truncate -s 80M "$file.1"
server_start main
q postgres "INSERT INTO big SELECT g, 0, repeat('y', 500)
    FROM generate_series(3001, 6000) g"
settle
ok "the relation has two files" \
    test "$(stat -c %s "$file.1")" -gt $((80 << 20))
backup --full
is "$(sent "$set")" "$node $node.1 " "which a full backup has"
q postgres 'UPDATE big SET n = 1 WHERE id % 300 = 0'
settle
backup --method wal --incremental
is "$(sent "$set")" "INCREMENTAL.$node INCREMENTAL.$node.1 " \
    "by the log: blocks of both"
n=$(blocks "$set")
ok "and few of them ($n)" test "$n" -ge 20 -a "$n" -le 60
backup --method blocks --incremental
is "$(sent "$set") $(blocks "$set")" \
    "INCREMENTAL.$node INCREMENTAL.$node.1  0" "by blocks: nothing more"
q postgres 'UPDATE big SET n = 2 WHERE id % 500 = 0'
backup --method blocks --incremental
ok "blocks of both by blocks" test "$(blocks "$set")" -ge 12
same_back one "two files"

# free space in the middle of the first file is used; the second is cut off
q postgres 'DELETE FROM big WHERE id > 3000'
q postgres 'VACUUM big'
q postgres "INSERT INTO big SELECT g, 3, repeat('z', 500)
    FROM generate_series(6001, 7000) g"
settle
is "$(stat -c %s "$file.1")" 0 "the second file is cut off"
backup --method wal --incremental
exits 0 "by the log, when a relation was cut off"
ok "with an empty file" grep -q " $node.1 $" <<<" $(sent "$set")"
same_back two "cut off"
backup --method blocks --incremental
is "$(blocks "$set")" 0 "by blocks: nothing more"

# and grown again, over what was there before
server_stop main
as_server truncate -s 1G "$file"
as_server truncate -s 8M "$file.1"
server_start main
q postgres "INSERT INTO big SELECT g, 4, repeat('w', 500)
    FROM generate_series(7001, 20000) g"
settle
backup --method wal --incremental
exits 0 "by the log, when it was grown again"
same_back three "grown again"
backup --method blocks --incremental
is "$(blocks "$set")" 0 "by blocks: nothing more"
finish
