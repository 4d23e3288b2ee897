#!/bin/bash
# push and get, killed anywhere or failed by the disk: nothing half is there, 0
# is only said of what is durable, and the next try works.
# PGK_POINTS is how many points (default 25).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/crash.sh
. "$ROOT/tests/sh/crash.sh"

points=$(points 25)
killat 0 true 2>/dev/null || skip_all "ptrace is not allowed here"
id=7300000000000000001
one=000000010000000000000001
two=000000010000000000000002
three=000000010000000000000003
folder=wal/0000000100000000
store_new
mkdir -p "$T/data/pg_wal"
cd "$T/data" || exit
mkwal pg_wal/$one 1 1 $id 1 128
mkwal pg_wal/$two 2 1 $id 1 128
mkwal pg_wal/$three 3 1 $id 1 128
key_new key
pgk-wal push pg_wal/$one
cp -a "$STORE" "$T/base"
base()
{
	rm -rf "$STORE"
	cp -a "$T/base" "$STORE"
}

# empty: the first push makes the archive
nothing()
{
	store_new
}

plain()
{
	case $1 in
	*.age) age -d -i "$T/key.key" "$1" ;;
	*) cat "$1" ;;
	esac | case $1 in
	*.zst*) zstd -dqc ;;
	*) gzip -dc ;;
	esac
}

# Whatever lies in the archive under a segment's name is that segment.
post()
{
	local file name

	for file in "$STORE/$folder"/0*; do
		[ -e "$file" ] || continue
		name=${file##*/}
		plain "$file" 2>/dev/null | cmp -s - "pg_wal/${name%%.*}" ||
		    complain "half: $name"
	done
	[ ! -e "$T/base/$folder/$one.gz" ] || [ ! -e "$STORE/$folder/$one.gz" ] ||
	    cmp -s "$STORE/$folder/$one.gz" "$T/base/$folder/$one.gz" ||
	    complain "the earlier one changed"
}

pushed()
{
	[ $rc -ne 0 ] || compgen -G "$STORE/$folder/$two.*" >/dev/null ||
	    complain "said 0 and put nothing"
	[ $rc -ne 1 ] || complain "push has no exit status 1"
	pgk-wal push -Z zstd pg_wal/$two >"$T/out" 2>"$T/err" ||
	    complain "again: $? $(cat "$T/err")"
	[ "$(compgen -G "$STORE/$folder/$two.*" | wc -l)" = 1 ] ||
	    complain "not one object"
	[ -z "$(find "$STORE" -name '*.tmp')" ] || complain "left a temporary"
	post
}
sweep "$points" push base pushed pgk-wal -j 2 push pg_wal/$two
sweep "$points" "the first push" nothing pushed \
    pgk-wal -j 2 push -Z zstd -r "$recipient" pg_wal/$two
error_sweep $((points / 2)) ENOSPC push base pushed \
    pgk-wal -j 2 push pg_wal/$two
error_sweep $((points / 2)) EIO push base pushed pgk-wal -j 2 push pg_wal/$two

# the same content again must be made durable, not believed to be
again()
{
	base
	cp pg_wal/$two "$STORE/$folder/$two"
	chmod 600 "$STORE/$folder/$two"
}
# the names of the last calls that change something
calls()
{
	local n total name

	$1
	shift
	killat -o "$T/n" 0 "$@"
	read -r total _ <"$T/n"
	for ((n = total > 50 ? total - 50 : 1; n <= total; n++)); do
		"$prepare"
		killat -o "$T/n" $n "$@" >/dev/null 2>&1
		read -r _ name _ <"$T/n"
		echo "$name"
	done
}
prepare=base
calls base pgk-wal -j 1 push pg_wal/$two | grep -E '^(fsync|rename|link)' \
    >"$T/calls"
is "$(tail -n 3 "$T/calls" | tr '\n' ' ')" "fsync renameat2 fsync " \
    "a segment is synced, named, and its folder synced"
prepare=again
calls again pgk-wal -j 1 push pg_wal/$two | grep -E '^(fsync|rename|link)' \
    >"$T/calls"
is "$(tr '\n' ' ' <"$T/calls")" "fsync fsync " \
    "one that is there is synced as well"

# get -----------------------------------------------------------------------------
base
for name in $two $three; do
	pgk-wal push -r "$recipient" pg_wal/$name
done
rm -rf "$T/base"
cp -a "$STORE" "$T/base"
mkdir -p "$T/copy/pg_wal"
target=$T/copy/pg_wal/RECOVERYXLOG
former()
{
	base
	rm -rf "$T/copy/pg_wal"
	mkdir "$T/copy/pg_wal"
	mkwal "$target" 9 1 $id 1 128
	cp "$target" "$T/former"
}
got()
{
	if cmp -s "$target" "pg_wal/$two"; then
		:
	elif [ $rc -eq 0 ]; then
		complain "said 0 and delivered nothing"
	elif ! cmp -s "$target" "$T/former"; then
		complain "neither the old file nor the new"
	fi
	[ $rc -ne 1 ] || complain "said that there is none"
	pgk-wal get -i "$T/key.key" --prefetch=0 $two "$target" \
	    >"$T/out" 2>"$T/err" || complain "again: $? $(cat "$T/err")"
	cmp -s "$target" "pg_wal/$two" || complain "again: another"
}
sweep "$points" get former got \
    pgk-wal get -i "$T/key.key" --prefetch=0 $two "$target"
[ -z "${PGK_SLOW:-}" ] || sweep 12 "get with more ahead" former got \
    pgk-wal get -i "$T/key.key" --prefetch=2 $two "$target"
# 255 is what must come; the sweep wants less
cat >"$T/get" <<'END'
#!/bin/sh
pgk-wal "$@"
rc=$?
[ $rc -ne 255 ] || rc=100
exit $rc
END
chmod 755 "$T/get"
for error in ENOSPC EIO; do
	error_sweep "$points" $error get former got \
	    "$T/get" get -i "$T/key.key" --prefetch=0 $two "$target"
done
finish
