#!/bin/bash
# pgk-list: what is in the store, for people and for pipes. No server needed.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

S=$T/store
printf '[policy]\ntime-zone = Asia/Seoul\n' >"$T/conf"
export PGK_CONF=$T/conf

run pgk-list
exits 2 "no store named"
err_has 'no store is named' "and said"
run pgk-list --store "$S"
exits 1 "a store that is not there"
err_lines 1 "one line about it"
mkdir -m 700 "$S"
run pgk-list --store "$S"
exits 1 "an empty catalogue: the answer is none"
quiet "which is no error"
is "$(cat "$T/out")" "" "and prints nothing"
run pgk-list --store "$S" --json
is "$(cat "$T/out")" "[]" "as JSON it is an empty list"
run pgk-list --store "$S" --tsv
is "$(wc -l <"$T/out")" 1 "as TSV it is a line of headings"
run pgk-list --store "$S" fool
exits 2 "no such kind"
err_has '"fool" is no kind' "and named"
run pgk-list --store "$S" --json --tsv
exits 2 "one form at a time"

mkset "$S" put full medtranslate 2025-01-26T18:00:00Z >"$T/name"
is "$(cat "$T/name")" medtranslate_full_20250127_030000 "a set's name is local"
mkset "$S" put full medtranslate 2025-01-25T18:00:00Z >/dev/null
mkset "$S" put snapshot - 2025-01-25T17:00:00Z >/dev/null
# a database whose name is two Korean letters, tab, newline, quote, backslash
mkset "$S" put full %EB%B2%88%EC%97%AD%09%0A%22%5C 2025-01-25T19:00:00Z \
    >/dev/null
# an old script's dump, and a run that was killed
: >"$S/full/medtranslate_full_20250120_030000.sql.gz"
mkset "$S" abandon full killed 2025-01-25T20:00:00Z

run pgk-list --store "$S"
exits 0 "four sets"
quiet "no remark"
is "$(wc -l <"$T/out")" 5 "a line each, and headings"
is "$(tail -n 1 "$T/out" | awk '{ print $2, $4, $5 }')" \
    "medtranslate_full_20250127_030000 2025-01-27 03:00:00+09" \
    "the newest last, in local time"
is "$(awk 'NR > 1 { print $1 }' "$T/out" | tr '\n' ' ')" \
    "snapshot full full full " "all kinds, by time"
is "$(grep -cF $'번역\\x09\\x0a"\\' "$T/out")" 1 "a hostile name is one line"
is "$(sed 's/번역/abcd/' "$T/out" | awk '{ print index($0, " 2025-01-2") }' |
    sort -u | wc -l)" 2 "columns are aligned though letters are wide"
run pgk-list --store "$S" snapshot
is "$(wc -l <"$T/out")" 2 "one kind alone"

run pgk-list --store "$S" --tsv
exits 0 "TSV"
is "$(awk -F '\t' '{ print NF }' "$T/out" | sort -u)" 23 "23 fields a line"
is "$(awk -F '\t' '$1 == "full" { print $8, $9, $10 }' "$T/out" | sort -u)" \
    "27 no 42" "sizes and rows"
is "$(grep -cF $'번역\\t\\n"\\\\' "$T/out")" 1 "a name with a tab in it"

run pgk-list --store "$S" --json
exits 0 "JSON"
cat >"$T/json.pl" <<'PERL'
use JSON::PP;
binmode STDOUT, ':utf8';
my $sets = decode_json(do { local $/; <STDIN> });
printf "%d\n", scalar @$sets;
printf "%s %d %d %d %s\n", $_->{databases}[0]{name} =~ s/[\t\n]/?/gr,
    $_->{computed}{stored}, $_->{computed}{rows}, $_->{sequence},
    $_->{start} for @$sets;
PERL
is "$(perl "$T/json.pl" <"$T/out")" '4
postgres 9 42 1 2025-01-25T17:00:00Z
medtranslate 9 42 2 2025-01-25T18:00:00Z
번역??"\ 9 42 3 2025-01-25T19:00:00Z
medtranslate 9 42 1 2025-01-26T18:00:00Z' "another program reads it"

# needs no right to write
who=()
if [ "$(id -u)" -eq 0 ]; then
	chown -R 65534:65534 "$S"
	who=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
chmod -R a-w "$S"
run "${who[@]}" "$BUILD/bin/pgk-list" --store "$S"
exits 0 "a store that cannot be written to"
chmod -R u+w "$S"
[ "$(id -u)" -ne 0 ] || chown -R 0:0 "$S"

# damage
cp -r "$S" "$T/copy"
echo 'x' >>"$T/copy/full/medtranslate_full_20250127_030000.json"
run pgk-list --store "$T/copy"
exits 7 "a .json with a byte too many"
err_has 'damaged: set "full/medtranslate_full_20250127_030000": ' "is named"
is "$(wc -l <"$T/out")" 4 "the others are shown"
rm "$T/copy/full/medtranslate_full_20250126_030000.sql.gz"
run pgk-list --store "$T/copy"
exits 7 "an object that is missing"
err_has 'medtranslate_full_20250126_030000.sql.gz" is missing' "is named"
err_has '2 sets cannot be read or are damaged' "and counted"
rm -rf "$T/copy"

run bash -c "pgk-list --store '$S' >/dev/full"
exits 6 "a full disk behind stdout"
err_has 'stdout.*No space left' "is said"
run bash -c "set -o pipefail; pgk-list --store '$S' --json | true"
exits 6 "nobody reads stdout"
chmod 777 "$S/full"
run pgk-list --store "$S"
exits 9 "a folder that all can write to is not believed"
finish
