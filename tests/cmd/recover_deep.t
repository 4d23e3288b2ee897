#!/bin/bash
# A chain of more sets than archives are held open (lib/recover, VIEWS_MAX), with
# a table that comes whole again in the midst of it: what it gives is what was.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"
# shellcheck source=tests/sh/recover.sh
. "$ROOT/tests/sh/recover.sh"

sets=29
most=$(sed -n 's/^#define VIEWS_MAX \([0-9]*\).*/\1/p' \
    "$ROOT/lib/recover/recover_int.h")
ok "that many" test "$sets" -gt $((most + 2))

contents()
{
	psql -XqAt -d postgres -c "SELECT 'd', d.* FROM d ORDER BY a" \
	    -c "SELECT 'w', w.* FROM w ORDER BY a"
}

recover_start
q postgres "CREATE TABLE d AS SELECT i AS a, md5(i::text) AS b
    FROM generate_series(1, 60000) i; CREATE UNIQUE INDEX ON d (a)"
q postgres "CREATE TABLE w AS SELECT i AS a, md5(i::text) AS b
    FROM generate_series(1, 30000) i; CREATE UNIQUE INDEX ON w (a)"
failed=0
for ((i = 0; i < sets; i++)); do
	how=--incremental
	[ $i -gt 0 ] || how=--full
	pgk pgk-basebackup -q --method=blocks --checkpoint fast $how
	[ "$rc" -eq 0 ] || failed=$((failed + 1))
	# here and there, so that each set has blocks that later ones lack
	q postgres "UPDATE d SET b = b || 'x' WHERE a % 997 = $i * 31;
	    UPDATE w SET b = b || 'x' WHERE a % 499 = $i"
	[ $i -ne 5 ] || q postgres "VACUUM FULL w"
done
is "$failed" 0 "$sets base backups, each upon the one before"
pgk pgk-basebackup -q --method=blocks --checkpoint fast --incremental
exits 0 "and the last"
contents >"$T/was"
archived

pgk pgk-restore -D "$T/own/deep" --plan --tsv
is "$(grep -c '^chain' "$T/out")" $((sets + 1)) "all are in the chain"
place deep
pgk pgk-restore -q -D "$T/deep/data" --target-action promote
exits 0 "restored"
ok "pg_verifybackup accepts it" as_server pg_verifybackup -n "$T/deep/data"
boot deep
ok "recovered" server_until "NOT pg_is_in_recovery()"
contents >"$T/is"
same "$T/was" "$T/is" "row for row"
q postgres "CREATE EXTENSION amcheck"
ok "heap and indexes are sound" q postgres "SELECT
    bt_index_check(indexrelid, true) FROM pg_index
    WHERE indrelid IN ('d'::regclass, 'w'::regclass)"

finish
