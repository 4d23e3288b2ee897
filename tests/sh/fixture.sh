# shellcheck shell=bash
# fixture.sh - databases to dump, and telling whether two are the same
#
#	nasty_server [SETTING...]   server_start with the fixture's extension
#	nasty_database NAME         a database with everything of nasty.sql
#	chat_database NAME ROWS     the seed's five tables, filled
#	drop NAME                   with its subscriptions, if it is there
#	fresh NAME...               empty databases, made anew
#	compare A B [PG_DUMP OPTION...]   0 when pg_dump of both agrees; else the
#	                            difference on stdout

nasty_server()
{
	server_own_share
	cp "$ROOT"/tests/fixture/pgk_fixture* "$PG_SHARE/extension"
	server_start main "$@"
}

nasty_database()
{
	createdb -T template0 "$1" &&
	    psql -Xq -d "$1" -f "$ROOT/tests/fixture/nasty.sql" >"$T/nasty.log" 2>&1 || {
		tail -n 3 "$T/nasty.log" >&2
		return 1
	}
}

chat_database()
{
	createdb -T template0 "$1" &&
	    psql -Xq -d "$1" -v rows="$2" -f "$ROOT/tests/fixture/chat.sql" \
	        >"$T/chat.log" 2>&1 || {
		tail -n 3 "$T/chat.log" >&2
		return 1
	}
}

drop()
{
	psql -Xq -d "$1" >/dev/null 2>&1 <<-'END'
	SELECT format('DROP SUBSCRIPTION %I', subname)
	FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid
	WHERE datname = current_database() \gexec
	END
	dropdb --if-exists "$1" 2>/dev/null
}

fresh()
{
	local name

	for name; do
		drop "$name"
		createdb -T template0 "$name" || return 1
	done
}

# What pg_dump says of a database, in an order that does not depend on where
# rows lie: lines of \restrict left out (their key is random), the rows of
# all COPY blocks of one table (its partitions' too) together and sorted.
dump_sorted()
{
	local database=$1

	shift
	pg_dump --load-via-partition-root "$@" -d "$database" |
	    perl "$ROOT/tests/sh/sortdump.pl"
}

compare()
{
	local a=$1 b=$2

	shift 2
	dump_sorted "$a" "$@" >"$T/compare.a" || return 2
	dump_sorted "$b" "$@" >"$T/compare.b" || return 2
	diff -a "$T/compare.a" "$T/compare.b" | cut -c1-300 | head -n 40
	cmp -s "$T/compare.a" "$T/compare.b"
}
