#!/bin/bash
# The tools the other tests trust: killat, errat, flip.
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"

work='echo one >"$1/a"; (echo two >"$1/b"; mv "$1/b" "$1/c"); rm "$1/a"'
mkdir "$T/w"

run killat -o "$T/n" 0 sh -c "$work" x "$T/w"
exits 0 "nothing is killed at 0"
ok "the work was done" test -f "$T/w/c" -a ! -e "$T/w/a"
read -r calls call status process <"$T/n"
is "$call $status $process" "- 0 0" "and the report says so"
ok "calls were counted" test "$calls" -ge 8
rm -f "$T/w"/*
run killat -o "$T/n" 0 sh -c "$work" x "$T/w"
is "$(cut -d' ' -f1 "$T/n")" "$calls" "the same run has the same count"

# every point: killed there, and never are there two of one file
bad=0
for ((i = 1; i <= calls; i++)); do
	rm -f "$T/w"/*
	run killat -o "$T/n" "$i" sh -c "$work" x "$T/w"
	[ "$rc" -eq 137 ] || bad=$((bad + 1))
	[ ! -f "$T/w/b" ] || [ ! -f "$T/w/c" ] || bad=$((bad + 1))
done
is $bad 0 "killed at each of $calls calls"
run killat $((calls + 1)) sh -c 'exit 7'
exits 7 "beyond the last call the command's status is given"

# threads and grandchildren die with the group
run killat -o "$T/n" 12 sh -c 'sleep 77 & sleep 77 & wait'
exits 137 "children are killed too"
not_ok "and none is left" pgrep -f '^sleep 77$'

# -p: only one process; sh lives on and says so
run killat -p -o "$T/n" 0 sh -c 'sh -c "echo >$1/x" x "$1"; echo rc $?' x "$T/w"
n=$(cut -d' ' -f1 "$T/n")
found=no
for ((i = 1; i <= n; i++)); do
	run killat -p "$i" sh -c 'sh -c "echo >$1/x" x "$1"; echo rc $?' x "$T/w"
	! grep -q 'rc 137' "$T/out" || found=yes
done
is $found yes "-p kills the child alone"

run errat -o "$T/n" 0 EIO sh -c "$work" x "$T/w"
exits 0 "errat at 0 counts"
n=$(cut -d' ' -f1 "$T/n")
failed=0
for ((i = 1; i <= n; i++)); do
	run errat "$i" ENOSPC sh -ec "$work" x "$T/w"
	! grep -q 'No space left on device' "$T/err" || failed=$((failed + 1))
done
ok "errors were seen ($failed of $n)" test "$failed" -ge 4
run errat -a 1 ENOSPC sh -c 'echo x >"$1/q"; echo y >"$1/q"' x "$T/w"
is "$(grep -c 'No space' "$T/err" || :)" 0 \
    "-a: not even the message can be written"
run errat -o "$T/n" 0 EIO bash -c 'exec 9>"$1/z"; exec 9>&-' x "$T/w"
n=$(cut -d' ' -f1 "$T/n")
closed=0
for ((i = 1; i <= n; i++)); do
	run errat -o "$T/n" "$i" EIO bash -c 'exec 9>"$1/z"; exec 9>&-
	    ! test -e /proc/$$/fd/9 || echo open' x "$T/w"
	[ "$(cut -d' ' -f2 "$T/n")" != close ] || [ -s "$T/out" ] ||
	    closed=$((closed + 1))
done
ok "a close that fails has closed" test $closed -gt 0
run errat 1 NOSUCH true
exits 125 "an unknown error is refused"

head -c 5000 /dev/urandom >"$T/f"
for how in bit cut drop zero append; do
	cp "$T/f" "$T/g"
	cp "$T/f" "$T/h"
	run flip "$how" "$T/g" 42
	exits 0 "flip $how: $(cat "$T/out")"
	not_ok "the file changed" cmp -s "$T/f" "$T/g"
	flip "$how" "$T/h" 42 >/dev/null
	ok "the same seed does the same" cmp "$T/g" "$T/h"
done
cp "$T/f" "$T/g"
flip at "$T/g" -1 >/dev/null
flip at "$T/g" 4999 >/dev/null
same "$T/f" "$T/g" "flip at: -1 is the last byte"
finish
