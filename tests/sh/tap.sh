# shellcheck shell=bash
# tap.sh - what the tests written in bash share; prints TAP for prove
#
# A test sources this first. It then has a scratch folder $T, gone at the end;
# no PG* variable of the caller's; the built tools in PATH; and:
#
#	run CMD...         run it; status in $rc, stdout in $T/out, stderr in $T/err
#	exits N NAME       the last run ended with N
#	ok NAME CMD...     the command succeeds
#	not_ok NAME CMD... the command fails
#	is GOT WANT NAME   two strings are equal
#	same A B NAME      two files are equal, byte for byte
#	out_has RE NAME, err_has RE NAME   a line matches (grep -E)
#	err_lines N NAME   stderr holds N lines
#	quiet NAME         stderr of the last run is empty
#	diag TEXT...       a remark
#	skip NAME WHY      a test not done, and why
#	points N           how many points of a run to try: N, $PGK_POINTS instead,
#	                   no more than $PGK_POINTS_MAX
#	at_end CMD...      run at the end, last first, whatever happens
#	finish             the plan; the last line of every test
#
# $ROOT is the project's folder, $BUILD that of the build (PGK_BUILD or build).

set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${PGK_BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$ROOT/$BUILD ;;
esac

for tap_name in $(compgen -e | grep -E '^PG|^LC_|^LANG'); do
	case $tap_name in
	PG_BIN | PGM_ROOT | PGK_BUILD | PGK_POINTS | PGK_POINTS_MAX | \
	PGK_SLOW | PGK_ASAN | PGK_PITR_*) ;;
	*) unset "$tap_name" ;;
	esac
done
export TERM=xterm LC_ALL=C.UTF-8 PATH=$BUILD/bin:$BUILD/tests/tool:$PATH
umask 022

tap_count=0
tap_failed=0
tap_end=()
rc=0

tap_cleanup()
{
	local status=$? i

	trap '' HUP INT TERM
	for ((i = ${#tap_end[@]} - 1; i >= 0; i--)); do
		eval "${tap_end[i]}"
	done
	exit "$status"
}

at_end()
{
	tap_end+=("$(printf '%q ' "$@")")
}

T=$(mktemp -d "${TMPDIR:-/tmp}/pgk.XXXXXX") || exit 1
trap tap_cleanup EXIT
trap 'exit 130' HUP INT TERM
at_end rm -rf "$T"
# a server started by root runs as another user and lives in here
chmod 711 "$T"
mkdir "$T/home"
export HOME=$T/home

points()
{
	local n=${PGK_POINTS:-$1} max=${PGK_POINTS_MAX:-1000000}

	echo "$((n < max ? n : max))"
}

diag()
{
	local text="$*"

	echo "# ${text//$'\n'/$'\n# '}"
}

# tap_report STATUS NAME: one line of TAP
tap_report()
{
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
		diag "at ${BASH_SOURCE[2]##*/} line ${BASH_LINENO[1]}"
	fi
	return "$1"
}

# What the last command said, for somebody who reads a failure.
tap_tell()
{
	diag "status $rc"
	diag "$(head -n 20 "$T/out" | cut -c1-300 | tr -d '\000')"
	diag "$(head -n 20 "$T/err" | cut -c1-300 | tr -d '\000')"
}

run()
{
	"$@" >"$T/out" 2>"$T/err" </dev/null
	rc=$?
	return 0
}

exits()
{
	tap_report "$((rc == $1 ? 0 : 1))" "$2" || tap_tell
}

ok()
{
	local name=$1

	shift
	"$@" >"$T/ok" 2>&1
	tap_report "$(($? == 0 ? 0 : 1))" "$name" || diag "$(head "$T/ok")"
}

not_ok()
{
	local name=$1

	shift
	"$@" >"$T/ok" 2>&1
	tap_report "$(($? != 0 ? 0 : 1))" "$name" || diag "$(head "$T/ok")"
}

is()
{
	if [ "$1" = "$2" ]; then
		tap_report 0 "$3"
	else
		tap_report 1 "$3"
		diag " got: $1"
		diag "want: $2"
		return 1
	fi
}

same()
{
	cmp -s "$1" "$2"
	tap_report $? "$3" ||
	    diag "$(diff -a "$1" "$2" | head -n 20 | cut -c1-200)"
}

out_has()
{
	grep -aEq -e "$1" "$T/out"
	tap_report $? "$2" || tap_tell
}

err_has()
{
	grep -aEq -e "$1" "$T/err"
	tap_report $? "$2" || tap_tell
}

err_lines()
{
	is "$(wc -l <"$T/err")" "$1" "$2" || tap_tell
}

quiet()
{
	[ ! -s "$T/err" ]
	tap_report $? "$1" || tap_tell
}

skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# A whole test file that cannot run here.
skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

finish()
{
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
	exit
}
