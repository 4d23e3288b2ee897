#!/bin/bash
# shell.sh - shellcheck over every script of the project
set -euo pipefail

cd "$(dirname "$0")/.."
mapfile -t files < <(grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell=' -r \
    tests .ci 2>/dev/null | grep -v '^tests/fixture/')
shellcheck -x -S warning "${files[@]}"
