#!/bin/bash
# pgk-index duplicate, missing-fk, invalid: on every kind of index, what
# is said agrees with the catalogue; nothing is said falsely.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "max_prepared_transactions = 5"
createdb -T template0 ix
psql -Xq -d ix -f "$ROOT/tests/fixture/indexes.sql"

# column N of the findings, the headings left out
column()
{
	tail -n +2 "$T/out" | cut -f"$1"
}

names() # VERDICT
{
	awk -F '\t' -v verdict="$1" '$3 == verdict { print $6 }' "$T/out"
}

# verdict_of INDEX
verdict_of()
{
	awk -F '\t' -v index_name="$1" '$6 == index_name { print $2, $3 }' \
	    "$T/out"
}

run pgk-index -d ix duplicate --tsv
exits 1 "duplicates are found"
quiet "without a remark"
is "$(column 6 | sort)" "$(q ix "SELECT relname FROM pg_class
    WHERE relkind IN ('i', 'I') AND relname ~ '^(dup|pre|cov)_'
    ORDER BY relname COLLATE \"C\"" | sort)" \
    "those that are redundant, and no other"
is "$(awk -F '\t' 'NR > 1 { print substr($6, 1, 3), $3 }' "$T/out" | sort -u)" \
    "cov COVERED
dup DUPLICATE
pre PREFIX" "each by its kind"
is "$(column 9 | grep -c 'read backwards')" 2 "two are read backwards"

# what is said is so: drop all, undo all, and the catalogue is as it was
catalogue()
{
	q ix "SELECT i.indexrelid::regclass, i.indisvalid,
	    pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid),
	    (SELECT count(*) FROM pg_inherits WHERE inhparent = i.indexrelid)
	    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	    JOIN pg_namespace n ON n.oid = c.relnamespace
	    WHERE n.nspname !~ '^pg_' AND relname !~ '^event_.*_idx'
	    ORDER BY i.indexrelid::regclass::text COLLATE \"C\""
}
catalogue >"$T/before"
column 10 | psql -Xq -v ON_ERROR_STOP=1 -d ix >"$T/log" 2>&1
is "$?" 0 "every fix runs"
cp "$T/out" "$T/first"
run pgk-index -d ix duplicate --tsv
exits 0 "nothing is redundant afterwards"
tail -n +2 "$T/first" | cut -f11 | psql -Xq -v ON_ERROR_STOP=1 -d ix >"$T/log" 2>&1
is "$?" 0 "every undo runs"
catalogue >"$T/after"
same "$T/before" "$T/after" "and makes the same indexes again"

run pgk-index -d ix missing-fk --tsv
exits 1 "foreign keys without an index are found"
is "$(column 12 | grep -oE 'constraint=[a-z_]*' | sort)" \
    "$(q ix "SELECT 'constraint=' || conname FROM pg_constraint
    WHERE contype = 'f' AND conname ~ '^bare_' AND conparentid = 0
    ORDER BY 1")" "those that lack one, and no other"
is "$(column 9 | grep -c 'partitions')" 0 "one partition lacks it"
column 10 | psql -Xq -v ON_ERROR_STOP=1 -d ix >"$T/log" 2>&1
is "$?" 0 "every fix runs"
run pgk-index -d ix missing-fk
exits 1 "what is partitioned has no fix of one statement"
is "$(grep -c bare_ "$T/out")" 1 "and is still missing"
out_has '상담 실' "a Korean schema"

run pgk-index -d ix invalid
exits 0 "no index is invalid"
is "$(cat "$T/out")" "" "and nothing printed"

# as they come about
psql -Xq -d ix >"$T/log" 2>&1 <<'END'
SET search_path = "상담 실";
CREATE TABLE t (k int, v int, w int, x int);
INSERT INTO t SELECT g % 5, g, g, g FROM generate_series(1, 500) g;
CREATE UNIQUE INDEX CONCURRENTLY failed_unique ON t (k);
CREATE INDEX "좋은 인덱스" ON t (v);
CREATE INDEX part_only ON ONLY event (place);
CREATE INDEX half_dropped ON t (w);
UPDATE pg_index SET indislive = false, indisvalid = false
 WHERE indexrelid = 'half_dropped'::regclass;
CREATE INDEX long_name_of_an_index_that_leaves_no_room_for_any_suffix_at_all ON t (x);
END
# a reader that keeps its snapshot
PGAPPNAME=reader psql -Xq -d ix >/dev/null 2>&1 <<'END' &
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM "상담 실".t;
SELECT pg_sleep(60);
END
reader=$!
server_until "count(*) > 0 FROM pg_stat_activity
    WHERE application_name = 'reader' AND wait_event = 'PgSleep'"
give_up()
{
	PGOPTIONS='-c statement_timeout=1s' psql -Xq -d ix -c "$1" >>"$T/log" 2>&1
}
give_up 'CREATE UNIQUE INDEX CONCURRENTLY failed_ready ON "상담 실".t (v)'
give_up 'REINDEX INDEX CONCURRENTLY "상담 실"."좋은 인덱스"'
give_up 'REINDEX INDEX CONCURRENTLY "상담 실".long_name_of_an_index_that_leaves_no_room_for_any_suffix_at_all'
# a build that waits behind it
PGAPPNAME=builder psql -Xq -d ix -c 'CREATE INDEX CONCURRENTLY being_built ON "상담 실".t (w, k)' >/dev/null 2>&1 &
builder=$!
server_until "count(*) > 0 FROM pg_stat_progress_create_index
    WHERE phase ~ 'waiting for old snapshots' OR phase ~ 'waiting for writers'"
run pgk-index -d ix invalid --tsv
exits 1 "invalid indexes are found"
is "$(verdict_of failed_unique)" "warning INVALID" "a build that failed"
is "$(verdict_of failed_ready)" "error INVALID" \
    "one that rejects duplicates though"
is "$(verdict_of part_only)" "warning INCOMPLETE" "one without its partitions"
is "$(verdict_of half_dropped)" "warning HALF-DROPPED" "one half dropped"
is "$(verdict_of '좋은 인덱스_ccnew')" "warning LEFTOVER" \
    "what a REINDEX left" || diag "$(cut -f3,6,9 "$T/out")"
is "$(verdict_of being_built)" "note BUILDING" "one being built is no finding"
is "$(grep LEFTOVER "$T/out" | grep -c 'long_name_of')" 1 \
    "a leftover whose name was cut is told from its index"
is "$(column 6 | wc -l)" 7 "and no other"

# as one without rights: what is built is not told from what is not
psql -Xq -d ix -c 'CREATE ROLE nobody LOGIN'
run pgk-index -d ix -U nobody invalid --tsv
is "$(verdict_of being_built)" "note BUILDING" \
    "nor without the right to see others' work"

kill "$reader"
wait "$reader" 2>/dev/null
q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'reader'" >/dev/null
wait "$builder"
run pgk-index -d ix invalid --tsv
is "$(verdict_of being_built)" "" "built, it is valid"
column 10 | grep . | grep -v failed_unique |
    psql -Xq -v ON_ERROR_STOP=1 -d ix >"$T/log" 2>&1
is "$?" 0 "every fix runs"
run pgk-index -d ix invalid --tsv
is "$(column 6 | sort | tr '\n' ' ')" "failed_unique part_only " \
    "and what data and partitions are in the way of is left"

# one that waits for a table's lock says so, and soon
server_hold ix '"상담 실".t'
for command in duplicate invalid missing-fk; do
	run timeout 10 pgk-index -d ix $command --tsv
	is "$(awk -F '\t' '$5 == "t" { print $3 }' "$T/out")" LOCKED \
	    "$command does not wait for a locked table, and says so"
done
run timeout 10 pgk-index -d ix unused --min-age 0s --tsv
is "$(awk -F '\t' '$5 == "t" { print $3 }' "$T/out" | sort -u)" NEEDED \
    "unused says nothing of its indexes"
run timeout 10 pgk-index -d ix bloat --min-size 0
is "$((rc < 2))" 1 "bloat does not wait for it"
run timeout 10 pgk-index -d ix analyze --dry-run
is "$((rc < 2))" 1 "nor does analyze"
server_unhold

# periods, and foreign keys that are not enforced
if [ "$PG_MAJOR" -ge 18 ] && [ "$(q ix "SELECT count(*)
    FROM pg_available_extensions WHERE name = 'btree_gist'")" = 1 ]; then
	createdb -T template0 periods
	psql -Xq -d periods <<-'END'
	CREATE EXTENSION btree_gist;
	CREATE TABLE p (id int, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
	CREATE TABLE bare (id int, valid daterange, FOREIGN KEY (id, PERIOD valid) REFERENCES p);
	CREATE TABLE served (id int, valid daterange, FOREIGN KEY (id, PERIOD valid) REFERENCES p);
	CREATE INDEX ON served USING gist (id, valid);
	CREATE TABLE q (id int PRIMARY KEY);
	CREATE TABLE loose (id int REFERENCES q NOT ENFORCED);
	CREATE TABLE by_gist (id int REFERENCES q);
	CREATE INDEX ON by_gist USING gist (id);
	END
	run pgk-index -d periods missing-fk --tsv
	is "$(column 5)" bare "a foreign key of periods, and no other"
	column 10 | psql -Xq -v ON_ERROR_STOP=1 -d periods >"$T/log" 2>&1
	run pgk-index -d periods missing-fk
	exits 0 "its fix serves it"
	run pgk-index -d periods unused --min-age 0s --tsv
	is "$(names UNUSED)" "" "no index of these is for queries only"
else
	skip "foreign keys of periods" "18 with btree_gist has them"
fi

# no superuser is needed; on 13 tables must not be one's
psql -Xq -d ix >"$T/log" 2>&1 <<'END'
CREATE ROLE owner;
SELECT format('ALTER TABLE %s OWNER TO owner', c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema' \gexec
GRANT ALL ON SCHEMA "상담 실" TO owner;
END
psql -Xq -d ix -f "$ROOT/sql/roles.sql" >"$T/log" 2>&1
for command in duplicate invalid missing-fk 'bloat --min-size 0' \
    'unused --min-age 0s' 'analyze --dry-run' suggest 'reindex --dry-run'; do
	run pgk-index -d ix $command --tsv
	cp "$T/out" "$T/super"
	run pgk-index -d ix -U pgk_index $command --tsv
	ok "$command as the role of roles.sql says the same" \
	    cmp <(sed 's/,proved_seconds.*//' "$T/super") \
	    <(sed 's/,proved_seconds.*//' "$T/out")
done
# what asks one question can be asked by hand
for name in duplicate invalid missing_fk bloat usage node analyze locked \
    seq_scans; do
	ok "psql runs index_$name.sql" psql -XqAt -v ON_ERROR_STOP=1 -d ix \
	    -f "$ROOT/sql/index_$name.sql"
done

run pgk-index -d ix duplicate --json
perl -MJSON::PP -e 'my $l = decode_json(join "", <STDIN>);
    print join(" ", sort keys %{$l->[0]}), " ", scalar(@$l) > 10 ? "many" : "few", "\n"' \
    <"$T/out" >"$T/keys"
is "$(cat "$T/keys")" "bytes check facts fix index reason schema severity table undo verdict many" \
    "JSON that another program reads"
run pgk-index -d nowhere duplicate
exits 5 "no such database"
err_lines 1 "one line"
run pgk-index -d ix duplicate --min-bloat 20
exits 2 "an option of another command"
run pgk-index -d ix bloat --min-bloat 200
exits 2 "a share out of range"
finish
