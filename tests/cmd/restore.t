#!/bin/bash
# pgk-restore: what it restores is what was dumped; what it refuses; what is
# left when it fails.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/restore.sh
. "$ROOT/tests/sh/restore.sh"

nasty_server "log_statement = ddl"
nasty_database nasty
chat_database chat 30000
export PGK_CONF=$T/conf
printf '[store]\nurl = %s\n[server]\nenvironment = test\n' "$T/store" >"$PGK_CONF"
chmod 600 "$PGK_CONF"

run pgk-dump -d nasty -o "$T/nasty.sql.gz" --owner --acl
exits 0 "a dump of everything that trips restores"
run pgk-dump -d chat --no-encrypt -Z zstd -o "$T/chat.sql.zst"
exits 0 "a dump of a chat service"
run pgk-dump -d chat --no-encrypt
exits 0 "one into a store"

# the same, whoever restores it and by how many
for j in 1 2 4; do
	run pgk-restore -j "$j" --create -d copy "$T/nasty.sql.gz"
	exits 0 "restored by $j"
	quiet "and nothing was said"
	ok "the copy is the same" compare nasty copy
	is "$(mark_of copy)" "" "no mark is left"
	run pgk-restore -j "$j" --create -d copychat "$T/chat.sql.zst"
	exits 0 "a chat restored by $j"
	ok "the copy is the same" compare chat copychat
	is "$(q copychat "SELECT count(*) > 0 FROM pg_stats
	    WHERE schemaname = 'public'")" t "it was analyzed"
	[ "$j" = 4 ] || drop copy copychat
done
q copy 'DROP SUBSCRIPTION sub'
q nasty 'DROP SUBSCRIPTION sub'
run pgk-dump -d nasty -o "$T/nasty.sql.gz" --owner --acl
ok "a large table's key was built beside its indexes" \
    grep -q 'ADD CONSTRAINT .* PRIMARY KEY USING INDEX' "$T/main.log"
is "$(q postgres "SELECT has_database_privilege('-dashed', 'copy',
    'CONNECT')")" t "others may connect again"
run pgk-restore -O -x --create -d mine "$T/nasty.sql.gz"
exits 0 "restored without owners and grants"
ok "the copy is the same but for them" compare nasty mine -O -x
is "$(q mine "SELECT count(*) FROM pg_class c JOIN pg_roles r
    ON r.oid = relowner WHERE rolname <> current_user")" 0 "nobody else owns"
drop copychat mine

# from a set: counts are compared; a role's timeouts are no one's here
short=""
[ "$PG_MAJOR" -lt 14 ] || short="-c idle_session_timeout=40ms"
[ "$PG_MAJOR" -lt 17 ] || short+=" -c transaction_timeout=40ms"
run env PGOPTIONS="$short" pgk-restore latest:chat --create -d copychat
exits 0 "restored from the store"
ok "the copy is the same" compare chat copychat
set=$(cd "$T/store/full" && ls -- *.json)
cp "$T/store/full/$set" "$T/set.json"
is "$(grep -c '"messages"' "$T/set.json")" 1 "the set tells of a table"
perl -pi -e 's/("rows": *)30000\b/${1}30001/' "$T/store/full/$set"
run pgk-restore "full/$set" --replace --yes -d copychat
exits 7 "a changed .json is found"
head -n -2 "$T/store/full/$set" >"$T/set.new"
printf '  "sum": "%s"\n}\n' "$(b2sum -l 256 <"$T/set.new" | cut -d' ' -f1)" \
    >>"$T/set.new"
cp "$T/set.new" "$T/store/full/$set"
run pgk-restore "full/$set" --replace --yes -d copychat
exits 7 "other counts than the set's are found"
err_has 'messages.* 30000 rows .* 30001' "and the table is named"
err_has '^pgk-restore: hint: .*--replace' "with a hint"
cp "$T/set.json" "$T/store/full/$set"
drop copychat

# the target
is "$(exists copy)" 1 "there is a database"
run pgk-restore -d copy "$T/chat.sql.zst"
exits 9 "a database that is not empty is refused"
err_has 'not empty: .*(table|schema|type)' "with some of what it holds"
run pgk-restore --create -d copy "$T/chat.sql.zst"
exits 9 "one that exists is not created"
run pgk-restore --replace -d copy "$T/chat.sql.zst"
exits 9 "nor replaced unasked"
err_has 'hint: --yes' "with a hint"
run pgk-restore -d nosuch "$T/chat.sql.zst"
exits 5 "one that does not exist is not found"
err_has 'hint: --create' "with a hint"
run pgk-restore "$T/chat.sql.zst"
exits 2 "no database is taken from the configuration"
run pgk-restore -d copy --create --replace "$T/chat.sql.zst"
exits 2 "--create or --replace"
run pgk-restore -d copy "$T/nosuch.sql.gz"
exits 1 "no file, no restore"
ok "nothing was changed" compare nasty copy
createdb -T template0 empty
q empty "CREATE EXTENSION pgk_fixture; COMMENT ON DATABASE empty IS 'its''s own'"
run pgk-restore -d empty "$T/nasty.sql.gz"
exits 0 "an empty one but for an extension is filled"
is "$(mark_of empty)" "its's own" "its comment is its own again"
drop empty

# replaced: properties survive, sessions are told of
q postgres "CREATE ROLE keeper; ALTER DATABASE copy OWNER TO keeper;
    ALTER DATABASE copy SET search_path = 'a', \"B c\";
    ALTER DATABASE copy SET application_name = 'it''s';
    ALTER ROLE keeper IN DATABASE copy SET work_mem = '7MB';
    REVOKE CONNECT ON DATABASE copy FROM PUBLIC;
    GRANT CONNECT ON DATABASE copy TO \"-dashed\" WITH GRANT OPTION;
    ALTER DATABASE copy CONNECTION LIMIT 7;
    COMMENT ON DATABASE copy IS 'a copy'" >/dev/null
properties()
{
	q postgres "SELECT rolname, datconnlimit, (SELECT array_agg(a ORDER BY
	    a::text) FROM unnest(datacl) a), setconfig, setrole,
	    shobj_description(d.oid, 'pg_database') FROM pg_database d
	    JOIN pg_roles r ON r.oid = datdba
	    LEFT JOIN pg_db_role_setting ON setdatabase = d.oid
	    WHERE datname = 'copy' ORDER BY setrole"
}
before=$(properties)
psql -Xq -d copy -c 'SELECT pg_sleep(60)' >"$T/sleep" 2>&1 &
sleeper=$!
for ((i = 0; i < 100; i++)); do
	[ "$(q postgres "SELECT count(*) FROM pg_stat_activity
	    WHERE datname = 'copy'")" = 1 ] && break
	sleep 0.05
done
run pgk-restore --replace --yes -d copy "$T/chat.sql.zst"
exits 9 "a database in use is not replaced"
err_has 'in use by 1 other session, one of them process [0-9]+ .*psql' \
    "the session is told of"
run pgk-restore --replace --yes --force -v -d copy "$T/chat.sql.zst"
exits 0 "but with --force"
wait "$sleeper"
ok "the copy is the other's" compare chat copy
is "$(properties)" "$before" "owner, limit, settings, grants, comment are kept"
drop copy

# labels
q postgres 'CREATE DATABASE "host=evil.invalid user=postgres"' 
run pgk-dump -d chat --no-encrypt --environment production -o "$T/prod.sql.gz"
exits 0 "a dump with a label"
run pgk-restore -d "dbname='host=evil.invalid user=postgres'" "$T/prod.sql.gz"
exits 9 "production is not restored into test"
err_has '"production".*"test"' "both labels are told"
: >"$T/bare.conf"
run pgk-restore -c "$T/bare.conf" -d "dbname='host=evil.invalid user=postgres'" \
    "$T/prod.sql.gz"
exits 9 "nor into what nobody named"
err_has 'hint: .*--environment' "with a hint"
run pgk-restore --allow-environment other \
    -d "dbname='host=evil.invalid user=postgres'" "$T/prod.sql.gz"
exits 9 "nor when something else is allowed"
run pgk-restore --allow-environment production \
    -d "dbname='host=evil.invalid user=postgres'" "$T/prod.sql.gz"
exits 0 "but when this is allowed, whatever the database is called"
ok "the copy is the same" compare chat "dbname='host=evil.invalid user=postgres'"
drop 'host=evil.invalid user=postgres'

# a failure: told, marked, refused, repaired
q nasty "CREATE TABLE fails (a int); INSERT INTO fails VALUES (1), (1);
    CREATE FUNCTION chk(int) RETURNS bool IMMUTABLE LANGUAGE sql
    AS 'SELECT current_database() = ''nasty''';
    ALTER TABLE fails ADD CHECK (chk(a))"
run pgk-dump -d nasty -o "$T/fails.sql.gz"
exits 0 "a dump whose rows a check elsewhere refuses"
for j in 1 3; do
	run pgk-restore -j "$j" --replace --yes -d copy "$T/fails.sql.gz"
	exits 5 "the failure is one, by $j"
	err_has 'table "public"."fails": .*violates check constraint' \
	    "the table is named"
	err_has 'hint: .*marked' "and that it is marked"
	err_lines 2 "in two lines"
done
is "$(mark_of copy | grep -c 'pgk-restore: unfinished restore of .*fails')" 1 \
    "the database is marked"
is "$(q postgres "SELECT has_database_privilege('-dashed', 'copy',
    'CONNECT')")" f "and nobody else connects"
run pgk-restore -d copy "$T/chat.sql.zst"
exits 9 "a marked one is refused"
err_has 'unfinished restore of .*fails' "with what was restored"
run pgk-restore --create -d copy "$T/chat.sql.zst"
exits 9 "and not created"
err_has 'hint: .*--replace' "with a hint"
run pgk-restore --replace --yes -d copy "$T/chat.sql.zst"
exits 0 "but replaced"
is "$(mark_of copy)" "" "and not marked any longer"
is "$(q postgres "SELECT has_database_privilege('-dashed', 'copy',
    'CONNECT')")" t "and open again"
drop copy
q nasty "DROP TABLE fails; DROP FUNCTION chk"

drop copy
# damage: the index before anything, a piece before its rows
size=$(stat -c %s "$T/nasty.sql.gz")
for n in 1 100 $((size / 2)) $((size - 1)); do
	head -c "$n" "$T/nasty.sql.gz" >"$T/cut.sql.gz"
	run pgk-restore --create -d copy "$T/cut.sql.gz"
	ok "cut to $n bytes: found" test "$rc" -eq 7
	is "$(exists copy)" 0 "before there was a database"
done
off=$(zcat "$T/nasty.sql.gz" | grep -a '^--:P copy' | sed -n 3p |
    cut -d' ' -f4)
cp "$T/nasty.sql.gz" "$T/flip.sql.gz"
flip at "$T/flip.sql.gz" $((off + 30)) >/dev/null
not_ok "a bit is flipped" cmp "$T/nasty.sql.gz" "$T/flip.sql.gz"
run pgk-restore --create -d copy "$T/flip.sql.gz"
exits 7 "a flipped bit is found"
err_has "rows of table .* are damaged" "and the table named"
is "$(mark_of copy | cut -c1-12)" "pgk-restore:" "the database is marked"
drop copy

# killed, and told to stop
chat_database big 150000
run pgk-dump -d big --no-encrypt -o "$T/big.sql.gz"
for signal in KILL TERM INT; do
	"$BUILD"/bin/pgk-restore -j 2 --replace --yes -d copy "$T/big.sql.gz" \
	    >"$T/out" 2>"$T/err" &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		[ "$(q postgres "SELECT count(*) FROM pg_stat_activity
		    WHERE datname = 'copy' AND query LIKE 'COPY%'")" = 0 ] ||
		    break
		sleep 0.02
	done
	kill -s "$signal" "$pid"
	wait "$pid" 2>/dev/null
	rc=$?
	[ "$signal" = KILL ] && exits 137 "killed while it loads"
	[ "$signal" = TERM ] && exits 143 "told to end while it loads"
	[ "$signal" = INT ] && exits 130 "interrupted while it loads"
	[ "$signal" = KILL ] || err_has 'stopped by' "it says so"
	is "$(mark_of copy | cut -c1-12)" "pgk-restore:" "its mark is left"
	ok "its sessions are not" server_idle
done
run pgk-restore -j 2 --replace --yes -d copy "$T/big.sql.gz"
exits 0 "done again"
ok "the copy is the same" compare big copy
drop copy big

finish
