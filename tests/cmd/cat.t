#!/bin/bash
# pgk-cat: what is inside, whatever is around it.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

# files of others, in every wrapping
key_new one
one=$recipient
key_new two
seq 1 300000 >"$T/plain"
gzip -c "$T/plain" >"$T/a.gz"
{ head -c 1000 "$T/plain" | gzip -c; tail -c +1001 "$T/plain" | gzip -9c; } \
    >"$T/members.gz"
zstd -qc "$T/plain" >"$T/a.zst"
for inner in plain a.gz a.zst; do
	age -r "$one" -o "$T/$inner.age" "$T/$inner"
	age -a -r "$one" -o "$T/$inner.asc" "$T/$inner"
done
for file in plain a.gz members.gz a.zst; do
	run pgk-cat "$T/$file"
	exits 0 "$file"
	ok "$file: its content" cmp -s "$T/plain" "$T/out"
	quiet "$file: nothing is said"
done
for file in plain.age a.gz.age a.zst.age plain.asc a.gz.asc a.zst.asc; do
	run pgk-cat -i "$T/one.key" "$T/$file"
	exits 0 "$file"
	ok "$file: its content" cmp -s "$T/plain" "$T/out"
	run bash -c 'pgk-cat -i "$2" - <"$1"' - "$T/$file" "$T/one.key"
	ok "$file by stdin" cmp -s "$T/plain" "$T/out"
	run bash -c 'cat "$1" | pgk-cat -i "$2" -' - "$T/$file" "$T/one.key"
	ok "$file by a pipe" cmp -s "$T/plain" "$T/out"
	run pgk-cat -i "$T/two.key" "$T/$file"
	exits 8 "$file: another key"
	is "$(wc -c <"$T/out")" 0 "$file: nothing comes out"
	run pgk-cat "$T/$file"
	exits 8 "$file: no key"
	err_has 'hint:' "$file: what to do is said"
done

# empty and odd things
: >"$T/empty"
run pgk-cat "$T/empty"
exits 0 "an empty file is empty"
printf '\037\213' >"$T/short.gz"
run pgk-cat "$T/short.gz"
exits 7 "two bytes of a gzip"
printf 'age-encryption.org/v1\n' >"$T/short.age"
run pgk-cat -i "$T/one.key" "$T/short.age"
exits 7 "the first line of an age file"

# cut and changed files
for file in a.gz a.zst a.gz.age a.zst.age; do
	size=$(stat -c %s "$T/$file")
	for cut in 1 $((size / 2)); do
		head -c $((size - cut)) "$T/$file" >"$T/cut"
		run pgk-cat -i "$T/one.key" "$T/cut"
		exits 7 "$file without its last $cut bytes"
	done
	cp "$T/$file" "$T/flipped"
	flip at "$T/flipped" $((size / 2)) >/dev/null
	run pgk-cat -i "$T/one.key" "$T/flipped"
	exits 7 "$file with a flipped bit"
	err_has 'flipped' "$file: the file is named"
	err_lines 1 "$file: in one line"
	rm -f "$T/whole"
	run pgk-cat -i "$T/one.key" -o "$T/whole" "$T/flipped"
	not_ok "$file: -o leaves no half file" test -e "$T/whole"
done
{ cat "$T/a.gz"; echo more; } >"$T/trailing.gz"
run pgk-cat "$T/trailing.gz"
exits 7 "bytes behind a gzip"

# -o
run pgk-cat -o "$T/whole" "$T/a.gz"
exits 0 "-o"
ok "-o: the content" cmp -s "$T/plain" "$T/whole"
is "$(stat -c %a "$T/whole")" 600 "-o: nobody else reads it"
run pgk-cat -o "$T/no/such/folder" "$T/a.gz"
exits 6 "-o into nowhere"

# stdout that cannot be written
run bash -c 'pgk-cat "$1" >/dev/full' - "$T/a.gz"
exits 6 "a full disk behind stdout"
run bash -c 'pgk-cat "$1" | head -c 1 >/dev/null; exit "${PIPESTATUS[0]}"' \
    - "$T/a.gz"
exits 6 "a reader that leaves"
run bash -c 'pgk-cat "$1" >&-' - "$T/a.gz"
exits 6 "no stdout at all"

# usage
run pgk-cat
exits 2 "no operand"
run pgk-cat "$T/a.gz" "$T/a.zst"
exits 2 "two operands"
run pgk-cat --no-such-option "$T/a.gz"
exits 2 "an unknown option"
err_has 'no-such-option' "is named"
run pgk-cat "$T/absent.gz"
exits 1 "a file that is not there"
run pgk-cat latest
exits 2 "a set, and no store"
err_has 'hint:' "what to do is said"

# sets
server_start
chat_database chat 300
store_new
run pgk-cat latest
exits 1 "an empty store"
run pgk-dump -q --no-encrypt chat
name=$(cat "$T/out")
psql -Xq -d postgres -c 'CREATE DATABASE again' >/dev/null
for word in latest latest:full latest:chat latest:full:chat "$name" \
    "$name.json" "${name#full/}"; do
	run pgk-cat "$word"
	exits 0 "$word"
	# the index in the comments is that of the whole file alone
	is "$(grep -v '^--' "$T/out" | b2sum)" \
	    "$(gunzip -c "$(set_file "$name")" | grep -v '^--' | b2sum)" \
	    "$word: what gunzip gives"
done
run bash -c 'pgk-cat latest | psql -Xq -v ON_ERROR_STOP=1 -d again'
exits 0 "psql takes it"
is "$(q again 'SELECT count(*) FROM messages')" 300 "every row is there"
run pgk-cat latest:nobody
exits 1 "no set of that database"
run pgk-cat --object globals latest
exits 1 "an object that the set has not"
run pgk-cat -t messages latest
exits 0 "-t"
is "$(grep '^COPY ' "$T/out" | grep -vc messages)" 0 "-t: only that table"
is "$(sed -n '/^COPY/,/^\\\.$/p' "$T/out" | grep -vcE '^(COPY|\\\.)')" 300 \
    "-t: all its rows"
run pgk-cat -t public.nothing latest
exits 1 "-t of no table"
run pgk-cat -t messages "$T/a.gz"
exits 9 "-t of a file without an index"
flip at "$(set_file "$name")" 4000 >/dev/null
run pgk-cat "$name"
exits 7 "a flipped bit in a set"
err_has "${name#full/}" "the object is named"
rm "$(set_file "$name")"
run pgk-cat "$name"
exits 7 "a set that lost its object"
run pgk-cat latest
exits 1 "is not the latest"
finish
