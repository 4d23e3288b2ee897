#!/bin/bash
# A restore killed anywhere leaves no database that looks done and is not.
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
fresh copy
gunzip -c "$(set_file "$first")" | psql -Xq -d copy >/dev/null 2>&1
want=$(dump_sorted copy -O -x | b2sum)
no_victim()
{
	dropdb --if-exists victim 2>/dev/null
}
looks_done()
{
	[ "$(dump_sorted victim -O -x 2>&1 | b2sum)" = "$want" ] ||
	    complain "$1"
}
check_restore()
{
	local mark

	mark=$(q postgres "SELECT coalesce(shobj_description(oid,
	    'pg_database'), 'done') FROM pg_database WHERE datname = 'victim'")
	case $mark in
	'') ;;
	'pgk-restore: unfinished'*)
		# and is refused, not added to
		! pgk-restore -q "$first" -d victim >"$T/out" 2>"$T/err" \
		    </dev/null || complain "restored into an unfinished one"
		;;
	done)
		looks_done "it looks done and is not"
		;;
	*) complain "its comment: $mark" ;;
	esac
	pgk-restore -q "$first" -d victim --replace --yes >"$T/out" \
	    2>"$T/err" </dev/null || complain "rerun: $? $(head -n 1 "$T/err")"
	looks_done "rerun: not the same"
	[ -z "$(q postgres "SELECT datname FROM pg_database
	    WHERE datname LIKE 'pgk-restore new %'")" ] ||
	    complain "a database is left"
}
sweep "$points" restore no_victim check_restore \
    pgk-restore -q -j 2 "$first" -d victim --create
finish
