#!/bin/bash
# pgk-list: chains of base backups and the time that can be recovered. No
# server needed: of most segments only the name counts.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

S=$T/store
printf '[store]\nurl = %s\n[policy]\ntime-zone = Asia/Seoul\n' "$S" >"$T/conf"
export PGK_CONF=$T/conf
echo wal >"$T/segment"

# segments TIMELINE FIRST LAST - put these (decimal, below 256)
segments()
{
	local i name
	printf -v folder '%s/wal/%08X00000000' "$S" "$1"
	(umask 077; mkdir -p "$S/wal" "$folder")
	for ((i = $2; i <= $3; i++)); do
		printf -v name '%08X00000000%08X.gz' "$1" "$i"
		ln -f "$T/segment" "$folder/$name"
	done
	printf '7000000000000000001\n' >"$S/wal/system-identifier"
}
windows()
{
	pgk-list incremental 2>"$T/err" | sed -n '/recoverable/p'
}
# fields NAME... - of every base backup, by the headings
fields()
{
	pgk-list --tsv incremental | awk -F '\t' -v want="$*" '
	    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	    { n = split(want, w, " "); line = ""
	      for (i = 1; i <= n; i++)
		line = line (i > 1 ? " " : "") ($at[w[i]] == "" ? "-" : $at[w[i]])
	      print line }'
}

# a full one at 03:00 in Seoul, one on it an hour later, and the next full one
F=$(mkset "$S" base 2025-01-26T18:00:00Z 0/3000028 0/3000100 1)
I=$(mkset "$S" base 2025-01-26T19:00:00Z 0/5000028 0/5000100 1 "$F")
G=$(mkset "$S" base 2025-01-27T18:00:00Z 0/9000028 0/9000100 1)
run pgk-list
exits 0 "base backups without WAL"
is "$(sed -n 1p "$T/out" | tr -s ' ')" \
    "KIND NAME DATABASE METHOD BUILDS ON TAKEN AGE STORED PLAIN ENCRYPTED ROWS" \
    "there are columns for chains"
is "$(awk 'NR > 1 { print $2, $3, $4 }' "$T/out" | head -3)" "$F full -
$I blocks $F
$G full -" "what builds on what"
is "$(windows)" "not recoverable from this store alone: 3 base backups, their WAL is not in it" \
    "no WAL, and said"
is "$(fields parent base method timeline lsn end_lsn wal_to)" \
    "- $F full 1 0/3000028 0/3000100 -
$F $F blocks 1 0/5000028 0/5000100 -
- $G full 1 0/9000028 0/9000100 -" "the same as TSV"

segments 1 3 12
is "$(windows)" \
    "recoverable: any time from 2025-01-27 03:01:01+09 to 2025-01-28 03:01:00+09 and on (WAL to 0/D000000, timeline 1; the WAL cannot be read), gaps: none" \
    "one window"
is "$(fields wal_to wal_timeline wal_missing | sort -u)" "0/D000000 1 -" \
    "all reach its end"

# last WHEN... - segment 12 with commits at these times in it, into the store
last()
{
	local words=() when xid=700

	for when in "$@"; do
		words+=($((xid++)) "$when")
	done
	rm -f "$S/wal/0000000100000000/00000001000000000000000C".*
	mkdir -p "$T/pg_wal"
	mkevents "$T/pg_wal/00000001000000000000000C" 12 1 \
	    7000000000000000001 16 "${words[@]}" >"$T/lsn" &&
	    (cd "$T" && pgk-wal push "${push[@]}" \
	    "pg_wal/00000001000000000000000C") || tap_tell
}
push=(--no-encrypt)
last 2025-01-27T20:00:00Z.5 2025-01-27T20:30:00Z.1 2025-01-27T20:29:00Z
is "$(windows)" \
    "recoverable: any time from 2025-01-27 03:01:01+09 to 2025-01-28 05:30:00+09 (WAL to 0/D000000, timeline 1), gaps: none" \
    "the end is that of the last transaction"
is "$(fields wal_time | sort -u)" "2025-01-27T20:30:00Z" "in TSV as well"
run pgk-list --json incremental
out_has '"to": "2025-01-27T20:30:00Z", "known_to": "2025-01-27T18:01:00Z"' \
    "and in JSON"
last 2025-01-27T20:30:00Z
is "$(fields wal_time | sort -u)" "2025-01-27T20:29:59Z" \
    "a time is reached when a transaction ends behind it"
last 2025-01-26T18:00:30Z
is "$(windows)" \
    "recoverable: 2025-01-27 03:01:00+09, no transaction has ended since (WAL to 0/D000000, timeline 1), gaps: none" \
    "none since the oldest backup"
is "$(fields wal_time)" "2025-01-26T18:01:00Z
2025-01-26T19:01:00Z
2025-01-27T18:01:00Z" "each as it ended"
# encrypted: with the key at hand, without one, and with one that is not there
pgk-key new -o "$T/identity" 2>/dev/null
push=(-r "$(pgk-key recipient "$T/identity")")
last 2025-01-27T20:30:00Z.1
run pgk-list incremental
exits 0 "encrypted WAL and no key"
quiet "is no error"
out_has 'to 2025-01-28 03:01:00\+09 and on \(WAL to 0/D000000, timeline 1; no key opens the WAL\), gaps: none$' \
    "and the time not known"
cp "$T/conf" "$T/conf.plain"
printf '[crypt]\nidentity = %s\n' "$T/identity" >>"$T/conf"
is "$(windows)" \
    "recoverable: any time from 2025-01-27 03:01:01+09 to 2025-01-28 05:30:00+09 (WAL to 0/D000000, timeline 1), gaps: none" \
    "with the key it is"
mv "$T/identity" "$T/elsewhere"
run pgk-list incremental
exits 0 "a key that is on another host"
quiet "is no error either"
out_has 'no key opens the WAL' "and the time not known then"
mv "$T/conf.plain" "$T/conf"
rm "$S/wal/0000000100000000/00000001000000000000000C".*
segments 1 12 12

rm "$S/wal/0000000100000000/000000010000000000000007.gz"
is "$(windows)" \
    "recoverable: any time from 2025-01-27 03:01:01+09 to 2025-01-27 04:01:00+09 and on (WAL to 0/7000000, timeline 1; the WAL cannot be read), then a gap: 000000010000000000000007 is missing
recoverable: any time from 2025-01-28 03:01:01+09 to 2025-01-28 03:01:01+09 and on (WAL to 0/D000000, timeline 1; the WAL cannot be read), gaps: none" \
    "a gap makes two"
is "$(fields wal_missing)" "000000010000000000000007
000000010000000000000007
-" "and is named"
run pgk-list --json incremental
cat >"$T/json.pl" <<'PERL'
use JSON::PP;
my $sets = decode_json(do { local $/; <STDIN> });
for (@$sets) {
	my $r = $_->{computed}{recoverable};
	print join(' ', $_->{computed}{base}, $r ? ($r->{from}, $r->{to} // '-',
	    $r->{known_to},
	    $r->{lsn}, $r->{timeline}, $r->{gap} // 'none') : 'null'), "\n";
}
PERL
is "$(perl "$T/json.pl" <"$T/out")" \
    "$F 2025-01-26T18:01:00Z - 2025-01-26T19:01:00Z 0/7000000 1 000000010000000000000007
$F 2025-01-26T19:01:00Z - 2025-01-26T19:01:00Z 0/7000000 1 000000010000000000000007
$G 2025-01-27T18:01:00Z - 2025-01-27T18:01:00Z 0/D000000 1 none" "as JSON too"

# after a prune the first can be had only as it ended
rm "$S/wal/0000000100000000/000000010000000000000004.gz"
segments 1 7 7
is "$(windows)" \
    "recoverable: any time from 2025-01-27 04:01:01+09 to 2025-01-28 03:01:00+09 and on (WAL to 0/D000000, timeline 1; the WAL cannot be read), gaps: none
recoverable: 1 older base backup only as it ended" "as it ended"
# and what lacks the WAL it needs, or what it builds on, not at all
rm "$S/wal/0000000100000000/000000010000000000000003.gz"
is "$(windows | tail -n 1)" \
    "not recoverable: $F, WAL 000000010000000000000003 is missing" \
    "WAL it needs is missing"
run pgk-list --json incremental
is "$(perl "$T/json.pl" <"$T/out" | head -n 1)" "$F null" "null in JSON"
segments 1 3 4
J=$(mkset "$S" base 2025-01-27T19:00:00Z 0/A000028 0/A000100 1 nothing_there)
is "$(windows | tail -n 1)" \
    "not recoverable: $J, what it builds on is missing" "a link is missing"
is "$(fields base | tail -n 1)" - "it has no base"

# the newest timeline is the one followed
printf '1\t0/A800000\tpromoted\n' >"$S/wal/00000002.history"
segments 2 10 20
H=$(mkset "$S" base 2025-01-28T18:00:00Z 0/E000028 0/E000100 2)
is "$(windows | head -n 1)" \
    "recoverable: any time from 2025-01-27 03:01:01+09 to 2025-01-29 03:01:00+09 and on (WAL to 0/15000000, timeline 2; the WAL cannot be read), gaps: none" \
    "across a promotion"
is "$(fields wal_to wal_timeline | sort -u)" "0/15000000 2" "all go that way"
# one of timeline 1 that was begun before that left it, and one of behind there
for lsn in A700000 B000028; do
	K=$(mkset "$S" base 2025-01-28T06:00:00Z "0/$lsn" 0/B000100 1)
	is "$(windows | tail -n 2)" \
	    "recoverable: any time from 2025-01-28 15:01:01+09 to 2025-01-28 15:01:01+09 and on (WAL to 0/D000000, timeline 1; the WAL cannot be read), gaps: none
not recoverable: $J, what it builds on is missing" \
	    "a base backup that it does not pass goes its own"
	rm -r "$S/incremental/$K"*
done
# an encrypted history without a key: this timeline alone, and no error
printf 'age-encryption.org/v1\nx' >"$S/wal/00000002.history.age"
rm "$S/wal/00000002.history"
run pgk-list incremental
exits 0 "a history that cannot be read"
quiet "is no error"
is "$(fields wal_to wal_timeline | sort -u)" "0/15000000 2
0/D000000 1" "each timeline for itself"

# another cluster's WAL is none
printf '7000000000000000002\n' >"$S/wal/system-identifier"
is "$(windows | head -n 1)" \
    "not recoverable from this store alone: 4 base backups, their WAL is not in it" \
    "another cluster's"
run pgk-list full
is "$rc" 1 "another kind has no such lines"
: "$H"
finish
