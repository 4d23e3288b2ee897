#!/bin/bash
# What we write other programs read; what they write we read.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

server_start
chat_database chat 30000
store_new
key_new one

# every reader of gzip and zstd at hand gives the same bytes ---------------
run pgk-dump --no-encrypt -o "$T/d.gz" chat
run pgk-dump --no-encrypt -Z zstd -o "$T/d.zst" chat
gunzip -c "$T/d.gz" >"$T/plain"
read_same()
{
	local file=$1 want=$2

	shift 2
	# python and perl may be there without their libraries
	if ! command -v "$1" >/dev/null ||
	    { [ "$1" = python3 ] && ! python3 -c 'import gzip' 2>/dev/null; } ||
	    { [ "$1" = perl ] && ! perl "$2" -e 1 2>/dev/null; }; then
		skip "$1" "not installed"
		return
	fi
	"$@" <"$file" >"$T/read" 2>"$T/err"
	is $? 0 "$*"
	same "$want" "$T/read" "$*: the same bytes"
}
read_same "$T/d.gz" "$T/plain" gzip -dc
read_same "$T/d.gz" "$T/plain" pigz -dc
read_same "$T/d.gz" "$T/plain" busybox gunzip -c
read_same "$T/d.gz" "$T/plain" igzip -dc
read_same "$T/d.gz" "$T/plain" zstd -dc
read_same "$T/d.gz" "$T/plain" bsdcat
read_same "$T/d.gz" "$T/plain" python3 -c \
    'import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))'
read_same "$T/d.gz" "$T/plain" perl -MIO::Uncompress::Gunzip=gunzip -e \
    'gunzip("-" => "-", MultiStream => 1)'
ok "gzip -t" gzip -t "$T/d.gz"
ok "zstd -t" zstd -qt "$T/d.zst"
zstd -qdc "$T/d.zst" >"$T/plain.zst"
is "$(grep -c ^COPY "$T/plain.zst")" "$(grep -c ^COPY "$T/plain")" \
    "zstd holds as many COPYs"

# age, both ways -----------------------------------------------------------
run pgk-dump -r "$recipient" -o "$T/d.age" chat
age -d -i "$T/one.key" "$T/d.age" >"$T/d.age.gz"
is $? 0 "age -d opens ours"
ok "and gzip -t what was inside" gzip -t "$T/d.age.gz"
head -c 3000000 /dev/urandom >"$T/random"
for size in 0 1 65535 65536 65537 131072 3000000; do
	head -c $size "$T/random" >"$T/r"
	age -r "$recipient" -o "$T/r.age" "$T/r"
	run pgk-cat -i "$T/one.key" "$T/r.age"
	same "$T/r" "$T/out" "pgk-cat opens what age wrote: $size bytes"
	gzip -c "$T/r" | age -r "$recipient" >"$T/r.gz.age"
	pgk-cat -i "$T/one.key" - <"$T/r.gz.age" >"$T/out" 2>"$T/err"
	same "$T/r" "$T/out" "and the gzip inside, from a pipe: $size bytes"
done
age -a -r "$recipient" -o "$T/r.asc" "$T/r"
run pgk-cat -i "$T/one.key" "$T/r.asc"
same "$T/r" "$T/out" "pgk-cat reads armor"
printf 'correct horse\n' >"$T/pass"
chmod 600 "$T/pass"
run pgk-dump --passphrase-file "$T/pass" -o "$T/p.age" chat
exits 0 "encrypted with a passphrase"
run pgk-cat --passphrase-file "$T/pass" "$T/p.age"
is "$(grep -c ^COPY "$T/out")" 5 "and opened with it"
if command -v script >/dev/null; then
	# age asks a terminal for it
	(sleep 1; echo 'correct horse') | script -qec \
	    "age -d -o '$T/p.gz' '$T/p.age'" /dev/null >"$T/out" 2>&1
	ok "age opens it with the passphrase" gzip -t "$T/p.gz"
else
	skip "age opens it with the passphrase" "no script(1) here"
fi
key_new two
run pgk-cat -i "$T/two.key" "$T/d.age"
exits 8 "the wrong identity"
is "$(wc -c <"$T/out")" 0 "opens nothing"
run pgk-cat "$T/d.age"
exits 8 "no identity"
run pgk-key new -o "$T/ours.key"
exits 0 "pgk-key new"
is "$(age-keygen -y "$T/ours.key")" "$(pgk-key recipient "$T/ours.key")" \
    "age-keygen reads our identity"
age -r "$(pgk-key recipient "$T/ours.key")" -o "$T/r.age" "$T/r"
run pgk-cat -i "$T/ours.key" "$T/r.age"
same "$T/r" "$T/out" "and age encrypts to it"

# dumps that others made -----------------------------------------------------
pg_dump -d chat >"$T/theirs.sql"
gzip -c "$T/theirs.sql" >"$T/theirs.sql.gz"
zstd -q "$T/theirs.sql" -o "$T/theirs.sql.zst"
age -r "$recipient" -o "$T/theirs.sql.gz.age" "$T/theirs.sql.gz"
for file in theirs.sql theirs.sql.gz theirs.sql.zst theirs.sql.gz.age; do
	drop copy
	run pgk-restore -i "$T/two.key" -i "$T/one.key" "$T/$file" -d copy --create
	exits 0 "pgk-restore $file"
	ok "$file: the copy is the same" compare chat copy
	drop copy
	run bash -c 'pgk-restore -i "$1" -i "$2" - -d copy --create <"$3"' x \
	    "$T/one.key" "$T/two.key" "$T/$file"
	exits 0 "pgk-restore - <$file"
	ok "$file: the copy is the same" compare chat copy
done
run pgk-restore -i "$T/one.key" "$T/d.age" -d copy --replace --yes
exits 0 "pgk-restore of our own file, encrypted"
ok "the copy is the same" compare chat copy -O -x
for jobs in 1 3; do
	drop copy
	run bash -c 'pgk-restore -j $2 - -d copy --create <"$1"' x "$T/d.zst" $jobs
	exits 0 "our own, from a pipe, -j $jobs"
	ok "the copy is the same" compare chat copy -O -x
done
drop copy
run bash -c 'gunzip -c "$1" | pgk-restore - -d copy --create' x "$T/d.gz"
exits 0 "our own, unpacked by gunzip"
ok "the copy is the same" compare chat copy -O -x
pg_dump -Fc -d chat -f "$T/theirs.custom"
run pgk-restore "$T/theirs.custom" -d copy --replace --yes
exits 9 "pg_dump's own format is refused"
err_has 'pg_restore' "and pg_restore named"
# a script that is cut is not taken for whole
head -c 100000 "$T/theirs.sql" >"$T/cut.sql"
run pgk-restore "$T/cut.sql" -d copy --replace --yes
exits 7 "a script that ends too early"
head -c 100000 "$T/theirs.sql.gz" >"$T/cut.sql.gz"
run pgk-restore "$T/cut.sql.gz" -d copy --replace --yes
exits 7 "a gzip that ends too early"

# sums and signatures -------------------------------------------------------
run pgk-dump --no-encrypt -q chat
whole_sets "b2sum -l 256 agrees with the .json"
set=$(cat "$T/out")
(cd "$STORE/full" && json_objects "$STORE/$set.json" |
    awk '{ print $2 "  " $1 }' >"$T/sums" && b2sum -l 256 -c --quiet "$T/sums")
is $? 0 "b2sum -c"
if command -v minisign >/dev/null; then
	minisign -G -W -f -p "$T/min.pub" -s "$T/min.key" >/dev/null 2>&1
	chmod 600 "$T/min.key"
	conf crypt "sign-key = $T/min.key"
	run pgk-dump --no-encrypt -q chat
	exits 0 "a signed set"
	set=$(cat "$T/out")
	ok "minisign -V agrees" minisign -V -q -p "$T/min.pub" \
	    -m "$STORE/$set.json"
	minisign -S -s "$T/min.key" -m "$STORE/$set.json" \
	    -x "$T/theirs.minisig" >/dev/null 2>&1 </dev/null
	conf crypt "trust = $T/min.pub"
	run pgk-cat "$set"
	exits 0 "a trusted set is read"
	rm "$STORE/$set.json.minisig"
	run pgk-cat "$set"
	exits 7 "without its signature it is not"
	cp "$T/theirs.minisig" "$STORE/$set.json.minisig"
	run pgk-cat "$set"
	exits 0 "with minisign's own signature it is"
else
	skip "signatures" "minisign is not installed"
fi
finish
