#!/bin/bash
# pgk-index bloat: what it estimates from the catalogue alone, against what
# indexes of 27 shapes have when rebuilt. PGK_SLOW makes them larger.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"

server_start main "autovacuum = off"
createdb -T template0 shapes
rows=60000
[ -z "${PGK_SLOW:-}" ] || rows=400000
psql -Xq -d shapes -v rows=$rows -f "$ROOT/tests/fixture/bloat.sql"

# what bloat says of each index: name, percent
said()
{
	pgk-index -d shapes bloat --min-size 0 --min-bloat 30 --json "$@" \
	    >"$T/json" 2>"$T/err"
	perl -MJSON::PP -e 'my $l = decode_json(join "", <STDIN>);
	    printf "%s %s %s %s\n", $_->{index}, $_->{facts}{bloat_percent},
	        $_->{verdict}, $_->{facts}{method} for @$l' <"$T/json" | sort
}
sizes()
{
	q shapes "SELECT relname || ' ' || pg_relation_size(oid) FROM pg_class
	    WHERE relname ~ '^s[0-9]' AND relkind = 'i'" | sort
}
# "NAME SAID TRUE" lines: mean and worst error, those over the bar not named
judge()
{
	awk -v what="$1" '{
		d = $2 - $3; a = d < 0 ? -d : d; sum += a
		if (a > worst) { worst = a; name = $1 }
		if ($3 >= 30 && $4 != "BLOATED") missed++
	} END {
		printf "%s: %d indexes, mean error %.1f points, worst %.1f (%s), %d missed\n",
		    what, NR, sum / NR, worst, name, missed > "/dev/stderr"
		exit !(NR >= 25 && sum / NR <= 8 && missed == 0)
	}' 2>"$T/figures"
	local good=$?

	diag "$(cat "$T/figures")"
	return $good
}

said --estimate >"$T/fresh"
awk '{ print $1, $2, 0, $3 }' "$T/fresh" >"$T/lines"
judge "fresh, estimated" <"$T/lines"
is "$?" 0 "the estimate of fresh indexes is near enough"
is "$(awk '{ print $4 }' "$T/fresh" | sort -u)" estimate "its method is said"

# 60 % of the rows go, from all over
psql -Xq -d shapes -c 'DELETE FROM shape WHERE h < 60' -c 'VACUUM (ANALYZE) shape'
said --estimate >"$T/deleted"
has_extension=$(q shapes "SELECT count(*) FROM pg_available_extensions
    WHERE name = 'pgstattuple'")
if [ "$has_extension" = 1 ]; then
	psql -Xq -d shapes -c 'CREATE SCHEMA "확장"' \
	    -c 'CREATE EXTENSION pgstattuple SCHEMA "확장"'
	said >"$T/measured"
fi
sizes >"$T/size"
psql -Xq -d shapes -c 'REINDEX TABLE shape'
sizes >"$T/rebuilt"
join "$T/size" "$T/rebuilt" | awk '{ printf "%s %.1f\n", $1, 100 * (1 - $3 / $2) }' >"$T/true"
join "$T/deleted" "$T/true" | awk '{ print $1, $2, $5, $3 }' >"$T/lines"
judge "after deletes, estimated" <"$T/lines"
is "$?" 0 "the estimate after deletes is near enough, and misses none"
if [ "$has_extension" = 1 ]; then
	join "$T/measured" "$T/true" | awk '{ print $1, $2, $5, $3 }' >"$T/lines"
	judge "after deletes, measured" <"$T/lines"
	is "$?" 0 "so is what pgstatindex measures, and misses none"
	is "$(awk '{ print $4 }' "$T/measured" | sort -u)" pgstatindex \
	    "its method is said"
else
	skip "measured by pgstatindex" "no pgstattuple here"
fi

run pgk-index -d shapes bloat
exits 0 "rebuilt, none is bloated"
quiet "without a remark"
is "$(cat "$T/out")" "" "and nothing printed"
psql -Xq -d shapes -c 'CREATE TABLE raw (k int)' \
    -c 'INSERT INTO raw SELECT generate_series(1, 10000)' \
    -c 'CREATE INDEX ON raw (k)'
run pgk-index -d shapes bloat --estimate --min-size 0
exits 0 "an index without statistics is no finding"
out_has '^UNKNOWN .*raw_k_idx' "it is said to be unknown"
finish
