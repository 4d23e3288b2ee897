#!/bin/bash
# demo.sh - pgk at work on a throwaway server: dump, list, look, damage,
# restore, prune; then the cluster's files, its log, and a point in time
#
# Everything lies in one folder under /tmp and is gone afterwards; no server
# that is already here is touched. ROWS= messages make the database (400000).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"

bold=
plain=
if [ -t 1 ]; then
	bold=$'\033[1m'
	plain=$'\033[0m'
fi
begun=$SECONDS

say()
{
	printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
}

# show COMMAND: print it as one types it, run it, and stop when it fails
show()
{
	printf '%s$ %s%s\n' "$bold" "$1" "$plain"
	eval "$1" || {
		printf '\ndemo: this failed with status %s\n' $? >&2
		exit 1
	}
}

say "A PostgreSQL $PG_MAJOR server of our own, on a socket in $T"
server_start
say "and the database of a chat service: ${ROWS:-400000} messages, Korean and English"
chat_database medtranslate "${ROWS:-400000}" || exit 1
show "psql -d medtranslate -c 'SELECT room_id, sender, left(body, 40) AS body FROM messages LIMIT 3'"

cd "$T" || exit 1
mkdir -m 700 store
say "The configuration: where backups go, for whom they are encrypted, the policy"
say "(it keeps backups for two seconds here, so that there is something to prune)"
show "pgk-key new -o identity"
cat >pgk.conf <<END
[server]
conninfo    = host=$PGHOST user=postgres dbname=medtranslate
environment = demo
[store]
url = $T/store
[crypt]
recipient = $(pgk-key recipient identity)
identity  = $T/identity
[policy]
time-zone = Asia/Seoul
;      every keep rpo rto at
full = 1d    2s   24h 4h  0 3 * * *
END
show "cat pgk.conf"
export PGK_CONF=$T/pgk.conf

say "Back it up, twice: workers read one snapshot, compress and encrypt"
show "pgk-dump"
show "pgk-dump -Z zstd"
show "pgk-list"

say "Look inside: one table, without reading the rest"
show "pgk-cat -t public.agents latest | cut -c1-60 | head -4"
say "It opens without pgk: the sum, age, gunzip, psql's own SQL"
file=$(ls store/full/*.gz.age)
show "b2sum -l 256 ${file#./} | cut -c1-64; grep -o 'blake2b_256.*' ${file%.sql*}.json"
show "age -d -i identity $file | gunzip -c | grep -a -m 3 '^COPY'"

dump_sorted medtranslate -O -x | b2sum >before
say "Now somebody forgets a WHERE, and somebody drops a table"
show "psql -d medtranslate -c 'DELETE FROM messages' -c 'DROP TABLE agent_sessions'"

say "The whole backup, into a new database"
show "pgk-restore latest -d restored --create"
show "psql -d restored -c 'SELECT count(*) AS messages FROM messages'"
dump_sorted restored -O -x | b2sum >after
say "pg_dump of the database before the damage and of the restored one:"
show "cmp before after && echo the same"
say "One table, back into the database it was lost from"
show "pgk-restore -t public.messages latest -d medtranslate"
show "psql -d medtranslate -c 'SELECT count(*) AS messages FROM messages'"

say "What does the policy keep?"
sleep 2
show "pgk-prune --dry-run"
show "pgk-prune"
show "pgk-list"

say "The whole cluster: its files, and its log, to any moment"
# the server archives itself, so all of this is its own user's
show_as()
{
	printf '%s$ %s%s\n' "$bold" "$1" "$plain"
	as_server env "PGK_CONF=$T/cluster.conf" \
	    "PATH=$BUILD/bin:$PATH" bash -c "$1" || {
		printf '\ndemo: this failed with status %s\n' $? >&2
		exit 1
	}
}
mkdir -m 700 cluster
[ -z "$server_user" ] || chown "$server_user" cluster
as_server "$BUILD/bin/pgk-key" new -o "$T/cluster/identity" >/dev/null 2>&1
cat >cluster.conf <<END
[server]
conninfo    = host=$PGHOST user=postgres
environment = demo
[store]
url = $T/cluster
[crypt]
recipient = $(as_server "$BUILD/bin/pgk-key" recipient "$T/cluster/identity")
identity  = $T/cluster/identity
[policy]
time-zone = Asia/Seoul
;             every keep rpo rto at
incremental = 1h    7d   1h  2h  0 * * * *
wal         = 5m    7d   5m  1h  -
END
cat >>main/data/postgresql.conf <<END
archive_mode = on
archive_command = 'PGK_CONF=$T/cluster.conf $BUILD/bin/pgk-wal push %p'
END
server_stop main
server_start main
show "grep -v '^;' cluster.conf | tail -4; tail -2 main/data/postgresql.conf | sed 's|$BUILD/bin/||'"
show_as "pgk-basebackup --checkpoint fast"
# traffic MESSAGES - as many more of them
traffic()
{
	q medtranslate "INSERT INTO messages (room_id, sender, body)
	    SELECT room_id, sender, body FROM messages LIMIT $1"
	q medtranslate 'UPDATE agents SET name = name || 1'
}
say "People write; an hour later only the blocks that changed are stored"
traffic 5000
show_as "pgk-basebackup --checkpoint fast"
traffic 3000
show "psql -d medtranslate -c 'SELECT count(*) AS messages, clock_timestamp() AS now FROM messages'"
rows=$(q medtranslate 'SELECT count(*) FROM messages')
before=$(q medtranslate "SELECT date_trunc('second', clock_timestamp()) + '1s'")
sleep 2
say "and somebody forgets the WHERE again"
show "psql -d medtranslate -c 'DELETE FROM messages'"
q medtranslate 'SELECT pg_switch_wal()' >/dev/null
server_until "NOT EXISTS (SELECT FROM pg_ls_dir('pg_wal/archive_status') f
    WHERE f LIKE '%.ready')" || exit 1
show_as "pgk-list incremental"
say "What it would take to go back to the second before, and then it is done"
mkdir rescued
[ -z "$server_user" ] || chown "$server_user" rescued
show_as "pgk-restore -D rescued/data --target-time '$before' --plan"
show_as "pgk-restore -D rescued/data --target-time '$before' --target-action promote"
server_stop main
printf '%s$ pg_ctl start -D rescued/data%s\n' "$bold" "$plain"
server_start rescued "unix_socket_directories = '$T/rescued'"
server_until 'NOT pg_is_in_recovery()' || exit 1
show "psql -d medtranslate -c 'SELECT count(*) AS messages, max(created_at) AS last FROM messages'"
[ "$(q medtranslate 'SELECT count(*) FROM messages')" = "$rows" ] || {
	echo "demo: the rows are not those of before" >&2
	exit 1
}
say "All $rows are back. Is the log whole, and what does the policy keep?"
show_as "pgk-wal check --fast"
show_as "pgk-prune --dry-run"

say "Done in $((SECONDS - begun)) seconds. The server and $T are removed now."
exit 0
