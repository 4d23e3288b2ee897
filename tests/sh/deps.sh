#!/bin/bash
# deps.sh - install what building, testing and the demo need, if it is missing
#
#	tests/sh/deps.sh [bench] [ci]
#
# By apt, through sudo when not root, saying so first; quiet and quick when
# nothing is missing. A PostgreSQL server is installed only when there is
# none, and then its package makes and starts no cluster: the switch for that
# in createcluster.conf is turned for the time of the installation only. An
# existing installation is left as it is.
set -euo pipefail

missing=()
server=()

# need_command COMMAND PACKAGE, need_header FILE PACKAGE
need_command()
{
	command -v "$1" >/dev/null || missing+=("$2")
}

need_header()
{
	local flags

	flags=-I$(pg_config --includedir 2>/dev/null ||
	    echo /usr/include/postgresql)
	# without a compiler there is nothing to ask
	command -v cc >/dev/null &&
	    printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <%s>\n' "$1" |
	    cc -E "$flags" -x c - >/dev/null 2>&1 || missing+=("$2")
}

need_command cc gcc
need_command ar binutils
need_command make make
need_command prove perl
need_command setpriv util-linux
need_command pgrep procps
need_header stdlib.h libc6-dev
need_header libpq-fe.h libpq-dev
need_header zlib.h zlib1g-dev
need_header zstd.h libzstd-dev
need_header libdeflate.h libdeflate-dev
need_header isa-l.h libisal-dev
need_header sodium.h libsodium-dev
need_header jansson.h libjansson-dev
need_header ini.h libinih-dev
need_command age age
need_command minisign minisign
need_command zstd zstd
need_command gzip gzip
need_command mandoc mandoc
for what; do
	case $what in
	bench)
		need_command igzip isal
		need_command pgbackrest pgbackrest
		need_command python3 python3
		;;
	ci)
		need_command python3 python3
		need_command clang clang
		need_command shellcheck shellcheck
		;;
	*)
		echo "deps: no such set: \"$what\"" >&2
		exit 2
		;;
	esac
done
have_server()
{
	local program

	[ -z "${PG_BIN:-}" ] || return 0
	for program in /usr/lib/postgresql/*/bin/postgres \
	    /usr/pgsql-*/bin/postgres /usr/local/pgsql/bin/postgres; do
		[ ! -x "$program" ] || return 0
	done
	return 1
}
have_server || server=(postgresql)

[ $((${#missing[@]} + ${#server[@]})) -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	cat >&2 <<-END
	pgk: these are missing (by the names Debian has for them):
	    ${missing[*]} ${server[*]}
	pgk: hint: install them with this system's package manager
	END
	exit 1
fi

as_root=()
sudo_word=
if [ "$(id -u)" -ne 0 ]; then
	as_root=(sudo)
	sudo_word='sudo '
	if ! command -v sudo >/dev/null; then
		echo "pgk: missing, and no sudo here; as root: apt-get install ${missing[*]} ${server[*]}" >&2
		exit 1
	fi
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive)

apt_install()
{
	"${as_root[@]}" apt-get -qq -y -o Dpkg::Use-Pty=0 --no-upgrade \
	    --no-install-recommends install "$@" >/dev/null
}

cat >&2 <<-END
pgk: not installed here: ${missing[*]} ${server[*]}
pgk: installing them: ${sudo_word}apt-get install
END
"${as_root[@]}" apt-get -qq update
[ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
[ ${#server[@]} -gt 0 ] || exit 0

# postgresql-common owns the switch and makes no cluster itself
apt_install postgresql-common
conf=/etc/postgresql-common/createcluster.conf
saved=$conf.before-pgk
give_back()
{
	[ ! -e "$saved" ] || "${as_root[@]}" mv -f "$saved" "$conf"
}
trap give_back EXIT
trap 'exit 130' HUP INT TERM
"${as_root[@]}" cp -p "$conf" "$saved"
echo 'create_main_cluster = false' |
    "${as_root[@]}" tee -a "$conf" >/dev/null
apt_install "${server[@]}"
