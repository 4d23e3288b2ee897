#!/bin/bash
# A dump killed anywhere, or failed by the disk, leaves nothing half.
# PGK_POINTS is how many points (default 200).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/crash.sh
. "$ROOT/tests/sh/crash.sh"

points=$(points 200)
killat 0 true 2>/dev/null || skip_all "ptrace is not allowed here"
server_start
chat_database chat 300
store_new
run pgk-dump -q --no-encrypt chat
first=$(cat "$T/out")
cp -a "$STORE" "$T/base"
base()
{
	rm -rf "$STORE"
	cp -a "$T/base" "$STORE"
}

check_dump()
{
	cmp -s "$STORE/$first.json" "$T/base/$first.json" ||
	    complain "the earlier set changed"
	pgk-dump -q --no-encrypt chat >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun: $? $(head -n 1 "$T/err")"
	check_sets >"$T/check" || complain "rerun: $(cat "$T/check")"
	clean
}
sweep "$points" dump base check_dump pgk-dump -q -j 2 --no-encrypt chat
key_new one
sweep $((points / 4)) "encrypted dump" base check_dump \
    pgk-dump -q -j 2 -r "$recipient" -Z zstd chat

# 0 means that the set is there
check_said()
{
	local now

	now=$(sets | wc -l)
	[ $rc -ne 0 ] || [ "$now" -eq 2 ] || complain "said 0 and made no set"
	check_dump
}
error_sweep $((points / 2)) ENOSPC dump base check_said \
    pgk-dump -q -j 2 --no-encrypt chat
error_sweep $((points / 4)) EIO dump base check_said \
    pgk-dump -q -j 2 --no-encrypt chat

# to a file: what stood there before stays, or the new one is whole
seq 1000 >"$T/before"
former()
{
	base
	cp "$T/before" "$T/file.gz"
}
check_file()
{
	cmp -s "$T/before" "$T/file.gz" || gzip -t "$T/file.gz" 2>/dev/null ||
	    complain "-o FILE is neither the old nor whole"
}
sweep $((points / 4)) "dump -o" former check_file \
    pgk-dump -q -j 2 --no-encrypt -o "$T/file.gz" chat
finish
