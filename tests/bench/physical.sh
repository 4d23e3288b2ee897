# shellcheck shell=bash
# physical.sh - what the cases of base backups and WAL call
#
# What is added to the messages is taken away by untouch, so that the next
# round's dumps find as many as before.

archive()
{
	q postgres "ALTER SYSTEM SET archive_command = '$1'"
	q postgres 'SELECT pg_reload_conf()' >/dev/null
}

# Put into pgk's archive what the server has put into $OUT/wal; the tools run
# as another user than the server where that is not allowed to be root.
archived()
{
	local last i

	last=$(q postgres 'SELECT pg_walfile_name(pg_switch_wal())')
	for ((i = 0; i < 1200; i++)); do
		[ "$(q postgres "SELECT last_archived_wal >= '$last'
		    FROM pg_stat_archiver")" != t ] || break
		sleep 0.1
	done
	find "$OUT/wal" -type f -name '0*' -print0 | sort -z |
	    while read -r -d '' i; do
		pgk-wal push -q --no-encrypt -Z zstd:1 --store="$OUT/pgk" \
		    "$i" || exit 1
		rm "$i"
	done
}

# A repository of pgBackRest's, options for all its commands. Later versions
# want root to say that it is meant, earlier ones warn of the word.
if pgbackrest help backup allow-root >/dev/null 2>&1; then
	export PGBACKREST_ALLOW_ROOT=y
fi
pgbr()
{
	pgbackrest --no-config --stanza=bench --log-level-console=error \
	    --log-level-file=off --lock-path="$OUT/lock" \
	    --repo1-path="$OUT/pgbr" "$@"
}
pgbr_backup()
{
	local block=() version

	# block incremental is no beta from 2.46 on
	version=$(pgbackrest version)
	if [ "$(printf 'pgBackRest 2.46\n%s\n' "$version" | sort -V |
	    head -n 1)" = "pgBackRest 2.46" ]; then
		block=(--repo1-bundle --repo1-block)
	fi
	pgbr --process-max=2 --start-fast --no-archive-check \
	    --repo1-retention-full=9 --compress-type=zst --compress-level=1 \
	    --pg1-path="$DATA" --pg1-port="$PGPORT" --pg1-user="$PGUSER" \
	    --pg1-socket-path="$PGHOST" --type="$1" "${block[@]}" backup
}
pgbr_new()
{
	rm -rf "$OUT/pgbr"
	pgbr --pg1-path="$DATA" --pg1-port="$PGPORT" --pg1-user="$PGUSER" \
	    --pg1-socket-path="$PGHOST" stanza-create
}

# pgk_base STORE OPTION... - into $OUT/STORE; $OUT/last is then the set's folder
pgk_base()
{
	local set

	set=$(pgk-basebackup -q -j2 --no-encrypt --checkpoint=fast \
	    --wal-timeout=0 --store="$OUT/$1" "${@:2}") &&
	    ln -sfn "$OUT/$1/$set" "$OUT/last"
}

# About one page in seven: 0.5 % of the messages are changed, 0.5 % are new.
touch_spread()
{
	q "$DB" "UPDATE messages SET body = body || '.' WHERE id % 200 = $1"
	touch_new
	q postgres CHECKPOINT
}
# All of it at the end.
touch_newest()
{
	q "$DB" "UPDATE messages SET body = body || '.'
	    WHERE id > (SELECT max(id) * 0.995 FROM messages)"
	touch_new
	q postgres CHECKPOINT
}
touch_new()
{
	q "$DB" "INSERT INTO messages (id, room_id, sender, body, translation,
	    created_at) SELECT (SELECT max(id) FROM messages) + row_number()
	    OVER (), room_id, sender, body, translation, created_at
	    FROM messages WHERE id <= $ROWS AND id % 200 = 3"
}
untouch()
{
	q "$DB" "DELETE FROM messages WHERE id > $ROWS"
	q "$DB" 'VACUUM messages'
}

# Ten segments of the server's in $OUT/segments, a good part of them full pages.
segments()
{
	local i

	[ ! -e "$OUT/segments" ] || return 0
	mkdir "$OUT/segments"
	chmod 777 "$OUT/segments"
	archive "cp %p $OUT/segments/%f"
	for ((i = 100; i < 190; i++)); do
		[ "$(find "$OUT/segments" -name '0*' | wc -l)" -lt 12 ] ||
		    break
		touch_spread $i
		q postgres 'SELECT pg_switch_wal()' >/dev/null
		sleep 0.2
	done
	archive /bin/true
	sleep 0.5
	find "$OUT/segments" -type f | sort | tail -n +11 | xargs -r rm
}

each_segment()
{
	local segment

	for segment in "$OUT"/segments/*; do
		"$@" "$segment" || return 1
	done
}
push_zstd()
{
	zstd -q -1 "$1" -o "$OUT/pushed/${1##*/}.zst" &&
	    sync "$OUT/pushed/${1##*/}.zst" "$OUT/pushed"
}
push_pgbr()
{
	pgbr --compress-type=zst --compress-level=1 --pg1-path="$DATA" \
	    archive-push "$1"
}
push_pgk()
{
	pgk-wal push -q --no-encrypt -Z zstd:1 --store="$OUT/archive" "$1"
}
get_zstd()
{
	zstd -qdf "$OUT/pushed/${1##*/}.zst" -o "$OUT/RECOVERYXLOG"
}
get_pgbr()
{
	pgbr --pg1-path="$DATA" archive-get "${1##*/}" "$OUT/RECOVERYXLOG"
}
get_pgk()
{
	pgk-wal get -q --store="$OUT/archive" "${1##*/}" "$OUT/RECOVERYXLOG"
}
export -f archive archived pgbr pgbr_backup pgbr_new pgk_base touch_spread \
    touch_newest touch_new untouch segments each_segment push_zstd push_pgbr \
    push_pgk get_zstd get_pgbr get_pgk
