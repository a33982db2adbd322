#!/bin/sh
# pages.sh - what the documents say in tables is what the program has: commands, options, exit
# codes, statuses, config keys, the calls of gale.h, names of files; and the man pages are well
# formed. SPDX-License-Identifier: Apache-2.0
#
# What they say in examples is tried by docs.sh. Needs TOP_SRCDIR and TOP_BUILDDIR.
# Words of a known shape are meant where the shell splits; $ and ` stand in patterns.
# shellcheck disable=SC2013,SC2016
set -u
: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
export LC_ALL=C
failures=0
doc=$TOP_SRCDIR/doc
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

gale() {
	"$TOP_BUILDDIR/gale" "$@"
}

# page_of COMMAND gives the page that tells of it; help and version are in gale.1.
page_of() {
	case $1 in
	help | version) echo gale.1 ;;
	*) sed -n 's|^\.so man1/||p' "$doc/gale-$1.1" 2>/dev/null | grep . || echo "gale-$1.1" ;;
	esac
}

# section NAME PAGE gives the lines of a section, without the escapes that matter here.
section() {
	awk -v name="$1" '/^\.SH / { inside = $0 == ".SH " name; next } inside' "$doc/$2" | sed 's/\\-/-/g'
}

commands() {
	gale help | awk '/^  [a-z]/ { print $1 }'
}

# own_pages gives the commands that gale.1 only names.
own_pages() {
	commands | grep -vxE 'help|version'
}

# ---- commands, options, exit codes, statuses ----

commands_have_pages() {
	section COMMANDS gale.1 | sed 's/"//g; s/ *(1)/ (1)/g' >"$work/commands"
	for command in $(commands); do
		page=$(page_of "$command")
		if [ ! -f "$doc/$page" ]; then
			fail "gale $command has no page doc/gale-$command.1"
		elif [ "$page" = gale.1 ]; then
			grep -qE "^\.BR? $command\b" "$work/commands" || fail "gale.1 does not tell of $command"
		else
			grep -q "gale-$command (1)" "$work/commands" || fail "gale.1 does not name gale-$command(1)"
			section SYNOPSIS "$page" | grep -q "gale $command\b" || fail "$page: its synopsis has no gale $command"
		fi
	done
	for page in "$doc"/gale-*.1; do
		command=$(basename "$page" .1)
		commands | grep -qx -- "${command#gale-}" || fail "${page##*/}: there is no such command"
	done
}

# options FILE gives the options that stand there, one a line.
options() {
	grep -oE -- '(^|[^-a-zA-Z0-9])--?[a-zA-Z][a-z-]*' "$1" | grep -oE -- '--?[a-zA-Z][a-z-]*' | sort -u
}

# Each command's options are those of its page, letters too.
options_are_told() {
	for command in $(own_pages); do
		page=$(page_of "$command")
		[ -f "$doc/$page" ] || continue
		gale help "$command" | sed -n '/^options:/,$p' | cut -c 1-29 >"$work/help"
		options "$work/help" >"$work/has"
		section OPTIONS "$page" | grep -A 1 '^\.TP' | grep '^\.B' | sed 's/\\f.*//' >"$work/entries"
		options "$work/entries" >"$work/tells"
		diff "$work/has" "$work/tells" >"$work/difference" ||
			fail "$page: options that it or gale $command (<) has not: $(grep '^[<>]' "$work/difference" | tr '\n' ' ')"
	done
}

# operands_are_told: words of the usage line stand in the synopsis.
operands_are_told() {
	for command in $(own_pages); do
		page=$(page_of "$command")
		[ -f "$doc/$page" ] || continue
		section SYNOPSIS "$page" >"$work/synopsis"
		for word in $(gale help "$command" | sed -n 's/^usage: gale [a-z-]* //p' | tr -cs 'A-Za-z-' ' '); do
			case $word in ARGUMENT | OPTION) continue ;; esac
			grep -q -- "$word" "$work/synopsis" || fail "$page: its synopsis has no $word"
		done
	done
}

# exit_codes_are_told: those of command.h, but for the ones that shells make of signals.
exit_codes_are_told() {
	section 'EXIT STATUS' gale.1 | grep '^\.B' >"$work/codes"
	for code in $(sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]*\).*/\1/p' "$TOP_SRCDIR/runtime/cli/command.h"); do
		grep -qw "$code" "$work/codes" || fail "gale.1: no exit code $code"
	done
	for page in "$doc"/gale-*.1; do
		for code in $(section 'EXIT STATUS' "${page##*/}" | grep '^\.B' | grep -oE '[0-9]+'); do
			grep -qw "$code" "$work/codes" || fail "${page##*/}: gale.1 does not tell of exit code $code"
		done
	done
}

statuses_are_told() {
	section 'LIFE OF A TOPOLOGY' gale.1 >"$work/life"
	grep -ohE '"[A-Z]+"' "$TOP_SRCDIR/runtime/process/overview.c" | tr -d '"' >"$work/statuses"
	[ -s "$work/statuses" ] || fail "overview.c: no statuses found"
	for status in $(cat "$work/statuses"); do
		grep -qx "\.B $status" "$work/life" || fail "gale.1 does not tell what $status means"
		grep -q "\b$status\b" "$doc/operating.md" || fail "operating.md does not tell of $status"
	done
}

# ---- config keys ----

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
		what["CONFIG_LEVEL"] = "error, warn, info or debug, "
		what["CONFIG_CPUS"] = "list of processors, "
		scope = $7 == "BOTH" ? "; topology or component" : "; topology"
		print text($2) "|(" what[$3] ($4 == "NULL" ? "no default" : "default " text($4)) scope ")"
	}' "$1"
}

config_is_told() {
	config_keys "$TOP_SRCDIR/runtime/topology/config.c" >"$work/keys"
	[ -s "$work/keys" ] || fail "config.c: no keys found"
	while IFS='|' read -r key told; do
		grep -F -x -A 1 ".B $key" "$doc/gale-topology.5" | grep -q -F -x "$told" ||
			fail "gale-topology.5: $key is $told"
	done <"$work/keys"
	for key in $(sed -n 's/^\.B \(topology\..*\)$/\1/p' "$doc/gale-topology.5"); do
		grep -q "^$key|" "$work/keys" || fail "gale-topology.5: there is no $key"
	done
}

# ---- the plugin header ----

# header_names gives the calls, macros and types of gale.h, and the members of gale_component.
header_names() {
	header=$TOP_SRCDIR/include/gale/gale.h
	sed -n 's/^static inline .*\b\(gale_[a-z_0-9]*\)(.*/\1/p' "$header"
	sed -n 's/^#define \(GALE_[A-Z_]*\|gale_[a-z]*\)(.*/\1/p' "$header"
	sed -n '/^struct gale_component {/,/^};/p' "$header" |
		sed -n 's/^\t.*(\*\([a-z_]*\))(.*/\1/p; s/^\t[a-z].*[ *]\([a-z_]*\);.*/\1/p'
}

header_is_told() {
	sed -e 's/\\-/-/g' -e 's/"//g' "$doc/gale-plugin.3" >"$work/page"
	header_names | sort -u | grep -vx GALE_PRINTF >"$work/names"
	[ "$(wc -l <"$work/names")" -gt 80 ] || fail "gale.h: too few names found"
	for name in $(cat "$work/names"); do
		grep -q "\b$name\b" "$work/page" || fail "gale-plugin.3 does not name $name"
	done
	for name in $(grep -ohE '\b(gale_[a-z_]+|GALE_[A-Z_]+)\b' "$work/page" | sort -u); do
		grep -q "\b$name\b" "$TOP_SRCDIR/include/gale/gale.h" || fail "gale-plugin.3: gale.h has no $name"
	done
}

# ---- form ----

# sections_are_there PAGE: those that each has, in their order.
sections_are_there() {
	case $1 in
	gale-*.1) wanted='NAME;SYNOPSIS;EXAMPLES;DESCRIPTION;OPTIONS;EXIT STATUS;FILES;SEE ALSO;' ;;
	gale.1) wanted='NAME;SYNOPSIS;EXAMPLES;DESCRIPTION;COMMANDS;EXIT STATUS;SIGNALS;ENVIRONMENT;FILES;SEE ALSO;' ;;
	*) wanted='NAME;DESCRIPTION;SEE ALSO;' ;;
	esac
	echo "$wanted" | tr ';' '\n' | grep . >"$work/wanted"
	found=$(sed -n 's/^\.SH //p' "$doc/$1" | grep -xF -f "$work/wanted" | tr '\n' ';')
	[ "$found" = "$wanted" ] || fail "$1: its sections are $found not $wanted"
}

# form PAGE: formats without a warning, names pages that are there, and is installed.
form() {
	if command -v groff >/dev/null; then
		warnings=$(groff -man -Tutf8 -ww "$doc/$1" 2>&1 >/dev/null)
		[ -z "$warnings" ] || fail "$1: groff warns: $warnings"
	fi
	if command -v mandoc >/dev/null; then
		warnings=$(mandoc -Tlint "$doc/$1" 2>&1)
		[ -z "$warnings" ] || fail "$1: mandoc warns: $warnings"
	fi
	for name in $(sed 's/\\-/-/g; s/"//g' "$doc/$1" | grep -oE '\bgale(-[a-z-]+)? *\([0-9]\)' | tr -d ' ()'); do
		[ -f "$doc/${name%?}.${name#"${name%?}"}" ] || fail "$1: there is no page $name"
	done
}

pages_are_well() {
	command -v groff >/dev/null || echo "left out: formatting man pages (groff-base is missing)"
	for page in "$doc"/*.[1-9]; do
		page=${page##*/}
		grep -q "doc/$page\b" "$TOP_SRCDIR/Makefile.am" || fail "$page: make does not install it"
		grep -q '^\.so ' "$doc/$page" && continue
		sections_are_there "$page"
		form "$page"
	done
}

# names_are_right: files that a document names in `quotes`, and has no block for, and those it
# links to, exist.
names_are_right() {
	for name in $(grep -ohE '`[a-z_*]+\.(c|h|sh)`' "$TOP_SRCDIR/$1" | tr -d '`' | sort -u); do
		grep -q "^\`\`\`[a-z]* $name" "$TOP_SRCDIR/$1" || [ -n "$(find "$TOP_SRCDIR" -name "$name" | head -n 1)" ] ||
			fail "$1: there is no $name"
	done
	for link in $(grep -oE '\]\([^)#:]+\)' "$TOP_SRCDIR/$1" | sed 's/^](//; s/)$//'); do
		[ -e "$TOP_SRCDIR/$(dirname "$1")/$link" ] || fail "$1: there is no $link"
	done
}

commands_have_pages
options_are_told
operands_are_told
exit_codes_are_told
statuses_are_told
config_is_told
header_is_told
pages_are_well
for document in README.md CONTRIBUTING.md CHANGES.md doc/architecture.md doc/operating.md doc/plugins.md \
	doc/exactly-once-output.md doc/wire.md; do
	names_are_right "$document"
done
[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
