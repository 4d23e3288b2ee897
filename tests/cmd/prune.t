#!/bin/bash
# pgk-prune: the policy decides, and nothing else goes. No server needed.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

S=$T/store
cat >"$T/conf" <<CONF
[store]
url = $S
[policy]
time-zone = Asia/Seoul
full      = 1d 30d - - 0 3 * * *
snapshot  = 7d 84d - - 0 2 * * 0
CONF
export PGK_CONF=$T/conf

# what lies in the store: every file but locks, with its sum
tree()
{
	(cd "$S" && find . -type f ! -name '.lock-*' -print0 | sort -z |
	    xargs -0 b2sum)
}

names()
{
	pgk-list --tsv "$@" | awk -F '\t' 'NR > 1 { print $3, int($6 / 86400) }'
}

fresh()
{
	rm -rf "$S"
	for age in 41d 36d 29d 1d; do
		mkset "$S" put full chat "$age" >/dev/null
	done
	mkset "$S" put full rare 91d >/dev/null
	mkset "$S" put snapshot - 101d >/dev/null
	mkset "$S" put snapshot - 8d >/dev/null
	# what the scripts of old made lies in the same folder
	echo old >"$S/full/chat_full_20200101_030000.sql.gz"
	echo old >"$S/full/.something"
	mkdir -m 700 "$S/full/chat_full_20200102_030000"
}

fresh
tree >"$T/before"
run pgk-prune --dry-run
exits 0 "a dry run"
out_has '^would delete full/chat_full_.*: 40d old, kept 30d$' "says what goes"
out_has '^keep full/rare_full_.*: the newest of "rare"$' "and why not"
is "$(wc -l <"$T/out")" 7 "a line a set"
tree >"$T/after"
same "$T/before" "$T/after" "and changes nothing"

run pgk-prune
exits 0 "a prune"
quiet "says nothing but what it deleted"
is "$(grep -c '^deleted full/chat_full_' "$T/out")" 2 "two full ones"
is "$(grep -c '^deleted snapshot/' "$T/out")" 1 "one snapshot"
is "$(wc -l <"$T/out")" 3 "and no more"
is "$(names | sort)" $'chat 0\nchat 28\npostgres 7\nrare 90' "the others stay"
tree >"$T/after"
not_ok "nothing that stayed was changed" grep -vxFf "$T/before" "$T/after"
is "$(cat "$S/full/chat_full_20200101_030000.sql.gz")" old \
    "the old script's dump is there"
ok "so is a folder" test -d "$S/full/chat_full_20200102_030000"
run pgk-prune
is "$rc $(cat "$T/out")" "0 " "a second prune has nothing to do"
run pgk-prune -v
out_has '^keep full/chat.*: 28d old, kept 30d$' "-v gives reasons"

fresh
run pgk-prune --min-keep 3
is "$(names full | sort)" $'chat 0\nchat 28\nchat 35\nrare 90' "--min-keep 3"
run pgk-prune -q full
is "$rc $(cat "$T/out")" "0 " "-q is silent"
is "$(names full | sort)" $'chat 0\nchat 28\nrare 90' "though it deletes"
fresh
run pgk-prune snapshot
is "$(names | sort)" $'chat 0\nchat 28\nchat 35\nchat 40\npostgres 7\nrare 90' \
    "one kind alone"

# usage and configuration
run pgk-prune --min-keep 0
exits 2 "--min-keep 0"
run pgk-prune fool
exits 2 "no such kind"
run pgk-prune incremental
exits 2 "a kind without a policy"
err_has 'does not say how long kind "incremental"' "is named"
printf '[store]\nurl = %s\n' "$S" >"$T/bare"
run pgk-prune -c "$T/bare"
exits 2 "no policy at all"
err_has 'hint: full = ' "and how to write one"
run pgk-prune --store "$T/none"
exits 1 "no such store"

# in use
fresh
old=$(pgk-list --tsv full | awk -F '\t' '$3 == "chat" { print $2; exit }')
mkfifo "$T/ready"
mkset "$S" hold "$old" >"$T/ready" &
holder=$!
read -r _ <"$T/ready"
run pgk-prune -v
exits 0 "a set is being read"
out_has "^keep full/$old: being read$" "it stays, and why"
kill "$holder"
wait "$holder" 2>/dev/null
mkset "$S" lock prune >"$T/ready" &
holder=$!
read -r _ <"$T/ready"
run pgk-prune
exits 4 "another prune is running"
err_has 'another prune of ' "and said"
run pgk-prune --dry-run
exits 0 "a dry run may look all the same"
kill "$holder"
wait "$holder" 2>/dev/null
run pgk-prune
out_has "^deleted full/$old: " "a lock ends with its holder"

# leftovers of killed runs
fresh
mkset "$S" abandon full chat 1h
: >"$S/full/.pgk-0123456789abcdef.tmp"
run pgk-prune --dry-run
is "$(find "$S" -name '*.intent*' | wc -l)" 1 "a dry run leaves leftovers"
run pgk-prune -v
exits 0 "a killed run left an object"
err_has 'removed "full/chat_full_.*sql.gz", left by a run that was' "it goes"
is "$(find "$S" -name '*.intent*' -o -name '*.tmp' | wc -l)" 0 \
    "nothing is left of it"
is "$(find "$S/full" -name '*.sql.gz' | wc -l)" 4 "nothing else went"

# nothing of a kind goes when something is wrong
fresh
echo x >>"$S/full/$(pgk-list --tsv full | tail -n 1 | cut -f 2).json"
tree | grep full/ >"$T/before"
run pgk-prune
exits 7 "a damaged set"
err_has 'nothing of kind "full" was deleted: 1 of its sets' "is counted"
tree | grep full/ >"$T/after"
same "$T/before" "$T/after" "nothing of its kind went"
out_has '^deleted snapshot/' "the other kind is pruned"
fresh
now=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
mkset "$S" put full chat "$now" >/dev/null
run pgk-prune full
exits 9 "a set dated in the future"
err_has 'a clock is wrong: chat_full' "is said"
is "$(names full | wc -l)" 6 "nothing went"
rm -rf "$S"
mkset "$S" put full chat 60d >/dev/null
mkset "$S" put full chat 50d >/dev/null
run pgk-prune
exits 9 "backups have stopped"
is "$(names full | wc -l)" 2 "what is old is all there is: it stays"

run bash -c "pgk-prune --dry-run >/dev/full"
exits 9 "a full disk behind stdout does not hide the guard"

# a kill at any system call leaves whole sets only, and the next run ends it
fresh
cp -a "$S" "$T/master"
killat -o "$T/killed" 0 pgk-prune >"$T/out" 2>"$T/err"
calls=$(awk '{ print $1 }' "$T/killed")
step=$((calls / 40 > 0 ? calls / 40 : 1))
[ -n "${PGK_SLOW:-}" ] && step=1
bad=0 kills=0
for ((n = 1; n <= calls; n += step)); do
	rm -rf "$S"
	cp -a "$T/master" "$S"
	killat "$n" pgk-prune >"$T/out" 2>"$T/err"
	[ $? -eq 137 ] && kills=$((kills + 1))
	pgk-list >"$T/list" 2>"$T/err" || bad=$((bad + 1))
	[ "$(names | grep -cxE 'chat (0|28)|postgres 7|rare 90')" -eq 4 ] ||
	    bad=$((bad + 1))
	pgk-prune -q 2>"$T/err" || bad=$((bad + 1))
	[ "$(names | sort)" = $'chat 0\nchat 28\npostgres 7\nrare 90' ] ||
	    bad=$((bad + 1))
	[ "$(find "$S" -name '*.intent*' -o -name '*.tmp' | wc -l)" -eq 0 ] ||
	    bad=$((bad + 1))
	[ "$(cat "$S/full/chat_full_20200101_030000.sql.gz")" = old ] ||
	    bad=$((bad + 1))
done
diag "$kills kills, $calls system calls"
is "$bad" 0 "whole sets only after each kill, and the next run finishes"
ok "kills there were" test "$kills" -gt 20
finish
