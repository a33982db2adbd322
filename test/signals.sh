#!/bin/bash
# signals.sh - how a run ends that does not go through: signals, workers that die, files that
# can't be read or written. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# ---- signals to gale ----------------------------------------------------------------------

# A bounded run is cut short: what is open is finished, and nothing is published.
case_bounded() {
	local signal code

	for signal in INT:130 TERM:143 HUP:129; do
		code=${signal#*:}
		rm -f feed.log
		topology <<-END
			config topology.max.spout.pending 100
			spout feed feed count=100000 journal=feed.log
			bolt slow probe.Pass ms=2
			bolt file file path=output
			stream feed slow SHUFFLE
			stream slow file SHUFFLE
		END
		start -q
		wait_until 10 counts 1 feed.log '^ack 10$'
		kill -"${signal%:*}" "$PID"
		ends "$code"
		must [ ! -e output ]
		must [ "$(lines feed.log '^ack')" -ge 10 ]
		must [ "$(lines feed.log '^ack')" -eq "$(lines feed.log '^emit')" ]
		must_count 0 feed.log '^fail'
		must [ "$(number exit)" -eq "$code" ]
		says 'finishing what is open'
	done
}

# A run without end is ended in good order: finish, output.
case_unbounded() {
	local signal

	for signal in INT:130 TERM:143; do
		rm -f feed.log output
		topology <<-END
			spout feed feed count=50 at_end=unbounded journal=feed.log
			bolt pass probe.Pass copies=0
			bolt produce probe.Produce count=7
			bolt file file path=output
			stream feed produce SHUFFLE
			stream produce pass SHUFFLE
			stream feed file SHUFFLE
		END
		start
		wait_until 10 counts 50 feed.log '^ack'
		must [ ! -e output ]
		kill -"${signal%:*}" "$PID"
		ends "${signal#*:}"
		must_count 50 output .
		must [ "$(of pass executed)" -eq 7 ]
	done
}

# The real thing: a followed file.
case_follow() {
	printf 'one\ntwo\nthree\n' > text
	topology <<-END
		spout lines lines path=text follow=true
		bolt file file path=output format=lines
		bolt pass log
		stream lines file SHUFFLE
		stream lines pass SHUFFLE
	END
	start
	wait_until 10 grep -q three err
	echo four >> text
	wait_until 10 grep -q four err
	kill -INT "$PID"
	ends 130
	must [ "$(cat output)" = "$(cat text)" ]
}

# What can't be finished is waited for, until the second signal.
case_second_signal() {
	topology <<-END
		spout feed feed count=10 at_end=unbounded journal=feed.log
		bolt some probe.Some every=100
		bolt file file path=output
		stream feed some SHUFFLE
		stream feed file SHUFFLE
	END
	start
	wait_until 10 counts 10 feed.log '^emit'
	kill -INT "$PID"
	wait_until 10 grep -q 'a second one stops at once' err
	sleep 0.3
	must kill -0 "$PID"
	kill -INT "$PID"
	ends 130 2
	must [ ! -e output ]
}

# Nor does a worker that is stuck hold it up.
case_second_signal_to_the_stuck() {
	topology <<-END
		spout feed feed
		bolt doom probe.Doom how=block at=3 journal=doom.log
		stream feed doom SHUFFLE
	END
	start
	wait_until 10 counts 1 doom.log doom
	kill -TERM "$PID"
	wait_until 10 grep -q 'a second one stops at once' err
	kill -INT "$PID"
	ends 143 2
}

# At whatever moment of its start. (A shell's background jobs ignore SIGINT until gale says
# otherwise.)
case_signal_while_starting() {
	local i

	topology <<-END
		spout feed feed at_end=idle
		bolt end probe.Pass copies=0 parallelism=3
		bolt file file path=output
		stream feed end SHUFFLE
		stream end file SHUFFLE
	END
	for i in 0 1 2 3 5 7 10 13 16 20 25 30 40 50; do
		start -q
		sleep "0.0$(printf %02d "$i")"
		kill -TERM "$PID"
		ends 143 8
		nothing_left
		must [ ! -e output ]
	done
}

# Ctrl-C at a terminal reaches the whole process group.
case_terminal() {
	type script > /dev/null 2>&1 || skip "no script: apt-get install bsdutils"
	topology <<-END
		spout lines lines path=-
		spout feed feed count=20 at_end=unbounded journal=feed.log
		bolt log log
		bolt end probe.Pass copies=0
		stream lines log SHUFFLE
		stream feed end SHUFFLE
	END
	mkfifo keys
	(XDG_RUNTIME_DIR=$RUN GALE_TEST_CASE=$RUN TERM=xterm script -qefc \
	    "'$GALE' run -P '$PLUGINS' --summary summary t.json" /dev/null < keys > screen 2>&1) &
	PID=$!
	exec 3> keys
	wait_until 10 counts 20 feed.log '^ack'
	echo 'typed by hand' >&3
	wait_until 10 grep -q 'log.*typed by hand' screen
	printf '\003' >&3
	ends 130
	exec 3>&-
	must_count 1 feed.log '^deactivate'
	must_count 1 feed.log '^cleanup'
}

# It is killed: its workers end with it, the next command tidies up.
case_killed() {
	topology <<-END
		spout feed feed at_end=unbounded journal=feed.log
		bolt doom probe.Doom how=block at=3 journal=doom.log
		bolt end probe.Pass copies=0 parallelism=3
		stream feed doom SHUFFLE
		stream feed end SHUFFLE
	END
	timely 5 workers_end_with_it
	must [ -n "$(ls -A "$RUN")" ]
	expect 0 lint -P "$PLUGINS" t.json
}

# workers_end_with_it: within a second, where each process has a processor; also that one which hears
# nothing, because it is stuck.
workers_end_with_it() {
	local began

	rm -f doom.log
	start
	wait_until 10 counts 1 doom.log doom
	kill -KILL "$PID"
	began=${EPOCHREALTIME/./}
	wait_until 3 none_of_ours
	wait "$PID" 2> /dev/null
	[ $((${EPOCHREALTIME/./} - began)) -le $((1000000 * SLOW * $(busy))) ] || fail "its workers took longer to end"
}

# It is stopped for a while, or a worker is: no harm.
case_stopped() {
	local who

	topology <<-END
		spout feed feed count=300 pause=true journal=feed.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	for who in gale 'feed[0]' 'end[0]' 'acker[0]'; do
		rm -f feed.log
		start
		wait_until 10 counts 1 feed.log '^emit 5$'
		[ "$who" = gale ] && who=$PID || who=$(worker "$who")
		kill -STOP "$who"
		sleep 0.2
		kill -CONT "$who"
		ends 0 30
		must_count 300 feed.log '^ack'
	done
}

# ---- workers that die -----------------------------------------------------------------------

# doom [KEY=VALUE...] writes a topology whose bolt meets its doom.
doom() {
	topology <<-END
		spout feed feed journal=feed.log
		bolt doom probe.Doom at=3 journal=doom.log $*
		bolt file file path=output
		stream feed doom SHUFFLE
		stream feed file SHUFFLE
	END
}

# dies_as PATTERN: the run ended with exit 1 and such a message.
dies_as() {
	says "$1"
	must [ ! -e output ]
	must [ "$(number exit)" -eq 1 ]
	must grep -q '"error": "doom\[0\]' summary
	nothing_left
}

# Message and tuple in hand are named. What kills it from outside is not the tuple's fault.
case_worker_killed_in_execute() {
	doom how=block
	start
	wait_until 10 counts 1 doom.log doom
	kill -KILL "$(worker 'doom[0]')"
	ends 1 8
	says 'doom\[0\] .*; what it had gathered from [0-9]+ tuples is lost with it'
	dies_as 'doom\[0\] \(pid [0-9]+, start 1\) was killed by SIGKILL .*; tuple in hand for [0-9]+ ms: from feed\[0\], root [0-9a-f]{16}, [0-9]+ bytes: \[3, "k3"\]'
}

case_crash() {
	doom how=crash
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .* was killed by SIGSEGV \(signal 11.*tuple in hand .* from feed\[0\].*\[3, "k3"\]'
}

case_crash_in_finish() {
	doom how=crash when=finish
	expect 1 run -P "$PLUGINS" --summary summary t.json
	says 'doom\[0\] .* was killed by SIGSEGV'
	must [ "$(number acked)" -eq 10 ]
}

case_crash_in_prepare() {
	doom how=crash when=prepare
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .* was killed by SIGSEGV'
}

case_exit() {
	doom how=exit
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .* exited with code 3.*tuple in hand .*\[3, "k3"\]'
}

case_exit_in_prepare() {
	doom how=exit when=prepare
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .* exited with code 3'
}

case_fatal() {
	doom how=fatal
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .*: nothing to be done.*\[3, "k3"\]'
}

case_fatal_in_prepare() {
	doom how=fatal when=prepare
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .*: prepare: nothing to be done'
	says 'doom\[0\] cleaned up'
}

# A cleanup that never comes back is cut short. All is done by then.
case_stuck_in_cleanup() {
	doom how=block when=cleanup
	expect 0 run -P "$PLUGINS" --summary summary t.json
	says 'doom\[0\] .* did not end within'
	must_count 10 output .
}

case_never_ready() {
	doom how=block when=prepare
	sed -i '2s/{  }/{ "topology.worker.timeout.secs": 5 }/' t.json
	expect 1 run -P "$PLUGINS" --summary summary t.json
	dies_as 'doom\[0\] .* was not ready within 5000 ms'
}

case_interrupted_before_ready() {
	doom how=block when=prepare
	start
	wait_until 10 counts 1 doom.log doom
	kill -INT "$PID"
	ends 130 8
	must [ ! -e output ]
}

# ---- files that can't be had ------------------------------------------------------------------

WORDCOUNT=$TOP_SRCDIR/topologies/2-wordcount.json

# refused PATTERN NAME=VALUE... runs the word count, which fails and says why.
refused() {
	local pattern=$1 definition definitions=()

	shift
	for definition; do
		definitions+=(-D "$definition")
	done
	expect 1 run "$WORDCOUNT" "${definitions[@]}" --summary summary
	says "$pattern"
	must [ "$(number exit)" -eq 1 ]
	must grep -qE "\"error\": \".*" summary
	nothing_left
}

case_input() {
	cp /usr/share/common-licenses/GPL-3 text
	refused 'lines\[0\].*no-such-text: No such file or directory' input=no-such-text output=output
	refused "lines\[0\].*$PWD" input=. output=output
	must [ ! -e output ]
}

case_output() {
	cp /usr/share/common-licenses/GPL-3 text
	refused 'file\[0\].*/dev/full: No space left on device' input=text output=/dev/full
	refused 'file\[0\].*no/such/directory/output: ' input=text output=no/such/directory/output
	refused 'file\[0\].*is a directory' input=text output=.
}

# The disk runs full while the output is written, not when it is opened.
case_output_on_full_disk() {
	mkdir small
	mount -t tmpfs -o size=64k none small 2> /dev/null || skip "needs root, to mount a small file system"
	yes "$(seq 1 20000 | tr '\n' ' ')" | head -n 1 > text
	refused 'file\[0\].*small/output: No space left on device' input=text output=small/output
	must [ -z "$(ls -A small)" ]
	umount small
}

# Nobody reads the standard output any more.
case_closed_pipe() {
	local code

	cat /usr/share/common-licenses/* > text
	mkfifo pipe
	topology <<-END
		spout lines lines path=text repeat=1000
		bolt file file path=- format=lines
		stream lines file SHUFFLE
	END
	head -n 1 < pipe > first &
	code=0
	gale run --summary summary t.json > pipe 2> err || code=$?
	must [ "$code" -eq 1 ]
	says 'file\[0\].*Broken pipe; a successor would do no better'
	must [ -s first ]
}

case_closed_descriptors() {
	cp /usr/share/common-licenses/GPL-3 text
	gale run "$WORDCOUNT" -D input=text -D output=output <&- >&- 2>&- || fail "exit $?"
	must [ -s output ]
	gale run "$WORDCOUNT" -D input=text -D output=output2 2>&1 >&- < /dev/null | true
	wait_until 10 test -s output2
	wait_until 10 none_of_ours
}

run_cases "$@"
