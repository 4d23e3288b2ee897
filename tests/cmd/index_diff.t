#!/bin/bash
# pgk-index lint and diff: a policy by itself, and beside the catalogue.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"

# verdicts of the last run, "name VERDICT" lines in the order printed
verdicts()
{
	awk -F '\t' 'NR > 1 { print $6, $3 }' "$T/out"
}

# lint ------------------------------------------------------------------------
cat >"$T/seed.sql" <<'END'
CREATE INDEX idx_messages_pk ON messages(id);
CREATE INDEX IF NOT EXISTS idx_messages_room_id ON messages(room_id);
CREATE INDEX IF NOT EXISTS idx_messages_timestamp ON messages(created_at DESC);
CREATE INDEX IF NOT EXISTS idx_messages_room_timestamp ON messages(room_id, created_at DESC);
END
run pgk-index lint --tsv "$T/seed.sql"
exits 1 "lint finds something"
is "$(verdicts | sort | tr '\n' ',')" \
    "idx_messages_pk KEY-COPY,idx_messages_pk NOT-IDEMPOTENT,idx_messages_room_id PREFIX,idx_messages_timestamp DESC," \
    "what the seed's statements do wrong"
run pgk-index lint "$ROOT/sql/create_indexes.sql"
exits 0 "the policy that comes with pgk is clean"
run pgk-index lint "$ROOT/sql/create_indexes.sql" "$ROOT/tests/fixture/chat.sql"
exits 1 "beside the tables"
is "$(grep -c MISSING-FK "$T/out")" 1 "a foreign key is found that it does not serve"
run pgk-index lint "$T/seed.sql" /nonexistent
exits 1 "no such schema"
run pgk-index lint --json - </dev/null
is "$(cat "$T/out")" "[]" "an empty policy, as JSON"
run pgk-index lint /nonexistent
exits 1 "no such file"
run pgk-index lint -d x "$T/seed.sql"
exits 2 "lint connects to no server"
run pgk-index lint --max-wait 3s "$T/seed.sql"
exits 2 "and takes no option of another command"
run pgk-index lint
exits 2 "lint needs a file"
run pgk-index polish
exits 2 "no such command"
printf 'CREATE INDEX a ON t (b);\n\nDROP TABLE t;\n' >"$T/bad.sql"
run pgk-index lint --tsv "$T/bad.sql"
is "$(awk -F '\t' '$3 == "REFUSED" { print $8 }' "$T/out")" 3 \
    "another statement is refused with its line"

# diff ------------------------------------------------------------------------
server_start
run pgk-index diff -d postgres "$T/bad.sql"
exits 2 "diff refuses such a file"
err_has 'bad.sql" line 3: not a CREATE INDEX' "and says its line"
createdb -T template0 app
psql -Xq -d app -v ON_ERROR_STOP=1 >"$T/log" 2>&1 <<'END' || diag "$(cat "$T/log")"
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE SCHEMA app;
CREATE FUNCTION app.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'select upper($1)';
CREATE TABLE app."이상한 Tbl" (id int PRIMARY KEY, "order" varchar(50), "a,b" text,
    j jsonb, ts timestamptz, a int, b int, r int4range, st text, arr int[],
    gone int, g int GENERATED ALWAYS AS (a * 2) STORED,
    CONSTRAINT later UNIQUE (a) DEFERRABLE, CONSTRAINT code UNIQUE (b, st),
    CONSTRAINT excl EXCLUDE USING gist (r WITH &&, id WITH =));
ALTER TABLE app."이상한 Tbl" DROP COLUMN gone;
CREATE TABLE app.part (id int, k text, ts timestamptz) PARTITION BY RANGE (id);
CREATE TABLE app.part1 PARTITION OF app.part FOR VALUES FROM (0) TO (100);
CREATE TABLE app.part2 PARTITION OF app.part FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE app.part21 PARTITION OF app.part2 FOR VALUES FROM (100) TO (150);
CREATE MATERIALIZED VIEW app.mv AS SELECT 1 AS x, 'a'::text AS y;
SET search_path = app, public;
CREATE INDEX "색인 1" ON "이상한 Tbl" (lower("order"));
CREATE INDEX d2 ON "이상한 Tbl" ((j->>'x'), "order" varchar_pattern_ops DESC NULLS LAST)
    INCLUDE (id, ts) WITH (fillfactor=70) WHERE st IN ('a','b') AND "a,b" IS NOT NULL;
CREATE INDEX d3 ON "이상한 Tbl" USING gin (j jsonb_path_ops) WITH (fastupdate=off);
CREATE INDEX d4 ON "이상한 Tbl" USING gist (r, "order" gist_trgm_ops(siglen=32));
CREATE INDEX d5 ON "이상한 Tbl" USING brin (ts timestamptz_minmax_ops) WITH (pages_per_range=16);
CREATE INDEX d6 ON "이상한 Tbl" USING hash (st);
CREATE UNIQUE INDEX d7 ON "이상한 Tbl" (a, g);
CREATE INDEX d8 ON "이상한 Tbl" (st COLLATE "C", f("a,b"));
CREATE INDEX d9 ON "이상한 Tbl" (coalesce("a,b",'x'), date_trunc('day', ts AT TIME ZONE 'UTC'));
CREATE INDEX d11 ON part (k, ts DESC);
CREATE UNIQUE INDEX d12 ON mv (x);
CREATE INDEX d13 ON "이상한 Tbl" USING spgist (r);
CREATE INDEX d14 ON "이상한 Tbl" ((CASE WHEN a > 0 THEN b END)) WHERE (a % 2) = 0;
CREATE INDEX d15 ON "이상한 Tbl" USING gin (arr);
CREATE INDEX d16 ON "이상한 Tbl" ((a+b), (b-a)) WITH (deduplicate_items=off);
END
[ "$PG_MAJOR" -lt 15 ] || q app 'CREATE UNIQUE INDEX d17 ON app."이상한 Tbl" (b) NULLS NOT DISTINCT'
# what the server itself says of each index is a policy that must be met
q app "SELECT regexp_replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') || ';'
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'app' AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)
    ORDER BY c.relname" >"$T/all.sql"
count=$(grep -c '^CREATE' "$T/all.sql")
run pgk-index diff --tsv -d app "$T/all.sql"
exits 0 "every kind of index agrees with its own definition"
quiet "nothing to remark"
is "$(verdicts | grep -c ' OK$')" "$count" "all $count are OK"
is "$(verdicts | grep -vc ' OK$')" 0 "and no other is reported"
# and so it is when written otherwise
cat >"$T/other.sql" <<'END'
\set ON_ERROR_STOP on
create index if not exists "색인 1" on app."이상한 Tbl"
    using btree (lower("order"::text) ASC nulls last); -- as a person writes
/* the predicate, too; */
CREATE INDEX IF NOT EXISTS d2 ON app."이상한 Tbl" (((j ->> 'x'::text)), "order" varchar_pattern_ops DESC NULLS LAST) INCLUDE (id, ts)
    WITH (fillfactor = 70) WHERE st = ANY (ARRAY['a', 'b']) AND "a,b" IS NOT NULL;
CREATE INDEX IF NOT EXISTS d8 ON app."이상한 Tbl" ("st" COLLATE "C" text_ops, app.f("이상한 Tbl"."a,b"));
CREATE INDEX IF NOT EXISTS d11 ON app.part (k, ts DESC NULLS FIRST);
END
run pgk-index diff --tsv -d app "$T/other.sql"
is "$(verdicts | grep -c ' OK$')" 4 "equal definitions in other words are OK"
is "$(verdicts | grep -c 'UNDECLARED$')" "$((count - 5))" \
    "the rest of their tables is undeclared"
is "$(awk -F '\t' '$6 == "d7" { print $10 }' "$T/out")" "" \
    "what enforces a rule is not to be dropped"

# pg_dump's schema of it is understood
pg_dump -s -d app >"$T/schema.sql"
run pgk-index lint --tsv "$T/all.sql" "$T/schema.sql"
is "$(verdicts | grep -c 'NO-TABLE\|NO-COLUMN\|REFUSED')" 0 \
    "lint knows its tables and columns from pg_dump"

# one small change each is seen
while IFS='|' read -r name statement; do
	printf '%s;\n' "$statement" >"$T/one.sql"
	run pgk-index diff --tsv -d app "$T/one.sql"
	is "$(verdicts | grep "^$name ")" "$name CHANGED" "seen: $statement"
done <<'END'
d8|CREATE INDEX IF NOT EXISTS d8 ON app."이상한 Tbl" (app.f("a,b"), st COLLATE "C")
d8|CREATE INDEX IF NOT EXISTS d8 ON app."이상한 Tbl" (st, app.f("a,b"))
d11|CREATE INDEX IF NOT EXISTS d11 ON app.part (k, ts)
d11|CREATE INDEX IF NOT EXISTS d11 ON app.part (k, ts DESC NULLS LAST)
d7|CREATE INDEX IF NOT EXISTS d7 ON app."이상한 Tbl" (a, g)
d6|CREATE INDEX IF NOT EXISTS d6 ON app."이상한 Tbl" (st)
d5|CREATE INDEX IF NOT EXISTS d5 ON app."이상한 Tbl" USING brin (ts) WITH (pages_per_range=32)
d3|CREATE INDEX IF NOT EXISTS d3 ON app."이상한 Tbl" USING gin (j) WITH (fastupdate=off)
d14|CREATE INDEX IF NOT EXISTS d14 ON app."이상한 Tbl" ((CASE WHEN a > 0 THEN b END)) WHERE (a % 2) = 1
d16|CREATE INDEX IF NOT EXISTS d16 ON app."이상한 Tbl" ((a+b), (b-a)) INCLUDE (id) WITH (deduplicate_items=off)
END

# a unique index of partitions must hold their key: the server says so at once
echo 'CREATE UNIQUE INDEX IF NOT EXISTS u ON app.part (k);' >"$T/unique.sql"
run pgk-index apply --tsv -d app "$T/unique.sql"
is "$(verdicts | head -n 1)" "u REFUSED" "a unique index without the partitions' key"

# the other states
cat >"$T/states.sql" <<'END'
CREATE INDEX IF NOT EXISTS code ON app."이상한 Tbl" (st);
CREATE INDEX IF NOT EXISTS part1 ON app."이상한 Tbl" (ts);
CREATE INDEX IF NOT EXISTS again ON app."이상한 Tbl" (arr, st);
CREATE INDEX IF NOT EXISTS newname ON app."이상한 Tbl" USING hash (st);
CREATE UNIQUE INDEX IF NOT EXISTS mine ON app."이상한 Tbl" (b, st);
CREATE INDEX IF NOT EXISTS lead ON app."이상한 Tbl" (b);
CREATE UNIQUE INDEX IF NOT EXISTS weaker ON app."이상한 Tbl" (a);
CREATE INDEX IF NOT EXISTS none1 ON app.nowhere (b);
CREATE INDEX IF NOT EXISTS none2 ON nowhere."at all" (b);
CREATE INDEX IF NOT EXISTS column_less ON app."이상한 Tbl" (nope);
CREATE INDEX IF NOT EXISTS d9 ON app.part (ts);
END
run pgk-index diff --tsv -d app "$T/states.sql"
exits 1 "drift is found"
is "$(awk -F '\t' 'NR > 1 && $8 != "" { print $6, $3 }' "$T/out" | tr '\n' ',')" \
    "code NAME-CLASH,part1 NAME-CLASH,again MISSING,newname RENAMED,mine REDUNDANT,lead MISSING,weaker MISSING,none1 NO-TABLE,none2 NO-TABLE,column_less REFUSED,d9 NAME-CLASH," \
    "each state by its name"
is "$(awk -F '\t' '$6 == "mine" { print $9 }' "$T/out")" \
    'the index of constraint "code" is the same' "whose index it is"
is "$(awk -F '\t' '$6 == "newname" { print $10 }' "$T/out")" \
    'ALTER INDEX "app"."d6" RENAME TO "newname";' "the SQL that mends it"
# an expression on whole rows cannot be compared
q app "CREATE TABLE app.r (a int);
    CREATE FUNCTION app.rf(app.r) RETURNS int LANGUAGE sql IMMUTABLE AS 'select 1';
    CREATE INDEX rows_1 ON app.r (app.rf(r))"
printf '%s;\n' 'CREATE INDEX IF NOT EXISTS rows_1 ON app.r (app.rf(r))' \
    'CREATE INDEX IF NOT EXISTS rows_2 ON app.r (app.rf(r.*), a)' >"$T/rows.sql"
run pgk-index diff --tsv -d app "$T/rows.sql"
is "$(verdicts | tr '\n' ',')" "rows_1 UNVERIFIED,rows_2 MISSING," \
    "an expression on whole rows"
run pgk-index apply --tsv -d app "$T/rows.sql"
exits 0 "can be built"
is "$(verdicts | tr '\n' ',')" "rows_1 UNVERIFIED,rows_2 BUILT," "when it is missing"
is "$(awk -F '\t' '$6 == "rows_2" { print $11 }' "$T/out")" \
    'DROP INDEX CONCURRENTLY IF EXISTS "app"."rows_2";' "with what takes it back"
# a foreign partition
q app "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
    CREATE TABLE app.far (a int) PARTITION BY RANGE (a);
    CREATE FOREIGN TABLE app.far1 PARTITION OF app.far FOR VALUES FROM (0) TO (9) SERVER s;
    CREATE INDEX far_1 ON app.far (a)"
printf '%s;\n' 'CREATE INDEX IF NOT EXISTS far_1 ON app.far (a)' \
    'CREATE INDEX IF NOT EXISTS far_2 ON app.far (a) WHERE a > 3' >"$T/far.sql"
run pgk-index apply --tsv -d app "$T/far.sql"
exits 1 "a foreign partition"
is "$(verdicts | tr '\n' ',')" "far_1 OK,far_2 UNSUPPORTED," \
    "has no index of its own"
# an invalid one
q app 'INSERT INTO app."이상한 Tbl" (id, a, b, ts) VALUES (1, 1, 1, now()), (2, 2, 2, now())'
q app 'CREATE UNIQUE INDEX CONCURRENTLY torn ON app."이상한 Tbl" (ts)' 2>/dev/null
echo 'CREATE UNIQUE INDEX IF NOT EXISTS torn ON app."이상한 Tbl" (ts);' >"$T/torn.sql"
run pgk-index diff --tsv -d app "$T/torn.sql"
is "$(verdicts | grep '^torn')" "torn INVALID" "what a failed build left"
q app 'DROP INDEX app.torn'
# nothing of all this stayed, and no row was read
is "$(q app "SELECT count(*) FROM pg_class WHERE relpersistence = 't'")" 0 \
    "no temporary table is left"

# who may -----------------------------------------------------------------------
q app 'ALTER TABLE app.part OWNER TO postgres; CREATE ROLE nobody_much LOGIN'
run pgk-index diff -U nobody_much -d app "$T/other.sql"
exits 5 "a role without rights is told so"
err_has 'permission denied' "by the server's words"
psql -Xq -d app -f "$ROOT/sql/roles.sql" >/dev/null
run pgk-index diff --tsv -U pgk_index -d app "$T/all.sql"
if [ "$PG_MAJOR" -ge 14 ]; then
	exits 0 "pgk_index of roles.sql may"
else
	exits 5 "on 13 pgk_index reads only what it owns"
fi
is "$(q postgres "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication
    FROM pg_roles WHERE rolname = 'pgk_index'")" f "and has no rights to spare"

# hostile names stay in their place
q app 'CREATE TABLE app."x""; DROP TABLE app.part; --" (a int)'
cat >"$T/hostile.sql" <<'END'
CREATE INDEX IF NOT EXISTS "i""; DROP TABLE app.part; --" ON app."x""; DROP TABLE app.part; --" (a);
END
run pgk-index diff -d app "$T/hostile.sql"
exits 1 "hostile names"
is "$(q app "SELECT count(*) FROM pg_class WHERE relname = 'part'")" 1 "do no harm"
# a file in a database of another encoding
createdb -T template0 -E EUC_KR --locale=C korea
PGCLIENTENCODING=UTF8 q korea 'CREATE TABLE "표" (a int); CREATE INDEX "색인" ON "표" (a)'
echo 'CREATE INDEX IF NOT EXISTS "색인" ON "표" (a);' >"$T/korea.sql"
run pgk-index diff --tsv -d korea "$T/korea.sql"
is "$(verdicts)" "색인 OK" "a database in EUC_KR"
server_idle
finish
