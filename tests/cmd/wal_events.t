#!/bin/bash
# The walk over records against PostgreSQL's own pg_waldump: ends of all sorts
# of transactions and restore points, in WAL of the server at hand.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_initdb=(--wal-segsize=1)
server_start main "max_prepared_transactions = 10" "wal_level = logical" \
    "wal_keep_size = 1GB" "autovacuum = off"
first=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")

# rows N - N transactions of a row of up to 5 kB: records over many pages
rows()
{
	local i

	for ((i = 0; i < $1; i++)); do
		echo "INSERT INTO r SELECT repeat(md5(random()::text), $((i % 160)));"
	done | psql -Xq -d postgres
}

q postgres "CREATE TABLE r (t text); ALTER TABLE r ALTER t SET STORAGE PLAIN"
psql -Xq -d postgres >/dev/null 2>&1 <<'END'
CREATE TABLE a (x int); CREATE TABLE b (x int PRIMARY KEY, t text);
BEGIN; INSERT INTO a VALUES (1); ROLLBACK;
BEGIN; INSERT INTO a VALUES (1);
SAVEPOINT s; INSERT INTO a VALUES (2); ROLLBACK TO s;
SAVEPOINT s; INSERT INTO a VALUES (3); RELEASE s; COMMIT;
BEGIN; INSERT INTO a VALUES (1); PREPARE TRANSACTION 'plain';
BEGIN; INSERT INTO a VALUES (1); PREPARE TRANSACTION 'undone';
BEGIN; DROP TABLE b; CREATE TABLE c (x int); INSERT INTO c VALUES (1);
SAVEPOINT s; INSERT INTO a VALUES (5); RELEASE s;
SAVEPOINT t; INSERT INTO a VALUES (6); RELEASE t;
PREPARE TRANSACTION 'all of it: files, subtransactions, messages';
BEGIN; CREATE TABLE d (x int); INSERT INTO d VALUES (1);
SAVEPOINT s; INSERT INTO a VALUES (5); PREPARE TRANSACTION 'nothing of it';
CHECKPOINT;
COMMIT PREPARED 'all of it: files, subtransactions, messages';
ROLLBACK PREPARED 'nothing of it'; COMMIT PREPARED 'plain';
ROLLBACK PREPARED 'undone';
SELECT pg_create_restore_point('a point; 한글');
SELECT pg_create_restore_point(repeat('n', 62));
SELECT pg_replication_origin_create('from');
SELECT pg_replication_origin_session_setup('from');
SELECT pg_replication_origin_xact_setup('0/55', '2020-01-01');
INSERT INTO a VALUES (7);
SELECT pg_replication_origin_session_reset();
DROP TABLE a; CREATE DATABASE d2; DROP DATABASE d2;
END
rows 300
q postgres "SELECT pg_switch_wal()" >/dev/null
rows 100
# many subtransactions, their end longer than a page; a record over segments
q postgres "CREATE TABLE s (x int)"
q postgres "DO \$\$ BEGIN FOR i IN 1..5000 LOOP
    BEGIN INSERT INTO s VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL;
    END; END LOOP; END \$\$"
q postgres "SELECT pg_logical_emit_message(false, 'long',
    repeat('x', 3000000))" >/dev/null
q postgres "SELECT pg_switch_wal()" >/dev/null
rows 50
q postgres "SELECT pg_create_restore_point('last')" >/dev/null
last=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
server_stop main INT

# segments behind the last are old ones, kept to be used again
files=()
for file in "$T/main/data/pg_wal"/????????????????????????; do
	[[ ${file##*/} < $first || ${file##*/} > $last ]] || files+=("$file")
done

# dumped FIRST LAST - what pg_waldump says, as walevents would
dumped()
{
	(cd "$T/main/data/pg_wal" && TZ=UTC pg_waldump "$@" 2>"$T/dump.err") |
	    tee "$T/dump" | sed -nE \
	    's,.* tx: *([0-9]+)\, lsn: ([0-9A-F/]+)\,.* desc: (COMMIT|ABORT) ([-0-9]+ [0-9:.]+).*,\2\t\1\t\3\t\4,p
	    s,.* lsn: ([0-9A-F/]+)\,.* desc: (COMMIT|ABORT)_PREPARED ([0-9]+): ([-0-9]+ [0-9:.]+).*,\1\t\3\t\2\t\4,p
	    s,.* tx: *([0-9]+)\, lsn: ([0-9A-F/]+)\,.* desc: RESTORE_POINT (.*),\2\t\1\tRESTORE_POINT\t\3,p' \
	    >"$T/want"
}

dumped "$first" "$last"
run walevents "${files[@]}"
exits 0 "the walk"
grep -v ^end "$T/out" | cut -f 1,3- >"$T/got"
same "$T/got" "$T/want" "finds what pg_waldump finds ($(wc -l <"$T/want"))"
cp "$T/out" "$T/whole"
is "$(cut -f 3 "$T/got" | sort | uniq -c | awk '{ print $2 ($1 > 2) }' |
    paste -sd ' ')" "ABORT1 COMMIT1 RESTORE_POINT1" "of each kind some"
is "$(tail -n 1 "$T/out" | cut -f 3)" \
    "$(tail -n 1 "$T/dump" | sed -E 's/.* lsn: ([^,]+),.*/\1/')" \
    "up to the same last record"

# an event ends where the next record begins, or behind a page's header
cat >"$T/ends.pl" <<'PERL'
sub lsn { my ($h, $l) = split m|/|, shift; hex($h) << 32 | hex($l) }
open my $d, '<', shift or die; my (%next, $before);
while (<$d>) { /lsn: ([^,]+),/ or next; $next{$before} = $1 if $before;
	$before = $1 }
while (<>) { my ($at, $end) = split /\t/; next if $at eq 'end';
	my $n = $next{$at} or next; my $gap = lsn($n) - lsn($end);
	print "$at $end $n\n" unless $gap == 0 || lsn($end) % 8192 == 0 &&
	    ($gap == 24 || $gap == 40) }
PERL
is "$(perl "$T/ends.pl" "$T/dump" "$T/whole")" "" "each ends where it does"

for step in 1 7 24 8192 65537; do
	WALEVENTS_STEP=$step run walevents "${files[@]}"
	same "$T/out" "$T/whole" "in pieces of $step"
done

# begun in the middle: also where a record of three segments goes on
bad=""
for ((i = 1; i < ${#files[@]}; i++)); do
	walevents "${files[@]:i}" | grep -v ^end | cut -f 1,3- >"$T/got"
	dumped "$(basename "${files[i]}")" "$last"
	cmp -s "$T/got" "$T/want" || bad+=" ${files[i]##*/}"
done
is "$bad" "" "from each of ${#files[@]} segments on"

# a bit of one turned: all before that, nothing behind
n=$(($(wc -l <"$T/whole") / 2))
at=$((16#$(sed -n "$n p" "$T/whole" | cut -f 1 | cut -d / -f 2) + 30))
i=$((at / 1048576 - 16#${first:16}))
cp "${files[i]}" "$T/spoilt"
flip at "$T/spoilt" $((at % 1048576)) >/dev/null
run walevents "${files[@]:0:i}" "$T/spoilt" "${files[@]:i+1}"
head -n $((n - 1)) "$T/whole" >"$T/want"
printf 'end\t%s\t' "$(sed -n "$n p" "$T/whole" | cut -f 1)" >>"$T/want"
sed -E '$s,[^\t]*\tended$,,' "$T/out" | head -c -1 >"$T/got"
same "$T/got" "$T/want" "the walk ends where a record is spoilt"

# A record whose end a crash has taken, and the server that went on behind it.
server_start main
first=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
rows 3
torn=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
q postgres "SELECT pg_logical_emit_message(true, 'torn',
    repeat('x', 3000000))" >/dev/null
server_stop main QUIT
for file in "$T/main/data/pg_wal"/????????????????????????; do
	[[ ! ${file##*/} > $torn ]] || rm "$file"
done
server_start main
rows 3
last=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
server_stop main INT
files=()
for file in "$T/main/data/pg_wal"/????????????????????????; do
	[[ ${file##*/} < $first || ${file##*/} > $last ]] || files+=("$file")
done
dumped "$first" "$last"
ok "a record is overwritten" grep -q OVERWRITE_CONTRECORD "$T/dump"
walevents "${files[@]}" >"$T/whole"
grep -v ^end "$T/whole" | cut -f 1,3- >"$T/got"
same "$T/got" "$T/want" "what is before it and behind ($(wc -l <"$T/want"))"
is "$(tail -n 1 "$T/whole" | cut -f 3)" \
    "$(tail -n 1 "$T/dump" | sed -E 's/.* lsn: ([^,]+),.*/\1/')" \
    "up to the last record"

finish
