#!/bin/bash
# pgk-basebackup is done when the log its backup needs is in the store.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

base()
{
	pgk pgk-basebackup -q --checkpoint fast "$@"
	set=$(cat "$T/out")
}

nothing_made()
{
	is "$(sets | wc -l)" "$1" "no set is made"
	is "$(find "$STORE/incremental" -name 'base.tar*' | wc -l)" "$1" \
	    "no archive is left"
	no_traces "no traces"
}

# where a name of pg_wal is in the store
in_store()
{
	find "$STORE/wal" -name "$1*" ! -name '*.backup*' 2>/dev/null | grep -q .
}

recover_start
q postgres 'CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g'

# archive_command = pgk-wal push
base
exits 0 "with pgk-wal push as archive_command"
quiet "without a word"
ok "the log is there" in_store \
    "$(q postgres "SELECT pg_walfile_name('$(json "$set" end_lsn)')")"
is "$(grep -c '"missing": \[\]' "$STORE/$set.json")" 1 "nothing is missing"
base
exits 0 "again"
is "$(json "$set" method)" wal "the incremental one waits as well"

# the archiver stands still
q postgres "ALTER SYSTEM SET archive_command = 'false'"
q postgres 'SELECT pg_reload_conf()' >/dev/null
server_until "current_setting('archive_command') = 'false'"
base --wal-timeout 2s
exits 5 "an archive_command that fails"
err_has 'the WAL of the backup is not in the store after 2s: 0000[0-9A-F]* is missing' \
    "says what is missing"
err_has 'hint: .*pgk-wal push' "and what to do"
err_lines 2 "in two lines"
nothing_made 2
base --wal-timeout 0
exits 0 "not waited for"
is "$(grep -c 'was not waited for' "$STORE/$set.json")" 1 "the set says so"
as_server pgk-basebackup -q --checkpoint fast >"$T/out" 2>"$T/err" &
pid=$!
server_until "count(*) > 0 FROM pg_stat_archiver WHERE failed_count > 0"
i=0
while ! find "$STORE/incremental" -name backup_manifest -newer "$STORE/$set.json" |
    grep -q . && [ $i -lt 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
kill -TERM "$(pgrep -P $pid pgk-basebackup || echo $pid)" 2>/dev/null
wait $pid
rc=$?
exits 143 "SIGTERM while it waits"
nothing_made 3
q postgres 'ALTER SYSTEM RESET archive_command'
q postgres 'SELECT pg_reload_conf()' >/dev/null
base --wal-timeout 30s
exits 0 "the archiver goes on"

# a log that is another cluster's
server_start other
base
exits 9 "another cluster"
err_has "the store's WAL is of another cluster" "is refused"
server_stop other
server_use main

# no archiving at all, then pgk-wal receive
server_stop main
server_start main "archive_mode = off"
STORE=$T/own/store2
as_server mkdir -m 700 "$STORE"
printf '[store]\nurl = %s\n' "$STORE" >"$PGK_CONF"
base
exits 5 "no log in the store, and none on its way"
err_has 'the server archives none' "is said before any work is done"
as_server pgk-wal receive --create-slot --interval 1s >"$T/receive" 2>&1 &
receiver=$!
for ((i = 0; i < 100; i++)); do
	q postgres 'INSERT INTO t VALUES (1)'
	in_store 0000 && break
	sleep 0.1
done
base --wal-timeout 30s
exits 0 "with pgk-wal receive"
kill "$(pgrep -P $receiver pgk-wal || echo $receiver)" 2>/dev/null
wait $receiver
finish
