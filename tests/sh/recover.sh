# shellcheck shell=bash
# recover.sh - a server whose WAL goes into a store, and restores of it
#
# All of it runs as the server's user: the store, the data folders, the tools.
#
#	recover_start [SETTING...]    a store in $T/own, $STORE, and the server
#	                              "main", which archives into it
#	pgk COMMAND...                run as the server's user
#	backup OPTION...              pgk-basebackup; the set's name in $set
#	archived                      switch segments, wait until all are archived
#	boot NAME [SETTING...]        start what was restored into $T/NAME/data,
#	                              without an archive unless a setting says so
#	place NAME                    a folder for $T/NAME/data

recover_start()
{
	mkdir "$T/own"
	[ -z "$server_user" ] || chown "$server_user" "$T/own"
	STORE=$T/own/store
	as_server mkdir -m 700 "$STORE"
	export PGK_CONF=$T/pgk.conf
	printf '[store]\nurl = %s\n[policy]\ntime-zone = Asia/Seoul\n' \
	    "$STORE" >"$PGK_CONF"
	server_start main "archive_mode = on" "wal_level = replica" \
	    "archive_command = '$BUILD/bin/pgk-wal push -c $PGK_CONF %p'" \
	    "autovacuum = off" "$@"
}

pgk()
{
	run as_server "$@"
}

backup()
{
	pgk pgk-basebackup -q --no-encrypt --checkpoint fast \
	    --wal-timeout 0 "$@"
	# shellcheck disable=SC2034 # for the caller
	set=$(cat "$T/out")
	[ "${rc:?}" -eq 0 ] || tap_tell
}

archived()
{
	local last i

	# an empty segment is not ended; which one a bound belongs to differs
	q postgres "SELECT pg_logical_emit_message(false, '', '')" >/dev/null
	last=$(q postgres 'SELECT pg_walfile_name(pg_current_wal_insert_lsn())')
	q postgres 'SELECT pg_switch_wal()' >/dev/null
	# after a refusal the server tries again only once a minute
	for ((i = 0; i < 7; i++)); do
		server_until "last_archived_wal >= '$last'
		    FROM pg_stat_archiver" >/dev/null && return
	done
	echo "# waited in vain for $last"
	return 1
}

boot()
{
	server_start "$1" "unix_socket_directories = '$T/$1'" \
	    "archive_mode = off" "${@:2}"
}

# A folder that a restore may make $T/NAME/data in.
place()
{
	rm -rf "${T:?}/$1"
	as_server mkdir "$T/own/$1"
	mv "$T/own/$1" "$T/$1"
}
