#!/bin/bash
# Secrets are where they belong and nowhere else: on no command line, in no
# environment, message, log, artifact or temporary file.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

password=Kanarienvogel7
passphrase='Distelfink und Zeisig'

server_start
chat_database chat 5000
q postgres "CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '$password'"
sed -i '1i local all keeper scram-sha-256' "$T/main/data/pg_hba.conf"
q postgres 'SELECT pg_reload_conf()' >/dev/null
store_new
conf server "conninfo = host=$PGHOST user=keeper dbname=chat"
conf log "file = $T/log" "level = debug"
printf '*:*:*:keeper:%s\n' "$password" >"$HOME/.pgpass"
chmod 600 "$HOME/.pgpass"
key_new one
printf '%s\n' "$passphrase" >"$T/pass"
chmod 600 "$T/pass"
unset PGUSER

# the words searched for, in a file: a command line with them would be a hit
secrets=$T/secrets
printf '%s\n' "$password" "$passphrase" \
    "$(sed -n 's/^AGE-SECRET-KEY-1\(.\{20\}\).*/\1/p' "$T/one.key")" >"$secrets"
is "$(wc -l <"$secrets")" 3 "three secrets to look for"

# While a dump waits for a lock, all its processes can be looked at.
look()
{
	local dir seen=0

	for dir in /proc/[0-9]*; do
		tr '\0' '\n' 2>/dev/null <"$dir/environ" |
		    grep -qx "HOME=$HOME" || continue
		case $(cat "$dir/comm" 2>/dev/null) in
		pgk-*)
			seen=$((seen + 1))
			awk '/Max core file size/ { print "core", $5 }' \
			    "$dir/limits"
			;;
		pg_dump) seen=$((seen + 1)) ;;
		esac
		! grep -aqFf "$secrets" "$dir/cmdline" "$dir/environ" ||
		    echo "secret in $dir: $(cat "$dir/comm")"
	done
	echo "seen $seen"
}
waits()
{
	local name=$1

	shift
	PGUSER=postgres server_hold chat messages
	"$@" >"$T/out.$name" 2>"$T/err.$name" </dev/null &
	local pid=$!
	PGUSER=postgres server_waiting
	look >"$T/look"
	is "$(grep secret "$T/look")" "" "$name: no secret can be seen in /proc"
	ok "$name: its processes were looked at: $(tail -n 1 "$T/look")" \
	    grep -q 'seen [1-9]' "$T/look"
	is "$(grep -c '^core 0$' "$T/look")" 1 "$name: no core would be dumped"
	PGUSER=postgres server_unhold
	wait $pid
	is $? 0 "$name: done in the end"
}
waits plain pgk-dump -vv --no-encrypt
waits encrypted pgk-dump -vv -r "$recipient"
waits passphrase pgk-dump -vv --passphrase-file "$T/pass" -o "$T/p.age"

# loud runs, good and bad
loud()
{
	local want=$1 name=$2

	shift 2
	run "$@"
	exits "$want" "$name"
	cat "$T/out" "$T/err" >"$T/out.$name"
}
loud 0 cat pgk-cat -vv -i "$T/one.key" latest -o "$T/x"
loud 0 restore pgk-restore -vv -i "$T/one.key" latest -d copy --create
loud 0 cat-passphrase pgk-cat -vv --passphrase-file "$T/pass" "$T/p.age" -o "$T/y"
rm -f "$T/x" "$T/y"
printf '*:*:*:keeper:%sx\n' "$password" >"$HOME/.pgpass"
loud 5 wrong-password pgk-dump -vv --no-encrypt
rm "$HOME/.pgpass"
loud 5 no-password pgk-dump -vv --no-encrypt
loud 2 password-given pgk-dump -d "host=$PGHOST user=keeper password=$password dbname=chat"
loud 2 uri-given pgk-dump -d "postgresql://keeper:$password@/chat?host=$PGHOST"
printf '[server]\nconninfo = user=keeper password=%s\n' "$password" >"$T/w.conf"
loud 2 password-configured pgk-dump -c "$T/w.conf"
rm "$T/w.conf"
printf '%sx\n' "$passphrase" >"$T/pass2"
chmod 600 "$T/pass2"
loud 8 wrong-passphrase pgk-cat -vv --passphrase-file "$T/pass2" "$T/p.age"
chmod 644 "$T/one.key"
loud 8 open-identity pgk-cat -vv -i "$T/one.key" latest
err_has 'one\.key' "an identity others can read is refused by name"
chmod 600 "$T/one.key"
sed '/^AGE-SECRET-KEY-1/{s/Z$/Q/;t;s/.$/Z/}' "$T/one.key" >"$T/bad.key"
chmod 600 "$T/bad.key"
loud 8 bad-identity pgk-cat -vv -i "$T/bad.key" latest
loud 8 secret-as-recipient pgk-dump -r "$(grep ^AGE "$T/one.key")" --store "$STORE"

# all that was written, but where secrets belong
rm "$T/bad.key" "$T/pass2"
is "$(grep -rlaFf "$secrets" "$T" --exclude=secrets --exclude=pass \
    --exclude=one.key --exclude-dir=main | sed "s|$T/||")" "" \
    "no secret is in any file: messages, logs, store"
ok "the log was written" test -s "$T/log"
is "$(stat -c %a "$T/log")" 600 "for its owner alone"

# files and folders of the store, for their owner alone whatever the umask
umask 000
PGUSER=postgres run pgk-dump -q --no-encrypt --store "$T/store2"
umask 022
is "$(find "$T/store2" "$STORE" \( -type f ! -perm 600 \) -o \
    \( -type d ! -perm 700 \))" "" "0600 and 0700"
finish
