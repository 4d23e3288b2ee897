#!/bin/bash
# pgk-restore of dumps that others made
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/restore.sh
. "$ROOT/tests/sh/restore.sh"

nasty_server
nasty_database nasty
q nasty 'DROP SUBSCRIPTION sub'
chat_database chat 30000

# dumps of others, through a pipe or not
for how in "cat" "gzip -c" "zstd -qc" "age -e -r $(age-keygen -y "$(
    age-keygen -o "$T/key" 2>/dev/null; echo "$T/key")")"; do
	pg_dump -d chat | $how >"$T/other"
	run pgk-restore -i "$T/key" --create -d copy "$T/other"
	exits 0 "pg_dump | ${how%% -r*}, from a file"
	ok "the copy is the same" compare chat copy
	drop copy
done
pg_dump --column-inserts -d nasty >"$T/inserts.sql"
"$BUILD"/bin/pgk-restore --create -d copy - <"$T/inserts.sql" >"$T/out" 2>"$T/err"
rc=$?
exits 0 "pg_dump --column-inserts on stdin"
ok "the copy is the same" compare nasty copy
drop copy
pgk-dump -d nasty --owner --acl -o - |
    "$BUILD"/bin/pgk-restore --create -d copy - >"$T/out" 2>"$T/err"
rc=$?
exits 0 "pgk-dump in a pipe"
ok "the copy is the same" compare nasty copy
drop copy

# refuse NAME STATUS RE FILE
refuse()
{
	run pgk-restore --create -d copy "$4"
	exits "$2" "$1"
	err_has "$3" "and why is said"
}
pg_dump -Fc -d chat >"$T/custom"
refuse "the custom format is refused" 9 "hint: pg_restore" "$T/custom"
pg_dump -Ft -d chat >"$T/tar"
refuse "the tar format too" 9 "hint: pg_restore" "$T/tar"
pg_dumpall >"$T/all.sql"
refuse "and a cluster's" 9 "hint: psql" "$T/all.sql"
head -c 3000 /dev/urandom >"$T/noise"
refuse "and noise" 9 "no SQL script" "$T/noise"
: >"$T/empty"
refuse "and nothing" 7 "empty" "$T/empty"
is "$(exists copy)" 0 "all before there was a database"
pg_dump -C -d chat >"$T/create.sql"
refuse "a script that makes a database is refused" 9 "hint: .*--create" \
    "$T/create.sql"
drop copy
printf 'CREATE TABLE a (b int);\n\\! touch %s\n' "$T/pwned" >"$T/evil.sql"
refuse "a psql command is refused" 9 'line 2.*\\! touch' "$T/evil.sql"
not_ok "and not run" test -e "$T/pwned"
drop copy
pg_dump -d chat >"$T/plain.sql"
lines=$(grep -n '^-- PostgreSQL database dump complete' "$T/plain.sql")
head -n $((${lines%%:*} - 20)) "$T/plain.sql" |
    sed '$,/;$/!b' >"$T/short.sql"
at=$(grep -n ';$' "$T/short.sql" | tail -n 1)
head -n "${at%%:*}" "$T/short.sql" >"$T/cut.sql"
refuse "a script cut behind a statement is found" 7 "cut short" "$T/cut.sql"
is "$(mark_of copy | cut -c1-12)" "pgk-restore:" "and the database is marked"
drop copy
head -c 5000 "$T/plain.sql" >"$T/cut.sql"
refuse "and one within a statement" 7 "ends at line" "$T/cut.sql"
drop copy
printf "CREATE TABLE a (b int);\n\nINSERT INTO a\n VALUES ('x');\n" >"$T/bad.sql"
refuse "an error of a script has a line" 5 \
    'statement at line 3 of the script: INSERT INTO a VALUES .*: ERROR: ' \
    "$T/bad.sql"
drop copy
run pgk-restore -d postgres -t public.x "$T/plain.sql"
exits 2 "one table of a script is not to be had"

finish
