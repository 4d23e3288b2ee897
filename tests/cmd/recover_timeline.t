#!/bin/bash
# pgk-restore -D of an encrypted store, and along timelines.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

note()
{
	q postgres "INSERT INTO ledger VALUES ($1)"
}
ledger()
{
	q postgres "SELECT string_agg(n::text, ' ' ORDER BY n) FROM ledger"
}
try()
{
	place "$1"
	pgk pgk-restore -q -D "$T/$1/data" --target-action promote "${@:2}"
}
gone()
{
	server_stop "$1"
	rm -rf "${T:?}/$1"
}

recover_start
# a path that needs quoting on its way through the configuration and sh
key="$T/own/it's 100% \\ mine.key"
as_server age-keygen -o "$key" 2>/dev/null
as_server age-keygen -o "$T/own/other.key" 2>/dev/null
conf crypt "recipient = $(as_server age-keygen -y "$key")"
q postgres 'CREATE TABLE ledger (n int)'
pgk pgk-basebackup -q --checkpoint fast --wal-timeout 0
exits 0 "an encrypted backup"
first=$(cat "$T/out")
note 1
q postgres "SELECT pg_create_restore_point('fork')" >/dev/null
note 2
archived
ok "the log is encrypted too" test -n "$(find "$STORE/wal" -name '*.age')"

# keys -------------------------------------------------------------------------
try r1
exits 8 "no key"
err_lines 2 "a line, and a hint"
try r1 -i "$T/own/other.key"
exits 8 "another's key"
not_ok "nothing is made" test -e "$T/r1/data"
try r1 -i "$key" --target-name fork
exits 0 "the right key"
boot r1 "archive_mode = on"
server_until 'NOT pg_is_in_recovery()'
is "$(ledger)" 1 "recovered with it"

object=$(echo "$STORE/$first"/base.tar*)
as_server cp "$object" "$T/own/saved"
as_server flip at "$object" 60 >/dev/null
pgk pgk-restore -D "$T/own/none" -i "$key" --plan --tsv
exits 7 "a damaged header is not blamed on the key"
as_server cp "$T/own/saved" "$object"

# a timeline of its own ---------------------------------------------------------
note 3
q postgres 'SELECT pg_switch_wal()' >/dev/null
server_until "failed_count > 0 FROM pg_stat_archiver"
is "$(find "$STORE/wal" -name '00000002*')" "" \
    "nothing is archived until it is adopted"
pgk pgk-wal adopt -D "$T/r1/data" --yes
exits 0 "adopted"
archived
ok "then it is" test -n "$(find "$STORE/wal" -name '00000002*')"
backup=$(as_server pgk-basebackup -q --full --checkpoint fast --wal-timeout 0)
archived
as_server mv "$STORE/$backup.json" "$T/own/" # for later
gone r1
try r1 -i "$key"
exits 0 "to the newest timeline"
boot r1
server_until 'NOT pg_is_in_recovery()'
is "$(ledger)" "1 3" "which is the second"
gone r1
try r1 -i "$key" --target-timeline current
exits 0 "to the first one's end"
boot r1
server_until 'NOT pg_is_in_recovery()'
is "$(ledger)" "1 2" "has its rows"
gone r1

# a backup of before the fork, taken after it was left ----------------------------
server_use main
note 4
pgk pgk-basebackup -q --full --checkpoint fast --wal-timeout 0
second=$(cat "$T/out")
note 5
archived
pgk pgk-restore -i "$key" -D "$T/own/r1" --plan --tsv
exits 0 "a set that the newest timeline does not pass"
out_has "^set	${first##*/}\$" "is passed over"
pgk pgk-restore -i "$key" -D "$T/own/r1" "$second" --plan --tsv
exits 9 "and refused when named"
err_has 'target-timeline current' "with a hint"
pgk pgk-restore -i "$key" -D "$T/own/r1" "$second" --plan --tsv --target-timeline 1
exits 0 "which helps"
try r1 -i "$key" --target-timeline 1 "$second"
exits 0 "restored"
boot r1
server_until 'NOT pg_is_in_recovery()'
is "$(ledger)" "1 2 4 5" "with its rows"
gone r1

# two timelines from the first
try r1 -i "$key" --target-timeline 1 "$second"
boot r1 "archive_mode = on"
server_until 'NOT pg_is_in_recovery()'
pgk pgk-wal adopt -D "$T/r1/data" --yes
exits 0 "a third timeline, upon the first"
archived
gone r1
# the one given up has the newest base backup
as_server mv "$STORE/$second.json" "$T/own/"
as_server mv "$T/own/${backup##*/}.json" "$STORE/$backup.json"
pgk pgk-restore -i "$key" -D "$T/own/r1" --plan --tsv
exits 9 "to the end of the archive"
err_has "\"${backup##*/}\" is of timeline 2, from which the newest, 3, does not come" \
    "which of two is not for pgk to choose"
err_has 'hint: --target-timeline 2 or --target-timeline 3' "but to be said"
pgk pgk-restore -i "$key" -D "$T/own/r1" --plan --tsv --target-timeline 3
is "$(grep -E '^(set|timeline)' "$T/out")" "set	${first##*/}
timeline	3" "to the newest timeline, by a set that leads there"
pgk pgk-restore -i "$key" -D "$T/own/r1" --plan --tsv --target-timeline 2
is "$(grep -E '^(set|timeline)' "$T/out")" "set	${backup##*/}
timeline	2" "to the other"
pgk pgk-restore -i "$key" -D "$T/own/r1" --plan --tsv "$backup"
is "$(grep -E '^(set|timeline)' "$T/out")" "set	${backup##*/}
timeline	2" "a set that is named goes its own way"
as_server mv "$T/own/${second##*/}.json" "$STORE/$second.json"

# the first one's end is missing, as the third tells that left it there
segment=$(find "$STORE"/wal/0000000100000000 -name '0*' | sort | tail -n 1)
as_server mv "$segment" "$T/own/"
pgk pgk-restore -i "$key" -D "$T/own/r1" --plan --target-timeline 1 "$second"
exits 9 "WAL is missing behind which no other of its timeline is"
name=${segment##*/}
err_has "${name%%.*} is missing in the archive, and there is more" "said"
finish
