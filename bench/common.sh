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
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build NAME [LIBRARY...] makes $work/NAME, as gale's configure would: -O2.
build() {
	name=$1
	shift
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$work/$name" "$bench/$name.c" "$@" ||
		die "can't build $name.c"
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
