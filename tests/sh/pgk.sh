# shellcheck shell=bash
# pgk.sh - a store, keys and what tests ask of them
#
#	store_new            an empty store in $STORE, named by $PGK_CONF
#	key_new NAME         $T/NAME.key, an identity; its recipient in $recipient
#	conf SECTION LINE... add lines to $PGK_CONF
#	sets                 names of the sets listed, one a line, KIND/NAME
#	set_file NAME [ROLE] path of a set's object (role "sql")
#	json SET KEY         the value of a .json's key
#	no_traces NAME       no temporary and no intent is in the store
#	whole_sets NAME      every set's objects are there with the right sum
#	no_orphans NAME      no process of ours is left, no session on the server

store_new()
{
	STORE=$T/store
	rm -rf "$STORE"
	mkdir -m 700 "$STORE"
	export PGK_CONF=$T/pgk.conf
	printf '[store]\nurl = %s\n' "$STORE" >"$PGK_CONF"
}

conf()
{
	local section=$1

	shift
	printf '[%s]\n' "$section" >>"$PGK_CONF"
	printf '%s\n' "$@" >>"$PGK_CONF"
}

key_new()
{
	rm -f "$T/$1.key"
	age-keygen -o "$T/$1.key" 2>/dev/null
	chmod 600 "$T/$1.key"
	# shellcheck disable=SC2034 # for the caller
	recipient=$(age-keygen -y "$T/$1.key")
}

sets()
{
	local file

	for file in "$STORE"/*/*.json; do
		[ -e "$file" ] || continue
		file=${file#"$STORE/"}
		echo "${file%.json}"
	done
}

json()
{
	sed -nE "s/,$//; s/^  \"$2\": \"?([^\"]*)\"?$/\1/p" "$STORE/$1.json"
}

# Names and sums of a set's objects: "name sum" lines.
json_objects()
{
	sed -nE '/"objects": \[/,/^  \]/{
		s/^ *"blake2b_256": "(.*)",$/\1/p
		s/^ *"name": "(.*)",$/\1/p
	}' "$1" | paste - - | awk '{ print $2, $1 }'
}

set_file()
{
	local suffix=.sql

	[ "${2:-sql}" != globals ] || suffix=.globals.sql
	find "$STORE/${1%/*}" -name "${1##*/}$suffix*" ! -name '*.json*'
}

no_traces()
{
	is "$(find "$STORE" -name '*.tmp' -o -name '*.intent*')" "" "$1"
}

check_sets()
{
	local file name sum bad=0

	for file in "$STORE"/*/*.json; do
		[ -e "$file" ] || continue
		while read -r name sum; do
			[ "$(b2sum -l 256 "${file%/*}/$name" 2>&1 |
			    cut -d' ' -f1)" = "$sum" ] || {
				echo "$name"
				bad=1
			}
		done < <(json_objects "$file")
	done
	return $bad
}

whole_sets()
{
	ok "$1" check_sets
}

orphans()
{
	local dir comm

	# whatever works for this test says so by its scratch folder
	for dir in /proc/[0-9]*; do
		comm=
		{ read -r comm <"$dir/comm"; } 2>/dev/null
		[[ $comm == pgk-* || $comm == pg_dump* ]] || continue
		if tr '\0' '\n' 2>/dev/null <"$dir/environ" |
		    grep -qx "HOME=$HOME"; then
			tr '\0' ' ' <"$dir/cmdline"
			echo
		fi
	done
}

no_orphans()
{
	is "$(orphans)" "" "$1: no process is left"
	ok "$1: no session is left" server_idle
}
