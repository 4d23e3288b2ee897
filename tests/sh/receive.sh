# shellcheck shell=bash
# receive.sh - a pgk-wal receive in the background, and what it stored
#
#	receiver_start ARGUMENT...   begin; its stderr is $T/receive.err
#	receiver_wait                wait for its end: $rc, $T/err
#	receiver_stop                SIGTERM first
#	receiver_connected           wait until the server streams to it
#	receiver_has LSN             wait until the server was told so much
#	received FOLDER [KEY]        the archive as files of pg_wal; the segment
#	                             that grows is cut behind its last byte
#	runs                         the runs in the archive, one a line

receiver_start()
{
	pgk-wal receive "$@" >"$T/receive.out" 2>"$T/receive.err" </dev/null &
	receiver=$!
}

receiver_wait()
{
	wait "$receiver"
	# shellcheck disable=SC2034 # tap.sh's
	rc=$?
	cp "$T/receive.out" "$T/out"
	cp "$T/receive.err" "$T/err"
}

receiver_stop()
{
	kill -TERM "$receiver"
	receiver_wait
}

receiver_connected()
{
	server_until "count(*) > 0 FROM pg_stat_replication
	    WHERE application_name = 'pgk-wal' AND state = 'streaming'"
}

receiver_has()
{
	server_until "count(*) > 0 FROM pg_stat_replication
	    WHERE application_name = 'pgk-wal' AND flush_lsn >= '$1'"
}

runs()
{
	find "$STORE/wal" -name '*.partial.*.*' | sort
}

unpack_object()
{
	case $1 in
	*.age) age -d -i "$2" "$1" | unpack_codec "${1%.age}" ;;
	*) unpack_codec "$1" <"$1" ;;
	esac
}

unpack_codec()
{
	case $1 in
	*.gz) gunzip ;;
	*.zst) zstd -dqc ;;
	*) cat ;;
	esac
}

received()
{
	local object name begin covered

	rm -rf "$1"
	mkdir -p "$1"
	while read -r object; do
		name=${object##*/}
		case $name in
		*.partial.*.*)
			begin=${name#*.partial.}
			begin=$((16#${begin%%.*}))
			name=${name%%.*}
			covered=$(stat -c %s "$1/$name" 2>/dev/null || echo 0)
			[ "$begin" -le "$covered" ] || {
				echo "a hole before $object" >&2
				return 1
			}
			unpack_object "$object" "${2:-}" |
			    dd of="$1/$name" oflag=seek_bytes seek="$begin" \
			        conv=notrunc status=none bs=1M
			;;
		*.history*)
			unpack_object "$object" "${2:-}" >"$1/${name%.history*}.history"
			;;
		*)
			unpack_object "$object" "${2:-}" >"$1/${name%%.*}"
			;;
		esac
	done < <(find "$STORE/wal" -type f -name '0*.*' ! -name '*.backup*' |
	    sort)
}
