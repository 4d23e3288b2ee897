#!/bin/bash
# layers.sh [FOLDER] - includes point down only, and foreign libraries stay in
# the rooms that own them
#
# Says each violation and exits 1; silent and 0 when all is well.
set -euo pipefail

cd "${1:-$(dirname "$0")/..}"

# the layers, lowest first; a room includes its own layer or lower
layers=(
	"err log buf fsx unit stop task behind proc progress opt conf lsn"
	"sink form gz zst codec age digest sign piece unpack sqltext policy
	 tar page manifest increment wal"
	"store repo pg archive"
	"dump base receive feed gaps restore recover prune list index source cli"
)
# foreign header (a pattern): the rooms that may include it
foreign=(
	"libpq*:pg"
	"postgres*:"
	"zlib.h:gz"
	"libdeflate.h:gz"
	"isa-l*:gz digest"
	"zstd*:zst"
	"sodium*:age digest sign"
	"jansson*:repo"
	"ini.h:conf"
)
# what the C library and the kernel have
system='assert|ctype|dirent|endian|errno|fcntl|float|fnmatch|getopt|glob|grp|inttypes|langinfo|libgen|limits|locale|math|poll|pthread|pwd|regex|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|time|uchar|unistd|wchar|wctype|arpa/inet|netdb|netinet/.*|sys/.*|linux/.*'

wrong=0
complain()
{
	echo "layers: $*" >&2
	wrong=1
}

declare -A rank=()
for i in "${!layers[@]}"; do
	for room in ${layers[i]}; do
		rank[$room]=$i
	done
done

foreign_rooms()
{
	local entry

	for entry in "${foreign[@]}"; do
		# shellcheck disable=SC2254 # a pattern is meant
		case $1 in
		${entry%%:*})
			echo "${entry#*:}"
			return
			;;
		esac
	done
	echo "?"
}

edges=$(mktemp)
trap 'rm -f "$edges"' EXIT

check_own()
{
	local file=$1 room=$2 target=$3 other=${3%%/*}

	if [ ! -e "lib/$target" ]; then
		complain "$file includes \"$target\": there is no such header"
	elif [ -z "${rank[$other]:-}" ]; then
		complain "room \"$other\" has no layer"
	elif [ "$room" = "$other" ] || [ "$room" = cmd ]; then
		:
	elif [[ $target == *_int.h ]]; then
		complain "$file includes \"$target\", private to \"$other\""
	elif [ "${rank[$other]}" -gt "${rank[$room]:-0}" ]; then
		complain "$file includes \"$target\" of a higher layer"
	else
		echo "$room $other" >>"$edges"
	fi
}

check_foreign()
{
	local file=$1 room=$2 header=$3 rooms

	[[ ! $header =~ ^($system)(\.h)?$ ]] || return 0
	rooms=$(foreign_rooms "$header")
	if [ "$rooms" = "?" ]; then
		complain "$file includes <$header>, a library nobody owns"
	elif [[ " $rooms " != *" $room "* ]]; then
		complain "$file includes <$header>, which belongs to: $rooms"
	fi
}

while IFS=: read -r file include; do
	room=${file#*/}
	room=${room%%/*}
	case $file in
	cmd/*) room=cmd ;;
	lib/*) [ -n "${rank[$room]:-}" ] ||
	    complain "room \"$room\" has no layer" ;;
	esac
	case $include in
	*'"'*)
		include=${include#*\"}
		check_own "$file" "$room" "${include%%\"*}"
		;;
	*'<'*)
		include=${include#*<}
		check_foreign "$file" "$room" "${include%%>*}"
		;;
	esac
done < <(grep -H '^ *# *include' lib/*/*.[ch] cmd/*.c)

if ! cycle=$(sort -u "$edges" | tsort 2>&1 >/dev/null); then
	complain "rooms include each other: $(tr '\n' ' ' <<<"$cycle")"
fi

# lib/ never exits, prints on stdout or reads the environment
while IFS=: read -r file line text; do
	complain "$file:$line: lib/ may not do this: $text"
done < <(grep -nE '(^|[^_a-zA-Z])(exit|printf|puts|putchar|getenv|abort) ?\(' \
    lib/*/*.c | grep -vE '^lib/(cli|opt)/' |
    grep -vE '^[^:]*:[0-9]+: *(\*|/\*|//)' || :)

exit $wrong
