#!/bin/bash
# The blocks that records change against PostgreSQL's own pg_waldump: work of
# all sorts, in WAL of the server at hand.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_initdb=(--wal-segsize=1)
server_start main "max_prepared_transactions = 10" "wal_level = logical" \
    "wal_keep_size = 4GB" "autovacuum = off"
first=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
data=$T/main/data

# work DATABASE - SQL from stdin; what a version does not have may fail
work()
{
	psql -Xq -d "$1" >/dev/null 2>>"$T/work.err"
}

# tables SPACE NAME - SQL: a heap and indexes of all sorts, built at once,
# grown, thinned out
tables()
{
	cat <<-END
	CREATE TABLE $2 (id int PRIMARY KEY, t text, a int[], p point, h int,
	    v text) TABLESPACE $1;
	CREATE INDEX $2_gin ON $2 USING gin (a) TABLESPACE $1;
	CREATE INDEX $2_gist ON $2 USING gist (p);
	CREATE INDEX $2_sp ON $2 USING spgist (p);
	CREATE INDEX $2_brin ON $2 USING brin (id) WITH (pages_per_range = 2,
	    autosummarize = off);
	CREATE INDEX $2_hash ON $2 USING hash (h);
	INSERT INTO $2 SELECT i, md5(i::text), ARRAY[i % 17, i % 501, i],
	    point(i % 40, i / 40), i % 900, NULL
	    FROM generate_series(1, 1500) i;
	CHECKPOINT;
	UPDATE $2 SET v = repeat(t, 3) WHERE id % 3 = 0;
	UPDATE $2 SET h = h + 1, p = point(p[1], p[0]) WHERE id % 7 = 0;
	DELETE FROM $2 WHERE id % 5 < 2 OR id > 1200;
	SELECT id FROM $2 WHERE id % 11 = 0 FOR UPDATE;
	VACUUM $2;
	SELECT brin_summarize_new_values('$2_brin');
	INSERT INTO $2 SELECT i, md5(i::text), ARRAY[i % 3], point(i, i), 7,
	    repeat('v', i % 300) FROM generate_series(5000, 5900) i;
	VACUUM FREEZE $2;
	CHECKPOINT;
	DELETE FROM $2 WHERE id > 5300;
	VACUUM $2;
	CREATE INDEX $2_t ON $2 (t, v);
	REINDEX TABLE $2;
	VACUUM FULL $2;
	CLUSTER $2 USING $2_pkey;
	END
}

mkdir "$T/space"
[ -z "$server_user" ] || chown "$server_user" "$T/space"
work postgres <<END
CREATE TABLESPACE space LOCATION '$T/space';
CREATE SEQUENCE s; SELECT sum(nextval('s')) FROM generate_series(1, 1000);
CREATE TABLE gone (x int); INSERT INTO gone VALUES (1); DROP TABLE gone;
CREATE UNLOGGED TABLE u (x int PRIMARY KEY, t text);
INSERT INTO u SELECT i, repeat('u', 99) FROM generate_series(1, 500) i;
ALTER TABLE u SET LOGGED; ALTER TABLE u SET UNLOGGED; TRUNCATE u;
ALTER TABLE u SET TABLESPACE space;
CREATE TABLE f (x int) WITH (fillfactor = 10);
INSERT INTO f SELECT generate_series(1, 20000); TRUNCATE f;
INSERT INTO f SELECT generate_series(1, 20000); DELETE FROM f WHERE x > 99;
VACUUM f; BEGIN; TRUNCATE f; INSERT INTO f VALUES (1); ROLLBACK;
BEGIN; CREATE TABLE p (x int PRIMARY KEY); INSERT INTO p VALUES (1);
DROP TABLE f; PREPARE TRANSACTION 'both'; CHECKPOINT;
COMMIT PREPARED 'both';
CREATE TABLE toast (t text); ALTER TABLE toast ALTER t SET STORAGE EXTERNAL;
INSERT INTO toast SELECT repeat(md5(i::text), 2000)
    FROM generate_series(1, 40) i;
CREATE TABLE long (t text); ALTER TABLE long ALTER t SET STORAGE PLAIN;
INSERT INTO long SELECT repeat(md5(i::text), i % 240)
    FROM generate_series(1, 500) i;
SELECT pg_logical_emit_message(false, 'long', repeat('x', 3000000));
SELECT pg_switch_wal();
SELECT pg_replication_origin_create('from');
SELECT pg_replication_origin_session_setup('from');
INSERT INTO p VALUES (2); DELETE FROM p;
BEGIN; INSERT INTO p VALUES (3); SAVEPOINT a; INSERT INTO p VALUES (4);
ROLLBACK TO a; INSERT INTO p VALUES (5); COMMIT;
SELECT pg_replication_origin_session_reset();
CREATE DATABASE plain;
CREATE DATABASE copied STRATEGY file_copy;
CREATE DATABASE logged STRATEGY wal_log TABLESPACE space;
CREATE DATABASE other TABLESPACE space;
CREATE EXTENSION bloom;
CREATE TABLE b (x int, y int); INSERT INTO b SELECT i, i % 99
    FROM generate_series(1, 6000) i;
CREATE INDEX b_gist ON b USING gist (point(x, y));
CREATE INDEX b_bloom ON b USING bloom (x, y);
INSERT INTO b SELECT i, i % 99 FROM generate_series(1, 3000) i;
END
tables pg_default t1 | work plain
for how in on pglz lz4 zstd; do
	{
		echo "\\set ON_ERROR_STOP 1"
		echo "SET wal_compression = $how;"
		tables space "t_$how"
	} | work other
done
work postgres <<'END'
ALTER DATABASE plain SET TABLESPACE space; DROP DATABASE copied;
END
server_restart main
q postgres "CHECKPOINT"
tables pg_default t2 | work postgres
pg_basebackup -X none -c fast -Ft -D "$T/base" 2>/dev/null
server_stop main INT
# a log that lacks changes
server_start main "wal_level = minimal" "max_wal_senders = 0"
q postgres "CHECKPOINT"
tables pg_default t3 | work postgres
last=$(q postgres "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
server_stop main INT

# segments behind the last are old ones, kept to be used again
files=()
for file in "$data/pg_wal"/????????????????????????; do
	[[ ${file##*/} < $first || ${file##*/} > $last ]] || files+=("$file")
done

# pg_waldump -b, said as walchanges does; the files' names are told apart by
# how they begin (base/, global/, pg_tblspc/) and end (_init)
cat >"$T/say.pl" <<'PERL'
my %fork = (main => 0, fsm => 1, vm => 2, init => 3);
sub relation
{
	my ($path) = @_;
	my $fork = $path =~ s/_([a-z]+)$// ? $fork{$1} : 0;

	$path =~ s!^base/!1663/! or $path =~ s!^global/!1664/0/! or
	    $path =~ s!^pg_tblspc/(\d+)/[^/]+/!$1/! or die "path $path";
	return ($path, $fork);
}
my ($lsn, $rmgr, @special);
sub special { print "$lsn\t$_\n" for splice @special }
while (<>) {
	while (/blkref #\d+: rel (\S+) (?:fork (\S+) )?blk (\d+)/g) {
		print join("\t", $lsn, 'BLOCK', $1, $fork{$2 // 'main'}, $3),
		    "\n";
	}
	/^rmgr: (\S+).* lsn: ([^,]+),.* desc: (.*?)\s*$/ or next;
	special();
	($rmgr, $lsn) = ($1, $2);
	my $desc = $3;
	if ($rmgr eq 'Storage' && $desc =~ /^CREATE (\S+)$/) {
		push @special, join "\t", 'CUT', relation($1), 0;
	} elsif ($rmgr eq 'Storage') {
		$desc =~ /^TRUNCATE (\S+) to (\d+) blocks flags (\d+)$/ or die;
		my ($to, $flags, $rel) = ($2, $3, relation($1));
		push @special, "CUT\t$rel\t0\t$to" if $flags & 1;
		push @special, "CUT\t$rel\t2\t0" if $flags & 2;
		push @special, "CUT\t$rel\t1\t0" if $flags & 4;
	} elsif ($rmgr eq 'Database' && $desc =~ m!^CREATE.* (\d+/\d+)$!) {
		push @special, "DATABASE\t$1";
	} elsif ($rmgr eq 'XLOG' && $desc =~
	    /^(PARAMETER_CHANGE|CHECKPOINT_REDO) .*wal_level[= ]minimal/) {
		push @special, 'UNLOGGED';
	} elsif ($rmgr eq 'XLOG' && $desc =~ m!^BACKUP_END ([0-9A-F]+)/([0-9A-F]+)$!) {
		push @special, sprintf "BACKUP\t%s/%08s", $1, $2;
	}
}
special();
PERL

# dumped FIRST LAST - what walchanges has to say, in $T/want
dumped()
{
	(cd "$data/pg_wal" && pg_waldump -b "$@" 2>"$T/dump.err") >"$T/dump"
	perl "$T/say.pl" "$T/dump" >"$T/want"
}

dumped "$first" "$last"
run walchanges "${files[@]}"
exits 0 "the walk"
cp "$T/out" "$T/whole"
grep -v ^end "$T/whole" >"$T/got"
same "$T/got" "$T/want" "finds what pg_waldump finds ($(wc -l <"$T/want"))"
is "$(tail -n 1 "$T/whole" | cut -f 3)" \
    "$(grep ^rmgr: "$T/dump" | tail -n 1 | sed -E 's/.* lsn: ([^,]+),.*/\1/')" \
    "up to the same last record"

# what was compared
# at_least N WHAT GOT
at_least()
{
	ok "$2 ($3)" [ "$3" -ge "$1" ]
}

distinct=$(grep -P '\tBLOCK\t' "$T/want" | cut -f 3- | sort -u | wc -l)
at_least 3000 "different blocks" "$distinct"
for kind in Heap Heap2 Btree Gin Gist BRIN Hash SPGist Sequence XLOG Generic; do
	n=$(awk -v kind="$kind" '/^rmgr:/ { r = $2 } /blkref #/ && r == kind' \
	    "$T/dump" | wc -l)
	if [ "$kind" = Generic ] && grep -q bloom "$T/work.err"; then
		skip "blocks of Generic" "bloom is not installed"
	else
		at_least 5 "blocks of $kind" "$n"
	fi
done
for fork in 0 2 3; do
	at_least 1 "blocks of fork $fork" \
	    "$(grep -cP "\tBLOCK\t[0-9/]+\t$fork\t" "$T/want")"
done
at_least 32 "blocks of a record" "$(grep -P '\tBLOCK\t' "$T/want" | cut -f 1 |
    uniq -c | sort -n | tail -n 1 | awk '{ print $1 }')"
at_least 20 "blocks in pg_global" "$(grep -cP '\t1664/0/' "$T/want")"
at_least 20 "forks made" "$(grep -cP '\tCUT\t' "$T/want")"
at_least 1 "cut off further on" \
    "$(grep -P '\tCUT\t' "$T/want" | grep -cvP '\t0$')"
at_least 1 "forks made that are no main fork" \
    "$(grep -cP '\tCUT\t[0-9/]+\t3\t0' "$T/want")"
at_least 3 "databases" "$(grep -cP '\tDATABASE\t' "$T/want")"
at_least 1 "told that changes may be missing" \
    "$(grep -cP '\tUNLOGGED' "$T/want")"
is "$(grep -cP '\tBACKUP\t' "$T/want")" 1 "the end of a backup"
at_least 100 "images" "$(grep -c '(FPW' "$T/dump")"
methods="pglz lz4 zstd"
[ "$PG_MAJOR" -ge 15 ] || methods=saved
for method in $methods; do
	at_least 50 "packed images ($method)" \
	    "$(grep -c "compression.*$method" "$T/dump")"
done

for step in 1 7 24 1000 8192 65537; do
	WALCHANGES_STEP=$step run walchanges "${files[@]}"
	same "$T/out" "$T/whole" "in pieces of $step"
done

# begun in the middle: also where a record of three segments goes on
bad=""
for ((i = 1; i < ${#files[@]}; i += i < 9 ? 1 : 20)); do
	walchanges "${files[@]:i}" | grep -v ^end >"$T/got"
	dumped "$(basename "${files[i]}")" "$last"
	cmp -s "$T/got" "$T/want" || bad+=" ${files[i]##*/}"
done
is "$bad" "" "from segments further on"

# a bit of a reference turned: all before that record, nothing of it or behind
n=$(($(wc -l <"$T/whole") / 2))
lsn=$(sed -n "$n p" "$T/whole" | cut -f 1)
at=$((16#${lsn#*/} + 26))
i=$((at / 1048576 - 16#${first:16}))
cp "${files[i]}" "$T/spoilt"
flip at "$T/spoilt" $((at % 1048576)) >/dev/null
run walchanges "${files[@]:0:i}" "$T/spoilt" "${files[@]:i+1}"
sed "/^${lsn/\//\\/}\t/,\$d" "$T/whole" >"$T/want"
grep -v ^end "$T/out" >"$T/got"
same "$T/got" "$T/want" "the walk ends where a record is spoilt"
is "$(tail -n 1 "$T/out" | cut -f 2,4)" "$lsn	ended" "and says where"

finish
