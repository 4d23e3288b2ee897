#!/bin/bash
# A prune killed anywhere leaves only whole sets, and the next one finishes.
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
conf policy 'full = 1d 1s - - -'
for _ in 1 2 3 4; do
	run pgk-dump -q --no-encrypt chat
done
newest=$(cat "$T/out")
cp -a "$STORE" "$T/base"
sleep 2
base()
{
	rm -rf "$STORE"
	cp -a "$T/base" "$STORE"
}
check_prune()
{
	cmp -s "$STORE/$newest.json" "$T/base/$newest.json" ||
	    complain "the newest set is not as it was"
	pgk-prune -q >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun: $? $(head -n 1 "$T/err")"
	[ "$(sets)" = "$newest" ] || complain "rerun left: $(sets)"
	clean
}
sweep "$points" prune base check_prune pgk-prune -q
check_said()
{
	[ $rc -ne 0 ] || [ "$(sets)" = "$newest" ] ||
	    complain "said 0 and left: $(sets)"
	check_prune
}
error_sweep $((points / 2)) EIO prune base check_said pgk-prune -q
finish
