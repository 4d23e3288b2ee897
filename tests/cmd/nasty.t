#!/bin/bash
# A database of everything that trips a dump comes back the same, by psql and
# by pgk-restore, in parallel or not.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/pgk.sh
. "$ROOT/tests/sh/pgk.sh"

nasty_server
nasty_database nasty || skip_all "the fixture does not load"
store_new
diag "PostgreSQL $(q postgres 'SHOW server_version')"

# the comparison can fail: one value, one row, one object
fresh copy
pg_dump -d nasty | psql -Xq -d copy >/dev/null 2>&1
ok "pg_dump | psql makes the same" compare nasty copy
q copy "UPDATE public.wide SET t = t || ' ' WHERE id = 1"
not_ok "a changed value is seen" compare nasty copy
q copy "UPDATE public.wide SET t = rtrim(t) WHERE id = 1"
ok "and changed back" compare nasty copy
q copy 'DELETE FROM public.zero WHERE ctid = (SELECT min(ctid) FROM public.zero)'
not_ok "a missing row without columns is seen" compare nasty copy
fresh copy

run pgk-dump --owner --acl -j 4 --no-encrypt nasty
exits 0 "pgk-dump -j 4"
quiet "without a word"
set=$(cat "$T/out")
whole_sets "b2sum agrees"
run bash -c 'set -o pipefail
    gunzip -c "$1" | psql -Xq -v ON_ERROR_STOP=1 -d copy >/dev/null' x \
    "$(set_file "$set")"
exits 0 "gunzip | psql -v ON_ERROR_STOP=1 restores it"
ok "the copy is the same" compare nasty copy
run pgk-dump -j 1 -Z zstd --no-encrypt -o "$T/plain.zst" nasty
exits 0 "pgk-dump -j 1 -Z zstd, without owners and privileges"
fresh copy
run bash -c 'set -o pipefail
    zstd -dc "$1" | psql -Xq -v ON_ERROR_STOP=1 -d copy >/dev/null' x \
    "$T/plain.zst"
exits 0 "zstd -d | psql restores it"
ok "the copy is the same, without them" compare nasty copy -O -x

restore_same()
{
	local name=$1

	shift
	drop copy
	run pgk-restore "$@" -d copy --create
	exits 0 "pgk-restore $name"
	ok "the copy is the same: $name" compare nasty copy
	is "$(q postgres "SELECT shobj_description(oid, 'pg_database')
	    FROM pg_database WHERE datname = 'copy'")" "" \
	    "it bears no mark: $name"
}
for jobs in 1 2 4; do
	restore_same "-j $jobs" -j $jobs latest:nasty
done
fresh copy
q copy 'CREATE TABLE in_the_way (a int)'
run pgk-restore -j 2 "$T/plain.zst" -d copy --replace --yes
exits 0 "pgk-restore of a file, --replace --yes"
ok "the copy is the same" compare nasty copy -O -x
gunzip -c "$(set_file "$set")" >"$T/plain.sql"
restore_same "a plain script" "$T/plain.sql"
pg_dump -d nasty -f "$T/pg_dump.sql"
restore_same "pg_dump's own script" "$T/pg_dump.sql"
drop copy
run bash -c 'set -o pipefail
    pgk-cat latest:nasty | pgk-restore - -d copy --create'
exits 0 "pgk-cat | pgk-restore -"
ok "the copy is the same" compare nasty copy
fresh copy
run bash -c 'set -o pipefail
    pgk-cat latest:nasty | psql -Xq -v ON_ERROR_STOP=1 -d copy'
exits 0 "pgk-cat | psql"
ok "the copy is the same" compare nasty copy

# each table's rows alone, with hostile names
table()
{
	run pgk-cat -t "$1" latest:nasty
	exits 0 "pgk-cat -t $(tr '\n' ' ' <<<"$1")"
	is "$(grep -ac "$2" "$T/out")" "$3" "holds its rows"
}
table '"we.ird ""schema"""."ta""ble"' '^[0-9]' 10
table '"new
line"."tab
le"' 'C 1 2 3' 1
table 'public."\."' '^\\\\\.' 2
table '"-o"."-f /etc/passwd"' '^1$' 1
table '"Select"."From"' '^1' 1
table '가나다라마바사아자차카타파하가나다라마바사.가나다라마바사아자차카타파하가나다라마바아' 환자 100
table 'public."; DROP TABLE x; --"' '^7$' 1
run pgk-cat -t public.nonesuch latest:nasty
exits 1 "pgk-cat -t of a table that is not there"
finish
