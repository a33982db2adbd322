#!/bin/sh
# floors.sh - includes go down the list in runtime/FLOORS and never up; every header is in it;
# ZeroMQ, cJSON, LevelDB, ncurses and dlopen are each used in one place.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "${TOP_SRCDIR:-.}"
files=$(ls runtime/*/*.[ch] acker/*.[ch])

# Of a file that no module names (bolt.c) the place is that of its folder's last module.
# shellcheck disable=SC2086 # file names without blanks
grep -H '^#include "' $files | awk '
	function name(path) { sub(/.*\//, "", path); sub(/\.[ch].*/, "", path); return path }
	function folder(path) { sub(/\/[^\/]*$/, "", path); sub(/.*\//, "", path); return path }
	function family(module) { sub(/_.*/, "", module); return module }
	# place gives where a module stands: by its name, or as a part of its family.
	function place(dir, module) {
		if (dir "/" module in at) return at[dir "/" module]
		if (dir "/" family(module) in at) return at[dir "/" family(module)]
		return 0
	}
	function complain(text) { print text; bad = 1 }
	FNR == NR {
		if ($0 !~ /^#/) {
			dir = $1; sub(/:/, "", dir)
			for (i = 2; i <= NF; i++) { at[dir "/" $i] = ++n; last[dir] = n; home[$i] = dir }
		}
		next
	}
	{
		split($0, part, ":")
		file = part[1]; dir = folder(file); own = place(dir, name(file))
		if (!own) own = last[dir]
		if (!own) complain(file ": its folder is not in runtime/FLOORS")
		target = $0; sub(/.*#include "/, "", target); target = name(target)
		there = 0
		for (d in last) if (place(d, target)) there = place(d, target)
		if (!there) complain(file " includes " target ".h, which is not in runtime/FLOORS")
		else if (there > own) complain(file " includes " target ".h, which stands above it")
	}
	END { exit bad }' runtime/FLOORS -

alone() {
	# shellcheck disable=SC2086
	users=$(grep -lE "$1" $files | tr '\n' ' ')
	[ "$users" = "$2 " ] || { echo "$1 is used in: $users- it belongs to $2"; exit 1; }
}
alone '#include <zmq.h>' runtime/worker/transport.c
alone '#include <cjson/cJSON.h>' runtime/topology/json.c
alone '#include <leveldb/c.h>' runtime/state/database.c
alone '#include <curses.h>' runtime/cli/topterm.c
alone '#include <microhttpd.h>' runtime/web/mhd.h
alone '#include <dlfcn.h>' 'runtime/topology/plugin.c runtime/web/mhd.c'
