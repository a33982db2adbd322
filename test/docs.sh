#!/bin/sh
# docs.sh - what the documents say is tried. SPDX-License-Identifier: Apache-2.0
#
# In Markdown files the words after ``` say what a block is:
#
#     ```c NAME.c        a plugin: written to NAME.c, compiled without warnings to NAME.so
#     ```cpp NAME.cpp    the same in C++17
#     ```c               a piece of one: compiled behind gale.h
#     ```json NAME.json  written to NAME.json
#     ```sh run          run, in a folder that looks like gale's own; must end with 0
#     ```text stdout     what the block before it must have printed
#
# Other blocks are for people. In the man pages
#
#     .\" file NAME      the block that follows (.nf, or .ig for one that is not shown) is NAME
#     $ COMMAND          is run; so is what stands behind .\" and is not shown
#     .\" stopped        the next command goes on until Ctrl-C, which comes soon
#
# A document leaves no topology behind, and when it fails its processes are killed. What documents
# say in tables is compared with the program by pages.sh. Needs TOP_SRCDIR and TOP_BUILDDIR.
set -u
: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
unset GALE_PLUGIN_PATH
export LC_ALL=C
CC=${CC:-cc}
CXX=${CXX:-c++}
patience=$((240 * ${SLOW:-1}))	# seconds; a busy machine may need many
failures=0

work=$(mktemp -d /tmp/gale.XXXXXX) || exit 1	# short: sockets live below it

# What was started is known by its environment.
kill_ours() {
	for pid in $(grep -lzxF "GALE_TEST_CASE=$work" /proc/[0-9]*/environ 2>/dev/null | tr -cd '0-9\n'); do
		[ "$pid" = $$ ] || kill -9 "$pid" 2>/dev/null
	done
}

trap 'kill_ours; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/bin" "$work/blocks" "$work/here"
mkdir -m 700 "$work/run" "$work/home"
ln -s "$TOP_BUILDDIR/gale" "$work/bin/gale"
PATH=$work/bin:$PATH
XDG_RUNTIME_DIR=$work/run
XDG_STATE_HOME=$work/home
GALE_TEST_CASE=$work
export PATH XDG_RUNTIME_DIR XDG_STATE_HOME GALE_TEST_CASE
cd "$work/here" || exit 1
for name in include topologies LICENSE; do
	ln -s "$TOP_SRCDIR/$name" .
done
ln -s "$TOP_BUILDDIR/gale" .

fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# quietly COMMAND... shows what it printed only when it failed.
quietly() {
	"$@" >"$work/printed" 2>&1 && return 0
	cat "$work/printed"
	return 1
}

# ---- blocks of Markdown files ----

# blocks FILE writes the Nth block to $work/blocks/N, and "N LINE LANGUAGE ARGUMENT" each.
blocks() {
	awk -v dir="$work/blocks" '
	/^```/ && !inside { inside = 1; file = dir "/" ++n; printf "" >file
		print n, NR, substr($1, 4) == "" ? "-" : substr($1, 4), $2 == "" ? "-" : $2; next }
	/^```/ { inside = 0; close(file); next }
	inside { print >file }' "$1"
}

compile_c() {
	quietly "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror -O1 -fPIC "$@" -Iinclude
}

compile_cpp() {
	if ! command -v "$CXX" >/dev/null; then
		echo "left out: $1 (g++ is missing)"
		return 0
	fi
	quietly "$CXX" -std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 -fPIC -shared -Iinclude -o "${1%.cpp}.so" "$1"
}

# try_block FILE N LINE LANGUAGE ARGUMENT
try_block() {
	body=$work/blocks/$2
	case "$4 $5" in
	"c -")
		compile_c -Wno-unused-function -Wno-unused-variable -Wno-unused-const-variable -include gale/gale.h \
			-c -x c -o "$work/piece.o" "$body" || fail "$1:$3: a piece of C does not compile" ;;
	"c "*)
		cp "$body" "$5"
		compile_c -shared -o "${5%.c}.so" "$5" || fail "$1:$3: $5 does not compile" ;;
	"cpp "*)
		cp "$body" "$5"
		compile_cpp "$5" || fail "$1:$3: $5 does not compile" ;;
	"json "*)
		cp "$body" "$5" ;;
	"sh run")
		timeout "$patience" sh -e "$body" >"$work/stdout" 2>"$work/stderr" </dev/null || {
			code=$?
			cat "$work/stdout" "$work/stderr"
			fail "$1:$3: ended with $code"
		} ;;
	"text stdout")
		diff "$body" "$work/stdout" || fail "$1:$3: this is printed now (>)" ;;
	esac
}

try_markdown() {
	blocks "$TOP_SRCDIR/$1" >"$work/list"
	while read -r n line language argument; do
		try_block "$1" "$n" "$line" "$language" "$argument" </dev/null
	done <"$work/list"
}

# ---- man pages ----

# unroff undoes the escapes that the examples use.
unroff() {
	sed -e 's/\\-/-/g' -e 's/\\(ha/^/g' -e "s/\\\\(aq/'/g" -e 's/\\(ga/`/g' -e 's/\\e/\\/g'
}

man_files() {
	awk '/^\.\\" file / { name = $3; next }
	name != "" && !writing && /^\.(nf|ig)/ { writing = 1; next }
	/^\.(fi|\.)$/ { if (writing) close(name); writing = 0; name = "" }
	writing { print >name }' "$1"
	sed -n 's/^\.\\" file //p' "$1" | while read -r file; do
		unroff <"$file" >"$work/plain" && cp "$work/plain" "$file"
	done
}

# man_commands: what is stopped is also stopped where it takes a while to begin; then again.
man_commands() {
	awk '/^\.\\" stopped/ { stopped = 1; next }
	/^(\.\\" )?\$ / {
		sub(/^(\.\\" )?\$ /, "")
		if (stopped)
			printf "timeout -s INT 1 "
		more = 1
	}
	more {
		more = /(\\e|\|)$/
		print stopped && !more ? $0 " || [ $? = 124 ]" : $0
		if (!more)
			stopped = 0
	}' "$1" | unroff
}

# nothing_left DOCUMENT: it has killed what it submitted.
nothing_left() {
	left=$(find "$XDG_STATE_HOME" -name topology.json | sed 's|.*/gale/||; s|/.*||' | tr '\n' ' ')
	[ -z "$left" ] || fail "$1: it leaves topologies behind: $left"
	kill_ours
	rm -rf "$XDG_STATE_HOME/gale"
}

try_man() {
	man_files "$TOP_SRCDIR/$1"
	man_commands "$TOP_SRCDIR/$1" >"$work/commands"
	[ -s "$work/commands" ] || fail "$1: no example found"
	quietly timeout "$patience" sh -ex "$work/commands" || fail "$1: an example failed"
	nothing_left "$1"
}

for document in README.md doc/plugins.md doc/exactly-once-output.md doc/operating.md; do
	try_markdown "$document"
	nothing_left "$document"
done
for page in "$TOP_SRCDIR"/doc/*.[1-9]; do
	grep -q '^\.so ' "$page" || try_man "doc/${page##*/}"
done
[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
