# shellcheck shell=bash
# crash.sh - kill a command, or fail its system calls, at points spread over
# its whole run, and look at what is left
#
#	sweep N NAME PREPARE CHECK COMMAND...
#	error_sweep N ERROR NAME PREPARE CHECK COMMAND...
#
# At each of N points PREPARE is called, the command run and killed (or its
# call failed), what must always hold is looked at, then CHECK is called,
# with the exit status in $rc. CHECK says complain WHAT of what is not right.

bad=()
complain()
{
	bad+=("$what: $*")
}

crash_report()
{
	local line

	is "${#bad[@]}" 0 "$1"
	for line in "${bad[@]:0:10}"; do
		diag "$line"
	done
	bad=()
}

# What must hold after any death: all that is listed is whole; no process and no session
# stays.
post()
{
	local listed

	if listed=$(pgk-list --tsv 2>"$T/list.err"); then
		[ "$(($(wc -l <<<"$listed") - 1))" = "$(sets | wc -l)" ] ||
		    complain "pgk-list and the .json differ"
	else
		complain "pgk-list: $? $(head -n 1 "$T/list.err")"
	fi
	check_sets >"$T/check" || complain "not whole: $(cat "$T/check")"
	[ -z "$(orphans)" ] || complain "left: $(orphans)"
	server_idle || complain "a session is left"
}

# What a later run must have cleared away.
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

# The whole group is killed at odd points, only the one process at even ones.
sweep()
{
	local points=$1 name=$2 prepare=$3 check=$4 calls i n at mode killed=0

	shift 4
	$prepare
	killat -o "$T/n" 0 "$@" >/dev/null 2>"$T/err" </dev/null || {
		is "$?" 0 "$name runs under killat"
		diag "$(head -n 3 "$T/err")"
		return
	}
	read -r calls _ <"$T/n"
	n=$((calls < points ? calls : points))
	for ((i = 0; i < n; i++)); do
		$prepare
		mode=()
		[ $((i % 2)) -eq 0 ] || mode=(-p)
		at=$((1 + i * calls / n))
		killat "${mode[@]}" -o "$T/n" $at "$@" \
		    >"$T/out" 2>"$T/err" </dev/null
		rc=$?
		what="$name ${mode[*]} $at $(cat "$T/n") rc $rc"
		case $rc in
		137) killed=$((killed + 1)) ;;
		124) complain "processes outlived it" ;;
		125) complain "$(cat "$T/err")" ;;
		esac
		post
		$check
	done
	crash_report "$name: $killed kills at $n points of $calls calls"
	# two runs differ a little in their calls: the last may be missed
	ok "$name: the kills were kills" test "$killed" -ge $((n * 9 / 10))
}

error_sweep()
{
	local points=$1 error=$2 name=$3 prepare=$4 check=$5
	local calls i n at failed=0

	shift 5
	$prepare
	errat -o "$T/n" 0 EIO "$@" >/dev/null 2>&1 </dev/null
	read -r calls _ <"$T/n"
	n=$((calls < points ? calls : points))
	for ((i = 0; i < n; i++)); do
		$prepare
		at=$((1 + i * calls / n))
		errat -o "$T/n" $at "$error" "$@" \
		    >"$T/out" 2>"$T/err" </dev/null
		rc=$?
		what="$name $error $at $(cat "$T/n")"
		[ $rc -eq 0 ] || failed=$((failed + 1))
		# before the program proper
		! grep -q 'loading shared libraries' "$T/err" || continue
		[ $rc -lt 124 ] || complain "exit $rc"
		[ $rc -eq 0 ] || [ -s "$T/err" ] ||
		    complain "failed without a word"
		post
		$check
	done
	crash_report "$name: $error at $n points of $calls calls, $failed failed"
	ok "$name: some failed" test $failed -gt $((n / 10))
}
