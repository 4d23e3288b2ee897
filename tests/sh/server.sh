# shellcheck shell=bash
# server.sh - private PostgreSQL servers for tests, the demo and the bench
#
# Needs $T, a scratch folder (tap.sh makes one), and at_end.
#
#	server_start [NAME [SETTING...]]   start one; NAME defaults to "main"
#	server_use NAME                    PGHOST, PGPORT, PGUSER mean that one
#	server_stop [NAME [SIGNAL]]        INT (fast) unless told otherwise
#	server_restart [NAME]              the same data, started again
#	as_server CMD...                   run a command as the server's user
#	q DATABASE SQL                     run SQL, print rows as they are
#	server_idle                        wait until only our session is left
#	server_until SQL                   wait until SELECT SQL gives t
#	server_hold DATABASE TABLE         lock the table from another session
#	server_waiting                     wait until somebody waits for a lock
#	server_unhold                      end that session
#	server_own_share                   call before server_start: PG_SHARE is then
#	                                   a folder like the installation's share/,
#	                                   where extensions may be added
#
# server_initdb=(OPTION...) before server_start goes to initdb as well.
#
# PG_BIN names the folder of the server's programs; without it the newest
# installed is taken. PG_FSYNC=1 keeps fsync on. A server listens on a socket
# in $T alone, so that any number run side by side; it trusts who can reach
# the socket; it dies with the script that started it, even one killed.

declare -A server_pids=()
server_initdb=()

if [ -z "${PG_BIN:-}" ]; then
	PG_BIN=$(find /usr/lib/postgresql /usr/pgsql-* /usr/local/pgsql \
	    -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1)
	PG_BIN=${PG_BIN%/initdb}
fi
export PG_BIN PATH=$PG_BIN:$PATH
export PG_MAJOR
PG_MAJOR=$("$PG_BIN/postgres" --version 2>/dev/null |
    sed -E 's/^[^0-9]*([0-9]+).*/\1/')

server_bin=$PG_BIN

# PostgreSQL refuses to run as root: then it is somebody without rights.
server_user=""
if [ "$(id -u)" -eq 0 ]; then
	server_user=$(id -un postgres 2>/dev/null || echo nobody)
fi

server_fail()
{
	echo "server: $*" >&2
	exit 1
}

# Exec as the server's user; the process dies when its parent does.
server_exec()
{
	local who=()

	if [ -n "$server_user" ]; then
		who=(--reuid "$server_user" --regid "$(id -g "$server_user")"
		    --clear-groups)
	fi
	exec setpriv "${who[@]}" --pdeathsig QUIT -- "$@"
}

as_server()
{
	(cd "$T" && server_exec "$@")
}

# A server finds its share folder by its own place: give it a copy of the
# program in a tree of the same shape.
server_own_share()
{
	local bin share lib moved

	# some builds say where they were made for, not where they are
	bin=$("$PG_BIN/pg_config" --bindir)
	moved=${PG_BIN%"$bin"}
	[ "$moved" != "$PG_BIN" ] || moved=""
	bin=$PG_BIN
	share=$moved$("$PG_BIN/pg_config" --sharedir)
	lib=$moved$("$PG_BIN/pg_config" --pkglibdir)
	PG_SHARE=$T/own$share
	mkdir -p "$T/own$bin" "$PG_SHARE/extension" "$(dirname "$T/own$lib")"
	cp "$bin"/{postgres,initdb,pg_ctl} "$T/own$bin"
	ln -s "$lib" "$T/own$lib"
	find "$share" -mindepth 1 -maxdepth 1 ! -name extension \
	    -exec ln -s -t "$PG_SHARE" {} +
	find "$share/extension" -mindepth 1 \
	    -exec ln -s -t "$PG_SHARE/extension" {} +
	server_bin=$T/own$bin
}

server_use()
{
	export PGHOST=$T/$1 PGPORT=5432 PGUSER=postgres
}

server_init()
{
	local dir=$1
	local home=$dir/data

	mkdir -p "$dir"
	[ -z "$server_user" ] || chown "$server_user" "$dir"
	as_server "$server_bin/initdb" -D "$home" -U postgres -E UTF8 \
	    --locale=C.UTF-8 --auth=trust --no-sync --data-checksums \
	    "${server_initdb[@]}" >"$dir.init" 2>&1 </dev/null ||
	    server_fail "initdb: $(tail -n 3 "$dir.init")"
	{
		echo "listen_addresses = ''"
		echo "port = 5432"
		echo "unix_socket_directories = '$dir'"
		echo "unix_socket_permissions = 0777"
		echo "shared_buffers = 64MB"
		echo "max_wal_size = 1GB"
		echo "max_connections = 60"
		echo "lc_messages = 'C'"
		echo "timezone = 'Asia/Seoul'"
		# what a server that was only unpacked may not find
		echo "jit = off"
		[ "${PG_FSYNC:-0}" = 1 ] || echo "fsync = off"
	} >>"$home/postgresql.conf"
}

server_start()
{
	local name=${1:-main} setting i
	local dir=$T/$name

	[ -x "$PG_BIN/postgres" ] || server_fail "no PostgreSQL server found"
	[ "${#dir}" -lt 80 ] || server_fail "\"$dir\" is too long for a socket"
	[ -d "$dir/data" ] || server_init "$dir"
	for setting in "${@:2}"; do
		echo "$setting" >>"$dir/data/postgresql.conf"
	done
	server_exec "$server_bin/postgres" -D "$dir/data" \
	    </dev/null >>"$dir.log" 2>&1 &
	server_pids[$name]=$!
	at_end server_stop "$name" QUIT
	server_use "$name"
	for ((i = 0; i < 600; i++)); do
		if psql -XqAt -d postgres -c 'SELECT 1' >/dev/null 2>&1; then
			return 0
		fi
		kill -0 "${server_pids[$name]}" 2>/dev/null || break
		sleep 0.1
	done
	server_fail "\"$name\" did not start: $(tail -n 5 "$dir.log")"
}

server_stop()
{
	local name=${1:-main} signal=${2:-INT}
	local pid=${server_pids[$name]:-} child children=""

	[ -n "$pid" ] || return 0
	unset "server_pids[$name]"
	[ "$signal" != KILL ] || children=$(ps -o pid= --ppid "$pid")
	kill -s "$signal" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	# none may start anew before those have gone whom nobody told
	for child in $children; do
		while kill -0 "$child" 2>/dev/null; do
			sleep 0.02
		done
	done
	return 0
}

server_restart()
{
	server_stop "${1:-main}"
	server_start "${1:-main}"
}

q()
{
	psql -XqAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

# Up to 10 s for the sessions of killed clients to go; 0 when all went.
server_idle()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ "$(q postgres "SELECT count(*) FROM pg_stat_activity
		    WHERE pid <> pg_backend_pid()
		    AND backend_type = 'client backend'")" = 0 ] && return 0
		sleep 0.1
	done
	return 1
}

server_until()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ "$(q postgres "SELECT $1" 2>/dev/null)" = t ] && return
		sleep 0.1
	done
	echo "# waited in vain for: $1"
	return 1
}

server_hold()
{
	PGAPPNAME=holder psql -Xq -d "$1" >/dev/null 2>&1 <<-END &
	BEGIN; LOCK TABLE $2; SELECT pg_sleep(60);
	END
	server_holder=$!
	server_until "count(*) > 0 FROM pg_locks l
	    JOIN pg_stat_activity a USING (pid) WHERE application_name = 'holder'
	    AND mode = 'AccessExclusiveLock' AND granted AND relation IS NOT NULL"
}

server_waiting()
{
	server_until "count(*) > 0 FROM pg_stat_activity
	    WHERE wait_event_type = 'Lock'"
}

server_unhold()
{
	kill "$server_holder" 2>/dev/null
	wait "$server_holder" 2>/dev/null
	q postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	    WHERE application_name = 'holder'" >/dev/null
}
