#!/bin/bash
# Killed anywhere, nothing half looks whole: kill -9 at sampled system calls of
# a dump, a prune and a restore; I/O errors likewise.
#
# PGK_POINTS is how many points of each (default 200).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

points=${PGK_POINTS:-200}
if ! killat 0 true 2>/dev/null; then
	skip_all "ptrace is not allowed here"
fi
server_start
chat_database chat 300
store_new
conf policy 'full = 1d 1s - - -'
run pgk-dump -q --no-encrypt chat
first=$(cat "$T/out")
cp -a "$STORE" "$T/base"

bad=()
complain()
{
	bad+=("$what: $*")
}
reset()
{
	rm -rf "$STORE"
	cp -a "$T/${1:-base}" "$STORE"
}

# What must hold after a kill: all that is listed is whole and what was there
# is unchanged; no process, no session stays.
post()
{
	local listed

	listed=$(pgk-list --tsv 2>"$T/list.err") ||
	    complain "pgk-list: $? $(head -n 1 "$T/list.err")"
	[ "$(($(wc -l <<<"$listed") - 1))" = "$(sets | wc -l)" ] ||
	    complain "pgk-list and the .json differ"
	check_sets >"$T/check" || complain "not whole: $(cat "$T/check")"
	[ -z "$(orphans)" ] || complain "left: $(orphans)"
	server_idle || complain "a session is left"
}
# What a rerun must leave: nothing of the dead run.
clean()
{
	local left

	left=$(find "$STORE" -name '*.tmp' -o -name '*.intent*')
	[ -z "$left" ] || complain "left in the store: $left"
	left=$(cd "$STORE/full" && for file in *.sql*; do
		[ ! -e "$file" ] || [ -e "${file%%.*}.json" ] || echo "$file"
	done)
	[ -z "$left" ] || complain "objects of no set: $left"
}
report()
{
	local line

	is "${#bad[@]}" 0 "$1"
	for line in "${bad[@]:0:10}"; do
		diag "$line"
	done
	bad=()
}

# sweep NAME PREPARE CHECK COMMAND...: kill at points spread over the run,
# the whole group at odd ones, the one process at even ones.
sweep()
{
	local name=$1 prepare=$2 check=$3 calls i n mode killed=0

	shift 3
	$prepare
	killat -o "$T/n" 0 "$@" >/dev/null 2>"$T/err" </dev/null || {
		is 1 0 "$name runs under killat"
		diag "$(head -n 3 "$T/err")"
		return
	}
	read -r calls _ <"$T/n"
	n=$((calls < points ? calls : points))
	for ((i = 0; i < n; i++)); do
		$prepare
		mode=()
		[ $((i % 2)) -eq 0 ] || mode=(-p)
		killat "${mode[@]}" -o "$T/n" $((1 + i * calls / n)) "$@" \
		    >"$T/out" 2>"$T/err" </dev/null
		rc=$?
		what="$name ${mode[*]} $((1 + i * calls / n)) $(cat "$T/n")"
		[ $rc -ne 137 ] || killed=$((killed + 1))
		[ $rc -eq 137 ] || [ $rc -eq 0 ] || complain "exit $rc"
		post
		$check
	done
	report "$name: $killed kills among $calls calls, nothing half, no orphan"
	# a run differs a little from the other: near all must have been hit
	ok "$name: the kills were kills" test "$killed" -ge $((n * 3 / 4))
}

# dump -------------------------------------------------------------------------
dump_check()
{
	cmp -s "$STORE/$first.json" "$T/base/$first.json" ||
	    complain "the earlier set changed"
	pgk-dump -q --no-encrypt chat >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun: $? $(head -n 1 "$T/err")"
	check_sets >"$T/check" || complain "rerun: $(cat "$T/check")"
	clean
}
sweep dump reset dump_check pgk-dump -q -j 2 --no-encrypt chat
key_new one
sweep "encrypted dump" reset dump_check pgk-dump -q -j 2 -r "$recipient" chat

# prune ------------------------------------------------------------------------
reset
for _ in 1 2 3; do
	pgk-dump -q --no-encrypt chat >"$T/out"
done
newest=$(cat "$T/out")
rm -rf "$T/many"
cp -a "$STORE" "$T/many"
sleep 2
prune_prepare()
{
	reset many
}
prune_check()
{
	[ -e "$STORE/$newest.json" ] || complain "the newest set is gone"
	pgk-prune -q >"$T/out" 2>"$T/err" </dev/null ||
	    complain "rerun: $? $(head -n 1 "$T/err")"
	[ "$(sets)" = "$newest" ] || complain "rerun left: $(sets)"
	clean
}
sweep prune prune_prepare prune_check pgk-prune -q

# restore ----------------------------------------------------------------------
reset
want=$(dump_sorted chat -O -x | b2sum)
restore_prepare()
{
	dropdb --if-exists victim 2>/dev/null
}
# A database that is there and bears no mark is whole.
restore_check()
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
		[ "$(dump_sorted victim -O -x | b2sum)" = "$want" ] ||
		    complain "it looks done and is not"
		;;
	*) complain "its comment: $mark" ;;
	esac
	pgk-restore -q "$first" -d victim --replace --yes >"$T/out" \
	    2>"$T/err" </dev/null || complain "rerun: $? $(head -n 1 "$T/err")"
	[ "$(dump_sorted victim -O -x | b2sum)" = "$want" ] ||
	    complain "rerun: not the same"
}
sweep restore restore_prepare restore_check \
    pgk-restore -q -j 2 "$first" -d victim --create

# I/O errors: ENOSPC and EIO at sampled calls ---------------------------------
# A run that says 0 has done its work; one that says no leaves nothing half.
error_sweep()
{
	local name=$1 error=$2 prepare=$3 check=$4 calls i n failed=0

	shift 4
	$prepare
	errat -o "$T/n" 0 EIO "$@" >/dev/null 2>&1 </dev/null
	read -r calls _ <"$T/n"
	n=$((calls < points / 2 ? calls : points / 2))
	for ((i = 0; i < n; i++)); do
		$prepare
		errat -o "$T/n" $((1 + i * calls / n)) "$error" "$@" \
		    >"$T/out" 2>"$T/err" </dev/null
		rc=$?
		what="$name $error $((1 + i * calls / n)) $(cat "$T/n")"
		[ $rc -eq 0 ] || failed=$((failed + 1))
		[ $rc -lt 124 ] || complain "exit $rc"
		post
		$check
	done
	report "$name: $error $n times among $calls calls, $failed failed runs"
	ok "$name: some failed" test $failed -gt $((n / 10))
}
dump_said()
{
	local now

	now=$(sets | wc -l)
	if [ $rc -eq 0 ]; then
		[ "$now" -eq 2 ] || complain "said 0 and made no set"
	elif [ "$now" -ne 1 ]; then
		# published, and then something else failed: that is honest
		# only when it was said after the fact
		[ -s "$T/err" ] || complain "failed without a word"
	fi
	dump_check
}
for error in ENOSPC EIO; do
	error_sweep dump $error reset dump_said \
	    pgk-dump -q -j 2 --no-encrypt chat
done
prune_said()
{
	[ $rc -ne 0 ] || [ "$(sets)" = "$newest" ] ||
	    complain "said 0 and left $(sets)"
	prune_check
}
error_sweep prune EIO prune_prepare prune_said pgk-prune -q
finish
