# shellcheck shell=sh
# common.sh - what the scripts here share; they source it. SPDX-License-Identifier: Apache-2.0
#
# After it, $bench is this directory, $GALE the program, $work a directory that goes away.

LC_ALL=C
export LC_ALL

die() {
	printf '%s: %s\n' "bench/${0##*/}" "$*" >&2
	exit 1
}

# usage prints the lines of the script's head that are indented like a command.
usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

bench=$(cd "$(dirname "$0")" && pwd)
if [ -z "${GALE:-}" ]; then
	GALE=./gale
	[ -x "$GALE" ] || GALE=$bench/../gale
fi
[ -x "$GALE" ] || die "no gale at $GALE: build it, or say where it is: GALE=FILE $0"

work=$(mktemp -d "${TMPDIR:-/tmp}/gale-bench-XXXXXX")
started=	# the process that runs beside this script

# leave ends what was started, and what it has started, and removes the files.
leave() {
	[ -z "$started" ] || kill "$started" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build NAME [LIBRARY...] makes $work/NAME, as gale's configure would: -O2.
build() {
	name=$1
	shift
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$work/$name" "$bench/$name.c" "$@" ||
		die "can't build $name.c"
}

# plugin NAME makes $work/NAME.so, where gale finds it.
plugin() {
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -shared -fPIC -I"$bench/../include" \
		-o "$work/$1.so" "$bench/$1.c" || die "can't build $1.c"
	GALE_PLUGIN_PATH=$work${GALE_PLUGIN_PATH:+:$GALE_PLUGIN_PATH}
	export GALE_PLUGIN_PATH
}

# licences makes $text and says how often it is read to have about $lines lines: $rounds,
# $lines.
licences() {
	text=$work/text
	cat /usr/share/common-licenses/* >"$text" ||
		die "no text: the licence texts of Debian are gone"
	text_lines=$(wc -l <"$text")
	rounds=$(((lines + text_lines - 1) / text_lines))
	lines=$((rounds * text_lines))
}

# positive NUMBER... or the usage.
positive() {
	for number in "$@"; do
		case $number in '' | 0* | *[!0-9]*) usage ;; esac
	done
}

# value FILE NAME gives the number after NAME in what measure wrote.
value() {
	tr ' ' '\n' <"$1" | sed -n "/^$2\$/{n;p;}"
}

# number NAME [COMPONENT] finds the first number of that name in gale's summary, in which
# each component has a line of its own.
number() {
	if [ $# -eq 2 ]; then
		sed -n "/\"id\": \"$2\", \"kind\"/p" "$work/summary"
	else
		cat "$work/summary"
	fi | tr '{,' '\n' | sed -n "s/^ *\"$1\": \([0-9.]*\).*/\1/p" | head -n 1
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { n = int((NR + 1) / 2)
		print NR % 2 ? v[n] : (v[n] + v[n + 1]) / 2 }'
}

# of NAME COLUMN gives the median of a column of $work/NAME.runs; what was not measured is null.
of() {
	cut -d ' ' -f "$2" "$work/$1.runs" >"$work/column"
	if grep -q null "$work/column"; then echo null; else median <"$work/column"; fi
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a / b }'
}

# chaining WHICH <TOPOLOGY sets topology.chaining to off or auto, if this gale knows the key;
# else the topology stays as it is, and nothing is chained.
chaining() {
	if [ -z "${can_chain:-}" ]; then
		sed 's/"config": {/&"topology.chaining": "auto",/' "$bench/const.json" >"$work/chained.json"
		can_chain=no
		if "$GALE" lint -D count=1 "$work/chained.json" >"$work/lint" 2>&1; then can_chain=yes; fi
	fi
	if [ "$can_chain" = yes ]; then
		sed 's/"config": {/&"topology.chaining": "'"$1"'",/'
	else
		cat
	fi
}

# begin COMMAND... starts it; stop ends it, and finish waits for its own end.
begin() {
	"$@" >"$work/said" 2>"$work/stderr" &
	started=$!
}

stop() {
	kill "$started"
	wait "$started" || true	# 143: it was told to end
	started=
}

finish() {
	wait "$started" || {
		cat "$work/stderr" >&2
		die "$1 failed"
	}
	started=
}

# watch SECONDS writes into $work/watched what the process and its descendants use.
watch() {
	"$work/measure" -p "$started" "$1" >"$work/watched" || {
		cat "$work/stderr" >&2
		die "it has ended before it was measured"
	}
}
