#!/bin/bash
# run.sh TEST - what prove runs a test by: with a time limit, and what it says
# on stderr kept back unless it fails
err=$(mktemp) || exit 1
trap 'rm -f "$err"' EXIT
timeout -k 9 540 "$1" 2>"$err" </dev/null
rc=$?
[ $rc -eq 0 ] || sed 's/^/# /' "$err" | tail -n 100
exit $rc
