#!/bin/bash
# pgk-key: identities that age takes, signing keys that minisign takes, and
# nothing ever overwritten.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

cd "$T" || exit 1
mode()
{
	stat -c %a "$1"
}

# only OTHERS, the scratch folder's own files, and what is named lie in $T
only()
{
	is "$(find . -type f ! -name out ! -name err ! -name ok ! -name in |
	    sort | tr '\n' ' ')" "$1" "$2"
}

run pgk-key new -o id
exits 0 "a new identity"
is "$(wc -c <out)" 0 "stdout is left alone"
is "$(mode id)" 600 "its file is private"
is "$(grep -c '^AGE-SECRET-KEY-1' id)" 1 "it holds a secret key"
err_has '^Public key: age1[a-z0-9]{58}$' "the public key is told"
err_lines 1 "and nothing else"
public=$(sed 's/^Public key: //' err)
ok "the file names it too" grep -qx "# public key: $public" id
cp id before
run pgk-key new -o id
exits 9 "an existing file is not replaced"
err_has '"id" exists already' "and said so"
same id before "it is as it was"
ln -s nowhere link
run pgk-key new -o link
exits 9 "nor is a symbolic link"
not_ok "which leads nowhere still" test -e link
rm -f link before
only './id ' "no other file is left"

run pgk-key recipient id
exits 0 "its recipient"
is "$(cat out)" "$public" "is the public key"
quiet "and nothing is said"
run pgk-key recipient ./id
is "$(cat out)" "$public" "by another path"
pgk-key recipient - <id >out
is "$(cat out)" "$public" "from stdin"
pgk-key recipient <id >out
is "$(cat out)" "$public" "from stdin, unnamed"
pgk-key new 2>/dev/null >id2
chmod 600 id2
cat id >>id2
run pgk-key recipient id2
is "$(wc -l <out)" 2 "each identity of a file has its recipient"
is "$(tail -n 1 out)" "$public" "in order"
chmod 640 id2
run pgk-key recipient id2
exits 8 "a file that others may read is refused"
err_has 'hint: chmod 600' "with what to do"
rm -f id2

# stdout
umask 077
pgk-key new >id3 2>err
is "$?" 0 "a new identity on stdout"
is "$(grep -c '^AGE-SECRET-KEY-1' id3)" 1 "is a secret key"
is "$(pgk-key recipient id3)" "$(sed 's/^Public key: //' err)" \
    "whose public key is told"
umask 022
pgk-key new >id4 2>err
is "$?" 3 "a file for all to read is warned of"
err_has 'warning: .*others may read' "in words"
pgk-key new -o - >id4 2>err
is "$(grep -c '^AGE-SECRET-KEY-1' id4)" 1 "-o - is stdout"
run bash -c 'pgk-key new >/dev/full'
exits 6 "a full stdout"
err_has 'could not write "stdout": No space left' "is told"
run bash -c 'pgk-key recipient id >/dev/full'
exits 6 "for a recipient as well"
rm -f id3 id4

# wrong words
run pgk-key
exits 2 "no word"
err_lines 2 "is one error and a hint"
run pgk-key generate
exits 2 "an unknown word"
err_has 'unknown word "generate"' "is named"
run pgk-key new id
exits 2 "a word too many"
err_has '"id"' "is named"
run pgk-key new-signing -o x y
exits 2 "for signing too"
run pgk-key recipient -o x id
exits 2 "--output for a recipient"
run pgk-key recipient id id
exits 2 "two files"
run pgk-key new --nonsense
exits 2 "an unknown option"
run pgk-key new -o
exits 2 "an option without its value"
run pgk-key new-signing
exits 2 "a signing key without a file"
err_has 'hint: .*-o FILE' "with a hint"
run pgk-key new-signing -o -
exits 2 "or to stdout"
run pgk-key new -o ''
exits 2 "an empty name"
run pgk-key new -o folder/
exits 2 "a name that ends in a slash"
run pgk-key new -o nowhere/id
exits 6 "a folder that is not there"
err_has 'nowhere' "is named"
run pgk-key recipient nowhere
exits 1 "a file that is not there"
err_has '"nowhere"' "is named"
: >in
chmod 600 in
run pgk-key recipient in
exits 8 "an empty file"
echo AGE-SECRET-KEY-1SECRETSECRET >in
run pgk-key recipient in
exits 8 "a broken identity"
err_has '"in" line 1' "its line is named"
not_ok "and not shown" grep -qi secretsecret err
only './id ' "no other file is left"

run pgk-key --help
exits 0 "--help"
out_has '^ *-o, --output=FILE' "tells the option"
out_has 'new-signing' "and the words"
run pgk-key --version
exits 0 "--version"

# signing keys
mkdir sub
run pgk-key new-signing -o sub/key
exits 0 "a new signing key"
is "$(wc -c <out)" 0 "stdout is left alone"
is "$(mode sub/key)" 600 "the secret one is private"
is "$(mode sub/key.pub)" 644 "the public one is not"
is "$(cat err)" "Public key: $(tail -n 1 sub/key.pub)" "and told"
cp -r sub before
run pgk-key new-signing -o sub/key
exits 9 "neither is replaced"
mv sub/key sub/other
run pgk-key new-signing -o sub/key
exits 9 "nor the public one alone"
err_has '"sub/key.pub" exists' "which is named"
not_ok "no secret key is left" test -e sub/key
mv sub/other sub/key
ok "all is as it was" diff -r sub before
rm -rf before
only './id ./sub/key ./sub/key.pub ' "no other file is left"

# ten at once: one wins
for ((i = 0; i < 10; i++)); do
	pgk-key new-signing -o race 2>/dev/null && echo won &
done >won
wait
is "$(wc -l <won)" 1 "of ten at once one makes the key"
ok "its halves belong together" test -e race -a -e race.pub
is "$(find . -name '.pgk-*' | wc -l)" 0 "and nothing is left of the others"

if command -v age age-keygen >/dev/null; then
	is "$(age-keygen -y id)" "$public" "age-keygen -y agrees"
	echo hello | age -r "$public" -o msg.age
	is "$(age -d -i id msg.age)" hello "age opens with our identity"
	age-keygen -o theirs 2>/dev/null
	run pgk-key recipient theirs
	is "$(cat out)" "$(age-keygen -y theirs)" "we read age-keygen's"
	age -a -r "$public" -o locked theirs
	chmod 600 locked
	run pgk-key recipient locked
	exits 8 "an encrypted identity file"
	err_has 'hint: age -d' "has its hint"
	is "$(age -d -i id locked | pgk-key recipient)" \
	    "$(age-keygen -y theirs)" "which works"
else
	skip "age takes our keys" "age is not installed"
fi
if command -v minisign >/dev/null; then
	echo hello >msg
	for key in sub/key race; do
		ok "minisign signs with $key" \
		    minisign -S -s "$key" -m msg -t comment
		ok "and verifies" minisign -V -p "$key.pub" -m msg
	done
	not_ok "but not with another's" \
	    minisign -V -p sub/key.pub -m msg
else
	skip "minisign takes our keys" "minisign is not installed"
fi
finish
