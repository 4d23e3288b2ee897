#!/bin/bash
# A base backup killed anywhere, or failed by the disk, leaves nothing half.
# PGK_POINTS is how many points (default 24), half of them by each method.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/crash.sh
. "$ROOT/tests/sh/crash.sh"

points=$(points 24)
killat 0 true 2>/dev/null || skip_all "ptrace is not allowed here"
# "wal" then reads the server's pg_wal; every backup's end begins a segment
server_initdb=(--wal-segsize=1)
server_start main "archive_mode = off" "autovacuum = off" \
    "wal_keep_size = 1GB"
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres 'CREATE TABLE spaced TABLESPACE space AS SELECT 1 AS a'
backup=(pgk-basebackup -q -j 2 --checkpoint fast --wal-timeout 0)
# A first set, new: the log since then, which "wal" reads, is as short at every
# point, so that a point is the same place in each run.
first()
{
	rm -rf "$T/base"
	store_new
	run "${backup[@]}" --full --method blocks
	first=$(cat "$T/out")
	cp -a "$STORE" "$T/base"
}
first
exits 0 "a first backup"
base()
{
	rm -rf "$STORE"
	cp -a "$T/base" "$STORE"
}

# The earlier set as it was; another run makes a set upon it, by the same
# method, and leaves nothing that belongs to none. A backup that was begun by
# SQL is in progress for as long as its session is there.
check_base()
{
	local dir set

	diff -r "$STORE/$first" "$T/base/$first" >/dev/null &&
	    cmp -s "$STORE/$first.json" "$T/base/$first.json" ||
	    complain "the earlier set changed"
	server_until "count(*) = 0 FROM pg_stat_activity
	    WHERE backend_type = 'walsender'
	    OR application_name = 'pgk-basebackup'" ||
	    complain "a session stays"
	[ "$(q postgres 'SELECT count(*) FROM pg_stat_progress_basebackup')" \
	    = 0 ] || complain "a backup is in progress"
	"${backup[@]}" --method "$method" >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun: $? $(head -n 1 "$T/err")"
	set=$(cat "$T/out")
	[ -n "$(json "$set" parent)" ] || complain "rerun: no parent"
	[ "$(json "$set" method)" = "$method" ] ||
	    complain "rerun: by $(json "$set" method), not $method"
	check_sets >"$T/check" || complain "rerun: $(cat "$T/check")"
	dir=$(find "$STORE" -name '*.tmp' -o -name '*.intent*')
	[ -z "$dir" ] || complain "left in the store: $dir"
	# an empty folder might be anybody's, and is left
	find "$STORE"/incremental/*/ -type f >"$T/files"
	while read -r dir; do
		[ -e "${dir%/*}.json" ] || complain "object of no set: $dir"
	done <"$T/files"
}
method=blocks
sweep $((points / 2)) "incremental backup by blocks" base check_base \
    "${backup[@]}" --method blocks
method=wal
sweep $((points / 2)) "incremental backup by wal" first check_base \
    "${backup[@]}" --method wal
key_new one
method=blocks
sweep $((points / 4)) "encrypted full backup" base check_base \
    "${backup[@]}" --full -r "$recipient"

# 0 means that the set is there
check_said()
{
	local now

	now=$(sets | wc -l)
	[ $rc -ne 0 ] || [ "$now" -eq 2 ] || complain "said 0 and made no set"
	check_base
}
error_sweep $((points / 2)) ENOSPC "incremental backup by wal" \
    first check_said "${backup[@]}" --method wal
method=blocks
error_sweep $((points / 2)) EIO "full backup" base check_said \
    "${backup[@]}" --full
finish
