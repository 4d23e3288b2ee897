#!/bin/bash
# Damage to what is stored is found and named, and never restored.
#
# PGK_SLOW=1 tries ten times as many.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

many=$((${PGK_SLOW:-0} == 0 ? 1 : 10))
server_start
chat_database chat 2000
store_new
key_new one
conf crypt "identity = $T/one.key"
run pgk-dump -q --no-encrypt chat
gz=$(cat "$T/out")
run pgk-dump -q --no-encrypt -Z zstd chat
zst=$(cat "$T/out")
run pgk-dump -q --no-encrypt -Z none chat
none=$(cat "$T/out")
run pgk-dump -q -r "$recipient" chat
age=$(cat "$T/out")
is "$(sets | wc -l)" 4 "four sets"
pristine=$T/pristine
cp -a "$STORE" "$pristine"

mend()
{
	cp -a "$pristine/full/." "$STORE/full/"
}

# A set must be refused by all that read it; its name is in $set, what was
# done in $what.
total=0
missed=()
refused()
{
	local how

	total=$((total + 1))
	run pgk-cat -o "$T/cat.out" "$set"
	how="cat $rc"
	if [ "$rc" -ne 7 ] || ! grep -q "${set#full/}" "$T/err"; then
		missed+=("$what: $how: $(head -n 1 "$T/err")")
	elif [ -e "$T/cat.out" ]; then
		missed+=("$what: $how, but its output is there")
	fi
	rm -f "$T/cat.out"
}
not_restored()
{
	total=$((total + 1))
	run pgk-restore -q "$set" -d victim --create
	if [ "$rc" -ne 7 ] || ! grep -q "${set#full/}" "$T/err"; then
		missed+=("$what: restore $rc: $(head -n 1 "$T/err")")
	fi
	if [ "$1" = untouched ]; then
		[ "$(q postgres "SELECT count(*) FROM pg_database
		    WHERE datname = 'victim'")" = 0 ] ||
		    missed+=("$what: the database was made")
	elif [ "$(q postgres "SELECT count(*) FROM pg_database WHERE
	    datname = 'victim' AND coalesce(shobj_description(oid,
	    'pg_database'), '') NOT LIKE 'pgk-restore: unfinished%'")" != 0 ]
	then
		missed+=("$what: the database looks done")
	fi
	dropdb --if-exists victim 2>/dev/null
}
report()
{
	is "${#missed[@]}" 0 "$1: $total tried, all refused with 7 and named"
	for what in "${missed[@]:0:10}"; do
		diag "$what"
	done
	total=0
	missed=()
}

for set in "$gz" "$zst" "$none" "$age"; do
	file=$(set_file "$set")
	kind=${file##*.}
	size=$(stat -c %s "$file")
	# the same through a run that says nothing of it
	run pgk-cat -o "$T/cat.out" "$set"
	exits 0 "$kind: whole, it is read"
	rm -f "$T/cat.out"

	for how in bit cut drop zero append; do
		for ((seed = 1; seed <= 25 * many; seed++)); do
			what="$kind $(flip $how "$file" $seed)"
			refused
			cp -a "$pristine/full/${file##*/}" "$file"
		done
		report "$kind $how"
	done
	# the first and the last bytes, where headers and marks are
	for ((i = 0; i < 60; i++)); do
		for at in $i $((-1 - i)); do
			what="$kind $(flip at "$file" $at)"
			refused
			cp -a "$pristine/full/${file##*/}" "$file"
		done
	done
	for to in 0 1 -1 -2 -32 -42 -43 $((size / 2)) 65536; do
		[ $to -lt "$size" ] || continue
		what="$kind $(flip to "$file" $to)"
		refused
		cp -a "$pristine/full/${file##*/}" "$file"
	done
	report "$kind edges"
	for ((seed = 100; seed < 100 + 6 * many; seed++)); do
		what="$kind $(flip cut "$file" $seed)"
		not_restored untouched
		cp -a "$pristine/full/${file##*/}" "$file"
		what="$kind $(flip bit "$file" $seed)"
		not_restored marked
		cp -a "$pristine/full/${file##*/}" "$file"
	done
	report "$kind restore"
done

# another set's object under this one's name, one of the same size if a few
# dumps make one (their times and keys differ); and a missing one
set=$none
file=$(set_file "$none")
for ((seed = 1; seed <= 12; seed++)); do
	[ $seed -eq 1 ] || rm -f "$STORE/$other".* "$STORE/$other.json"
	sleep 1 # another time of start
	run pgk-dump -q --no-encrypt -Z none chat
	other=$(cat "$T/out")
	[ "$(wc -c <"$(set_file "$other")")" != "$(wc -c <"$file")" ] || break
done
exits 0 "another set"
diag "its size was the same at try $seed"
cp "$(set_file "$other")" "$file"
what="another set's object"
refused
not_restored untouched
rm "$file"
what="a missing object"
refused
not_restored untouched
mend
report "swapped and missing"

# the description ------------------------------------------------------------
set=$gz
json=$STORE/$gz.json
for how in bit cut drop zero append; do
	for ((seed = 1; seed <= 30 * many; seed++)); do
		what=".json $(flip $how "$json" $seed)"
		refused
		[ $((seed % 10)) -ne 0 ] || not_restored untouched
		cp -a "$pristine/$gz.json" "$json"
	done
	report ".json $how"
done
printf '{}\n' >"$json"
run pgk-list
exits 7 "pgk-list with a damaged .json"
err_has "${gz#full/}" "names it"
out_has "${zst#full/}" "and lists the others"
run pgk-prune --dry-run
ok "pgk-prune leaves that kind alone" test "$rc" -ne 0
mend

# the whole store is as it was, and works
is "$(cd "$STORE/full" && b2sum ./*.json ./*.sql* | grep -v "${other#full/}" | sort)" \
    "$(cd "$pristine/full" && b2sum ./*.json ./*.sql* | sort)" \
    "nothing was changed by those that only read"
run pgk-restore -q "$gz" -d victim --create
exits 0 "mended, it is restored"
finish
