#!/bin/bash
# man.sh [TOOL...] - the pages are well-formed, and each tool's page lists exactly
# the options the tool has
#
# TOOL is the path of a built tool. Says each fault and exits 1.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
wrong=0
complain()
{
	echo "man: $*" >&2
	wrong=1
}

# "unknown manual" is said of pages of programs that are not installed here
if faults=$(mandoc -T lint -W warning "$here"/man/*.[157] 2>&1); then
	:
else
	grep -v 'referenced manual not found' <<<"$faults" >&2 && wrong=1
fi
for page in "$here"/man/*.[157]; do
	name=${page##*/}
	[ "$(sed -n 's/^\.Dt //p' "$page")" = "$(tr '[:lower:]' '[:upper:]' \
	    <<<"${name%.*}") ${name##*.}" ] ||
	    complain "$name: .Dt does not name the page"
	# every pgk page that is referred to is there
	while read -r other section; do
		[ -e "$here/man/$other.$section" ] ||
		    complain "$name refers to $other($section): no such page"
	done < <(sed -nE 's/^\.Xr (pgk[a-z.-]*) ([157]).*/\1 \2/p;
	    s/.* Xr (pgk[a-z.-]*) ([157]).*/\1 \2/p' "$page")
done

# The options a page describes: every Fl of its .It lines, as -x or --word.
page_options()
{
	sed -n '/^\.It .*Fl/p' "$1" |
	    grep -oE 'Fl [^ ]+' | sed 's/^Fl /-/' | sort -u
}

for tool; do
	name=${tool##*/}
	page=$here/man/$name.1
	[ -e "$page" ] || { complain "$name has no man page"; continue; }
	has=$("$tool" --options | grep -oE '(^| )--?[A-Za-z0-9-]+' |
	    tr -d ' ' | sort -u)
	while read -r option; do
		complain "$name.1 does not describe $option"
	done < <(comm -23 <(echo "$has") <(page_options "$page"))
	while read -r option; do
		complain "$name.1 describes $option, which $name has not"
	done < <(comm -13 <(echo "$has") <(page_options "$page"))
	# --help names them too, and fits a terminal
	help=$("$tool" --help)
	while read -r option; do
		grep -qE -e "(^|[ ,])$option([ =,]|$)" <<<"$help" ||
		    complain "$name --help does not mention $option"
	done <<<"$has"
	"$tool" --completion bash | bash -n ||
	    complain "$name: the completion is no bash"
done
exit $wrong
