# shellcheck shell=bash
# base.sh - base backups unpacked, combined and started without pgk
#
#	base_unpack SET DIR       the archives of KIND/NAME as folders: DIR, and
#	                          DIR.OID for each tablespace, linked from DIR
#	base_combine DIR FULL INCREMENT...
#	                          with pg_combinebackup, before 17 with perl
#	base_files DIR            relations' files and their sums, sorted
#	base_boot NAME DIR        recover DIR with the log in $T/wal, as server
#	                          NAME; DIR is gone afterwards

base_archive()
{
	case $1 in
	*.age) age -d -i "$T/one.key" "$1" | base_plain "${1%.age}" ;;
	*) base_plain "$1" <"$1" ;;
	esac
}

base_plain()
{
	case $1 in
	*.gz) gunzip -c ;;
	*.zst) zstd -dcq ;;
	*) cat ;;
	esac
}

base_unpack()
{
	local file oid

	mkdir -m 700 "$2" || return
	cp "$STORE/$1/backup_manifest" "$2" || return
	base_archive "$(echo "$STORE/$1"/base.tar*)" | tar -xf - -C "$2" ||
	    return
	for file in "$STORE/$1"/[0-9]*.tar*; do
		[ -e "$file" ] || continue
		oid=${file##*/}
		oid=${oid%%.*}
		mkdir -m 700 "$2.$oid"
		base_archive "$file" | tar -xf - -C "$2.$oid" || return
		ln -s "$2.$oid" "$2/pg_tblspc/$oid"
	done
}

base_combine()
{
	local link map=()

	[ "$PG_MAJOR" -ge 17 ] || {
		perl "$ROOT/tests/sh/combine.pl" "$@"
		return
	}
	for link in "${!#}"/pg_tblspc/*; do
		[ ! -L "$link" ] ||
		    map+=(-T "$(readlink "$link")=$1.${link##*/}")
	done
	# it believes the map, which names the server's own folders
	for link in "${@:2}"; do
		rm -f "$link/tablespace_map"
	done
	pg_combinebackup "${map[@]}" -o "$@"
}

base_files()
{
	(cd "$1" && find -L . -type f -regextype posix-extended -regex \
	    './(base|global|pg_tblspc)/.*[0-9]+(_fsm|_vm|_init)?(\.[0-9]+)?' \
	    -exec cksum {} + | sort -k 3)
}

base_boot()
{
	mkdir "$T/$1"
	mv "$2" "$T/$1/data"
	: >"$T/$1/data/recovery.signal"
	rm -f "$T/$1/data/tablespace_map"
	if [ -n "$server_user" ]; then
		chown -R "$server_user" "$T/$1"
		for dir in "$2".*; do
			[ ! -d "$dir" ] || chown -R "$server_user" "$dir"
		done
	fi
	chmod 700 "$T/$1/data"
	server_start "$1" "unix_socket_directories = '$T/$1'" \
	    "archive_mode = off" "restore_command = 'cp $T/wal/%f %p'"
	server_until 'NOT pg_is_in_recovery()'
}
