#!/bin/bash
# completion.sh - what bash offers behind "gale": doc/gale.bash and gale complete.
# SPDX-License-Identifier: Apache-2.0
#
# Words are given as bash takes a line apart: "=" and ":" are words of their own. The last one is
# where the cursor is.
#
# shellcheck disable=SC2317 # cases are called by name
# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# completed WORD... prints what bash would offer for the last word, a line each.
completed() {
	# shellcheck disable=SC2016 # for the inner shell
	XDG_STATE_HOME=$HOMES XDG_RUNTIME_DIR=$RUN PATH=$(dirname "$GALE"):$PATH timeout 60 bash --norc -c '
		. "$0" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _gale && printf "%s\n" "${COMPREPLY[@]}"
	' "$TOP_SRCDIR/doc/gale.bash" "$@"
}

# offers WANTED WORD...: these and no others, in any order.
offers() {
	local wanted got

	wanted=$(tr -s ' \n' '\n' <<< "$1" | sort)
	shift
	got=$(completed "$@" | sort)
	[ "$got" = "$wanted" ] || fail "$* <TAB> offers '$got', not '$wanted'"
}

# words NAME submits a topology with the components lines, split (3 tasks) and end.
words() {
	: > in
	topology "$1" <<-END
		spout lines lines path=in follow=true
		bolt split split numTasks=3
		bolt end null.Null
		stream lines split SHUFFLE
		stream split end FIELDS word
	END
	expect 0 submit --wait t.json
}

case_commands() {
	offers "$("$GALE" help | awk '/^  [a-z]/ { print $1 }')" gale ''
	offers 'list lint logs' gale l
	offers '' gale nothing
	offers 'help' gale he
	offers 'rebalance restart' gale help re
	# Hidden ones are not offered, nor what follows them.
	offers '' gale supervi
	offers '' gale worker ''
}

case_options() {
	offers '--json --help' gale list -
	offers '--wait' gale submit t.json --w
	offers '--now' gale kill words --n
	offers '--help' gale activate -
	offers '--listen --open --help' gale ui -
}

# Every option of every command, as its help has them.
case_all_options() {
	local command

	for command in $("$GALE" help | awk '/^  [a-z]/ { print $1 }'); do
		offers "$("$GALE" help "$command" | sed -n '/^options:/,$p' | cut -c 1-29 | grep -oE -- '--[a-z-]+')" \
		    gale "$command" --
	done
}

case_arguments_of_options() {
	offers 'error warn info debug' gale logs words --level ''
	offers 'warn' gale logs words --level w
	offers 'warn' gale logs words --level = w
	offers '1m 10m 1d' gale status --window 1
	offers 'ascii dot' gale graph -f ''
	offers '' gale kill -w ''
	offers '' gale tap words split -n ''
}

case_files() {
	mkdir topologies
	touch one.json other.json topologies/more.json
	offers 'one.json other.json' gale run o
	offers 'one.json other.json' gale submit --wait o
	offers 'topologies' gale lint one.json t
	offers 'topologies/more.json' gale graph topologies/
	offers 'one.json' gale run other.json -D input = on
	offers 'topologies' gale run other.json --state = to
	offers 'topologies' gale state ls to
	offers '' gale list o
	offers '' gale kill o
}

case_subcommands() {
	offers 'ls get dump verify export import' gale state ''
	offers 'export' gale state ex
	offers 'info' gale plugin ''
}

case_topologies() {
	local command

	words first
	words second
	for command in activate deactivate restart kill status logs errors tap trace rebalance set-log-level top graph; do
		rm -f in t.json out err
		offers 'first second' gale "$command" ''
		offers 'second' gale "$command" se
	done
	offers 'first second' gale submit --resume ''
	offers 'second' gale submit --replace --name s
	offers '' gale kill first ''
	offers '' gale list ''
	offers 'first' gale logs -n 3 f
	expect 0 kill first
	offers 'second' gale kill ''
	kill -KILL "$(gale list --json | sed -n 's/.*"second",.*"pid": \([0-9]*\),.*/\1/p')"
	wait_until 10 is_status second DEAD
	offers 'second' gale submit --resume ''
	expect 0 kill second
}

case_components() {
	words words
	offers 'lines split end' gale status words ''
	offers 'split' gale tap words s
	offers 'default' gale tap words split : d
	offers 'lines:default lines:dead-letters' gale tap words lines:
	offers 'default dead-letters' gale tap words lines :
	offers 'default' gale tap words lines : def
	offers 'lines split end acker coordinator gale output' gale logs words ''
	offers 'split.0 split.1 split.2' gale logs words split.
	offers 'lines split end error warn info debug' gale set-log-level words ''
	offers 'error warn info debug' gale set-log-level words split ''
	offers '' gale status words split ''
	offers '' gale status nothing ''
	rm -f in t.json out err
	offers 'words' gale state ls ''
	offers 'lines split end' gale state dump words ''
	expect 0 kill words
}

case_components_of_rebalance() {
	words words
	offers 'lines= split= end=' gale rebalance words -e ''
	offers 'split=' gale rebalance words -e s
	offers 'split=' gale rebalance words --executors s
	# Behind a complete one.
	offers '' gale rebalance words -e split = 2
	offers 'end=' gale rebalance words -e split = 2 -e e
	offers 'words' gale rebalance -e split = 2 w
	expect 0 kill words
}

# answers MS: one answer took no longer. Of several, for other tests may run at the same time.
answers() {
	local began=${EPOCHREALTIME/./}

	XDG_STATE_HOME=$HOMES XDG_RUNTIME_DIR=$RUN "$GALE" complete status words '' > out
	[ $(((${EPOCHREALTIME/./} - began) / 1000)) -lt "$1" ]
}

case_quick() {
	words words
	wait_until 5 answers $((40 * SLOW))
	same_lines out <<-END
		lines
		split
		end
	END
	expect 0 kill words
}

run_cases "$@"
