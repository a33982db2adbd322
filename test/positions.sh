#!/bin/bash
# positions.sh - gale run --state DIR: what goes on where, after a run was killed.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317 # cases are called by name
#
# The bolt `append` is in test/plugins: what it has acked is in its file.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SEED=${GALE_SEED:-$RANDOM}
RANDOM=$SEED

# random_pause: from 20 to 320 ms after something has come out.
random_pause() {
	sleep "0.$(printf %03d $((20 + RANDOM % 300)))"
}

# count FILE gives its lines; at_least N FILE.
count() {
	if [ -f "$1" ]; then wc -l < "$1"; else echo 0; fi
}

at_least() {
	[ "$(count "$2")" -ge "$1" ]
}

# grown FILE N: it has more than N lines. killed: kill -9 of the supervisor, and no worker is left.
grown() {
	at_least $(($2 + 1)) "$1"
}

killed() {
	kill -9 "$PID" 2> /dev/null
	wait "$PID" 2> /dev/null
	PID=
}

# kill_again_and_again TIMES FILE LINES: runs with --state, killed at random moments after FILE grew; TIMES
# at most, for a busy machine may be late with that, and LINES are not all that come.
kill_again_and_again() {
	local i before

	for ((i = 0; i < $1; i++)); do
		before=$(count "$2")
		start --state state
		wait_until 10 grown "$2" "$before"
		random_pause
		killed
		! at_least "$3" "$2" || break
	done
	echo "$((i < $1 ? i + 1 : i)) kills"
}

# all_there FILE FILE2: every line of FILE is in FILE2.
all_there() {
	sort -u "$1" > want
	sort -u "$2" > have
	comm -23 want have > lost
	[ ! -s lost ] || fail "seed $SEED: $(count lost) lines are lost, such as $(head -n 1 lost)"
	comm -13 want have > strange
	[ ! -s strange ] || fail "seed $SEED: lines that nobody wrote, such as $(head -n 1 strange)"
}

# repeated_at_most N FILE
repeated_at_most() {
	local n

	n=$(($(count "$2") - $(sort -u "$2" | wc -l)))
	echo "$n lines came again, of at most $1"
	[ "$n" -le "$1" ] || fail "seed $SEED: $n lines came again, of at most $1"
}

no_positions() {
	[ -z "$(ls state/positions 2> /dev/null)" ] || fail "positions are left: $(ls state/positions)"
}

has_positions() {
	[ -n "$(find state/positions -type f -size +0 2> /dev/null)" ]
}

copying() {
	topology "${1:-copy}" <<-END
		config topology.max.spout.pending 100
		spout lines lines path=input
		bolt sink append path=output us=100 parallelism=2
		stream lines sink SHUFFLE
	END
}

# ---- goes on ----------------------------------------------------------------------------

# 6 kills at about 10,000 lines a second: what came again was open (100, and a batch of 64), or
# younger than the last write: 100 ms. Measured: 450 lines a kill at most.
case_file() {
	seq -f 'line %.0f' 60000 > input
	copying
	kill_again_and_again 6 output 20000
	must has_positions
	start --state state
	ends 0 60
	says 'goes on at [0-9]+, with [0-9]+ messages that were open'
	all_there input output
	repeated_at_most $((6 * (164 + 1000))) output
	no_positions
	must [ "$(cat state/run)" -ge 3 ]
}

# Several tasks and processes read files in ranges; a file that has changed since is named.
case_files_that_have_changed() {
	mkdir text
	seq -f 'line %.0f' 60000 > input
	split -l 23000 input text/
	topology <<-END
		config topology.max.spout.pending 100
		spout files files path=text range=9000 parallelism=2 numTasks=3
		bolt sink append path=output us=100 parallelism=2
		stream files sink SHUFFLE
	END
	kill_again_and_again 4 output 20000
	touch text/ab
	expect 5 run -q -P "$PLUGINS" --state state t.json
	says 'text/ab |text has changed \(of its files [^ ]*/text/ab did so last\)'
	says 'another state directory'
}

case_files_are_gone_on_with() {
	mkdir text
	seq -f 'line %.0f' 60000 > input
	split -l 23000 input text/
	topology <<-END
		config topology.max.spout.pending 100
		spout files files path=text/a* range=9000 parallelism=2 numTasks=3
		bolt sink append path=output us=100 parallelism=2
		stream files sink SHUFFLE
	END
	kill_again_and_again 4 output 20000
	start --state state
	ends 0 60
	all_there input output
	repeated_at_most $((4 * (2 * 164 + 1000))) output
	no_positions
}

case_sequence() {
	topology <<-END
		config topology.max.spout.pending 50
		spout numbers sequence count=30000 rate=10000 parallelism=2
		bolt sink append path=output us=100
		stream numbers sink SHUFFLE
	END
	kill_again_and_again 5 output 8000
	start --state state
	ends 0 60
	seq 0 29999 > input
	all_there input output
	repeated_at_most $((5 * (2 * 114 + 1000))) output
	no_positions
}

# The second of two rounds is gone on with, too.
case_repeat() {
	seq 5000 > input
	topology <<-END
		config topology.max.spout.pending 100
		spout lines lines path=input repeat=2
		bolt sink append path=output us=1000
		stream lines sink SHUFFLE
	END
	start --state state
	wait_until 20 at_least 6000 output
	killed
	start --state state
	ends 0 60
	must [ "$(sort output | uniq -c | awk '$1 < 2' | wc -l)" -eq 0 ]
	repeated_at_most $((5000 + 164 + 6000)) output
	at_least 10000 output || fail "$(count output) lines"
	must [ "$(count output)" -lt 14000 ]
}

# Rotated while it runs, while nothing runs, and both; each file found by its inode.
case_followed() {
	local i before

	: > log
	: > output
	topology <<-END
		config topology.max.spout.pending 100
		spout lines lines path=log follow=true
		bolt sink append path=output us=100
		stream lines sink SHUFFLE
	END
	for i in 1 2 3 4 5 6; do
		before=$(count output)
		start --state state
		seq -f "first $i %.0f" 1500 | tee -a written >> log
		wait_until 10 grown output "$before"
		[ $((i % 2)) -eq 0 ] || rotate
		seq -f "second $i %.0f" 1500 | tee -a written >> log
		random_pause
		killed
		seq -f "third $i %.0f" 200 | tee -a written >> log
		[ $((i % 3)) -ne 0 ] || rotate
		seq -f "fourth $i %.0f" 200 | tee -a written >> log
	done
	start --state state
	wait_until 30 came_out
	kill -TERM "$PID"
	ends 143
	all_there written output
	must has_positions
	if grep -q lost err; then
		fail "$(cat err)"
	fi
}

came_out() {
	[ "$(sort -u output | wc -l)" -eq "$(sort -u written | wc -l)" ]
}

# rotate as logrotate does: the newest is log.1.
rotate() {
	local n

	for ((n = 9; n > 0; n--)); do
		[ ! -f "log.$n" ] || mv "log.$n" "log.$((n + 1))"
	done
	mv log log.1
	: > log
}

# What was open in a file that is gone is told of.
case_followed_lost() {
	seq 50 > log
	topology <<-END
		config topology.max.spout.pending 10
		spout lines lines path=log follow=true
		bolt sink append path=output us=500000
		stream lines sink SHUFFLE
	END
	start --state state
	wait_until 10 at_least 1 output
	wait_until 10 has_positions
	killed
	rm log
	seq 51 60 > log
	start --state state
	wait_until 20 grep -q '^60$' output
	kill -TERM "$PID"
	ends 143
	says 'what was not read of that is lost'
	says 'log was rotated or truncated: [0-9]+ lines of it that were not done'
	start --state state
	wait_until 10 grep -q 'with 0 messages that were open' err
	kill -TERM "$PID"
	ends 143
}

# A message that has become a dead letter is not open any more.
case_dead_letters() {
	seq -f 'x%.0f' 3000 > input
	topology <<-END
		config topology.max.spout.pending 100
		config topology.max.attempts 2
		config topology.dead.letter.file letters
		spout lines lines path=input
		bolt sink append path=output us=1000 spare=x17
		stream lines sink SHUFFLE
	END
	start --state state
	wait_until 10 at_least 1000 output
	must at_least 1 letters
	killed
	start --state state
	ends 0 30
	grep -vx x17 input > others
	all_there others output
	grep -q '"values":\["x17"\]' letters || fail "x17 is lost: $(cat letters)"
	must [ "$(wc -l < letters)" -eq 1 ]
	no_positions
}

# One on its way to a bolt is open until that has it: x17 starts at byte 55.
case_dead_letter_stream() {
	seq -f 'x%.0f' 3000 > input
	topology <<-END
		config topology.max.spout.pending 100
		config topology.max.attempts 2
		spout lines lines path=input
		bolt sink append path=output us=1000 spare=x17
		bolt dead append path=dead us=8000000
		stream lines sink SHUFFLE
		stream lines:dead-letters dead SHUFFLE
	END
	start --state state
	wait_until 10 at_least 300 output
	killed
	must [ ! -s dead ]
	start --state state
	ends 0 30
	must grep -qx 55 dead
}

# A bounded run that is cut short is gone on with.
case_interrupted() {
	seq 40000 > input
	copying
	start --state state
	wait_until 10 at_least 300 output
	kill -INT "$PID"
	ends 130
	must has_positions
	start --state state
	ends 0 30
	same_lines output < input
	no_positions
}

# Of two spouts one had ended: it says so again, and emits nothing. Byte 28 says that it had.
case_ended() {
	seq 10 > short
	seq 10000 > input
	topology <<-END
		config topology.max.spout.pending 100
		spout short lines path=short
		spout lines lines path=input
		bolt sink append path=output us=500
		bolt other append path=output2
		stream short other SHUFFLE
		stream lines sink SHUFFLE
	END
	has_ended() {
		local file

		for file in state/positions/short.0.?; do	# written in turn
			[ "$(od -An -tu1 -j 28 -N 1 "$file" 2> /dev/null | tr -d ' ')" != 1 ] || return 0
		done
		false
	}
	start --state state
	wait_until 10 has_ended
	wait_until 10 at_least 3000 output
	killed
	start --state state
	ends 0 30
	must [ "$(of short emitted)" = 0 ]
	must [ "$(of lines emitted)" -lt 10000 ]
}

# ---- starts from the beginning ----------------------------------------------------------

# Counts are in the memory of a process: the next run must count anew.
case_finish() {
	seq 20000 > input
	topology <<-END
		config topology.max.spout.pending 100
		spout lines lines path=input
		bolt sink append path=output us=300
		bolt split split
		bolt count count
		bolt sum file path=counts
		stream lines sink SHUFFLE
		stream lines split SHUFFLE
		stream split count FIELDS word
		stream count sum GLOBAL
	END
	start --state state
	wait_until 10 at_least 1000 output
	wait_until 10 has_positions
	killed
	start --state state
	ends 0 60
	says '^lines starts from the beginning: a bolt below it has a finish and no state'
	sed 's/$/\t1/' input > expected-counts
	same_lines counts < expected-counts
	no_positions
}

# A bounded run that ended well leaves nothing to go on from.
case_again() {
	seq 100 > input
	copying
	expect 0 run -q -P "$PLUGINS" --state state t.json
	expect 0 run -q -P "$PLUGINS" --state state t.json
	must [ "$(wc -l < output)" -eq 200 ]
	must [ "$(cat state/run)" -eq 2 ]
	seq 200 300 > input
	expect 0 run -q -P "$PLUGINS" --state state t.json
	must [ "$(wc -l < output)" -eq 301 ]
}

case_pipe() {
	mkfifo fifo
	topology <<-END
		spout lines lines path=fifo
		bolt sink append path=output
		stream lines sink SHUFFLE
	END
	start --state state
	exec 3> fifo
	echo one >&3
	wait_until 10 at_least 1 output
	wait_until 10 grep -q "this input can't be positioned" err
	exec 3>&-
	ends 0
	no_positions
}

case_without_state() {
	seq 1000 > input
	copying
	expect 0 run -q -P "$PLUGINS" t.json
	same_lines output < input
	must [ "$(find . -type d | wc -l)" -eq 1 ]
}

# ---- refused ----------------------------------------------------------------------------

# left_with_positions: a run of t.json that was killed in the middle.
left_with_positions() {
	start --state state
	wait_until 10 at_least "${1:-100}" output
	wait_until 10 has_positions
	killed
}

refused() {
	expect "${2:-5}" run -q -P "$PLUGINS" --state state t.json
	says "$1"
}

case_two_runs() {
	seq 60000 > input
	copying
	start --state state
	wait_until 10 at_least 10 output
	refused "state directory .*/state is used by another run, process $PID; end that one first"
	killed
	expect 0 run -q -P "$PLUGINS" --state state t.json
}

case_changed_topology() {
	seq 100000 > input
	copying
	left_with_positions
	copying another
	refused 'state belongs to another topology: it was "topology copy", now it is "topology another"; name another directory'
	copying
	sed -i 's/"id": "sink", "className": "append"/"numTasks": 4, &/' t.json
	refused 'it was "bolt sink: append, 2 tasks", now it is "bolt sink: append, 4 tasks"'
	copying
	sed -i 's/SHUFFLE/ALL/' t.json
	refused 'it was "stream lines.default --> sink: SHUFFLE"'
	copying
	cp input input2
	sed -i 's/input/input2/' t.json
	refused 'it was "property of lines: path = '
	copying
	sed -i 's/"parallelism": 2/"parallelism": 1, "numTasks": 2/' t.json
	start --state state
	wait_until 10 grep -q 'goes on at' err
	kill -INT "$PID"
	ends 130
}

case_changed_input() {
	seq 100000 > input
	copying
	left_with_positions
	cp -p input same
	touch input
	refused 'input has changed since the run that this one would go on from, .* with another state directory'
	echo more >> input
	refused 'input has changed'
	mv same input
	refused 'input was replaced by another file'
	rm input
	mkfifo input
	refused 'input has become a pipe'
}

case_damaged() {
	local f

	seq 100000 > input
	copying
	left_with_positions 3000
	cp -r state good
	for f in state/positions/*; do
		printf x | dd of="$f" bs=1 seek=20 conv=notrunc 2> /dev/null
	done
	refused 'the position .*lines.0.[ab] is damaged: its checksum is wrong; .* remove'
	rm -r state
	mv good state
	echo nonsense > state/run
	refused 'state/run is damaged' 1
}

# ---- bad surroundings -------------------------------------------------------------------

case_bad_directory() {
	seq 10 > input
	copying
	expect 1 run -q -P "$PLUGINS" --state no/such/place t.json
	says 'cannot make the state directory no/such/place: No such file'
	touch file
	expect 1 run -q -P "$PLUGINS" --state file t.json
	says 'file is no directory'
	mkdir -m 777 open
	expect 1 run -q -P "$PLUGINS" --state open t.json
	says 'other users can change .*run: chmod go-w'
	expect 1 run -q -P "$PLUGINS" --state /proc t.json
	says '/proc'
	mkdir theirs
	chown 12345 theirs 2> /dev/null || skip "needs root, to make a directory of another user"
	expect 1 run -q -P "$PLUGINS" --state theirs t.json
	says 'belongs to user 12345, not to you'
	must [ ! -e output ]
}

# Needs a mount: root may write where nobody may.
case_read_only() {
	seq 10 > input
	copying
	mkdir small
	mount -t tmpfs -o size=64k,mode=700,ro none small 2> /dev/null || skip "needs root, to mount a file system"
	trap 'umount small; kill_ours' EXIT
	expect 1 run -q -P "$PLUGINS" --state small t.json
	says 'cannot write in the state directory .*small: Read-only file system'
}

case_disk_full() {
	seq 100000 > input
	copying
	mkdir small
	mount -t tmpfs -o size=64k,mode=700 none small 2> /dev/null || skip "needs root, to mount a file system"
	trap 'umount small; kill_ours' EXIT
	dd if=/dev/zero of=small/fill bs=4k 2> /dev/null
	expect 1 run -q -P "$PLUGINS" --state small t.json
	says 'small/[a-z]+: No space left on device'
	truncate -s -4096 small/fill
	rm -f small/run.new
	truncate -s -12288 small/fill
	expect 1 run -q -P "$PLUGINS" --state small t.json
	says "cannot write the position .*No space left on device.*is the disk full"
}

# Workers whose supervisor is killed, and that don't die of it as fast as they should: the next
# run waits for them, and names them when it has waited for long enough.
case_workers_alive() {
	seq 10 > input
	copying
	expect 0 run -q -P "$PLUGINS" --state state t.json
	exec 4> state/workers.lock
	flock -s 4
	refused "workers of an older run on the state directory .*/state are still alive: process "
	exec 4>&-
	expect 0 run -q -P "$PLUGINS" --state state t.json
}

run_cases "$@"
