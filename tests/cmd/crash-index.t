#!/bin/bash
# pgk-index apply killed anywhere: the next run makes the policy so.
# PGK_POINTS is how many points (default 30).
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/crash.sh
. "$ROOT/tests/sh/crash.sh"

points=$(points 30)
killat 0 true 2>/dev/null || skip_all "ptrace is not allowed here"
server_start
createdb -T template0 m
anew()
{
	q m "DROP SCHEMA public CASCADE; CREATE SCHEMA public;
	CREATE TABLE t (a int, b int);
	INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g;
	CREATE INDEX changed ON t (b); CREATE INDEX former ON t (b, a);
	CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
	CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (9) TO (99) PARTITION BY RANGE (a);
	CREATE TABLE p3 PARTITION OF p2 FOR VALUES FROM (9) TO (99)" 2>/dev/null
}
cat >"$T/policy.sql" <<'END'
CREATE INDEX IF NOT EXISTS missing ON public.t (a) WHERE b > 3;
CREATE INDEX IF NOT EXISTS changed ON public.t (b) INCLUDE (a);
CREATE INDEX IF NOT EXISTS renamed ON public.t (b, a);
CREATE INDEX IF NOT EXISTS parts ON public.p (b);
END
apply=(pgk-index apply --replace -d m "$T/policy.sql")

# The server may be at the statement that was running for a moment.
again()
{
	local i

	for ((i = 0; i < 100; i++)); do
		"${apply[@]}" >"$T/out" 2>"$T/err" </dev/null
		rc=$?
		[ $rc -eq 4 ] || return
		sleep 0.1
	done
}

check()
{
	again
	[ $rc -eq 0 ] || complain "rerun: $rc $(head -n 3 "$T/err" "$T/out")"
	pgk-index diff -d m "$T/policy.sql" >"$T/out" 2>&1 </dev/null ||
	    complain "drift: $(cat "$T/out")"
	[ "$(q m 'SELECT count(*) FROM pg_index WHERE NOT indisvalid')" = 0 ] ||
	    complain "an invalid index"
	[ "$(q m "SELECT count(*) FROM pg_class WHERE relname LIKE '%pgk_new%'")" = 0 ] ||
	    complain "an index half replaced"
}

anew
run killat -o "$T/n" 0 "${apply[@]}"
exits 0 "apply runs under killat"
read -r calls _ <"$T/n"
n=$((calls < points ? calls : points))
killed=0
for ((i = 0; i < n; i++)); do
	at=$((1 + i * calls / n))
	anew
	killat -o "$T/n" $at "${apply[@]}" >"$T/out" 2>"$T/err" </dev/null
	rc=$?
	[ $rc -ne 137 ] || killed=$((killed + 1))
	what="$at $(cat "$T/n") rc $rc"
	check
done
crash_report "apply: $killed kills at $n points of $calls calls"
ok "the kills were kills" test "$killed" -ge $((n * 9 / 10))
no_orphans "in the end"
finish
