# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared
# pitr.sh - traffic, and what must be there after a recovery
#
#	traffic_start          pgbench, DDL and databases come and go on the server
#	                       in use, until traffic_stop
#	commits FOLDER TLI     the commits in the WAL files in FOLDER, as
#	                       pg_waldump sees them: LSN, xid, time, a line each
#	                       (LSN as by long()), into $T/commits
#	upto KIND WORD         of $T/commits those up to an LSN, xid, time, or all
#	                       ("latest"): their xids, into $T/xids
#	random_commit          one of $T/commits behind the first set's end: $lsn,
#	                       $xid, $time
#	sets_note              remember the set just made: $set_names, $set_ends
#	reach NAME KIND WORD OPTION...   restore with the options and $maps, boot,
#	                       and look whether all is as it was there
#	whole NAME             the server in use is sound and has, of the ledger in
#	                       $T/ledger, exactly the rows in $T/xids

traffic_start()
{
	touch "$T/go"
	cat >"$T/note.bench" <<-'END'
	INSERT INTO ledger DEFAULT VALUES;
	END
	pgbench -n -c 3 -j 1 -R "${PGK_PITR_RATE:-150}" -T 600 \
	    -b tpcb-like@3 -f "$T/note.bench@2" postgres \
	    >"$T/bench.out" 2>&1 </dev/null &
	bench=$!
	churn </dev/null >"$T/churn.out" 2>&1 &
	churner=$!
}

churn_from=0

churn()
{
	local i strategy k

	for ((i = churn_from; ; i++)); do
		[ -e "$T/go" ] || break
		k=$((i / 8 % 4))
		echo "SELECT churn($i);"
		case $((i % 16)) in
		2) echo "VACUUM c$k;" ;;
		4) echo "VACUUM FULL c$k;" ;;
		6)
			strategy=""
			[ "$PG_MAJOR" -lt 15 ] || strategy="STRATEGY = $(
			    [ $((i / 16 % 2)) -eq 0 ] && echo wal_log ||
			    echo file_copy)"
			echo "DROP DATABASE IF EXISTS d$k;"
			echo "CREATE DATABASE d$k $strategy;"
			echo "\\c d$k"
			echo "CREATE TABLE inside AS SELECT generate_series(1, $i) g;"
			echo "\\c postgres"
			;;
		14) echo "DROP DATABASE IF EXISTS d$(((k + 2) % 4));" ;;
		esac
		echo "$i" >"$T/churned"
		sleep 0.02
	done | psql -Xq -d postgres
}

traffic_stop()
{
	rm -f "$T/go"
	kill -TERM "$bench" 2>/dev/null
	wait "$bench" 2>/dev/null
	wait "$churner"
	churn_from=$(($(cat "$T/churned") + 1))
}

commits()
{
	local first last

	first=$(find "$1" -name "$2????????????????" -printf '%f\n' | sort |
	    head -n 1)
	last=$(find "$1" -name "$2????????????????" -printf '%f\n' | sort |
	    tail -n 1)
	TZ=UTC PGTZ=UTC pg_waldump -p "$1" "$first" "$last" 2>/dev/null |
	    sed -nE 's,.* tx: *([0-9]+)\, lsn: ([0-9A-F]+)/([0-9A-F]+)\,.* desc: (COMMIT|ABORT) ([-0-9]+ [0-9:.]+) .*,\2 \3 \1 \5,p
	    s,.* lsn: ([0-9A-F]+)/([0-9A-F]+)\,.* desc: RESTORE_POINT (.*),\1 \2 0 \3,p' |
	    awk '{ while (length($1) < 8) $1 = "0" $1
		while (length($2) < 8) $2 = "0" $2
		lsn = $1 "/" $2; xid = $3; $1 = $2 = $3 = ""; sub(/^ */, "")
		print lsn "\t" xid "\t" $0 }' >"$T/commits"
}

upto()
{
	awk -F '\t' -v kind="$1" -v word="$2" '
	kind == "lsn" && $1 > word { exit }
	kind == "time" && $2 != 0 && $3 > word { exit }
	$2 != 0 { print $2 }
	kind == "xid" && $2 == word { exit }
	kind == "name" && $2 == 0 && $3 == word { exit }
	' "$T/commits" | sort >"$T/xids"
}

amcheck()
{
	local database

	if [ "$PG_MAJOR" -ge 14 ]; then
		pg_amcheck --install-missing -a --heapallindexed \
		    --checkunique 2>/dev/null ||
		    pg_amcheck --install-missing -a --heapallindexed
		return
	fi
	# one that was being dropped at the target is invalid, and is to be
	for database in $(q postgres "SELECT datname FROM pg_database
	    WHERE datallowconn AND datconnlimit <> -2"); do
		psql -Xq -v ON_ERROR_STOP=1 -d "$database" <<-'END' || return
		SET client_min_messages = warning;
		CREATE EXTENSION IF NOT EXISTS amcheck;
		SELECT count(bt_index_check(c.oid, true)) FROM pg_class c
		JOIN pg_am a ON a.oid = c.relam AND amname = 'btree'
		JOIN pg_index i ON i.indexrelid = c.oid
		WHERE c.relkind = 'i' AND i.indisvalid AND i.indisready
		AND c.relpersistence = 'p';
		END
	done
}

whole()
{
	q postgres "SELECT xid FROM ledger" | sort >"$T/got"
	sort "$T/ledger" | comm -12 - "$T/xids" >"$T/want"
	same "$T/got" "$T/want" \
	    "$1: the ledger has exactly the $(wc -l <"$T/want") rows up to there"
	is "$(q postgres "SELECT churned_wrong()")" "" "$1: so have the tables"
	is "$(q postgres "SELECT count(DISTINCT s) FROM (
	    SELECT sum(abalance) FROM pgbench_accounts UNION ALL
	    SELECT sum(tbalance) FROM pgbench_tellers UNION ALL
	    SELECT sum(bbalance) FROM pgbench_branches UNION ALL
	    SELECT coalesce(sum(delta), 0) FROM pgbench_history) x (s)")" 1 \
	    "$1: the balances agree"
	is "$(q postgres "SELECT count(*) FROM unlogged")" 0 \
	    "$1: an unlogged table is empty"
	ok "$1: amcheck" amcheck
}

# "0/16B3748" as "00000000/016B3748", which sorts, and back
long()
{
	awk -F/ '{ while (length($1) < 8) $1 = "0" $1
	    while (length($2) < 8) $2 = "0" $2; print $1 "/" $2 }' <<<"$1"
}

short()
{
	sed -E 's,^0*(.+/)0*(.),\1\2,' <<<"$1"
}

set_names=()
set_ends=()
set_later=""

sets_note()
{
	# a .json tells whole seconds: a moment in the same one may be before it
	[ ${#set_names[@]} -gt 0 ] || set_later=$(date -u -d '1 second' '+%F %T')
	set_names+=("$set")
	set_ends+=("$(long "$(json "$set" end_lsn)")")
}

# Up to a minute, on a machine that has other work to do.
recovered()
{
	local i

	for ((i = 0; i < 600; i++)); do
		[ "$(q postgres "SELECT NOT pg_is_in_recovery()" \
		    2>/dev/null)" != t ] || return 0
		kill -0 "${server_pids[restored]}" || return
		sleep 0.1
	done
	return 1
}

random_commit()
{
	local n

	awk -F '\t' -v end="${set_ends[0]}" -v later="$set_later" \
	    '$1 > end && $2 != 0 && $3 > later' "$T/commits" >"$T/after"
	n=$(wc -l <"$T/after")
	IFS=$'\t' read -r lsn xid time < <(
	    sed -n "$((1 + (RANDOM * 32768 + RANDOM) % n))p" "$T/after")
}

reach()
{
	upto "$2" "$3"
	place restored
	pgk pgk-restore -q -D "$T/restored/data" "${maps[@]}" \
	    --target-action promote "${@:4}"
	exits 0 "$1"
	boot restored
	recovered || diag "$(tail -n 20 "$T/restored.log")"
	whole "$1"
	server_stop restored
	rm -rf "${T:?}/restored" "$T/own/space"
}
