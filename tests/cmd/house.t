#!/bin/bash
# The rules of the house hold, and the scripts that check them can fail.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

# a copy of the sources to spoil
fresh()
{
	rm -rf "$T/copy"
	mkdir "$T/copy"
	cp -r "$ROOT/lib" "$ROOT/cmd" "$ROOT/man" "$ROOT/tests" "$T/copy"
}

run "$ROOT/tests/layers.sh"
exits 0 "includes point down"
quiet "and nothing is said"

# spoil FILE LINE RE NAME
spoil()
{
	fresh
	printf '%s\n' "$2" >>"$T/copy/$1"
	run "$ROOT/tests/layers.sh" "$T/copy"
	exits 1 "found: $4"
	err_has "$3" "and named"
}
spoil lib/buf/buf.h '#include "repo/repo.h"' 'lib/buf/buf.h.*higher layer' \
    "an include that points up"
spoil lib/sink/sink.c '#include <sodium.h>' 'sink.c.*sodium.h.*age' \
    "a foreign header in another's room"
spoil lib/sink/sink.c '#include <curl/curl.h>' 'nobody owns' \
    "a library nobody owns"
spoil cmd/pgk-dump.c '#include <zstd.h>' 'cmd/pgk-dump.c.*zstd.h' \
    "a foreign header in a tool"
spoil lib/repo/repo.h '#include "store/store_int.h"' 'private' \
    "another room's private header"
spoil lib/buf/buf.c '	exit(1);' 'buf.c:[0-9]+.*exit' "exit in lib/"
fresh
echo '#include "gz/gz.h"' >>"$T/copy/lib/zst/zst.h"
echo '#include "zst/zst.h"' >>"$T/copy/lib/gz/gz.h"
run "$ROOT/tests/layers.sh" "$T/copy"
exits 1 "found: two rooms that include each other"
err_has 'each other: .*(gz|zst)' "and named"

tools=("$BUILD"/bin/pgk-*[a-z])
run "$ROOT/tests/man.sh" "${tools[@]}"
exits 0 "man pages are well-formed and complete"
quiet "and nothing is said"
fresh
# shellcheck disable=SC2154
sed -i '0,/^\.It Fl j Ar/s/^\.It Fl j Ar.*/.It Fl J/' "$T/copy/man/pgk-dump.1"
run "$T/copy/tests/man.sh" "$BUILD/bin/pgk-dump"
exits 1 "found: a page that differs from its tool"
err_has 'does not describe --jobs' "what is missing"
err_has 'describes -J, which' "what is too much"
fresh
echo '.Bogus' >>"$T/copy/man/pgk-dump.1"
run "$T/copy/tests/man.sh"
exits 1 "found: a page that is no mdoc"

if [ "${PGK_ASAN:-0}" = 1 ]; then
	skip "the programs are hardened" "built for the sanitizers"
else
	run "$ROOT/tests/hardening.sh" "${tools[@]}"
	exits 0 "the programs are hardened"
	quiet "and nothing is said"
	echo 'int main(void) { return 0; }' >"$T/x.c"
	cc -no-pie -o "$T/pgk-x" "$T/x.c"
	run "$ROOT/tests/hardening.sh" "$T/pgk-x"
	exits 1 "found: a program that is not"
	err_has 'no PIE' "and what it lacks"
fi

if command -v shellcheck >/dev/null; then
	run "$ROOT/tests/shell.sh"
	exits 0 "the scripts pass shellcheck"
else
	skip "the scripts pass shellcheck" "shellcheck is not installed"
fi

# every error and warning of every tool is on stderr; --help is on stdout
for tool in "${tools[@]}"; do
	name=${tool##*/}
	run "$tool" --help
	exits 0 "$name --help"
	quiet "$name --help says nothing on stderr"
	out_has "^usage: $name|^Usage: $name" "$name --help shows its usage"
	run "$tool" --version
	out_has "^$name [0-9]+\.[0-9]+" "$name --version"
	run "$tool" --no-such-option
	exits 2 "$name refuses an unknown option"
	err_has "^$name: .*--no-such-option" "and names it"
	is "$(wc -c <"$T/out")" 0 "with nothing on stdout"
done
finish
