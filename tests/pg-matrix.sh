#!/bin/bash
# pg-matrix.sh - other major versions of PostgreSQL beside the system's own
#
#	tests/pg-matrix.sh install VERSION...	fetch and unpack, once
#	tests/pg-matrix.sh bin VERSION		print the folder of its programs
#	tests/pg-matrix.sh versions		list what is unpacked, with folders
#	tests/pg-matrix.sh remove VERSION...
#
# VERSION is 13 (Debian bullseye), 15 (bookworm), 17 (trixie) or 18 (forky).
# The folder printed serves as PG_BIN for the tests and as bindir for pgk-dump.
#
# The packages come through this machine's own apt, from the Debian archive it
# already uses, with apt's state kept in a folder of its own: nothing is
# installed, no package script is run, no root is needed. The programs are then made to
# load the libraries unpacked beside them, so that they run on an older
# system without a chroot.
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
	sed -n '2,20s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

suite_of()
{
	case $1 in
	13) echo bullseye ;;
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo forky ;;
	*) die "no such version here: \"$1\" (13, 15, 17, 18)" ;;
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
	    'Created-By: Packages' 'Label: Debian' | head -n 1)
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
	local version=$1 suite tree work bin packages
	suite=$(suite_of "$version")
	tree=$root/$version
	bin=$tree/usr/lib/postgresql/$version/bin

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
	packages="postgresql-$version postgresql-client-$version patchelf"
	# shellcheck disable=SC2086
	apt_in "$work" --download-only install $packages >>"$work/log" 2>&1 ||
	    { tail -n 5 "$work/log" >&2
	      die "could not fetch PostgreSQL $version"; }
	for deb in "$work"/cache/archives/*.deb; do
		case $deb in
		*/perl* | */libperl* | */systemd* | */dpkg_* | */debconf*) ;;
		*) dpkg-deb -x "$deb" "$tree" ;;
		esac
	done
	point_at_own_libraries "$tree" "$bin"
	"$bin/postgres" --version >"$tree/ready.new"
	"$bin/pg_dump" --version >>"$tree/ready.new"
	# for people and tests other than root
	chmod -R a+rX "$tree"
	mv "$tree/ready.new" "$tree/ready"
	rm -rf "$work"
}

bin()
{
	local version=$1

	suite_of "$version" >/dev/null
	[ -e "$root/$version/ready" ] ||
	    die "run first: tests/pg-matrix.sh install $version"
	echo "$root/$version/usr/lib/postgresql/$version/bin"
}

[ $# -ge 1 ] || usage
mkdir -p "$root"
root=$(cd "$root" && pwd)
command=$1
shift
case $command in
install | bin)
	[ $# -ge 1 ] || usage
	for version; do
		"$command" "$version"
	done
	;;
versions)
	for ready in "$root"/*/ready; do
		[ ! -e "$ready" ] ||
		    printf '%s\t%s\n' "$(head -n 1 "$ready")" "${ready%/ready}"
	done
	;;
remove)
	for version; do
		suite_of "$version" >/dev/null
		rm -rf "${root:?}/$version" "${root:?}/$version.apt"
	done
	;;
*)
	usage
	;;
esac
