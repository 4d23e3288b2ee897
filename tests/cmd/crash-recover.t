#!/bin/bash
# A restore into a data folder, killed anywhere, leaves nothing that a server
# starts on, and the same command begins again.
# PGK_POINTS is how many points (default 4).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"
# shellcheck source=tests/sh/crash.sh
. "$ROOT/tests/sh/crash.sh"

points=$(points 4)
killat 0 true 2>/dev/null || skip_all "ptrace is not allowed here"
recover_start
as_server mkdir "$T/main/space"
q postgres "CREATE TABLESPACE space LOCATION '$T/main/space'"
q postgres "CREATE TABLE rows TABLESPACE space AS
    SELECT g, repeat('x', 100) AS t FROM generate_series(1, 20000) g"
backup --full
q postgres "UPDATE rows SET t = 'y' WHERE g < 100"
backup --incremental
archived
q postgres "ALTER SYSTEM SET archive_command = 'true'"
q postgres 'SELECT pg_reload_conf()' >/dev/null
# from here on all is ours: the tools are killed, not a changer of users
[ -z "$server_user" ] || chown -R root "$T/own"

out=$T/own/out
restore=(pgk-restore -q -j 2 -D "$out" --tablespace-map
    "$T/main/space=$T/own/space")
tree()
{
	(cd "$T/own" && find out space -path out/pg_wal -prune -o -type f \
	    ! -name backup_manifest ! -name pgk-restored \
	    ! -name postgresql.auto.conf -print0 | sort -z |
	    xargs -0 cksum; find out space -type d -o -type l | sort)
}
nothing()
{
	rm -rf "$out" "$T/own/space"
}
former()
{
	[ -e "$T/former" ] || {
		nothing
		"${restore[@]}" >/dev/null 2>&1
		find "$out/base/1" -type f -name '1*' -exec truncate -s 8192 {} +
		rm -f "$out/base/1/2619"
		echo stray >"$out/base/stray"
		mkdir "$T/former"
		cp -a "$out" "$T/own/space" "$T/former"
	}
	nothing
	cp -a "$T/former/out" "$T/former/space" "$T/own"
}
nothing
run "${restore[@]}"
exits 0 "a restore"
want=$(tree)
check()
{
	local again=()

	[ "$(find "$T/own" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort |
	    tr '\n' ' ')" = "out space store " ] || [ ! -e "$out" ] ||
	    [ ! -e "$T/own/space" ] || complain "something else was made"
	if [ -e "$out/global/pg_control" ] && [ ! -e "$out/pgk-unfinished" ]
	then
		[ -n "$untouched" ] && [ "$(tree)" = "$untouched" ] && return
		[ "$(tree)" = "$want" ] || complain "it looks done and is not"
		return
	fi
	[ "$rc" -ne 0 ] || complain "0, and unfinished"
	# shellcheck disable=SC2010 # for whether there is any
	! ls -A "$out" 2>/dev/null | grep -q . ||
	    [ -e "$out/pgk-unfinished" ] || complain "no mark"
	[ -n "$started" ] || [ ! -e "$out/postgresql.conf" ] || {
		started=1
		[ -z "$server_user" ] || chown -R "$server_user" "$out"
		! as_server timeout 20 postgres -D "$out" -c port=1 \
		    >"$T/started" 2>&1 || complain "a server started"
		grep -q pg_control "$T/started" || complain "$(cat "$T/started")"
		[ -z "$server_user" ] || chown -R root "$out"
	}
	[ $((at % 2)) -eq 0 ] || again=(--delta)
	"${restore[@]}" "${again[@]}" >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun ${again[*]}: $? $(head -n 1 "$T/err")"
	[ "$(tree)" = "$want" ] || complain "rerun ${again[*]}: not the same"
}
untouched='' started=''
sweep "$points" restore nothing check "${restore[@]}"
ok "a server was tried on an unfinished one" test -s "$T/started"
former
untouched=$(tree)
sweep "$points" "restore --delta" former check "${restore[@]}" --delta
untouched=''
error_sweep "$points" ENOSPC restore nothing check "${restore[@]}"

nothing
"${restore[@]}" >"$T/out" 2>"$T/err" </dev/null &
pid=$!
for ((i = 0; i < 200; i++)); do
	[ ! -e "$out/pgk-unfinished" ] || break
	sleep 0.01
done
kill -TERM "$pid"
wait "$pid"
rc=$? at=1 what=SIGTERM
[ "$rc" -eq 143 ] || [ "$rc" -eq 0 ] || complain "exit $rc"
check
crash_report "stopped by SIGTERM"
finish
