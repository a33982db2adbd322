#!/bin/bash
# tap.sh - looking at a topology while it runs: tuples as they are emitted (gale tap), and what has
# been open for longest (gale trace). SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# The spout `feed` and the bolts `probe.X` are in test/plugins; a feed emits when a number is
# written to its fifo.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# words: what the file `in` gains comes out of split, word by word.
words() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt split split
		bolt end null.Null
		stream lines split SHUFFLE
		stream split end SHUFFLE
	END
	submit
}

# tap FILE ARGUMENT... begins a tap of this case's topology, as process $TAP; what it shows is in
# FILE, what it says in FILE.err.
tap() {
	local file=$1

	shift
	XDG_RUNTIME_DIR=$RUN XDG_STATE_HOME=$HOMES GALE_TEST_CASE=$RUN "$GALE" tap "$CASE" "$@" \
	    > "$file" 2> "$file.err" &
	TAP=$!
	wait_until 10 grep -q '^gale: looking at' "$file.err"
}

# tap_ends CODE PROCESS: that tap ends, with this code.
tap_ends() {
	local got=0

	wait_until 10 is_gone "$2"
	wait "$2" || got=$?
	[ "$got" -eq "$1" ] || fail "gale tap: exit $got, not $1"
}

# is_off N: workers have said N times that a tap is off.
is_off() {
	[ "$(cat "$HOMES"/gale/"$CASE"/log* | grep -c 'tap [0-9]* of [a-z]* is off')" -ge "$1" ]
}

# all_json FILE: each line that is there now is JSON; others may follow.
all_json() {
	local line

	head -n "$(wc -l < "$1")" "$1" > whole
	if command -v jq > /dev/null; then
		jq -e . whole > /dev/null || fail "$1 is no JSON: $(head -n 3 whole)"
		must [ "$(jq -c . whole | wc -l)" -eq "$(wc -l < whole)" ]
	fi
	while read -r line; do
		[[ $line == \{*\} ]] || fail "$1 has a line that is no object: $line"
	done < whole
}

end() {
	expect 0 kill "$CASE" -w 20 -y
}

# ---- tap ------------------------------------------------------------------------------------------

case_known() {
	local time='20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z'

	words
	tap json split --json -n 10
	seq 20 > in
	tap_ends 0 "$TAP"
	must [ "$(wc -l < json)" -eq 10 ]
	all_json json
	for i in $(seq 10); do
		must_count 1 json "^\{\"time\":\"$time\",\"component\":\"split\",\"task\":0,\"stream\":\"default\",\"values\":\{\"word\":\"$i\"\}\}$"
	done
	tap text lines:default -n 2
	printf 'a "b"\tc\nd\n' >> in
	tap_ends 0 "$TAP"
	must_count 1 text "^$time lines\[0\] default: line=\"a \\\\\"b\\\\\"\\\\tc\"$"
	must_count 1 text "^$time lines\[0\] default: line=\"d\"$"
	end
}

# All that is not shown is counted, to the last one.
case_counted() {
	topology <<-END
		spout feed feed count=50000
		bolt pass probe.Pass parallelism=2
		bolt last probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass last SHUFFLE
	END
	submit --inactive
	tap seen pass --json
	expect 0 activate counted
	tap_ends 0 "$TAP"
	all_json seen
	must grep -qE '^gale: [0-9]+ tuples were shown; ' seen.err
	must [ "$(grep -oE '[0-9]+ (tuples were|more|were lost)' seen.err | awk '{ n += $1 } END { print n }')" -eq 50000 ]
	must grep -q "^gale: $(wc -l < seen) tuples were shown" seen.err
	must [ "$(wc -l < seen)" -lt 20000 ]
	expect 0 kill counted
}

case_where() {
	words
	tap some split --json -n 3 --where word=whale
	tap number split -w word=7 -n 1
	for i in $(seq 100); do
		echo "the whale $i"
	done > in
	wait_until 10 counts 3 some '"word":"whale"'
	wait_until 10 counts 1 number 'word="7"'
	must [ "$(wc -l < some)" -eq 3 ]
	must [ "$(wc -l < number)" -eq 1 ]
	end
}

case_numbers() {
	mkfifo fifo
	topology <<-END
		spout feed feed count=1000 fifo=fifo
		bolt pass probe.Pass
		bolt last probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass last SHUFFLE
	END
	submit
	tap seen pass --json -w n=17 -n 1
	echo 100 > fifo
	tap_ends 0 "$TAP"
	must_count 1 seen '"values":\{"n":17,"key":"k[0-9]*"\}\}$'
	expect 2 tap numbers pass -w n=many
	says 'no value of the field "n" of pass is ever "many"'
	end
}

# All that is emitted comes by: of a spout that gale replays for, the second attempts as well; what a
# component emits that is chained to another, and what in batches.
case_everywhere() {
	mkfifo fifo
	topology <<-END
		config topology.chaining auto
		config topology.message.timeout.secs 1
		spout feed feed count=5 fifo=fifo replay=kept
		bolt pass probe.Pass
		bolt some probe.Some every=5
		stream feed pass SHUFFLE
		stream pass some SHUFFLE
	END
	submit
	tap feed feed --json
	tap pass pass --json
	echo 3 > fifo
	wait_until 20 seen_twice feed
	wait_until 20 seen_twice pass
	all_json feed
	end
}

seen_twice() {
	[ "$(lines "$1" '"n":1,')" -ge 2 ] && [ "$(lines "$1" '"n":2,')" -ge 2 ]
}

case_batches() {
	in_batches
	touch in
	submit
	tap seen split --json -n 3
	tap lines lines --json -n 1
	echo "in a batch" > in
	tap_ends 0 "$TAP"
	wait_until 10 counts 1 seen '"word":"batch"'
	must_count 1 lines '"line":"in a batch"'
	end
}

case_dead_letters() {
	mkfifo fifo
	topology <<-END
		config topology.max.attempts 1
		spout feed feed count=5 fifo=fifo
		bolt refuse probe.Refuse
		bolt grave null.Null
		stream feed refuse SHUFFLE
		stream feed:dead-letters grave SHUFFLE
	END
	submit
	tap seen feed:dead-letters --json -n 1
	echo 3 > fifo
	tap_ends 0 "$TAP"
	must_count 1 seen '"stream":"dead-letters","values":\{"id":'
	all_json seen
	end
}

# A client that does not read, in the middle of a flood, slows nobody down: all is acked, nothing
# failed or was late, and the flood is over before anybody reads again.
case_slow_client() {
	mkfifo fifo
	topology <<-END
		config topology.message.timeout.secs 20
		spout feed feed count=200000 fifo=fifo at_end=unbounded journal=feed.log
		bolt pass probe.Pass
		bolt last probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass last SHUFFLE
	END
	submit
	tap slow pass --json
	slow=$TAP
	kill -STOP "$slow"
	tap quick pass -n 300
	echo 200000 > fifo
	wait_until 60 counts 200000 feed.log '^ack'
	must_count 0 feed.log '^fail'
	tap_ends 0 "$TAP"
	must [ "$(wc -l < quick)" -eq 300 ]
	kill -CONT "$slow"
	wait_until 10 [ -s slow ]
	kill -INT "$slow"
	tap_ends 130 "$slow"
	wait_until 10 grep -q 'more were not sampled' slow.err
	all_json slow
	end
}

# Nor does a supervisor that does not read.
case_stopped_supervisor() {
	local stopped

	mkfifo fifo
	topology <<-END
		config topology.message.timeout.secs 20
		spout feed feed count=200000 fifo=fifo at_end=unbounded journal=feed.log
		bolt pass probe.Pass
		bolt last probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass last SHUFFLE
	END
	submit
	tap seen pass --json
	stopped=$(supervisor)
	kill -STOP "$stopped"
	echo 200000 > fifo
	wait_until 60 counts 200000 feed.log '^ack'
	must_count 0 feed.log '^fail'
	kill -CONT "$stopped"
	wait_until 10 [ -s seen ]
	kill -INT "$TAP"
	tap_ends 130 "$TAP"
	all_json seen
	end
}

# A client that is killed leaves nothing on.
case_killed_client() {
	words
	for i in 1 2 3 4 5 6 7 8; do
		tap "seen$i" split
		taps="${taps:-} $TAP"
	done
	expect 5 tap killed_client split
	says 'as many taps as are possible'
	# shellcheck disable=SC2086 # numbers
	kill -9 $taps
	wait_until 10 is_off 8
	tap again split -n 1
	echo word > in
	tap_ends 0 "$TAP"
	wait_until 10 is_off 9
	end
}

case_killed_worker() {
	words
	tap seen split --json
	echo one > in
	wait_until 10 counts 1 seen '"one"'
	kill -9 "$(worker 'split[0]')"
	wait_until 10 shows_more two
	kill -INT "$TAP"
	tap_ends 130 "$TAP"
	wait_until 10 is_off 1
	end
}

# shows_more WORD: it is shown; what came before the new worker was told of the tap was not.
shows_more() {
	echo "$1" >> in
	grep -q "\"$1\"" seen
}

# Tasks that move are looked at where they are then.
case_moved_tasks() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt split split numTasks=4
		bolt end null.Null
		stream lines split SHUFFLE
		stream split end SHUFFLE
	END
	submit
	tap seen split --json
	echo one > in
	wait_until 10 counts 1 seen '"one"'
	expect 0 rebalance moved_tasks -e split=4
	wait_until 10 all_tasks
	kill -INT "$TAP"
	tap_ends 130 "$TAP"
	wait_until 10 is_off 4
	all_json seen
	end
}

# all_tasks: a tuple of each of four tasks was shown.
all_tasks() {
	seq 100 >> in
	[ "$(grep -o '"task":[0-9]*' seen | sort -u | wc -l)" -eq 4 ]
}

case_end() {
	words
	tap seen split
	end
	tap_ends 0 "$TAP"
}

case_killed_supervisor() {
	words
	tap seen split
	kill -9 "$(supervisor)"
	tap_ends 6 "$TAP"
	must grep -q 'its supervisor is gone' seen.err
	wait_until 5 none_of_ours
	expect 0 kill killed_supervisor
}

# ---- trace ----------------------------------------------------------------------------------------

case_trace() {
	mkfifo fifo
	topology <<-END
		config topology.message.timeout.secs 3600
		spout feed feed count=100 start=10 fifo=fifo journal=feed.log
		bolt pass probe.Pass
		bolt some probe.Some every=2
		stream feed pass SHUFFLE
		stream pass some SHUFFLE
	END
	submit
	expect 0 trace trace --json
	must grep -q '"open":0,"waitingForReplay":0,"trees":\[\],"missing":\[\]' out
	expect 0 trace trace
	says 'nothing is open'
	echo 4 > fifo
	wait_until 10 counts 2 feed.log '^ack'
	# What is on its way to the acker is not known there yet.
	knows_of() {
		expect 0 trace trace --json
		grep -qE '"open":2,.*"messageId":11,[^}]*"lastAckTask":"pass.*"messageId":13,[^}]*"lastAckTask":"pass' out
	}
	wait_until 10 knows_of
	all_json out
	must grep -qE '"root":"[0-9a-f]{16}","task":"feed\[0\]","stream":"default","messageId":11,"attempt":1,"ageMs":[0-9]+,"lastAckTask":"pass\[0\]","lastAckAgoMs":[0-9]+,"timesOutInMs":3[56][0-9]{5}\}' out
	must grep -q '"messageId":13,' out
	sleep 1.1		# it grows older, which nothing else tells
	expect 0 trace trace -n 1
	must_count 1 out '^ +[1-9][0-9]*\.[0-9]{3} s  1 +feed\[0\] +11 +pass\[0\], [1-9][0-9]*\.[0-9]{3} s ago '
	must [ "$(wc -l < out)" -eq 2 ]
	says '2 messages are open'
	end_stuck
}

# end_stuck ends what will never be done.
end_stuck() {
	expect 7 kill "$CASE" -w 0 -y
}

# A tuple that never returns from execute, in the process of its spout: that can't answer, and what it
# has in hand is told by its page.
case_trace_chained() {
	mkfifo fifo
	topology <<-END
		config topology.chaining auto
		config topology.worker.timeout.secs 60
		spout feed feed count=100 start=10 fifo=fifo
		bolt pass probe.Pass ms=30000
		bolt end probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass end SHUFFLE
	END
	submit
	echo 1 > fifo
	wait_until 10 hangs
	must grep -q '"missing":\["feed\[0\]+pass\[0\]+end\[0\]"\]' out
	says 'feed\[0\]\+pass\[0\]\+end\[0\] has not answered: it has had a tuple of message 10 of feed\[0\] in hand for [0-9]'
	kill -9 "$(supervisor)"
	wait_until 5 none_of_ours
	rm -rf "${RUN:?}"/*
}

# hangs: a trace misses an answer.
hangs() {
	gale trace "$CASE" --json > out 2> err
	[ $? -eq 7 ]
}

case_trace_untracked() {
	topology <<-END
		config topology.acker.executors 0
		spout lines lines path=in follow=true
		bolt end null.Null
		stream lines end SHUFFLE
	END
	touch in
	submit
	expect 0 trace trace_untracked
	says 'tracks no tuples'
	expect 0 trace trace_untracked --json
	must grep -q '"tracked":false' out
	end
}

case_trace_batches() {
	local stopped

	in_batches
	touch in
	submit
	echo one > in
	wait_until 10 committed 1
	nothing_open() {
		expect 0 trace trace_batches
		grep -q 'nothing is open' err
	}
	wait_until 10 nothing_open
	stopped=$(worker 'tally[0]')
	kill -STOP "$stopped"
	echo two >> in
	wait_until 10 waits_for_tally
	expect 0 trace trace_batches
	must_count 1 out '^2 +1 +closing +[0-9]+\.[0-9]{3} s  tally\[0\]$'
	kill -CONT "$stopped"
	wait_until 10 committed 2
	end
}

# committed N: so many batches are.
committed() {
	gale trace "$CASE" --json > out && grep -q "\"committed\":$1," out
}

waits_for_tally() {
	gale trace "$CASE" --json > out && all_json out &&
	    grep -qE '"txid":2,"attempt":1,"step":"closing","sinceMs":[0-9]+,"waitsFor":\["tally\[0\]"\]' out
}

# ---- what can't be --------------------------------------------------------------------------------

case_refused() {
	words
	expect 4 tap refusd split
	says 'there is no topology "refusd"; did you mean "refused"'
	expect 4 trace refusd
	expect 4 tap refused splt
	says 'there is no component "splt"; did you mean "split"'
	expect 4 tap refused split:defualt
	says 'there is no stream "defualt"; did you mean "default"'
	expect 4 tap refused split -w wrod=x
	says 'there is no field "wrod"; did you mean "word"'
	expect 2 tap refused split -w word
	expect 2 tap refused split -n 0
	expect 2 tap refused split -n x
	expect 2 trace refused -n 0
	expect 2 trace refused -n 1001
	kill -STOP "$(supervisor)"
	expect 6 tap refused split
	says 'does not answer'
	expect 6 trace refused
	kill -CONT "$(supervisor)"
	expect 0 trace refused
	kill -9 "$(supervisor)"
	wait_until 5 none_of_ours
	expect 5 tap refused split
	says 'is DEAD'
	expect 5 trace refused
	expect 0 kill refused
}

run_cases "$@"
