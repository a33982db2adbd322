#!/bin/bash
# sinks.sh - what transactional topologies put out is there once, whatever is killed and at whatever
# step of a commit; a reader sees nothing that is undone later.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
#     GALE_SEED=S test/sinks.sh		the same victims in the same order

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SEED=${GALE_SEED:-$RANDOM}
RANDOM=$SEED
echo "GALE_SEED=$SEED"
KILLS=10

# copying SINK OPTION...: the lines of `input` go to a sink, in t.json.
copying() {
	topology <<-END
		config topology.transaction.batch.interval.ms 5
		config topology.transaction.batch.tuples 500
		spout lines lines path=input
		bolt pass filter match=.
		bolt sink $*
		stream lines pass SHUFFLE
		stream pass sink SHUFFLE
	END
	sed -i '1s/{/{ "transactional": { "id": "copy" },/' t.json
}

input() {
	seq -f 'line %.0f' "$1" > input
}

# steps COMMAND... runs it with the sink killed at each step of a commit, at the first and at a later
# one.
steps() {
	local point n

	for point in batch.closed batch.persisted state.write batch.prepared batch.publish batch.published; do
		for n in 1 2 5; do
			rm -rf output state
			GALE_FAILPOINTS="sink[0]/$point=$n,kill" "$@" || fail "$point=$n: $(tail -n 3 err)"
			grep -q "failpoint $point reached" err || [ "$n" -gt 1 ] || fail "$point: not reached"
		done
	done
}

# ---- file ---------------------------------------------------------------------------------------

case_file() {
	input "$(much 400000)"
	copying file path=output
	start --state state
	kill_some "$KILLS" '^[a-z]*\[0\]$|^coordinator'
	ends 0 60
	same output input
}

# The sink alone dies, and the state goes with the run.
case_file_without_state_directory() {
	input "$(much 1000000)"
	copying file path=output
	start
	kill_some "$KILLS" '^sink'
	ends 0 60
	same output input
}

case_file_at_each_step() {
	input 5000
	copying file path=output
	steps file_once
}
file_once() {
	expect 0 run -q --state state t.json
	same output input
}

# A run that has ended is run again: it only publishes.
case_file_is_complete_once() {
	input 100
	copying file path=output
	expect 0 run -q --state state t.json
	same output input
	expect 0 run -q --state state t.json
	same output input
	rm output
	expect 0 run --state state t.json
	says 'output was complete, and has been taken away since'
	must [ ! -e output ]
}

case_file_of_runs_that_are_killed() {
	input "$(much 2000000)"
	copying file path=output
	runs_are_killed
	same output input
}

runs_are_killed() {
	local i

	for ((i = 0; i < 8; i++)); do
		start --state state
		sleep "0.$(printf %03d $((150 + RANDOM % 250)))"
		kill -9 "$PID" 2> /dev/null
		wait "$PID" 2> /dev/null
		PID=
		wait_until 5 none_of_ours
		[ ! -f output ] || break
	done
	must [ "$i" -gt 1 ]
	expect 0 run -q --state state t.json
}

# ---- standard output and pipes ------------------------------------------------------------------

# What others die of is no reason to print anything twice.
case_standard_output() {
	input "$(much 400000)"
	copying file path=-
	start --state state
	kill_some "$KILLS" '^(lines|pass|coordinator)'
	ends 0 60
	same out input
}

# The sink itself has printed and not said so: some lines come twice, none is missing.
case_standard_output_of_a_sink_that_dies() {
	input "$(much 400000)"
	copying file path=-
	start --state state
	kill_some "$KILLS" '^sink'
	ends 0 60
	grep -x 'line [0-9]*' out | sort -u > once
	sort input | cmp - once || fail "lines are missing"
}

case_a_slow_fifo() {
	input 20000
	copying file path=fifo
	mkfifo fifo
	start
	perl -e 'select undef, undef, undef, 0.01 while sysread(STDIN, $_, 4096) && print;' < fifo > got
	ends 0 60
	same got input
}

# ---- rolled -------------------------------------------------------------------------------------

rolled_lines() {
	find output -maxdepth 1 -name '[0-9]*' | sort | xargs cat
}

case_rolled_at_each_step() {
	input 5000
	copying rolled path=output format=lines
	steps rolled_once
}
rolled_once() {
	expect 0 run -q --state state t.json
	rolled_lines | cmp - input || fail "the files are wrong"
}

# A reader takes the files away as they come; what it gets are the lines in their order.
case_rolled_is_read_meanwhile() {
	input "$(much 400000)"
	copying rolled path=output format=lines
	start --state state
	take_files > taken &
	kill_some "$KILLS" '^[a-z]*\[0\]$|^coordinator'
	ends 0 60
	wait $!
	same taken input
}
take_files() {
	local f gone=0

	while [ "$gone" = 0 ]; do
		is_gone "$PID" && gone=1
		for f in output/[0-9]*; do
			[ ! -f "$f" ] || { cat "$f" && rm "$f"; }
		done
		sleep 0.01
	done
}

# Without a state directory nothing is left beside the files, also when a run is cut short or killed.
case_rolled_leaves_nothing_hidden() {
	local signal

	input 1
	copying file path=tiny
	mv t.json tiny.json
	input "$(much 300000)"
	for signal in INT KILL; do
		rm -rf output
		copying rolled path=output format=lines
		start
		wait_until 10 test -e output/00000000000000000003-0.txt
		kill "-$signal" "$PID"
		wait "$PID"
		PID=
		wait_until 5 none_of_ours
		[ "$signal" = INT ] || expect 0 run -q tiny.json	# any run clears up
	done
}

# ---- sqlite -------------------------------------------------------------------------------------

needs_sqlite() {
	[ -f "$TOP_BUILDDIR/bolts/sqlite.so" ] || skip "gale was configured without libsqlite3"
	command -v sqlite3 > /dev/null || skip "sqlite3 is missing: apt-get install sqlite3"
}

rows() {
	sqlite3 output "SELECT line FROM lines ORDER BY rowid"
}

case_sqlite() {
	needs_sqlite
	input "$(much 400000)"
	copying sqlite path=output table=lines
	start --state state
	kill_some "$KILLS" '^[a-z]*\[0\]$|^coordinator'
	ends 0 60
	rows | cmp - input || fail "seed $SEED: the rows are wrong"
}

case_sqlite_at_each_step() {
	needs_sqlite
	input 5000
	copying sqlite path=output table=lines
	steps sqlite_once
}
sqlite_once() {
	expect 0 run -q --state state t.json
	rows | cmp - input || fail "the rows are wrong"
}

case_sqlite_with_several_tasks() {
	needs_sqlite
	input "$(much 100000)"
	copying sqlite path=output table=lines parallelism=3
	start --state state
	kill_some 6 '^sink'
	ends 0 60
	rows | sort > got
	sort input | cmp - got || fail "seed $SEED: the rows are wrong"
}

run_cases "$@"
