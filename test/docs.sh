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
# Other blocks are for people. In the man pages a block after `.\" file NAME` is written to
# NAME, and lines that begin with "$ " are run.
#
# The rest compares tables with the program: options, exit codes, config keys, file names,
# links. Needs TOP_SRCDIR and TOP_BUILDDIR.
# Words of a known shape are meant where the shell splits; $ and ` stand in patterns.
# shellcheck disable=SC2013,SC2016
set -u
: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
unset GALE_PLUGIN_PATH
export LC_ALL=C
CC=${CC:-cc}
CXX=${CXX:-c++}
patience=$((60 * ${SLOW:-1}))	# seconds
failures=0

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/bin" "$work/blocks" "$work/here"
ln -s "$TOP_BUILDDIR/gale" "$work/bin/gale"
PATH=$work/bin:$PATH
XDG_RUNTIME_DIR=$work
export PATH XDG_RUNTIME_DIR
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
	sed -e 's/\\-/-/g' -e 's/\\(ha/^/g' -e "s/\\\\(aq/'/g" -e 's/\\e/\\/g'
}

man_files() {
	awk '/^\.\\" file / { name = $3; next }
	name != "" && /^\.nf/ { writing = 1; next }
	/^\.fi/ { if (writing) close(name); writing = 0; name = "" }
	writing { print >name }' "$1"
}

man_commands() {
	awk 'more || /^\$ / { sub(/^\$ /, ""); print; more = /\\e$/ }' "$1" | unroff
}

try_man() {
	man_files "$TOP_SRCDIR/$1"
	for file in *.json; do
		[ -f "$file" ] || continue
		unroff <"$file" >"$work/plain" && cp "$work/plain" "$file"
	done
	man_commands "$TOP_SRCDIR/$1" >"$work/commands"
	[ -s "$work/commands" ] || fail "$1: no example found"
	quietly timeout "$patience" sh -e "$work/commands" || fail "$1: an example failed"
	if command -v groff >/dev/null; then
		groff -man -Tutf8 -ww "$TOP_SRCDIR/$1" 2>"$work/printed" >/dev/null
		[ ! -s "$work/printed" ] || { cat "$work/printed"; fail "$1: groff warns"; }
	else
		echo "left out: formatting $1 (groff-base is missing)"
	fi
}

# ---- tables ----

# options_are_told: gale.1 has an entry for every command and option of `gale help`.
options_are_told() {
	page=$work/gale.1
	sed 's/\\-/-/g' "$TOP_SRCDIR/doc/gale.1" | grep '^\.B' >"$page"
	for command in $(./gale help | awk '/^  [a-z]/ { print $1 }'); do
		grep -q "^\.B gale $command" "$page" || fail "gale.1: no command $command"
		for option in $(./gale help "$command" | grep -oE -- '--[a-z][a-z-]*'); do
			grep -q -- "$option" "$page" || fail "gale.1: no option $option of $command"
		done
	done
}

# config_keys makes "KEY|what the page must say of it" from the table in config.c.
config_keys() {
	awk -F'[ \t]*[{,][ \t]*' '
	function text(s) { gsub(/"/, "", s); return s }
	function number(s) { return s == "MAX_SECS" ? max_secs : s == "INT32_MAX" ? 2147483647 : s }
	/^#define MAX_SECS/ { split($0, word, " "); max_secs = word[3] }
	/^\t\{ "topology\.[a-z.]*", CONFIG_/ {
		what["CONFIG_INT"] = "integer, " number($5) " to " number($6) ", "
		what["CONFIG_NUMBER"] = "number above " number($5) ", at most " number($6) ", "
		what["CONFIG_BOOL"] = "true or false, "
		what["CONFIG_PATH"] = "path, "
		what["CONFIG_AUTO"] = "auto or off, "
		what["CONFIG_CPUS"] = "list of processors, "
		what["CONFIG_LEVEL"] = "error, warn, info or debug, "
		scope = $7 == "BOTH" ? "; topology or component" : "; topology"
		print text($2) "|(" what[$3] ($4 == "NULL" ? "no default" : "default " text($4)) scope ")"
	}' "$1"
}

config_is_told() {
	source=$(find "$TOP_SRCDIR/runtime" -name config.c | head -n 1)
	config_keys "$source" >"$work/keys"
	[ -s "$work/keys" ] || fail "config.c: no keys found"
	while IFS='|' read -r key told; do
		grep -F -x -A 1 ".B $key" "$TOP_SRCDIR/doc/gale-topology.5" | grep -q -F -x "$told" ||
			fail "gale-topology.5: $key is $told"
	done <"$work/keys"
	for key in $(sed -n 's/^\.B \(topology\..*\)$/\1/p' "$TOP_SRCDIR/doc/gale-topology.5"); do
		grep -q "^$key|" "$work/keys" || fail "gale-topology.5: there is no $key"
	done
}

# exit_codes_are_told: those of command.h, but for the ones that shells make of signals.
exit_codes_are_told() {
	source=$(find "$TOP_SRCDIR/runtime" -name command.h | head -n 1)
	sed -n '/^\.SH EXIT STATUS/,/^\.SH SIGNALS/p' "$TOP_SRCDIR/doc/gale.1" | grep '^\.B' >"$work/codes"
	for code in $(sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]*\).*/\1/p' "$source"); do
		grep -qw "$code" "$work/codes" || fail "gale.1: no exit code $code"
	done
}

# names_are_right: files that a document names in `quotes`, and those it links to, exist.
names_are_right() {
	for name in $(grep -ohE '`[a-z_*]+\.(c|h|sh)`' "$TOP_SRCDIR/$1" | tr -d '`' | sort -u); do
		[ -e "$name" ] || [ -n "$(find "$TOP_SRCDIR" -name "$name" | head -n 1)" ] ||
			fail "$1: there is no $name"
	done
	for link in $(grep -oE '\]\([^)#:]+\)' "$TOP_SRCDIR/$1" | sed 's/^](//; s/)$//'); do
		[ -e "$TOP_SRCDIR/$(dirname "$1")/$link" ] || fail "$1: there is no $link"
	done
}

try_markdown README.md
try_markdown doc/plugins.md
try_markdown doc/exactly-once-output.md
try_man doc/gale.1
try_man doc/gale-topology.5
options_are_told
config_is_told
exit_codes_are_told
for document in README.md CONTRIBUTING.md CHANGES.md doc/architecture.md doc/plugins.md doc/exactly-once-output.md doc/wire.md; do
	names_are_right "$document"
done
[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
