#!/bin/bash
# Databases and roles with hostile names; the whole cluster.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

server_start
store_new
names=(
	'host=evil.invalid user=postgres'
	'postgresql://evil.invalid/x'
	"quo'te"
	'double"quote'
	'back\slash'
	'new
line'
	'-dash'
	'--all'
	'a;b $(touch pwned) `touch pwned`'
	'../../etc'
	'.hidden'
	'with space'
	'%s%n%41'
	'full'
	'latest'
	'가나다라마바사아자차카타파하가나다라마바사'
	'UPPER'
)
literal()
{
	printf "'%s'" "${1//\'/\'\'}"
}
identifier()
{
	printf '"%s"' "${1//\"/\"\"}"
}
# libpq as psql uses it takes some of these for connection strings
in_database()
{
	local name=${1//\\/\\\\}

	psql -XqAt -v ON_ERROR_STOP=1 -c "$2" "dbname='${name//\'/\\\'}'"
}
for name in "${names[@]}"; do
	q postgres "CREATE DATABASE $(identifier "$name") TEMPLATE template0"
	in_database "$name" "CREATE TABLE who (name text);
	    INSERT INTO who VALUES ($(literal "$name")); ANALYZE" 
done
q postgres "CREATE ROLE \"ro\"\"le'; DROP DATABASE x\" LOGIN PASSWORD 'canary1';
    CREATE ROLE \"-x\" IN ROLE pg_monitor; CREATE ROLE \"한글\" NOLOGIN;
    ALTER DATABASE \"with space\" OWNER TO \"-x\";
    ALTER DATABASE \"with space\" SET work_mem = '7MB';
    ALTER ROLE \"-x\" IN DATABASE \"quo'te\" SET search_path = 'a b', public"
q postgres 'CREATE DATABASE closed ALLOW_CONNECTIONS false'

cd "$T" || exit
for name in "${names[@]}"; do
	shown=$(tr '\n' ' ' <<<"$name")
	conninfo=${name//\\/\\\\}
	conninfo="dbname='${conninfo//\'/\\\'}'"
	run pgk-dump -q -d "$conninfo"
	exits 0 "dump: $shown"
	set=$(cat "$T/out")
	is "$(grep -c . "$T/out")" 1 "stdout is one line: $shown"
	is "$(grep -Ec '^full/[A-Za-z0-9_%][A-Za-z0-9_%-]*$' "$T/out")" 1 \
	    "of plain letters: $set"
	run pgk-cat "$set"
	row=${name//\\/\\\\}
	is "$(grep -acxF -e "${row//$'\n'/\\n}" "$T/out")" 1 "holds its row: $shown"
	drop copy
	run pgk-restore "$set" -d copy --create
	exits 0 "restore: $shown"
	is "$(q copy 'SELECT name FROM who')" "$name" "the row: $shown"
	# and into a database with that name
	q postgres "DROP DATABASE $(identifier "$name")"
	run pgk-restore "$set" -d "$conninfo" --create
	exits 0 "restore to that name: $shown"
	is "$(in_database "$name" 'SELECT name FROM who')" "$name" \
	    "the row is there: $shown"
done
is "$(find "$T" -name pwned)" "" "no shell was asked"
run pgk-list
exits 0 "pgk-list"
is "$(find "$STORE" -name '*.json' | wc -l)" ${#names[@]} "a set for each"

# the whole cluster, and back into an empty one ----------------------------
key_new one
run pgk-dump -q --all -r "$recipient"
exits 0 "pgk-dump --all"
snapshot=$(cat "$T/out")
ok "its name" grep -Eqx 'snapshot/snapshot_[0-9]{8}_[0-9]{6}' "$T/out"
whole_sets "b2sum agrees"
printf '[crypt]\nidentity = %s\n' "$T/one.key" >>"$PGK_CONF"
run pgk-cat --object globals "$snapshot"
exits 0 "the role password hashes are an object of their own"
out_has 'SCRAM-SHA-256' "with the hashes"
run pgk-cat "$snapshot"
is "$(grep -c SCRAM "$T/out")" 0 "and only there"
cp "$T/out" "$T/all.sql"
run pgk-dump -q --all --no-encrypt
ok "without encryption" test "$rc" -eq 0 -o "$rc" -eq 3
is "$(find "$STORE/snapshot" -name '*globals*' ! -name '*.age')" "" \
    "the hashes are left out"
ok "and the set says so" grep -q 'password hashes' \
    "$STORE/$(cat "$T/out").json"

globals()
{
	pg_dumpall -g --no-role-passwords |
	    grep -Ev '^\\(un)?restrict|^--|^$' | sort
	psql -XqAt -d postgres -c "SELECT datname, datallowconn, pg_get_userbyid(datdba),
	    setconfig FROM pg_database d LEFT JOIN pg_db_role_setting ON setdatabase = d.oid
	    WHERE datname !~ '^(copy|template0)$' ORDER BY 1, 4"
}
globals >"$T/globals.main"
cp -r "$STORE" "$T/kept"
server_start other
run psql -Xq -d postgres -f "$T/all.sql"
is "$(grep -c ERROR "$T/err")" "$(grep -c 'role "postgres" already' "$T/err")" \
    "psql restores the cluster"
drop copy
globals >"$T/globals.other"
diff "$T/globals.main" "$T/globals.other" >"$T/diff"
is "$(grep -v closed "$T/diff" | grep -c '^[<>]')" 0 \
    "roles, databases and settings are the same"
for name in "${names[@]}"; do
	is "$(in_database "$name" 'SELECT name FROM who')" "$name" \
	    "$(tr '\n' ' ' <<<"$name")"
done
server_stop other
rm -rf "$T/other"
server_start other
run pgk-restore --all "$snapshot" -j 2
exits 0 "pgk-restore restores the cluster"
drop copy
globals >"$T/globals.other"
diff "$T/globals.main" "$T/globals.other" >"$T/diff"
is "$(grep -v closed "$T/diff" | grep -c '^[<>]')" 0 \
    "roles, databases and settings are the same"
is "$(q postgres "SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid
    WHERE rolname LIKE 'ro\"%'")" t "the password is as it was"
for name in "${names[@]}"; do
	is "$(in_database "$name" 'SELECT name FROM who')" "$name" \
	    "$(tr '\n' ' ' <<<"$name")"
done
finish
