#!/bin/bash
# pgk-prune: chains of base backups, and the WAL behind them. No server needed:
# base backups are made by hand, and of a segment only the name counts.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

S=$T/store
cat >"$T/conf" <<CONF
[store]
url = $S
[policy]
time-zone   = Asia/Seoul
incremental = 1h 7d 1h 2h 0 * * * *
wal         = 5m 7d 5m 1h -
CONF
export PGK_CONF=$T/conf

printf '%099d\n' 0 >"$T/segment"
chmod 600 "$T/segment"
# segments TIMELINE FIRST LAST - put these (decimal)
segments()
{
	local i folder name
	for ((i = $2; i <= $3; i++)); do
		printf -v folder '%08X%08X' "$1" $((i / 256))
		(umask 077; mkdir -p "$S/wal" "$S/wal/$folder")
		printf -v name '%08X%08X%08X' "$1" $((i / 256)) $((i % 256))
		ln "$T/segment" "$S/wal/$folder/$name.gz"
	done
	printf '7000000000000000001\n' >"$S/wal/system-identifier"
}
# the segments there are, as TIMELINE:NUMBER, decimal
left()
{
	find "$S/wal" -name '[0-9A-F]*.gz' \
	    -printf '%f\n' | sort | while IFS=. read -r name _; do
		printf '%d:%d ' "0x${name:0:8}" \
		    $((0x${name:8:8} * 256 + 0x${name:16:8}))
	done
}
span() # TIMELINE FIRST LAST
{
	local i
	for ((i = $2; i <= $3; i++)); do printf '%d:%d ' "$1" "$i"; done
}
# history TIMELINE LINE...
history()
{
	(umask 077; mkdir -p "$S/wal")
	printf -v name '%08X.history' "$1"
	shift
	printf '%s\n' "$@" >"$S/wal/$name"
}
base()
{
	mkset "$S" base "$@"
}
tree()
{
	(cd "$S" && find . ! -name '.lock-*' -print0 | sort -z)
}

# ten days, a base backup a day in segments 0x10, 0x20, ..., each with one
# that builds on it twelve hours later
ten_days()
{
	local d full
	rm -rf "$S"
	[ ! -d "$T/ten" ] || cp -a "$T/ten" "$S"
	[ ! -d "$T/ten" ] || return
	for d in 10 9 8 7 6 5 4 3 2 1; do
		printf -v n '%X' $((11 - d))
		full=$(base "${d}d" "0/${n}0000028" "0/${n}1000100" 1)
		base $((d * 24 - 12))h "0/${n}8000028" "0/${n}8000100" 1 \
		    "$full" >/dev/null
	done
	segments 1 1 170
	cp -a "$S" "$T/ten"
}

ten_days
tree >"$T/before"
run pgk-prune --dry-run
exits 0 "a dry run"
tree >"$T/after"
same "$T/before" "$T/after" "changes nothing"
is "$(grep -c '^would delete incremental/' "$T/out")" 4 "two chains would go"
out_has '^would delete incremental/basebackup_.*: the newest of its chain is 9d old, kept 7d$' \
    "as old as their newest"
is "$(grep -c 'the WAL of the last 7d begins with basebackup_' "$T/out")" 2 \
    "the one before the 7 days stays for the WAL"
is "$(grep '^would delete wal/' "$T/out" | sed 's/basebackup_[0-9_]*/B/')" \
    "would delete wal/000000010000000000000001..2F (47): before B, older than 7d" \
    "a line a range of segments, as far as the chain's beginning"
is "$(grep -c '^keep wal/.*basebackup_.* needs it$' "$T/out")" 16 \
    "what a backup needs is told apart"
run pgk-prune
exits 0 "a prune"
quiet "which goes well"
is "$(find "$S/incremental" -name '*.json' | wc -l)" 16 "16 sets are left"
is "$(left)" "$(span 1 48 170)" \
    "and what they need and what is younger"
is "$(find "$S/incremental" -mindepth 1 -type d | wc -l)" 16 \
    "a set's folder goes with it"
run pgk-prune -v
exits 0 "again"
is "$(grep -c '^deleted' "$T/out")" 0 "nothing more goes"
run pgk-prune -v wal
out_has '^keep wal/.*: basebackup_.* can be recovered along it$' "-v says why"
ten_days
run pgk-prune wal
is "$rc $(left)" \
    "0 $(span 1 16 17)$(span 1 24 24)$(span 1 32 33)$(span 1 40 40)$(span 1 48 170)" \
    "the WAL alone: old backups keep what makes them whole"
run pgk-wal check --fast
exits 0 "pgk-wal check does not miss what a prune took away"
sed '/^wal/d' "$PGK_CONF" >"$T/conf0"
run pgk-wal check --fast -c "$T/conf0"
exits 1 "but without a policy it does"
rm "$S/wal/0000000100000000/000000010000000000000064.gz"
run pgk-wal check --fast
exits 1 "it misses what is younger"
err_has 'segment 000000010000000000000064 is missing' "and names it"
rm "$S/wal/0000000100000000/000000010000000000000020.gz"
run pgk-wal check --fast
err_has 'cannot be restored: segment 000000010000000000000020' \
    "and what an old one needs"
ten_days
run pgk-prune -v incremental
is "$rc $(grep -c '^deleted' "$T/out") $(grep -c . "$T/err")" "0 4 0" \
    "the base backups alone, each said once"
is "$(left)" "$(span 1 1 170)" "and no WAL"

# while a restore reads an old backup, what it may replay stays
ten_days
old=$(pgk-list --tsv incremental | awk -F '\t' 'NR == 2 { print $2 }')
mkfifo "$T/ready"
mkset "$S" hold "$old" >"$T/ready" &
holder=$!
read -r _ <"$T/ready"
run pgk-prune -v
exits 0 "a base backup is being read"
out_has "^keep incremental/$old: being read$" "it stays"
is "$(grep -c "^keep incremental/.*: its chain is being read: $old" \
    "$T/out")" 1 "and what builds on it"
out_has "^keep wal/.*: behind $old, which is being read$" "and its WAL"
is "$(left)" "$(span 1 16 170)" "all behind it"
kill "$holder"
wait "$holder" 2>/dev/null
run pgk-prune
is "$(left)" "$(span 1 48 170)" "then it goes"

# nothing proves that WAL is old but a base backup
rm -rf "$S"
mkdir -m 700 "$S"
segments 1 1 5
run pgk-prune -v
exits 0 "no base backup"
out_has '^keep wal/000000010000000000000001..05 \(5\): there is no base backup$' \
    "no WAL goes"
is "$(left)" "$(span 1 1 5)" "whatever the times of the files"
base 6d 0/3000028 0/3000100 1 >/dev/null
run pgk-prune
is "$(left)" "$(span 1 1 5)" "nor with a young one"

# one chain alone stays, old as it is, but backups have stopped: look first
rm -rf "$S"
base 9d 0/3000028 0/3000100 1 >/dev/null
segments 1 1 9
run pgk-prune
exits 9 "backups have stopped"
err_has 'nothing of kind "wal" was deleted: a clock is wrong or backups' "said"
is "$(left)" "$(span 1 1 9)" "no WAL goes"

# taken while the clock was set back it looks old, and proves nothing
rm -rf "$S"
base 6d 0/20000028 0/20000100 1 >/dev/null
base 3d 0/30000028 0/30000100 1 >/dev/null
base 30d 0/40000028 0/40000100 1 >/dev/null
segments 1 31 70
run pgk-prune
is "$rc $(left)" "0 $(span 1 31 70)" "nor with one whose date is wrong"

# kept longer than the base backups, WAL keeps these
sed 's/^wal.*/wal = 5m 9d 5m 1h -/' "$PGK_CONF" >"$T/conf9"
ten_days
run pgk-prune -c "$T/conf9"
exits 0 "WAL kept longer than base backups"
is "$(find "$S/incremental" -name '*.json' | wc -l) $(left)" \
    "20 $(span 1 16 170)" \
    "it keeps those it needs"
run pgk-prune -c "$T/conf0"
is "$rc $(left)" "0 $(span 1 16 170)" \
    "without a policy WAL is not touched"

# timelines: 2 left 1 in segment 50, 3 left 1 earlier and was given up
lines()
{
	rm -rf "$S"
	base 9d 0/8000028 0/8000100 1 >/dev/null
	base 8d 0/20000028 0/20000100 1 >/dev/null
	base 191h 0/40000028 0/40000100 2 >/dev/null
	base 190h 0/50000028 0/50000100 4 >/dev/null
	base 1h 0/60000028 0/60000100 4 >/dev/null
	segments 1 1 60
	segments 2 50 70
	segments 3 20 25
	segments 4 70 100
	history 2 "1	0/32800000	promoted"
	history 3 "1	0/14800000	recovered"
	history 4 "1	0/32800000	promoted" "2	0/46800000	again"
}
lines
sed 's/^incremental.*/incremental = 1h 8d 1h 2h -/' "$PGK_CONF" >"$T/conf8"
run pgk-prune -c "$T/conf8" -v
exits 0 "four timelines"
is "$(left)" "$(span 1 32 32)$(span 1 50 60)$(span 2 64 64)$(span 2 70 70)$(span 4 80 100)" \
    "only what lies on the way, or may be taken, is left" ||
    sed 's/^/# /' "$T/out"
is "$(find "$S/wal" -name '*.history' | wc -l)" 3 "histories stay"
run pgk-wal check --fast -c "$T/conf8"
exits 0 "pgk-wal check does not miss where the old timelines began"
quiet "and says nothing"

# what a base backup needs stays on a timeline that was left, too: an island
rm -rf "$S"
base 8d 0/BB00028 0/C300000 2 >/dev/null
base 3d 0/E100028 0/E200000 2 >/dev/null
segments 1 1 14
segments 2 11 14
history 2 "1	0/B900000	recovered"
run pgk-prune
is "$rc $(left)" "0 $(span 1 11 12)$(span 1 14 14)$(span 2 11 14)" \
    "islands on a timeline that was left"
run pgk-wal check --fast
exits 0 "are not taken for a gap"
quiet "and nothing is said"
rm "$S/wal/0000000200000000/00000002000000000000000D.gz"
run pgk-wal check --fast
exits 1 "as one on the way is"

# a history that is encrypted proves nothing here, and loses nothing
lines
for f in "$S"/wal/*.history; do
	printf 'age-encryption.org/v1\nx' >"$f.age"
	rm "$f"
done
run pgk-prune -c "$T/conf8"
ok "encrypted histories" test "$rc" -ne 1
is "$(left | tr ' ' '\n' | grep -c '^1:')" 60 "keep older timelines"

# another cluster's base backups say nothing of this WAL
ten_days
printf '7000000000000000002\n' >"$S/wal/system-identifier"
run pgk-prune wal
is "$rc $(left)" "0 $(span 1 1 170)" "another cluster's backups prove nothing"
# one that does not say what it needs
ten_days
mkset "$S" put incremental x 20h >/dev/null
run pgk-prune wal
exits 7 "a base backup without an LSN"
err_has 'does not say which it needs' "is named"
is "$(left)" "$(span 1 1 170)" "nothing goes"
# damage among base backups
ten_days
rm "$S"/incremental/*/base.tar.gz
run pgk-prune
exits 7 "damaged base backups"
err_has 'nothing of kind "wal" was deleted' "keep the WAL too"
is "$(left)" "$(span 1 1 170)" "all of it"
# a log that cannot be listed is not taken for none
ten_days
mkset "$S" put full chat 40d >/dev/null
mkset "$S" put full chat 1d >/dev/null
sed 's/^wal /full = - 30d - - -\n&/' "$PGK_CONF" >"$T/conff"
chmod 777 "$S/wal"
run pgk-prune -c "$T/conff"
exits 9 "a log that cannot be listed"
is "$(find "$S/incremental" -name '*.json' | wc -l) $(left)" \
    "20 $(span 1 1 170)" "keeps base backups and log"
is "$(grep -c '^deleted full/' "$T/out")" 1 "the other kinds are pruned"
# shrunken
ten_days
MKSET_PLAIN=10 base 1h 0/B0000028 0/B0000100 1 >/dev/null
run pgk-prune
exits 9 "a full backup of half the size"
err_has 'basebackup_.* has .*, the one before it ' "is said"
is "$(left) $(find "$S/incremental" -name '*.json' | wc -l)" \
    "$(span 1 1 170) 21" "nothing goes"
run pgk-prune --allow-shrunken
is "$rc $(left)" "0 $(span 1 48 170)" "--allow-shrunken"

# a kill anywhere: whole chains down from their end, and no WAL that is needed
ten_days
killat -o "$T/killed" 0 pgk-prune >"$T/out" 2>"$T/err"
calls=$(awk '{ print $1 }' "$T/killed")
step=$((calls / 20 > 0 ? calls / 20 : 1))
bad=0 kills=0
for ((n = 1; n <= calls; n += step)); do
	ten_days
	killat "$n" pgk-prune >"$T/out" 2>"$T/err"
	[ $? -eq 137 ] && kills=$((kills + 1))
	pgk-list --tsv >"$T/list" 2>"$T/err" || bad=$((bad + 1))
	[ "$(left | tr ' ' '\n' | grep -cE '^1:(4[89]|[5-9].|1..)$')" \
	    -eq 123 ] || bad=$((bad + 1))
	pgk-prune -q 2>"$T/err" || bad=$((bad + 1))
	[ "$(left)" = "$(span 1 48 170)" ] || bad=$((bad + 1))
	[ "$(find "$S" -name '*.intent*' -o -name '*.tmp' | wc -l)" -eq 0 ] ||
	    bad=$((bad + 1))
done
diag "$kills kills, $calls system calls"
is "$bad" 0 "each kill left what is needed, and the next run finished"
[ "$calls" -eq 0 ] || ok "kills there were" test "$kills" -gt 10
finish
