#!/bin/bash
# pg-matrix.sh - other versions of PostgreSQL beside the system's own
#
#	tests/pg-matrix.sh install WHAT...	fetch and unpack, once
#	tests/pg-matrix.sh bin WHAT		print the folder of its programs
#	tests/pg-matrix.sh versions		list what is unpacked, with folders
#	tests/pg-matrix.sh remove WHAT...
#
# WHAT is 13 (Debian bullseye), 15 (bookworm), 17 (trixie), 18 (forky) or
# pgbackrest, a newer one (forky). The folder printed serves as PG_BIN for the
# tests and as bindir for pgk-dump; that of pgbackrest goes into PATH.
#
# The packages come through this machine's own apt, from the Debian archive it
# already uses, with apt's state kept in a folder of its own: nothing is
# installed, no package script is run, no root is needed. The programs are
# then made to load the libraries unpacked beside them, so that they run on an
# older system without a chroot.
#
# PGM_ROOT is where all of it lies (default: build/pg); absolute paths to it
# are written into the programs, so it cannot be moved.
set -euo pipefail

root=${PGM_ROOT:-build/pg}

die()
{
	echo "pg-matrix: $*" >&2
	exit 1
}

usage()
{
	sed -n '2,21s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

suite_of()
{
	case $1 in
	13) echo bullseye ;;
	15) echo bookworm ;;
	17) echo trixie ;;
	18 | pgbackrest) echo forky ;;
	*) die "no such version here: \"$1\" (13, 15, 17, 18, pgbackrest)" ;;
	esac
}

packages_of()
{
	case $1 in
	pgbackrest) echo pgbackrest ;;
	*) echo "postgresql-$1 postgresql-client-$1" ;;
	esac
}

# Where its programs lie below its folder, and no others, since it may stand
# in PATH.
programs_of()
{
	case $1 in
	pgbackrest) echo bin ;;
	*) echo "usr/lib/postgresql/$1/bin" ;;
	esac
}

# What its programs say of themselves, which shows that they run.
say_version()
{
	case $1 in
	pgbackrest)
		"$2/pgbackrest" version
		;;
	*)
		"$2/postgres" --version
		"$2/pg_dump" --version
		;;
	esac
}

# apt with a state of its own under $1
apt_in()
{
	local state=$1

	shift
	apt-get -q -y \
	    -o Dir::Etc::sourcelist="$state/sources.list" \
	    -o Dir::Etc::sourceparts=/dev/null \
	    -o Dir::Etc::preferencesparts=/dev/null \
	    -o Dir::State="$state/state" \
	    -o Dir::State::status="$state/status" \
	    -o Dir::Cache="$state/cache" \
	    -o APT::Sandbox::User=root \
	    -o APT::Install-Recommends=false \
	    -o Acquire::Check-Valid-Until=false \
	    -o Acquire::Languages=none \
	    "$@"
}

# The archive's address, as this machine's apt knows it; Debian's own keys.
write_sources()
{
	local state=$1 suite=$2 archive sign=""
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	# shellcheck disable=SC2016 # apt expands it
	archive=$(apt-get indextargets --format '$(REPO_URI)' \
	    'Created-By: Packages' 'Label: Debian' | head -n 1) || archive=""
	[ -n "$archive" ] || die "apt knows no Debian archive here"
	[ ! -e "$keys" ] || sign="[signed-by=$keys] "
	echo "deb $sign$archive $suite main" >"$state/sources.list"
}

# Make every program under $1 use the loader and libraries under $1.
point_at_own_libraries()
{
	local tree=$1 bin=$2 loader path="" dir

	loader=$(find "$tree" -name 'ld-linux*.so.*' -print -quit)
	[ -n "$loader" ] || die "no dynamic loader in \"$tree\""
	while read -r dir; do
		path=${path:+$path:}$dir
	done < <(find "$tree" -name '*.so.*' -printf '%h\n' | sort -u |
	    grep -E '/lib/[^/]+-linux-[^/]+$')
	for program in "$bin"/*; do
		head -c 4 "$program" | grep -q ELF || continue
		"$loader" --library-path "$path" "$tree/usr/bin/patchelf" \
		    --set-interpreter "$loader" --force-rpath \
		    --set-rpath "$path" "$program"
	done
}

install()
{
	local what=$1 suite tree work bin
	suite=$(suite_of "$what")
	tree=$root/$what
	bin=$tree/$(programs_of "$what")

	if [ -e "$tree/ready" ]; then
		return
	fi
	[ -n "$(command -v apt-get)" ] || die "needs apt (Debian)"
	rm -rf "$tree" "$tree.apt"
	work=$tree.apt
	mkdir -p "$tree" "$work/state/lists/partial" \
	    "$work/cache/archives/partial"
	: >"$work/status"
	write_sources "$work" "$suite"
	apt_in "$work" update >"$work/log" 2>&1 ||
	    { tail -n 5 "$work/log" >&2; die "could not read $suite"; }
	# shellcheck disable=SC2046 # several packages
	apt_in "$work" --download-only install $(packages_of "$what") \
	    patchelf >>"$work/log" 2>&1 ||
	    { tail -n 5 "$work/log" >&2
	      die "could not fetch $what from $suite"; }
	for deb in "$work"/cache/archives/*.deb; do
		case $deb in
		*/perl* | */libperl* | */systemd* | */dpkg_* | */debconf*) ;;
		*) dpkg-deb -x "$deb" "$tree" ;;
		esac
	done
	if [ "$what" = pgbackrest ]; then
		mkdir "$bin"
		mv "$tree/usr/bin/pgbackrest" "$bin"
	fi
	point_at_own_libraries "$tree" "$bin"
	say_version "$what" "$bin" >"$tree/ready.new"
	# for people and tests other than root
	chmod -R a+rX "$tree"
	mv "$tree/ready.new" "$tree/ready"
	rm -rf "$work"
}

bin()
{
	local what=$1

	suite_of "$what" >/dev/null
	[ -e "$root/$what/ready" ] ||
	    die "run first: tests/pg-matrix.sh install $what"
	echo "$root/$what/$(programs_of "$what")"
}

[ $# -ge 1 ] || usage
mkdir -p "$root"
root=$(cd "$root" && pwd)
command=$1
shift
case $command in
install | bin)
	[ $# -ge 1 ] || usage
	for what; do
		"$command" "$what"
	done
	;;
versions)
	for ready in "$root"/*/ready; do
		[ ! -e "$ready" ] ||
		    printf '%s\t%s\n' "$(head -n 1 "$ready")" "${ready%/ready}"
	done
	;;
remove)
	for what; do
		suite_of "$what" >/dev/null
		rm -rf "${root:?}/$what" "${root:?}/$what.apt"
	done
	;;
*)
	usage
	;;
esac
