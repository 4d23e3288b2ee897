# shellcheck shell=bash disable=SC2034,SC2154 # server.sh has them
# wal.sh - servers that archive and servers that recover
#
# Needs server.sh and pgk.sh.
#
#	wal_store            an empty store in $STORE, of the server's user
#	wal_start [SETTING...]   server "main", segments of 1 MiB, that archives
#	                     with pgk-wal push
#	wal_rows N           N commits of one row, then a switch of the segment
#	wal_archived         wait until all but the newest segment is archived
#	wal_base             a base backup of main, without WAL, in $T/base
#	copy_new [COMMAND]   server "copy" from it, to recover with this
#	                     restore_command; not started
#	copy_ends            start it; wait until it runs or is gone: 0 when it
#	                     takes queries and is no longer in recovery
#	wal_user CMD...      run a command as the server's user in $T, its status
#	                     in $rc as after run
#	segments             names of main's whole segments in the store

wal_own()
{
	[ -z "$server_user" ] || chown -R "$server_user" "$@"
}

wal_store()
{
	store_new
	chmod 777 "$T" # a test may move the store away
	wal_own "$STORE" "$PGK_CONF"
}

wal_start()
{
	server_initdb=(--wal-segsize=1)
	server_start main "wal_level = replica" \
	    "archive_mode = on" "min_wal_size = 2MB" "max_wal_size = 64MB" \
	    "archive_command = 'PGK_CONF=$PGK_CONF $BUILD/bin/pgk-wal push %p'" \
	    "$@"
	q postgres 'CREATE TABLE ledger (n serial, filler text)' >/dev/null
}

wal_rows()
{
	local i

	for ((i = 0; i < $1; i++)); do
		echo "INSERT INTO ledger (filler) VALUES (repeat('x', 2000));"
	done | psql -Xq -d postgres
	q postgres 'SELECT pg_switch_wal()' >/dev/null
}

wal_archived()
{
	server_until "coalesce(last_archived_wal, '') >= (SELECT max(name)
	    FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'
	    AND name < pg_walfile_name(pg_current_wal_lsn()))
	    FROM pg_stat_archiver"
}

wal_base()
{
	rm -rf "$T/base"
	pg_basebackup -D "$T/base" -X none -c fast 2>"$T/base.err" || {
		diag "$(cat "$T/base.err")"
		return 1
	}
}

copy_new()
{
	local home=$T/copy/data

	server_stop copy
	rm -rf "$T/copy"
	mkdir "$T/copy"
	cp -a "$T/base" "$home"
	rm -rf "$home"/pg_wal/*
	cat >>"$home/postgresql.conf" <<-END
	unix_socket_directories = '$T/copy'
	archive_mode = off
	log_min_messages = log
	restore_command = '${1:-PGK_CONF=$PGK_CONF $BUILD/bin/pgk-wal get %f %p}'
	END
	touch "$home/recovery.signal"
	wal_own "$T/copy"
	chmod 700 "$home"
	: >"$T/copy.log"
}

copy_ends()
{
	local i

	server_exec "$server_bin/postgres" -D "$T/copy/data" \
	    </dev/null >>"$T/copy.log" 2>&1 &
	server_pids[copy]=$!
	at_end server_stop copy QUIT
	server_use copy
	for ((i = 0; i < 300; i++)); do
		if ! kill -0 "${server_pids[copy]}" 2>/dev/null; then
			wait "${server_pids[copy]}"
			unset "server_pids[copy]"
			return 1
		fi
		[ "$(q postgres 'SELECT pg_is_in_recovery()' 2>/dev/null)" \
		    = f ] && return 0
		sleep 0.1
	done
	return 2
}

wal_user()
{
	local who=()

	if [ -n "$server_user" ]; then
		who=(setpriv --reuid "$server_user" --clear-groups)
	fi
	run "${who[@]}" "$@"
}

segments()
{
	find "$STORE/wal" -regextype posix-extended \
	    -regex '.*/[0-9A-F]{24}(\.gz|\.zst)?(\.age)?' -printf '%f\n' |
	    cut -c1-24 | sort -u
}
