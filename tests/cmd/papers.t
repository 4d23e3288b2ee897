#!/bin/bash
# What README.md, crontab.example and sql/roles.sql say works.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

server_start
chat_database medtranslate 1000

# roles -----------------------------------------------------------------------
q medtranslate "CREATE ROLE app; ALTER TABLE agents OWNER TO app;
    ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
    CREATE SCHEMA \"S 1\" AUTHORIZATION app;
    CREATE TABLE \"S 1\".t (a int); INSERT INTO \"S 1\".t VALUES (1);
    ALTER TABLE \"S 1\".t OWNER TO app; CREATE SEQUENCE \"S 1\".s;
    SELECT lo_from_bytea(77, 'x')" >/dev/null
for run in first second; do
	run psql -Xq -d medtranslate -f "$ROOT/sql/roles.sql"
	exits 0 "roles.sql, run for the $run time"
done
q medtranslate 'SET ROLE app; CREATE TABLE "S 1".later (a int)'
is "$(q postgres "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
    FROM pg_roles WHERE rolname = 'pgk_dump'")" f "pgk_dump has no rights to spare"
store_new
run pgk-dump -q --no-encrypt -U pgk_dump medtranslate
exits 0 "pgk_dump dumps: row security, a large object, later tables"
run psql -Xq -U pgk_dump -d medtranslate -c 'DELETE FROM public.messages'
ok "and cannot change a row" test "$rc" -ne 0
run pgk-restore -q -U pgk_restore latest:medtranslate -d copy --create
ok "pgk_restore restores" test "$rc" -eq 0 -o "$rc" -eq 3
is "$(q copy 'SELECT count(*) FROM agents')" 10 "the rows behind row security"
# whoever has the files has all; by SQL it may read nothing
is "$(q postgres "SELECT rolreplication AND rolcanlogin AND NOT (rolsuper
    OR rolcreaterole OR rolcreatedb OR rolbypassrls) AND NOT EXISTS (
    SELECT FROM pg_auth_members WHERE member = r.oid)
    FROM pg_roles r WHERE rolname = 'pgk_replication'")" t \
    "pgk_replication replicates, and no more"
run pgk-basebackup -q --no-encrypt --checkpoint fast --wal-timeout 0 -U pgk_replication
ok "it takes the files" test "$rc" -eq 0 -o "$rc" -eq 3
is "$(pgk-list --tsv incremental | awk -F '\t' 'NR == 2 { print $1 }')" \
    incremental "there is a base backup"
pgk-wal receive --slot papers --create-slot --no-encrypt -U pgk_replication \
    >"$T/receive" 2>&1 &
receiver=$!
for _ in {1..100}; do
	[ -z "$(find "$STORE/wal" -name '0000*.gz*' 2>/dev/null)" ] || break
	q postgres 'SELECT txid_current()' >/dev/null
	q postgres 'SELECT pg_switch_wal()' >/dev/null
	sleep 0.1
done
ok "it streams the WAL" test -n "$(find "$STORE/wal" -name '0000*.gz*')" ||
    cat "$T/receive"
kill "$receiver"
wait "$receiver" 2>/dev/null
run psql -Xq -U pgk_replication -d medtranslate -c 'TABLE public.messages'
ok "it reads no table" test "$rc" -ne 0
run psql -Xq -d medtranslate -v dump_role= -v restore_role=other -v index_role= \
    -v replication_role= -f "$ROOT/sql/roles.sql"
exits 0 "roles.sql with names of one's own"
is "$(q postgres "SELECT count(*) FROM pg_roles WHERE rolname IN ('other', '')")" \
    1 "makes those, and none that is empty"

# README: its configuration is one, and its cookbook runs ---------------------
sed -n '/^    \[server\]/,/^$/s/^    //p' "$ROOT/README.md" >"$T/readme.conf"
ok "README.md has a configuration" grep -q '^full' "$T/readme.conf"
run pgk-key new -o "$T/identity"
exits 0 "pgk-key new"
recipient=$(pgk-key recipient "$T/identity")
mkdir -m 700 "$T/readme"
sed -e "s|^url .*|url = $T/readme|; s|^recipient.*|recipient = $recipient|" \
    -e "s|host=localhost port=54321|host=$PGHOST|" \
    "$T/readme.conf" >"$T/pgk.conf"
printf '[crypt]\nidentity = %s\n' "$T/identity" >>"$T/pgk.conf"
export PGK_CONF=$T/pgk.conf
cookbook()
{
	sed -n '/^## Cookbook/,/^## /s/^    //p' "$ROOT/README.md" |
	    sed 's/  *# .*//'
}
cd "$T" || exit
dropdb --if-exists copy
createdb shop -T medtranslate
is "$(cookbook | wc -l)" 10 "ten lines"
while read -r line; do
	case $line in
	*"pgk-dump --all"*)
		for name in shop postgres; do
			psql -Xq -d $name -f "$ROOT/sql/roles.sql"
		done
		;;
	*"-t public.messages"*"-d shop"* | *"-d shop"*"-t public.messages"*)
		q shop 'TRUNCATE messages'
		;;
	*--replace*) line="$line --yes" ;;
	*"| head") line="$line >/dev/null || [ \${PIPESTATUS[1]} = 0 ]" ;;
	*"-d copy"*) dropdb --if-exists copy ;;
	age*)
		line=${line/KEY/identity}
		line=${line/X/"$(find readme/full -name 'medtranslate*.age' | head -n 1 | sed 's/\.sql.*//')"}
		createdb -T template0 new
		;;
	esac
	run env PGUSER=postgres bash -c "set -o pipefail; $line"
	ok "$line" test "$rc" -eq 0 -o "$rc" -eq 3
	[ "$rc" -eq 0 ] || [ "$rc" -eq 3 ] || tap_tell
done < <(cookbook)
is "$(q new 'SELECT count(*) FROM agents')" 10 "without pgk: the rows are there"

# the crontab's lines are lines, and their commands exist ---------------------
while read -r line; do
	[[ $line =~ ^([0-9*,/-]+\ +){5}(.*)$ ]] || {
		is "$line" "" "no line of a crontab"
		continue
	}
	command=${BASH_REMATCH[2]//\\%/%}
	ok "crontab: $command" bash -n -c "$command"
	for word in $(grep -o 'pgk-[a-z]*\|--[a-z-]*' <<<"$command"); do
		case $word in
		pgk-*) tool=$word ;;
		*) ok "$tool has $word" bash -c "$tool --options | grep -qw -e $word" ;;
		esac
	done
done < <(grep -v '^#\|^$\|^[A-Z_]*=' "$ROOT/crontab.example")
is "$(grep -v '^#' "$ROOT/crontab.example" | grep -c '[^\\]%')" 0 "every % is \\%"

# make install puts all in its place --------------------------------------------
run env PATH="${PATH//"$PG_BIN:"/}" make -s -C "$ROOT" BUILD="$BUILD" DESTDIR="$T/dest" prefix=/usr install
exits 0 "make install"
for file in bin/pgk-dump share/man/man1/pgk-dump.1 share/man/man7/pgk.7 \
    share/man/man5/pgk.conf.5 share/bash-completion/completions/pgk-dump \
    share/pgk/sql/roles.sql share/pgk/crontab.example; do
	ok "installs $file" test -s "$T/dest/usr/$file"
done
run env PATH="${PATH//"$PG_BIN:"/}" make -s -C "$ROOT" BUILD="$BUILD" DESTDIR="$T/dest" prefix=/usr uninstall
is "$(find "$T/dest" -type f)" "" "make uninstall leaves nothing"
finish
