#!/bin/bash
# hardening.sh TOOL... - reads back from the programs what the build asked for
set -euo pipefail

wrong=0
check()
{
	local tool=$1 what=$2

	shift 2
	"$@" || { echo "hardening: ${tool##*/}: no $what" >&2; wrong=1; }
}
has()
{
	grep -qE -e "$1" <<<"$2"
}

for tool; do
	header=$(readelf -hW "$tool")
	segments=$(readelf -lW "$tool")
	dynamic=$(readelf -dW "$tool")
	symbols=$(readelf --dyn-syms -W "$tool")
	check "$tool" "PIE" has 'Type: +DYN' "$header"
	check "$tool" "PIE flag" has 'FLAGS_1.*PIE' "$dynamic"
	check "$tool" "RELRO" has 'GNU_RELRO' "$segments"
	check "$tool" "immediate binding" has 'FLAGS.*NOW|BIND_NOW' "$dynamic"
	check "$tool" "stack that cannot run" \
	    has 'GNU_STACK.* RW +0x' "$segments"
	check "$tool" "stack protector" has '__stack_chk_fail' "$symbols"
	check "$tool" "fortified functions" has '__[a-z]+_chk@' "$symbols"
	if has 'RPATH|RUNPATH' "$dynamic"; then
		echo "hardening: ${tool##*/}: a run path" >&2
		wrong=1
	fi
done
exit $wrong
