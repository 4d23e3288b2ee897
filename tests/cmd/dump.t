#!/bin/bash
# pgk-dump as a person uses it, and everything that can go wrong with it.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

server_start
chat_database chat 20000
store_new
conf server 'environment = test'

# into the store -----------------------------------------------------------
run pgk-dump chat
exits 3 "a dump with password hashes in the clear warns"
err_has 'warning: .*password_hash' "and names the column"
err_has 'hint: .*(encrypt|-r)' "and says what to do"
set=$(cat "$T/out")
is "$(sets)" "$set" "stdout names the set: $set"
file=$(set_file "$set")
is "$(stat -c %a "$file" "$STORE/$set.json" "$STORE/full" | paste -sd' ')" \
    "600 600 700" "only its owner reads it"
whole_sets "b2sum agrees with the .json"
no_traces "nothing else is left in the store"
is "$(json "$set" environment) $(json "$set" kind)" "test full" "label, kind"
ok "the .json counts the rows of messages" \
    grep -A3 '"database": "chat"' "$STORE/$set.json"
is "$(grep -A2 '"rows": 20000' "$STORE/$set.json" | sed -n \
    's/.*"table": "\(.*\)"/\1/p')" messages "20000 messages were counted"
ok "RESTORE.txt is there" test -s "$STORE/RESTORE.txt"

fresh copy
gunzip -c "$file" >"$T/plain.sql"
run psql -Xq -v ON_ERROR_STOP=1 -d copy -f "$T/plain.sql"
exits 0 "gunzip | psql restores it"
ok "the copy is the same" compare chat copy -O -x

run pgk-dump --no-encrypt -q chat
exits 0 "--no-encrypt says that it is meant"
quiet "then nothing is said"

# to a file, to stdout ---------------------------------------------------
run pgk-dump --no-encrypt -o "$T/o.sql.gz" chat
exits 0 "-o FILE"
is "$(wc -c <"$T/out")" 0 "says nothing on stdout"
is "$(stat -c %a "$T/o.sql.gz")" 600 "FILE has mode 0600"
for codec in zstd:3 none gzip:6; do
	run pgk-dump --no-encrypt -j 3 -Z $codec -o "$T/o" chat
	exits 0 "-Z $codec"
	case $codec in
	gzip*) gunzip -c <"$T/o" >"$T/o.sql" ;;
	zstd*) zstd -qdc <"$T/o" >"$T/o.sql" ;;
	none) cp "$T/o" "$T/o.sql" ;;
	esac
	fresh copy
	run psql -Xq -v ON_ERROR_STOP=1 -d copy -f "$T/o.sql"
	exits 0 "psql restores it"
	ok "the copy is the same" compare chat copy -O -x
done
pgk-dump --no-encrypt -o - chat 2>"$T/err" | gunzip -c >"$T/o.sql"
is "${PIPESTATUS[*]}" "0 0" "-o - | gunzip"
is "$(grep -c '^COPY' "$T/o.sql")" 5 "the dump came through"
if command -v script >/dev/null; then
	run script -qec "pgk-dump --no-encrypt -o - chat" /dev/null
	exits 2 "binary on a terminal is refused"
	out_has 'pgk-dump: .*terminal' "and that is said"
	run script -qec "pgk-dump --no-encrypt chat" /dev/null
	exits 0 "a dump on a terminal"
	out_has 'chat.*[0-9] ?[kM]B|%' "shows its progress"
else
	skip "a terminal" "no script(1) here"
fi
run bash -c 'set -o pipefail; pgk-dump --no-encrypt -o - chat | head -c 100 >/dev/null'
ok "a reader that goes away is an error" test "$rc" -ne 0
no_orphans "a reader that goes away"
run bash -c 'pgk-dump --no-encrypt -o - chat >/dev/full'
exits 6 "stdout that is full is an error"
err_has 'No space left on device' "and said"
run bash -c 'pgk-dump --no-encrypt chat >&-'
ok "a closed stdout is an error or harmless" test "$rc" -eq 0 -o "$rc" -eq 6
run bash -c 'pgk-dump --no-encrypt -o "$1/closed" chat <&- 2>&-' x "$T"
ok "closed stdin and stderr do no harm" gzip -t "$T/closed"

# selections mean what they mean to pg_dump ------------------------------
q chat 'CREATE SCHEMA "S x"; CREATE TABLE "S x".t (a int); INSERT INTO "S x".t VALUES (1);
    CREATE TABLE public.messages_old (a int); INSERT INTO messages_old VALUES (2)'
select_same()
{
	fresh a b
	run pgk-dump --no-encrypt -o "$T/s.gz" "$@" chat
	exits 0 "pgk-dump $*"
	pg_dump -O -x "$@" -d chat >"$T/s.sql"
	# both may miss what foreign keys and schemas need: no ON_ERROR_STOP
	gunzip -c "$T/s.gz" | psql -Xq -d a >/dev/null 2>&1
	psql -Xq -d b -f "$T/s.sql" >/dev/null 2>&1
	ok "is what pg_dump makes" compare a b -O -x
}
select_same -s
select_same -n public
select_same -n '"S x"'
select_same -N public
select_same -t 'messages*'
select_same -t public.messages -t 'agents'
select_same -T 'messages*'
select_same --exclude-table-data 'mess*' --exclude-table-data '"S x".*'
select_same --no-comments
run pgk-dump --no-encrypt -o "$T/s.gz" -t nonesuch chat
exits 5 "a pattern that nothing matches"
err_has 'no matching|nonesuch' "is said"
ok "and no file is made" test ! -e "$T/s.gz.new"

# encrypted -----------------------------------------------------------------
key_new one
run pgk-dump -q -r "$recipient" chat
exits 0 "-r RECIPIENT; no warning then"
set=$(cat "$T/out")
file=$(set_file "$set")
is "${file##*.}" age "it ends in .age"
is "$(age -d -i "$T/one.key" "$file" | gunzip -c | grep -c '^COPY')" 7 \
    "age -d opens it"
whole_sets "b2sum agrees"
one=$recipient
key_new two
printf '# ours\n%s\n%s\n' "$one" "$recipient" >"$T/recipients"
run pgk-dump -q -R "$T/recipients" -Z zstd -o "$T/two.age" chat
exits 0 "-R FILE"
for key in one two; do
	is "$(age -d -i "$T/$key.key" "$T/two.age" | zstd -qdc |
	    grep -c '^COPY')" 7 "$key opens it"
done
run pgk-dump -r age1nonsense chat
exits 8 "a wrong recipient"
run pgk-dump -r "$(grep SECRET "$T/one.key")" chat
exits 8 "a secret key is no recipient"
is "$(grep -c "$(grep -o 'SECRET-KEY.*' "$T/one.key" | cut -c1-30)" "$T/err")" 0 \
    "and is not repeated in the message"

# pg_dump is missing, old, or fails ------------------------------------------
before=$(sets)
nothing_new()
{
	is "$(sets)" "$before" "$1: no set is published"
	no_traces "$1: nothing is left in the store"
	no_orphans "$1"
}
bindir()
{
	mkdir -p "$T/bin-$1"
	sed "/^bindir/d" "$PGK_CONF" >"$T/conf-$1"
	printf '[server]\nbindir = %s\n' "$T/bin-$1" >>"$T/conf-$1"
	cat >"$T/bin-$1/pg_dump"
	chmod 755 "$T/bin-$1/pg_dump"
}
bindir none </dev/null
rm "$T/bin-none/pg_dump"
run pgk-dump -c "$T/conf-none" --no-encrypt chat
exits 5 "pg_dump is missing"
err_has 'pg_dump' "and named"
nothing_new "pg_dump is missing"
bindir old <<'END'
#!/bin/sh
echo "pg_dump (PostgreSQL) 9.6.24"
END
run pgk-dump -c "$T/conf-old" --no-encrypt chat
exits 5 "pg_dump is older than the server"
err_has 'version 9' "and its version is named"
nothing_new "pg_dump is old"
real=$(command -v pg_dump)
for how in 'exit 1' 'kill -9 $$' 'exit 0'; do
	for section in pre-data data post-data; do
		bindir half <<-END
		#!/bin/bash
		case " \$* " in
		*section=$section*)
			$real "\$@" | head -c 300
			echo "pg_dump: error: out of luck" >&2
			$how
			;;
		esac
		exec $real "\$@"
		END
		run pgk-dump -c "$T/conf-half" --no-encrypt chat
		exits 5 "pg_dump's $section stops half way ($how)"
		[ "$how" != "exit 1" ] ||
		    err_has 'out of luck' "and says why"
		nothing_new "$section stops half way ($how)"
	done
done

# the server is not there, or goes ------------------------------------------
run pgk-dump --no-encrypt nonesuch
exits 5 "no such database"
err_has '"nonesuch"' "is named"
run pgk-dump --no-encrypt -h "$T/nowhere" chat
exits 5 "no server there"
nothing_new "no server"

server_hold chat messages
run pgk-dump --no-encrypt --lock-wait-timeout 1s chat
exits 5 "--lock-wait-timeout"
err_has 'lock' "says so"
server_unhold
nothing_new "--lock-wait-timeout"

for signal in TERM INT HUP; do
	server_hold chat messages
	pgk-dump --no-encrypt chat >"$T/out" 2>"$T/err" </dev/null &
	pid=$!
	server_waiting
	kill -s $signal $pid
	wait $pid
	rc=$?
	server_unhold
	exits $((128 + $(kill -l $signal))) "SIG$signal ends a dump"
	err_has "SIG$signal" "and is named"
	err_lines 1 "in one line"
	nothing_new "SIG$signal"
done

server_hold chat messages
pgk-dump --no-encrypt chat >"$T/out" 2>"$T/err" </dev/null &
pid=$!
server_waiting
server_stop main QUIT
wait $pid
rc=$?
exits 5 "a server that goes"
server_unhold 2>/dev/null
is "$(orphans)" "" "a server that goes: no process is left"
server_restart main
nothing_new "a server that goes"

# two at once ---------------------------------------------------------------
server_hold chat messages
pgk-dump --no-encrypt -q chat >"$T/first" 2>&1 </dev/null &
pid=$!
server_waiting
run pgk-dump --no-encrypt chat
exits 4 "a second dump of the same database at once is told: busy"
server_unhold
wait $pid
is $? 0 "and the first goes on to its end"
is "$(wc -l <"$T/first")" 1 "with one line"
before=$(sets)

# the store -------------------------------------------------------------------
run pgk-dump --no-encrypt --store "$T/a/b/c" chat
ok "a store whose parent is missing" test "$rc" -ne 0
err_has "$T/a/b" "is named"
ln -s "$STORE" "$T/link"
run pgk-dump --no-encrypt --store "$T/link" chat
ok "a store that is a symbolic link is refused" test "$rc" -ne 0
mkdir -m 777 "$T/open"
chmod 777 "$T/open"
run pgk-dump --no-encrypt --store "$T/open" chat
exits 9 "a store that others can write to is refused"
run env -u PGK_CONF pgk-dump --no-encrypt chat
exits 2 "no store is named"
err_has 'hint: ' "and what to do is said"

# a full disk: a file system of 300 kB, if we may mount, and ENOSPC by force
if mkdir "$T/small" && mount -t tmpfs -o size=300k,mode=700 pgk "$T/small" \
    2>/dev/null; then
	at_end umount "$T/small"
	run pgk-dump --no-encrypt --store "$T/small" chat
	exits 6 "a full disk"
	err_has 'No space left on device' "is said"
	is "$(find "$T/small" -name '*.json' -o -name '*.gz' -o -name '*.tmp')" \
	    "" "and nothing is left on it"
	run pgk-dump --no-encrypt -o "$T/small/x" chat
	exits 6 "a full disk, with -o"
	is "$(find "$T/small" -type f -size +0 ! -name RESTORE.txt)" "" \
	    "nothing is left either"
else
	skip "a full disk" "may not mount here"
fi

# other encodings ---------------------------------------------------------
createdb -T template0 -E EUC_KR --locale=C euc
PGCLIENTENCODING=UTF8 q euc "CREATE TABLE \"한글\" (\"이름\" text);
    INSERT INTO \"한글\" SELECT '환자 ' || g FROM generate_series(1, 1000) g" >/dev/null
run pgk-dump -o "$T/euc.gz" euc
exits 0 "a database in EUC_KR"
createdb -T template0 -E EUC_KR --locale=C euc2
gunzip -c "$T/euc.gz" | psql -Xq -v ON_ERROR_STOP=1 -d euc2 >/dev/null
is "${PIPESTATUS[*]}" "0 0" "psql restores it"
ok "the copy is the same" compare euc euc2 -O -x

# usage -----------------------------------------------------------------------
for bad in "-j 0" "-j x" "-j 100000" "-Z lzma" "-Z gzip:99" "--owner -O" \
    "--all -t x" "a b" "--lock-wait-timeout soon"; do
	# shellcheck disable=SC2086
	run pgk-dump $bad chat
	exits 2 "usage: $bad"
	is "$(wc -c <"$T/out")" 0 "usage: $bad: nothing on stdout"
done
run pgk-dump "host=$PGHOST password=hunter2 dbname=chat"
exits 2 "a password in a connection string is refused"
is "$(grep -c hunter2 "$T/err")" 0 "and not repeated"
printf '[server]\nconninfo = x\nnonsense = 1\n' >"$T/bad.conf"
run pgk-dump -c "$T/bad.conf" chat
exits 2 "a configuration with an unknown key"
err_has 'bad.conf.* line 3.*nonsense' "is told with file and line"
finish
