# shellcheck shell=bash
# restore.sh - looking at the databases that restores leave
#
#	mark_of NAME     the comment on a database
#	exists NAME      1 or 0
#	drop NAME...     and their subscriptions, which would forbid it

mark_of()
{
	q postgres "SELECT shobj_description(oid, 'pg_database')
	    FROM pg_database WHERE datname = '$1'"
}

exists()
{
	q postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'"
}

drop()
{
	local name

	for name; do
		[ "$(exists "$name")" = 1 ] || continue
		q "$name" 'DROP SUBSCRIPTION IF EXISTS sub' 2>/dev/null
		q postgres "DROP DATABASE \"$name\""
	done
}
