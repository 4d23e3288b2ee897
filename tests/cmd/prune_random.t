#!/bin/bash
# pgk-prune while base backups are made on any parent, sets are read, a second
# prune runs and all of them are stopped and go on at random: what is left is
# whole, by a look at the raw files. PGK_POINTS is how many rounds (default 15).
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
rounds=$(points 15)
RANDOM=${PGK_SEED:-4711}
echo wal >"$T/segment"

# What is left must hold: every set's parent and objects are there, and the
# segments written while it was taken; and from the newest base backup that
# ended more than seven days ago there is no gap to the end.
cat >"$T/closure.pl" <<'PERL'
use JSON::PP;
use POSIX ();
use Time::Local;
my ($store, $last) = @ARGV;
my (%set, %seg, $bad);
sub complain { print "# @_\n"; $bad++ }
for my $f (glob "$store/incremental/*.json") {
	open my $in, '<', $f or next;
	my $s = decode_json(do { local $/; <$in> });
	$set{$s->{name}} = $s;
}
$seg{$_ =~ s{.*/([0-9A-F]{24}).*}{$1}r} = 1 for glob "$store/wal/*/*.gz";
sub number { my ($h, $l) = split m{/}, shift; (hex($h) << 32 | hex $l) }
sub name { sprintf '%08X%08X%08X', 1, $_[0] >> 8, $_[0] & 255 }
my ($anchor, $at);
for my $s (values %set) {
	complain("$s->{name}: its parent $s->{parent} is gone")
	    if defined $s->{parent} && !$set{$s->{parent}};
	for my $o (@{$s->{objects}}) {
		complain("$o->{name} is gone")
		    unless -s "$store/incremental/$o->{name}" == $o->{stored};
	}
	for (number($s->{lsn}) >> 24 .. (number($s->{end_lsn}) - 1) >> 24) {
		complain("$s->{name} lacks ", name($_)) unless $seg{name($_)};
	}
	my ($y, $mo, $d, $h, $mi, $se) = $s->{end} =~ /\d+/g;
	my $end = timegm($se, $mi, $h, $d, $mo - 1, $y);
	($anchor, $at) = ($s, $end) if $end < time - 7 * 86400 - 60 &&
	    (!defined $at || $end > $at);
}
complain('no base backup from before the seven days') unless $anchor;
if ($anchor) {
	for (number($anchor->{lsn}) >> 24 .. $last) {
		complain("a gap behind $anchor->{name}: ", name($_))
		    unless $seg{name($_)};
	}
}
printf "# %d sets, %d segments\n", scalar keys %set, scalar keys %seg
    if $ENV{CLOSURE_VERBOSE};
exit($bad ? 1 : 0);
PERL

lsn=2
# base AGE_HOURS [PARENT] - the next one, of up to three segments
base()
{
	local age=$1 parent=${2:-} from=$lsn
	lsn=$((lsn + RANDOM % 3))
	printf -v a '0/%X000028' "$from"
	printf -v b '0/%X000100' "$lsn"
	lsn=$((lsn + 1 + RANDOM % 3))
	# shellcheck disable=SC2086
	mkset "$S" base "${age}h" "$a" "$b" 1 $parent
}
segments()
{
	local i name folder=$S/wal/0000000100000000
	(umask 077; mkdir -p "$S/wal" "$folder")
	for ((i = 1; i <= $1; i++)); do
		printf -v name '0000000100000000%08X.gz' "$i"
		[ -e "$folder/$name" ] || ln "$T/segment" "$folder/$name"
	done
	printf '7000000000000000001\n' >"$S/wal/system-identifier"
}

# jog PID... - stop them and let them go on, at random, until all have ended
jog()
{
	local pid alive=1
	while [ $alive -eq 1 ]; do
		alive=0
		for pid in "$@"; do
			kill -0 "$pid" 2>/dev/null || continue
			alive=1
			[ $((RANDOM % 3)) -ne 0 ] ||
			    kill -STOP "$pid" 2>/dev/null
		done
		sleep "0.00$((RANDOM % 9 + 1))"
		for pid in "$@"; do kill -CONT "$pid" 2>/dev/null; done
	done
}

# three weeks of chains, some long
build()
{
	local hours=500 parent=
	lsn=2
	while [ $hours -gt 3 ]; do
		if [ -z "$parent" ] || [ $((RANDOM % 4)) -eq 0 ]; then
			parent=$(base $hours)
		else
			parent=$(base $hours "$parent")
		fi
		hours=$((hours - 8 - RANDOM % 30))
	done
	segments 240
}
build
cp -a "$S" "$T/base"
kept_lsn=$lsn
mapfile -t names < <(pgk-list --tsv incremental | awk 'NR > 1 { print $2 }')
diag "${#names[@]} base backups"

bad=0 children=0 refused=0 busy=0 deleted=0
for ((round = 1; round <= rounds; round++)); do
	rm -rf "$S"
	cp -a "$T/base" "$S"
	lsn=$kept_lsn
	# any set may be read, and any may be built upon
	mkset "$S" hold "${names[RANDOM % ${#names[@]}]}" >"$T/held" 2>&1 &
	holder=$!
	pgk-prune >"$T/out1" 2>"$T/err1" &
	p1=$!
	pgk-prune >"$T/out2" 2>"$T/err2" &
	p2=$!
	parent=${names[RANDOM % ${#names[@]}]}
	{
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
		MKSET_NAP=$((RANDOM % 60)) base 1 "$parent"
	} >"$T/child" 2>"$T/childerr" &
	p3=$!
	jog $p1 $p2 $p3
	wait $p1; rc1=$?
	wait $p2; rc2=$?
	wait $p3 && children=$((children + 1)) || refused=$((refused + 1))
	kill "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
	[ "$rc1$rc2" != 00 ] && busy=$((busy + 1))
	case $rc1$rc2 in
	00|04|40) ;;
	*)	diag "round $round: statuses $rc1 and $rc2: $(cat "$T"/err[12])"
		bad=$((bad + 1)) ;;
	esac
	perl "$T/closure.pl" "$S" 240 || { diag "round $round"; bad=$((bad + 1)); }
	pgk-prune -q 2>"$T/err1" || bad=$((bad + 1))
	perl "$T/closure.pl" "$S" 240 || { diag "then, $round"; bad=$((bad + 1)); }
	now=$(find "$S/incremental" -name '*.json' | wc -l)
	deleted=$((deleted + ${#names[@]} - now))
done
diag "$children children came, $refused were refused, $busy prunes were busy," \
    "$deleted sets went"
is "$bad" 0 "nothing that is needed ever went"
ok "base backups came meanwhile" test "$children" -gt 0
ok "sets went meanwhile" test "$deleted" -gt "$rounds"
# the look finds what is wrong
rm "$S/wal/0000000100000000/0000000100000000000000EF.gz"
not_ok "a gap is seen" perl "$T/closure.pl" "$S" 240
finish
