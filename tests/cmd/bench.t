#!/bin/bash
# make bench measures what it says, on a database that takes no time.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

command -v python3 >/dev/null || skip_all "no python3 here"

cases=("dump: pgk-dump -j2" "restore: pgk-restore -j2 --create")
mkdir "$T/bench" "$T/build"
ln -s "$BUILD/bin" "$T/build/bin"
chmod 711 "$T/bench"
# as pg-matrix.sh has it when it is there
mkdir -p "$T/pg/pgbackrest/bin"
echo 'pgBackRest 9.99' >"$T/pg/pgbackrest/ready"
printf '#!/bin/sh\ncat "%s"\n' "$T/pg/pgbackrest/ready" \
    >"$T/pg/pgbackrest/bin/pgbackrest"
chmod +x "$T/pg/pgbackrest/bin/pgbackrest"
run env PGK_BUILD="$T/build" PGM_ROOT="$T/pg" TMPDIR="$T/bench" \
    "$ROOT/tests/bench/run" --rows 2000 --rounds 2 "${cases[@]}"
exits 0 "two cases, in two rounds"
is "$(cut -f1,2 "$T/build/bench.tsv" | tail -n +2 | paste -sd,)" \
    "${cases[0]}	1,${cases[1]}	1,${cases[0]}	2,${cases[1]}	2" \
    "they take turns"
is "$(awk -F'\t' 'NR > 1 && ($3 <= 0 || $6 < 0 || $7 <= 0) ||
    /^dump/ && $8 < 50000' "$T/build/bench.tsv")" "" "and cost something"
out_has '^PostgreSQL [0-9]+, pgBackRest 9\.99, [0-9]+ processors, ' \
    "the newer pgbackrest is taken, and named"
out_has '^pgk-dump -j2 +[0-9.]+ +1\.00 ' "a table of the dumps"
out_has '^pgk-restore -j2 --create +[0-9.]+ +1\.00 ' "and of the restores"
is "$(ls -A "$T/bench")" "" "nothing is left"

run env PGK_BUILD="$T/build" TMPDIR="$T/bench" "$ROOT/tests/bench/run" "dump: x"
exits 1 "no such case"
is "$(cat "$T/err")" 'bench: no such case: "dump: x"' "is said at once"

# a case that goes wrong is said, and is no result
mkdir "$T/bad"
cp "$ROOT"/tests/bench/measure.py "$T/bad"
printf '[x: bad]\nrun = false\n[x: good]\nrun = true\n[x: none]\nneeds = no-such-program\nrun = true\n' \
    >"$T/bad/cases.ini"
run python3 "$T/bad/measure.py" --postmaster $$ --rounds 1 "$T/bad/cases.ini"
exits 1 "a case that fails"
err_has 'bad: status 1' "is named"
err_has 'none: left out, no-such-program' "one that cannot run is left out"
not_ok "and has no line" grep -qE '^(bad|none) ' "$T/out"
out_has '^good ' "the others have"
run python3 "$T/bad/measure.py" --postmaster $$ --rounds 1 "$T/bad/cases.ini" x
out_has '^good ' "a kind means all its cases"
finish
