#!/bin/bash
# pgk-restore --all: a cluster
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/restore.sh
. "$ROOT/tests/sh/restore.sh"

export PGK_CONF=$T/conf
printf '[store]\nurl = %s\n' "$T/store" >"$PGK_CONF"
chmod 600 "$PGK_CONF"
age-keygen -o "$T/key" 2>/dev/null
nasty_server
nasty_database nasty
chat_database chat 5000

q postgres "CREATE TABLE in_postgres (a int); INSERT INTO in_postgres VALUES (1);
    CREATE ROLE keeper PASSWORD 'canary-secret';
    ALTER DATABASE chat SET work_mem = '5MB'; COMMENT ON DATABASE chat IS 'talk'"
for name in 'it'\''s "quoted"' '-d' '한국어'; do
	createdb -T template0 -- "$name"
	psql -Xq -d "dbname='${name//\'/\\\'}'" -c 'CREATE TABLE t AS SELECT 1 AS a'
done
pg_dumpall | grep -v '^.\(un\)\?restrict' >"$T/all.a"
# pg_dumpall knows no such name
newline=$'new\nline'
createdb -T template0 "$newline"
psql -Xq -d "dbname='$newline'" -c 'CREATE TABLE t AS SELECT 1 AS a'
run pgk-dump --all -r "$(age-keygen -y "$T/key")"
exits 0 "a snapshot"
run pgk-restore -i "$T/key" latest:snapshot:한국어 --create -d korean
exits 0 "one database of it"
is "$(q korean 'SELECT a FROM t')" 1 "is the right one"
drop korean
run pgk-restore -i "$T/key" latest:snapshot -d korean --create
exits 2 "one has to be named"
run pgk-restore -i "$T/key" latest:snapshot:nosuch -d korean --create
exits 1 "one that is in it"
run pgk-restore -i "$T/key" latest:snapshot --all
exits 9 "not into the same cluster"
server_stop main
server_bin=$T/own$PG_BIN
server_start second
run pgk-restore -i "$T/key" latest:snapshot --all
exits 0 "into another"
diag "$(cat "$T/err")"
is "$(psql -XqAt -d "dbname='$newline'" -c 'SELECT a FROM t')" 1 \
    "a name of two lines is restored"
q postgres "DROP DATABASE \"$newline\""
pg_dumpall | grep -v '^.\(un\)\?restrict' >"$T/all.b"
for side in a b; do
	perl -ne 'print unless /^COPY/../^\\\.$/' "$T/all.$side" \
	    >"$T/globals.$side"
done
same "$T/globals.a" "$T/globals.b" "roles, databases and definitions agree"
is "$(q postgres "SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid
    WHERE rolname = 'keeper'")" t "passwords too"
run pgk-restore -i "$T/key" latest:snapshot --all
exits 9 "not twice"
q nasty "COMMENT ON DATABASE nasty IS
    'pgk-restore: unfinished restore of something with a subscription'"
q template1 "COMMENT ON DATABASE template1 IS
    'pgk-restore: unfinished restore of x'; CREATE TABLE half (a int)"
run pgk-restore -i "$T/key" latest:snapshot --all --replace --yes
exits 0 "but in place of what is there, half done or not"
is "$(q template1 "SELECT datistemplate, to_regclass('half')
    FROM pg_database WHERE datname = 'template1'")" "t|" \
    "template1 is the template again"
q postgres "DROP DATABASE \"$newline\""
pg_dumpall | grep -v '^.\(un\)\?restrict' |
    perl -ne 'print unless /^COPY/../^\\\.$/' >"$T/globals.b"
same "$T/globals.a" "$T/globals.b" "roles, databases and definitions agree"
finish
