#!/bin/bash
# report.t RESULTS - one test a step of .ci/run: it ended with status 0
set -u

count=0
failed=0
while IFS=$'\t' read -r name status seconds; do
	count=$((count + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $count - $name ($seconds s)"
	else
		failed=1
		echo "not ok $count - $name: status $status ($seconds s)"
	fi
done <"$1"
echo "1..$count"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
