#!/bin/bash
# run.sh TEST - what prove runs a test by: with a time limit; when it fails, what
# did and why goes to stderr, which prove shows
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
timeout -k 9 540 "$1" 2>"$scratch/err" </dev/null | tee "$scratch/out"
rc=${PIPESTATUS[0]}
if [ "$rc" -ne 0 ]; then
	{
		echo "# $1: status $rc"
		awk '/^not ok/ { failed = 1 } /^ok/ { failed = 0 } failed' \
		    "$scratch/out" | tail -n 60
		tail -n 60 "$scratch/err" | sed 's/^/# /'
	} >&2
fi
exit "$rc"
