#!/bin/bash
# pgk-index suggest: statements are planned, never run; what would help them is
# tried by hypopg where it is installed, else guessed.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "autovacuum = off"
createdb -T template0 chat
has()
{
	[ "$(q chat "SELECT count(*) FROM pg_available_extensions WHERE name = '$1'")" = 1 ]
}
has pg_stat_statements || skip_all "no pg_stat_statements here"
psql -Xq -d chat >"$T/log" 2>&1 <<'END'
CREATE SCHEMA "상담 실";
CREATE TABLE "상담 실"."메시지" (id int PRIMARY KEY, room int, at timestamptz, "내용" text);
INSERT INTO "상담 실"."메시지" SELECT g, g % 2000, timestamptz '2025-01-01' + g * interval '1 min', md5(g::text)
FROM generate_series(1, 30000) g;
CREATE TABLE small (id int, k int);
INSERT INTO small SELECT g, g FROM generate_series(1, 500) g;
CREATE SEQUENCE victim;
ANALYZE;
END

run pgk-index -d chat suggest --json
exits 0 "without pg_stat_statements"
out_has '"verdict": "NEEDS".*"fix": "CREATE EXTENSION pg_stat_statements;"' \
    "what to install is said"
psql -Xq -d chat -c 'CREATE SCHEMA "확장"' -c 'CREATE EXTENSION pg_stat_statements SCHEMA "확장"'
run pgk-index -d chat suggest --json
exits 0 "created, but not loaded"
out_has 'shared_preload_libraries' "what to do is said"

echo "shared_preload_libraries = 'pg_stat_statements'" >>"$T/main/data/postgresql.conf"
server_restart
psql -Xq -d chat >"$T/log" 2>&1 <<'END'
SELECT "확장".pg_stat_statements_reset();
SELECT * FROM "상담 실"."메시지" WHERE room = 7 ORDER BY at DESC LIMIT 10;
SELECT * FROM "상담 실"."메시지" WHERE room = 8 ORDER BY at DESC LIMIT 10;
/* app */ DELETE FROM "상담 실"."메시지" WHERE "내용" = 'nothing';
SELECT * FROM "상담 실"."메시지" WHERE id = 5;
SELECT * FROM small WHERE k = 3;
CREATE TEMP TABLE gone (k int);
SELECT * FROM gone;
-- what a planner evaluates is somebody else's function
CREATE FUNCTION "상담 실".trap() RETURNS int STABLE LANGUAGE plpgsql AS
$$ BEGIN PERFORM nextval('public.victim'); RETURN 1; EXCEPTION WHEN OTHERS THEN RETURN 2; END $$;
SET search_path = "상담 실";
SELECT * FROM "메시지" WHERE id > trap() AND "내용" = 'x';
END
is "$(q chat 'SELECT is_called FROM victim')" t "the trap works"
psql -Xq -d chat -c 'ALTER SEQUENCE victim RESTART'

run pgk-index -d chat suggest --tsv
exits 0 "without hypopg there is no finding"
quiet "and no remark"
out_has 'NEEDS.*CREATE EXTENSION hypopg' "what to install is said"
is "$(awk -F '\t' '$3 == "GUESS" { print $10 }' "$T/out" | sort)" \
    'CREATE INDEX CONCURRENTLY ON "상담 실"."메시지" ("내용");
CREATE INDEX CONCURRENTLY ON "상담 실"."메시지" (room, at);' \
    "columns compared first, then those sorted by"
out_has 'statements=1,calls=2' "how often it ran"
is "$(q chat 'SELECT is_called FROM victim')" f \
    "a function that the planner calls changes nothing"
is "$(q chat "SELECT count(*) FROM \"상담 실\".\"메시지\"")" 30000 \
    "a DELETE is not run"

psql -Xq -d chat -c 'CREATE ROLE stranger LOGIN' -c 'GRANT USAGE ON SCHEMA "확장" TO stranger'
run pgk-index -d chat -U stranger suggest --tsv
exits 0 "who may see nothing"
is "$(cut -f3 "$T/out" | sort -u | tr '\n' ' ')" "NEEDS verdict " \
    "gets no guess"

if has hypopg; then
	psql -Xq -d chat -c 'CREATE EXTENSION hypopg SCHEMA "확장"'
	run pgk-index -d chat suggest --tsv
	exits 1 "with hypopg"
	awk -F '\t' '$3 == "SUGGESTED" { print $10 }' "$T/out" | sort >"$T/fixes"
	is "$(cat "$T/fixes")" 'CREATE INDEX CONCURRENTLY ON "상담 실"."메시지" ("내용");
CREATE INDEX CONCURRENTLY ON "상담 실"."메시지" (room, at);' "what was tried is suggested"
	out_has 'cost_before=[0-9.]+,cost_after=[0-9.]+,index_bytes=[0-9]+' \
	    "with its gain and its size"
	psql -Xq -d chat -f "$T/fixes"
	run pgk-index -d chat suggest --tsv
	exits 0 "made, they are suggested no more"
else
	skip "with hypopg" "no hypopg here"
fi
finish
