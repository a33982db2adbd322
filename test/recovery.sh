#!/bin/bash
# recovery.sh - workers that die, hang or are stopped: nothing is lost, nobody waits for the
# message timeout (an hour here), the rest goes on. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# The oracle is what the sinks wrote down, each tuple with one write as it was executed.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# three COUNT REPLAY [SPOUT OPTION...]: two of each kind, an hour of time. 1,000 messages are
# half a second of work.
three() {
	local count=$1 replay=$2

	shift 2
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.acker.executors 2
		config topology.max.spout.pending 200
		spout feed feed count=$count replay=$replay journal=feed.log $*
		bolt pass probe.Pass parallelism=2
		bolt end probe.Pass copies=0 ms=1 parallelism=2 journal=end.log
		stream feed pass SHUFFLE
		stream pass end FIELDS key
	END
}

# arrived N: each of the first N numbers has come to the sink, once at least.
arrived() {
	cut -d ' ' -f 2 end.log | sort -nu > got
	seq 0 $(($1 - 1)) > want
	same want got
}

# killed LABEL... kills workers from outside, at once.
killed() {
	local label pids=()

	for label; do
		wait_until 10 is_there "$label"
		pids+=("$(worker "$label")")
	done
	kill -KILL "${pids[@]}"
}

is_there() {
	[ -n "$(worker "$1")" ]
}

# at_least N FILE PATTERN: N lines match.
at_least() {
	[ "$(lines "$2" "$3")" -ge "$1" ]
}

# ---- killed from outside ------------------------------------------------------------------------

# kill_while_working LABEL... kills these together while the topology is at work.
kill_while_working() {
	rm -f feed.log end.log
	start
	wait_until 10 at_least 500 end.log .
	killed "$@"
	ends 0 20
	arrived 6000
	must [ "$(number restarts)" -eq $# ]
	must [ "$(number acked)" -eq 6000 ]
}

case_bolt() {
	three 6000 kept
	kill_while_working 'pass[0]'
	says 'pass\[0\] \(pid [0-9]+, start 1\) was killed by SIGKILL \(signal 9\), by somebody.*; starting it again'
	kill_while_working 'end[1]'
}

# A plugin that is installed anew meanwhile, or removed, does not get into the worker that comes back.
case_other_plugin() {
	mkdir plugins
	cp "$PLUGINS/feed.so" "$PLUGINS/probe.so" plugins
	PLUGINS=$PWD/plugins
	three 4000 kept
	start
	wait_until 10 at_least 500 end.log .
	cp plugins/feed.so plugins/new
	mv plugins/new plugins/probe.so
	killed 'pass[0]'
	wait_until 10 at_least 1000 end.log .
	rm plugins/probe.so
	killed 'end[1]'
	ends 0 20
	arrived 4000
	must [ "$(number restarts)" -eq 2 ]
}

case_acker() {
	three 6000 kept
	kill_while_working 'acker[1]'
}

case_two_bolts() {
	three 6000 kept
	kill_while_working 'pass[0]' 'end[1]'
}

case_acker_and_bolt() {
	three 6000 kept
	kill_while_working 'acker[0]' 'end[0]'
}

case_all_but_the_spout() {
	three 6000 kept
	kill_while_working 'pass[0]' 'pass[1]' 'end[0]' 'end[1]' 'acker[0]' 'acker[1]'
}

# The spout emits again by itself. Who dies together is known of together: either may be the reason.
case_spout_replays() {
	three 6000 self
	kill_while_working 'pass[0]' 'acker[0]'
	must grep -q '^fail ' feed.log
	must [ -z "$(grep '^fail ' feed.log | grep -vE ' lost 1 again (pass|acker)\[0\] was killed by SIGKILL')" ]
}

# It is killed as soon as it is back, before and within its fence.
case_again_in_the_fence() {
	local i

	three 4000 kept
	start
	wait_until 10 at_least 500 end.log .
	for i in 1 2 3; do
		killed 'end[0]'
		wait_until 10 is_there 'end[0]'
	done
	ends 0 20
	arrived 4000
}

# Kinds of workers in turn, while it works.
case_many_kills() {
	local i labels=('pass[0]' 'acker[0]' 'end[1]' 'pass[1]' 'acker[1]' 'end[0]')

	three 12000 kept
	start
	for i in $(seq 1 12); do
		wait_until 20 at_least $((i * 700)) end.log .
		killed "${labels[i % 6]}"
	done
	ends 0 30
	arrived 12000
}

# What does not touch a worker that is stopped, killed and replaced goes on meanwhile.
case_others_go_on() {
	local before

	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.worker.timeout.secs 3
		spout feed feed count=500 replay=kept
		spout other feed count=1000000 at_end=unbounded journal=other.log
		bolt end probe.Pass copies=0 journal=end.log ms=1
		bolt aside probe.Clock journal=aside.log ms=50
		stream feed end SHUFFLE
		stream other aside SHUFFLE
	END
	start
	wait_until 10 at_least 100 end.log .
	kill -STOP "$(worker 'end[0]')"
	before=$(lines other.log '^ack')
	wait_until 10 grep -q 'end\[0\] .* did not answer' err
	must [ "$(lines other.log '^ack')" -gt $((before + 1000)) ]
	wait_until 10 arrived_quietly 500
	must_count 0 other.log '^fail'
	kill -INT "$PID"
	ends 130
}

arrived_quietly() {
	(arrived "$1") > /dev/null 2>&1
}

# A sender in a long execute confirms late (R4). It is not killed; nothing waits for an hour.
case_slow_sender() {
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.max.spout.pending 10
		spout feed feed count=20 replay=kept
		bolt slow probe.Pass ms=300
		bolt end probe.Pass copies=0 journal=end.log
		stream feed slow SHUFFLE
		stream slow end SHUFFLE
	END
	start
	wait_until 10 at_least 3 end.log .
	killed 'end[0]'
	ends 0 40
	arrived 20
	must [ "$(number restarts)" -eq 1 ]
}

# ---- the end of a run ---------------------------------------------------------------------------

case_while_draining() {
	local pids

	three 1000000 kept at_end=unbounded
	start
	wait_until 10 at_least 500 end.log .
	pids=("$(worker 'end[0]')" "$(worker 'acker[0]')")
	kill -INT "$PID"
	kill -KILL "${pids[@]}"
	ends 130 10
}

# Held until drain: they come again, and so does the drain.
case_while_held() {
	topology <<-END
		config topology.message.timeout.secs 3600
		spout feed feed count=300 replay=kept
		bolt gather probe.Gather size=1000 journal=gather.log
		bolt end probe.Pass copies=0 journal=end.log ms=2000
		stream feed gather SHUFFLE
		stream gather end SHUFFLE
	END
	start
	wait_until 10 grep -q '^drain' gather.log
	killed 'end[0]'
	wait_until 10 at_least 2 gather.log '^drain'
	killed 'gather[0]'
	ends 0 20
	must [ "$(number acked)" -eq 300 ]
}

# One that has ended comes back only to say so. The spout aside keeps the run from ending.
case_after_its_end() {
	local label

	mkfifo fifo
	topology <<-END
		config topology.message.timeout.secs 3600
		spout feed feed count=10 journal=feed.log
		spout aside feed count=10 fifo=fifo
		bolt pass probe.Pass
		bolt end probe.Pass copies=0 journal=end.log
		bolt other probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass end SHUFFLE
		stream aside other SHUFFLE
	END
	start
	exec 3<> fifo
	wait_until 10 counts 10 feed.log '^ack'
	for label in 'feed[0]' 'pass[0]' 'end[0]'; do
		wait_until 10 sleeps "$(worker "$label")"	# it has said that it has ended
	done
	for label in 'feed[0]' 'pass[0]' 'end[0]'; do
		killed "$label"
		wait_until 10 grep -q "${label%%\[*}\\[0\\] .*starting it again" err
	done
	wait_until 10 is_there 'feed[0]'
	wait_until 10 is_there 'pass[0]'
	wait_until 10 is_there 'end[0]'
	killed 'pass[0]' 'end[0]'
	echo 10 >&3
	ends 0 10
	must_count 10 feed.log '^emit'
	must_count 10 end.log .
	must_count 0 err 'error:'
}

# What finish emits is a bolt's own (B4): it is kept, and comes again.
case_finish() {
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.acker.executors 2
		spout feed feed count=1
		bolt produce probe.Produce count=6000
		bolt pass probe.Pass parallelism=2
		bolt end probe.Pass copies=0 ms=1 journal=end.log
		stream feed produce SHUFFLE
		stream produce pass SHUFFLE
		stream pass end SHUFFLE
	END
	start
	wait_until 10 at_least 500 end.log .
	killed 'end[0]'
	wait_until 10 at_least 1500 end.log .
	killed 'pass[0]' 'acker[1]'
	ends 0 30
	cut -d ' ' -f 2 end.log | sort -nu > got
	must [ "$(wc -l < got)" -ge 6000 ]
}

# A bolt with finish that keeps no state has lost what it gathered: a bounded run can't end well (R7).
case_lost_result() {
	topology <<-END
		spout feed feed count=20000 journal=feed.log
		bolt count probe.Doom how=block at=-1
		bolt end probe.Pass copies=0 ms=1 journal=end.log
		bolt file file path=output
		stream feed count SHUFFLE
		stream feed end SHUFFLE
		stream feed file SHUFFLE
	END
	start
	wait_until 10 at_least 500 end.log .
	killed 'count[0]'
	ends 1 8
	says 'count\[0\] .*; what it had gathered from [0-9]+ tuples is lost with it, as the bolt keeps no state: not started again'
	must [ ! -e output ]
}

# So has a spout that can't say where it was.
case_lost_position() {
	three 20000 kept
	start
	wait_until 10 at_least 500 end.log .
	killed 'feed[0]'
	ends 1 8
	says 'feed\[0\] .*; where it was in its input is lost with it'
}

# ---- stopped, hanging ---------------------------------------------------------------------------

# stoppable: a worker that does not answer for some seconds is killed; a busy machine holds up none for that
# long.
stoppable() {
	three "$@"
	sed -i '0,/"config": {/s//"config": { "topology.worker.timeout.secs": 4,/' t.json
}

case_stopped() {
	local label

	stoppable 4000 kept
	for label in 'pass[0]' 'end[1]' 'acker[0]'; do
		rm -f feed.log end.log
		start
		wait_until 10 at_least 500 end.log .
		kill -STOP "$(worker "$label")"
		ends 0 20
		arrived 4000
		must [ "$(number restarts)" -eq 1 ]
		says 'was killed by gale: it did not answer'
	done
}

case_continued_in_time() {
	local label

	three 4000 kept
	for label in 'pass[0]' 'end[1]' 'acker[0]'; do
		rm -f feed.log end.log
		start
		wait_until 10 at_least 500 end.log .
		kill -STOP "$(worker "$label")"
		sleep 0.3		# the time it is stopped, not something to wait for
		kill -CONT "$(worker "$label")"
		ends 0 20
		arrived 4000
		must [ "$(number restarts)" -eq 0 ]
		must_count 0 feed.log '^fail'
	done
}

# The supervisor itself is stopped for longer than it gives workers to answer.
case_stopped_supervisor() {
	stoppable 20000 kept
	start
	wait_until 10 at_least 500 end.log .
	kill -STOP "$PID"
	sleep 5				# the time it is stopped
	kill -CONT "$PID"
	ends 0 20
	arrived 20000
	must [ "$(number restarts)" -eq 0 ]
}

# ---- poison -------------------------------------------------------------------------------------

# poisoned HOW REPLAY PATTERN [TIMEOUT]: a bolt that dies of one value. After three deaths that is a dead letter, and
# all else has come through.
poisoned() {
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.dead.letter.file dead
		config topology.worker.timeout.secs ${4:-30}
		spout feed feed count=1000 replay=$2 journal=feed.log
		bolt poison probe.Poison at=777 how=$1
		bolt end probe.Pass copies=0 journal=end.log
		stream feed poison SHUFFLE
		stream poison end SHUFFLE
	END
	rm -f feed.log end.log dead
	start
	ends 0 20
	cut -d ' ' -f 2 end.log | sort -nu > got
	seq 0 999 | grep -vx 777 > want
	same want got
	must_count 1 dead .
	must grep -q '"component": *"feed".*"attempts": *3.*"reason": *"poison\[0\] .*with this tuple in hand".*777.*k7' dead
	must [ "$(number restarts)" -eq 3 ]
	must [ "$(number dead_lettered)" -eq 1 ]
	says "poison\\[0\\] .*$3.*tuple in hand.*\\[777, \"k7\"\\]; starting it again"
}

case_poison() {
	poisoned crash kept 'SIGSEGV'
	poisoned abort self 'SIGABRT'
	must grep -q '^fail 777 .* crash 3 final poison' feed.log
	poisoned exit kept 'exited with code 3'
}

# A tuple made from ten messages: nobody knows which of them is to blame, so all are charged.
case_poison_of_several() {
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.dead.letter.file dead
		spout feed feed count=20 replay=kept
		bolt gather probe.Gather size=10
		bolt poison probe.Poison at=10 how=crash
		stream feed gather SHUFFLE
		stream gather poison SHUFFLE
	END
	start
	ends 0 20
	must [ "$(lines dead 'with this tuple in hand')" -ge 10 ]	# others may have met in smaller groups
	must [ $(($(number acked) + $(lines dead .))) -eq 20 ]
	must [ "$(number restarts)" -ge 3 ]
}

# It hangs for ever on one tuple.
case_endless_loop() {
	poisoned loop kept 'it did not answer' 4
}

# A tuple that is not tracked can't be blamed.
case_crash_loop() {
	topology <<-END
		spout feed feed count=1000000 at_end=unbounded replay=untracked
		bolt poison probe.Poison every=10 how=crash
		stream feed poison SHUFFLE
	END
	expect 1 run -P "$PLUGINS" --summary summary t.json
	says "poison\\[0\\] .*; the tenth death of this component's own making within a minute: not started again"
}

# ---- what restarts cost -------------------------------------------------------------------------

fds() {
	find "/proc/$1/fd" 2> /dev/null | wc -l
}

# Descriptors of those that stay are as many after six restarts as before.
case_descriptors() {
	local i before after

	three 1000000 kept at_end=unbounded
	start
	wait_until 10 at_least 500 end.log .
	before="$(fds "$PID") $(fds "$(worker 'feed[0]')") $(fds "$(worker 'pass[1]')")"
	for i in $(seq 1 6); do
		killed 'end[0]'
		wait_until 20 is_there 'end[0]'
		wait_until 20 at_least "$i" err 'end\[0\] .*starting it again'
	done
	wait_until 10 at_least $(($(lines end.log .) + 100)) end.log .
	as_before() {
		after="$(fds "$PID") $(fds "$(worker 'feed[0]')") $(fds "$(worker 'pass[1]')")"
		[ "$after" = "$before" ]
	}
	wait_until 5 as_before
	kill -INT "$PID"
	ends 130 10
}

run_cases "$@"
