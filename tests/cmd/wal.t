#!/bin/bash
# pgk-wal push, get and check, with segments made up for it. No server needed.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

id=7300000000000000001
store_new
mkdir -p "$T/data/pg_wal" "$T/data/global"
cd "$T/data" || exit

# name_of SEGMENT [TIMELINE]: of 1 MiB
name_of()
{
	printf '%08X%08X%08X' "${2:-1}" $(($1 / 4096)) $(($1 % 4096))
}

# segment N [TIMELINE [SALT]]: made in pg_wal; its name in $name
segment()
{
	name=$(name_of "$1" "${2:-1}")
	mkwal "pg_wal/$name" "$1" "${2:-1}" $id 1 128 "${3:-0}"
}

objects()
{
	find "$STORE/wal" -type f -printf '%P\n' | sort
}

tree()
{
	(cd "$STORE" && find . -type f -exec b2sum -l 128 {} + | sort -k2)
}

# usage: get says 255 to all of it, push never more than 125 --------------------
for words in "" "fool" "push" "push a b" "push x" "push pg_wal/" \
    "push --prefetch=1 $(name_of 1)" "get -Z zstd $(name_of 1) x" \
    "get" "get $(name_of 1)" "get x y" "get --bogus x y" \
    "get --prefetch=65 $(name_of 1) y" "get -r age1 $(name_of 1) y" \
    "check x" "check --json --tsv" "check --yes" "adopt x" \
    "push -i x $(name_of 1)"; do
	# shellcheck disable=SC2086
	run pgk-wal $words
	case $words in
	get*) exits 255 "\"$words\" stops recovery" ;;
	*) exits 2 "\"$words\" is wrong usage" ;;
	esac
	err_has '^pgk-wal: ' "and said"
done
for bad in 00000001000000000000000 000000010000000000000001.gz \
    00000001000000000000000g 000000010000000000000001.part \
    000000000000000000000001 0000000100000000FFFFFFFF archive_status; do
	: >"pg_wal/$bad"
	run pgk-wal push "pg_wal/$bad"
	exits 2 "\"$bad\" is no name of WAL"
	rm "pg_wal/$bad"
done
is "$(find "$STORE" -type f)" "" "nothing was stored"

# small files before the first segment: of which size it is is not known --------
for size in 64 1; do
	name=$(printf '%08X%08X%08X' 1 0 $((size == 64 ? 2 : 511)))
	printf -v file '%s.%08X.backup' "$name" $((size * 768 * 1024))
	echo 'START WAL LOCATION' >"pg_wal/$file"
	run pgk-wal push "pg_wal/$file"
	exits 0 "a .backup first, of segments of $size MiB"
	mkwal "pg_wal/$name" $((16#${name:16})) 1 $id $size 128
	run pgk-wal push "pg_wal/$name"
	exits 0 "and then the segment"
	is "$(cat "$STORE/wal/segment-size")" $((size << 20)) "of its size"
	rm "pg_wal/$name" "pg_wal/$file"
	store_new
done

# push ---------------------------------------------------------------------------
segment 3
run pgk-wal push "pg_wal/$name"
exits 0 "push"
quiet "without a word"
is "$(objects)" "0000000100000000/000000010000000000000003.gz
segment-size
system-identifier" "it lies in its place, and whose it is"
is "$(cat "$STORE/wal/system-identifier" "$STORE/wal/segment-size")" \
    "$id
1048576" "in decimal"
gzip -dc "$STORE/wal/0000000100000000/$name.gz" >"$T/plain"
same "$T/plain" "pg_wal/$name" "gunzip reads it"
is "$(find "$STORE" -perm /077)" "" "for nobody else"
tree >"$T/before"
for method in gzip gzip:9 zstd:3 none; do
	run pgk-wal push -Z $method "pg_wal/$name"
	exits 0 "the same again, with -Z $method"
	quiet "quietly"
done
tree >"$T/after"
same "$T/before" "$T/after" "and nothing changes"
segment 3 1 5
run pgk-wal push "pg_wal/$name"
exits 9 "other content under the name is refused"
err_has 'other content under the name "000000010000000000000003"' "and said"
segment 4
run pgk-wal -Z zstd:1 push "$T/data/pg_wal/$name"
exits 0 "an absolute path, zstd"
zstd -dqc "$STORE/wal/0000000100000000/$name.zst" >"$T/plain"
same "$T/plain" "pg_wal/$name" "zstd reads it"
segment 5
run pgk-wal push -Z none "pg_wal/$name"
same "$STORE/wal/0000000100000000/$name" "pg_wal/$name" "or as it is"

# what is not what its name says
tree >"$T/before"
mv "pg_wal/$name" "pg_wal/$(name_of 6)"
run pgk-wal push "pg_wal/$(name_of 6)"
exits 7 "a recycled segment"
err_has 'its header is that of segment 000000010000000000000005' "is said so"
name=$(name_of 6)
mkwal "pg_wal/$name" 6 2 $id 1 128
run pgk-wal push "pg_wal/$name"
exits 7 "a later timeline's"
mkwal "pg_wal/$name" 6 1 $((id + 1)) 1 128
run pgk-wal push "pg_wal/$name"
exits 9 "another cluster's"
err_has "system identifier is $id, not $((id + 1))" "is said so"
mkwal "pg_wal/$name" 6 1 $id 16 128
run pgk-wal push "pg_wal/$name"
exits 9 "another size of segments"
segment 6
printf 'garbage' | dd of="pg_wal/$name" conv=notrunc status=none
run pgk-wal push "pg_wal/$name"
exits 7 "a garbled header"
segment 6
dd if=/dev/zero of="pg_wal/$name" bs=8192 seek=9 count=1 conv=notrunc \
    status=none
run pgk-wal push "pg_wal/$name"
exits 7 "a page that is not there"
err_has 'WAL page 9 is damaged' "is said so"
segment 6
truncate -s 1000000 "pg_wal/$name"
run pgk-wal push "pg_wal/$name"
exits 7 "a short one"
truncate -s 0 "pg_wal/$name"
run pgk-wal push "pg_wal/$name"
exits 7 "an empty one"
rm "pg_wal/$name"
run pgk-wal push "pg_wal/$name"
exits 6 "one that is not there"
mkfifo "pg_wal/$name"
run timeout 10 pgk-wal push "pg_wal/$name"
exits 6 "a FIFO"
rm "pg_wal/$name"
{ head -c 8 /dev/zero | tr '\0' '\1'; head -c 8184 /dev/zero; } \
    >global/pg_control
segment 6
run pgk-wal push "pg_wal/$name"
exits 9 "a data directory of another cluster"
rm global/pg_control
run pgk-wal --store "$T/none/store" push "pg_wal/$(name_of 5)"
exits 6 "a store whose folder is not there"
tree >"$T/after"
same "$T/before" "$T/after" "none of these changed the store"

# the small files
printf '1\t0/400000\tx\n' >pg_wal/00000002.history
echo 'START WAL LOCATION' >"pg_wal/$(name_of 4).00000028.backup"
segment 6
mv "pg_wal/$name" "pg_wal/$name.partial"
dd if=/dev/zero of="pg_wal/$name.partial" bs=8192 seek=9 count=1 \
    conv=notrunc status=none
for file in 00000002.history "$(name_of 4).00000028.backup" "$name.partial"; do
	run pgk-wal push "pg_wal/$file"
	exits 0 "push $file"
	run pgk-wal get "$file" "$T/got"
	exits 0 "get $file"
	same "$T/got" "pg_wal/$file" "the same"
done
echo x >pg_wal/00000003.history
run pgk-wal push pg_wal/00000003.history
exits 7 "a history that is none"
rm pg_wal/00000003.history

# the guard
segment 7
echo 'timeline: 1' >pgk-restored
for path in "pg_wal/$name" "$T/data/pg_wal/$name"; do
	run pgk-wal push "$path"
	exits 9 "a restored server archives nothing"
	err_has 'hint: .*pgk-wal adopt' "and is told how to"
done
echo x >pgk-restored
run pgk-wal push "pg_wal/$name"
exits 9 "nor with a guard that is damaged"
run pgk-wal adopt -D "$T/data"
exits 7 "which is not adopted"
rm pgk-restored
run pgk-wal adopt -D "$T/data"
exits 1 "no guard"
run env -u PGDATA pgk-wal adopt
exits 2 "no data directory"

# get -----------------------------------------------------------------------------
segment 5
for n in 4 5; do
	run pgk-wal get "$(name_of $n)" pg_wal/RECOVERYXLOG --prefetch=0
	exits 0 "get $n"
	same "pg_wal/$(name_of $n)" pg_wal/RECOVERYXLOG "the same"
done
rm pg_wal/RECOVERYXLOG
run pgk-wal get "$(name_of 99)" pg_wal/RECOVERYXLOG
exits 1 "one that is not there"
quiet "without a word in recovery"
not_ok "and nothing is made" test -e pg_wal/RECOVERYXLOG
run pgk-wal get 00000007.history x
exits 1 "a history that is not there"
err_has 'the archive has no "00000007.history"' "is said by hand"
run pgk-wal get "$(name_of 4)" no/such/folder
exits 255 "no place to write to"
run pgk-wal get "$(name_of 4)" "$T/data"
exits 255 "a folder in its place"
for store in "$T/none" "$T/data" s3://x/y ""; do
	run pgk-wal --store "$store" get "$(name_of 4)" x
	exits 255 "get from store \"$store\""
	err_lines "$(grep -c . "$T/err")" "with a reason"
done
chmod 777 "$STORE"
run pgk-wal get "$(name_of 99)" x
exits 255 "a store that anyone may write to"
chmod 700 "$STORE"
mv "$STORE/wal/system-identifier" "$T/keep"
run pgk-wal get "$(name_of 99)" x
exits 255 "no archive at all"
run pgk-wal get "$(name_of 4)" x
exits 0 "though what is there is got"
mv "$T/keep" "$STORE/wal/system-identifier"
{ head -c 8 /dev/zero | tr '\0' '\1'; head -c 8184 /dev/zero; } \
    >global/pg_control
run pgk-wal get "$(name_of 99)" pg_wal/x
exits 255 "the archive of another cluster"
rm global/pg_control
object=$STORE/wal/0000000100000000/$(name_of 3).gz
cp "$object" "$T/keep"
cp "$T/keep" "$T/old"
for at in 0 5 100 5000 20000; do
	flip "$object" $at >/dev/null 2>&1 || printf '\x55' |
	    dd of="$object" bs=1 seek=$at conv=notrunc status=none
	run pgk-wal get "$(name_of 3)" "$T/old"
	exits 255 "a bit changed at $at"
	same "$T/old" "$T/keep" "what stood there still does"
	cp "$T/keep" "$object"
done
: >recovery.signal
run pgk-wal get "$(name_of 2)" pg_wal/x
exits 255 "missing, in recovery, with later ones there"
err_has 'is missing, and later ones are' "is said so"
run pgk-wal get "$(name_of 20)" pg_wal/x
exits 1 "the end"
# timeline 2 left 1 in segment 4 (above), 9 does so in 21
printf '1\t0/1500000\tx\n' >pg_wal/00000009.history
pgk-wal push pg_wal/00000009.history
run pgk-wal get "$(name_of 20)" pg_wal/x
exits 255 "missing, with a timeline that left its own later"
err_has 'another timeline left its own behind it' "is said so"
run pgk-wal get --partial "$(name_of 20)" pg_wal/x
exits 255 "a part would be no better"
run pgk-wal get "$(name_of 21)" pg_wal/x
exits 1 "the segment in which it left is the end"
rm pg_wal/00000009.history "$STORE/wal/00000009.history.gz"
: >standby.signal
run pgk-wal get "$(name_of 2)" pg_wal/x
exits 1 "a standby may get it from elsewhere"
rm -f ./*.signal
not_ok "no trace of all that" test -e pg_wal/x
is "$(find . -name '.pgk-*')" "" "nor a temporary file"

# SIGTERM is a shutdown; the passphrase takes a second
segment 7
printf 'open sesame\n' >"$T/phrase"
chmod 600 "$T/phrase"
run pgk-wal push --passphrase-file "$T/phrase" "pg_wal/$name"
exits 0 "push with a passphrase"
run pgk-wal push --passphrase-file "$T/phrase" "pg_wal/$name"
exits 0 "which compares it again"
run pgk-wal push "pg_wal/$name"
exits 8 "and cannot without"
for signal in TERM:143 INT:255 HUP:255 KILL:137; do
	timeout --foreground -s "${signal%:*}" --preserve-status 0.5 \
	    pgk-wal get --passphrase-file "$T/phrase" "$name" "$T/slow" >"$T/out" 2>"$T/err"
	is $? "${signal#*:}" "get stopped by SIG${signal%:*}"
	not_ok "delivers nothing" test -e "$T/slow"
done
run pgk-wal get "$name" "$T/slow"
exits 255 "no key"
run pgk-wal get --passphrase-file "$T/phrase" "$name" "$T/slow"
same "$T/slow" "pg_wal/$name" "with it, the same"
rm "$STORE/wal/0000000100000000/$name".*

# encrypted: what is there is compared without a key, and age opens it
key_new one
run pgk-wal push -r "$recipient" "pg_wal/$name"
exits 0 "push, encrypted"
object=$STORE/wal/0000000100000000/$name.gz.age
age -d -i "$T/one.key" "$object" | gzip -dc >"$T/plain"
same "$T/plain" "pg_wal/$name" "age opens it"
ok "its sum is in the header" grep -qa '^-> pgk.blake2b ' "$object"
run pgk-wal push -r "$recipient" "pg_wal/$name"
exits 0 "the same again"
segment 7 1 9
run pgk-wal push -r "$recipient" "pg_wal/$name"
exits 9 "other content"
run pgk-wal get -i "$T/one.key" "$name" "$T/got"
same "$T/plain" "$T/got" "get, with the key"
key_new two
run pgk-wal get -i "$T/two.key" "$name" "$T/got"
exits 255 "with another key"
# a key's file that is gone is no answer: recovery would end here
run pgk-wal get -i "$T/gone.key" "$name" "$T/got"
exits 255 "without the identity file"
run pgk-wal get -i "$T/gone.key" "$name" pg_wal/RECOVERYXLOG
exits 255 "nor in recovery"
printf '[store]\nurl = %s\n[crypt]\nidentity = %s\n' "$STORE" \
    "$T/gone.key" >"$T/gone.conf"
run pgk-wal get -c "$T/gone.conf" "$name" pg_wal/RECOVERYXLOG
exits 255 "nor without the configuration's"
run pgk-wal get --passphrase-file "$T/gone" "$name" pg_wal/RECOVERYXLOG
exits 255 "nor without the passphrase's"

# ahead of what is asked for
for n in 6 8 9 10 11; do
	segment $n
	pgk-wal push "pg_wal/$name"
done
mkdir "$T/other"
mkdir "$T/other/pg_wal"
cd "$T/other" || exit
here()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ -e "$(echo "pg_wal/pgk-prefetch/$1".????????????????)" ] &&
		    return
		sleep 0.05
	done
	return 1
}
# who waits for its output is not kept waiting
SECONDS=0
out=$(pgk-wal get "$(name_of 8)" pg_wal/RECOVERYXLOG --prefetch=2 2>&1 | cat)
is "$out" "" "get with two ahead"
ok "does not hold its caller's pipes" test "$SECONDS" -lt 3
ok "they come" here "$(name_of 10)"
not_ok "and no more" test -e "$(echo pg_wal/pgk-prefetch/"$(name_of 11)".*)"
# the store is not asked for what was fetched, but it must be there
mv "$STORE/wal/0000000100000000" "$T/folder"
run pgk-wal get "$(name_of 9)" pg_wal/RECOVERYXLOG --prefetch=2
exits 0 "the next was fetched"
same pg_wal/RECOVERYXLOG "$T/data/pg_wal/$(name_of 9)" "and is right"
mv "$T/folder" "$STORE/wal/0000000100000000"
# one that is not what it is called
cp "$T/data/pg_wal/$(name_of 5)" "$(echo pg_wal/pgk-prefetch/"$(name_of 10)".*)"
run pgk-wal get "$(name_of 10)" pg_wal/RECOVERYXLOG --prefetch=2
same pg_wal/RECOVERYXLOG "$T/data/pg_wal/$(name_of 10)" "a wrong one is not taken"
ok "the window moves" here "$(name_of 11)"
run pgk-wal get "$(name_of 3)" pg_wal/RECOVERYXLOG --prefetch=1
ok "back, too" here "$(name_of 4)"
not_ok "what is behind it is dropped" \
    test -e "$(echo pg_wal/pgk-prefetch/"$(name_of 11)".*)"
# killed, it is begun anew, and nothing half is taken
fetcher()
{
	pgrep -f "^pgk-wal get .* pg_wal/RECOVERYXLOG --prefetch=[0-9]" |
	    while read -r pid; do
		[ "$(readlink "/proc/$pid/cwd")" != "$T/other" ] || echo "$pid"
	done
}
pid=$(fetcher)
ok "one process fetches" test -n "$pid" -a "$(wc -l <<<"$pid")" = 1
kill -KILL "$pid"
echo half >"pg_wal/pgk-prefetch/.pgk-0123456789abcdef.tmp"
run pgk-wal get "$(name_of 8)" pg_wal/RECOVERYXLOG --prefetch=3
exits 0 "get after it was killed"
ok "another one fetches" here "$(name_of 11)"
not_ok "and has cleared away" \
    test -e "pg_wal/pgk-prefetch/.pgk-0123456789abcdef.tmp"
for ((i = 0; i < 120; i++)); do
	[ -e pg_wal/pgk-prefetch ] || break
	sleep 0.05
done
not_ok "it ends when nobody asks" test -n "$(fetcher)"
is "$(ls pg_wal)" RECOVERYXLOG "and leaves nothing"
cd "$T/data" || exit

# check -----------------------------------------------------------------------------
run pgk-wal check -i "$T/one.key" --tsv
exits 0 "check"
quiet "nothing is wrong"
is "$(grep -c '^range' "$T/out")" 1 "one range"
out_has "$(printf '^range\t\t1\t0/300000\t0/C00000\t1\t%s\t%s\t' \
    "$(name_of 3)" "$(name_of 11)")" "from the first to the last"
run pgk-wal check
exits 8 "encrypted, without a key"
err_has 'hint: .*--fast' "and what can be done"
run pgk-wal check --fast
exits 0 "names and sizes"
out_has '^TIMELINE +FROM' "as a table"
run pgk-wal check --fast --json
exits 0 "as JSON"
ok "which is some" perl -MJSON::PP -e \
    'decode_json(do { local $/; <STDIN> })->{ranges}[0]{segments} == 9 or exit 1' \
    <"$T/out"
mv "$STORE/wal/0000000100000000/$(name_of 9).gz" "$T/keep"
run pgk-wal check --fast
exits 1 "a segment is missing"
err_has 'segment 000000010000000000000009 is missing, and later' "named"
mv "$T/keep" "$STORE/wal/0000000100000000/$(name_of 9).gz"
truncate -s 9000 "$STORE/wal/0000000100000000/$(name_of 9).gz"
run pgk-wal check -i "$T/one.key"
exits 7 "a segment is damaged"
err_has 'damaged: "wal/0000000100000000/000000010000000000000009.gz"' "named"
run bash -c 'pgk-wal check --fast >/dev/full'
exits 6 "nowhere to say it"
mkdir -m 700 "$T/empty"
run pgk-wal --store "$T/empty" check
exits 1 "an empty store"

# a full disk
if [ "$(id -u)" -eq 0 ] && mkdir "$T/small" &&
    mount -t tmpfs -o size=1m,mode=700 none "$T/small" 2>/dev/null; then
	at_end umount "$T/small"
	mkdir -m 700 "$T/small/store"
	segment 12
	run pgk-wal push -Z none --store "$T/small/store" "pg_wal/$name"
	exits 6 "push on a full disk"
	err_has 'No space left' "is said so"
	is "$(find "$T/small/store" -name '*0C*' -o -name '*.tmp')" "" \
	    "nothing half is there"
	rm -rf "$T/small/store"
	mkdir "$T/small/pg_wal"
	head -c 300k /dev/zero >"$T/small/fill"
	run pgk-wal get "$(name_of 8)" "$T/small/pg_wal/RECOVERYXLOG"
	exits 255 "get on a full disk"
	is "$(find "$T/small/pg_wal" -type f)" "" "nothing half is there"
	rm "$T/small/fill"
	run pgk-wal get "$(name_of 8)" "$T/small/pg_wal/RECOVERYXLOG"
	exits 0 "and with room again"
else
	skip "a full disk" "no right to mount one"
fi
finish
