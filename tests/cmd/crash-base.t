#!/bin/bash
# A base backup killed anywhere, or failed by the disk, leaves nothing half.
# PGK_POINTS is how many points (default 24).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/crash.sh
. "$ROOT/tests/sh/crash.sh"

points=${PGK_POINTS:-24}
killat 0 true 2>/dev/null || skip_all "ptrace is not allowed here"
server_start main "archive_mode = off" "autovacuum = off"
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres 'CREATE TABLE spaced TABLESPACE space AS SELECT 1 AS a'
store_new
backup=(pgk-basebackup -q -j 2 --checkpoint fast --wal-timeout 0)
run "${backup[@]}" --method blocks
exits 0 "a first backup"
first=$(cat "$T/out")
cp -a "$STORE" "$T/base"
base()
{
	rm -rf "$STORE"
	cp -a "$T/base" "$STORE"
}

# the earlier set as it was, no walsender left; another run makes a set upon
# it, and leaves nothing that belongs to none
check_base()
{
	local dir

	diff -r "$STORE/$first" "$T/base/$first" >/dev/null &&
	    cmp -s "$STORE/$first.json" "$T/base/$first.json" ||
	    complain "the earlier set changed"
	server_until "count(*) = 0 FROM pg_stat_activity
	    WHERE backend_type = 'walsender'" || complain "a walsender stays"
	"${backup[@]}" >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun: $? $(head -n 1 "$T/err")"
	[ -n "$(json "$(cat "$T/out")" parent)" ] || complain "rerun: no parent"
	check_sets >"$T/check" || complain "rerun: $(cat "$T/check")"
	dir=$(find "$STORE" -name '*.tmp' -o -name '*.intent*')
	[ -z "$dir" ] || complain "left in the store: $dir"
	# an empty folder might be anybody's, and is left
	find "$STORE"/incremental/*/ -type f >"$T/files"
	while read -r dir; do
		[ -e "${dir%/*}.json" ] || complain "object of no set: $dir"
	done <"$T/files"
}
sweep "$points" "incremental backup" base check_base "${backup[@]}"
key_new one
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
error_sweep $((points / 2)) ENOSPC "incremental backup" base check_said \
    "${backup[@]}"
error_sweep $((points / 2)) EIO "full backup" base check_said \
    "${backup[@]}" --full
finish
