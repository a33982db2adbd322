#!/bin/bash
# limits.sh - what a worker may use: memory, processors, and room for core files.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# Sanitizers have more of it than that before they begin.
MOST=$((64 * SLOW))

# eaten CLASS: what `in` gains is appended to `through`, and each line takes memory.
eaten() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt eat glutton.$1 path=through kib=$((1024 * SLOW)) topology.worker.memory.mb=$MOST
		stream lines eat SHUFFLE
	END
}

add() {
	seq -f 'line %.0f' "$1" "$2" >> in
}

has() {
	[ "$(sort -u through | wc -l)" -eq "$1" ]
}

logged() {
	gale logs "$CASE" > log 2> err && counts "$1" log "$2"
}

was_logged() {
	gale logs "$CASE" > log 2> err && grep -qE -- "$1" log
}

has_ended() {
	[ -e "$HOMES/gale/$CASE/ended.json" ]
}

# Who uses too much leaves, and a successor goes on; nothing is lost, and nobody is blamed.
case_memory() {
	eaten Glutton
	submit
	add 1 20
	wait_until 10 has 20
	add 21 80
	wait_until 20 logged 1 "ERROR eat\[0\] \(pid [0-9]+, start 1\) left, as gale told it: it used [0-9]+ MiB, and topology.worker.memory.mb allows $MOST; starting it again$"
	wait_until 10 has 80
	add 81 90
	wait_until 10 has 90
	expect 0 errors memory
	must_count 1 out '^eat +ERROR +1 .* left, as gale told it'
	expect 0 kill memory -w 20
	must_count 90 in .
}

# In batches each line counts once, whoever leaves in the middle of one.
case_batches() {
	eaten Glutton
	sed -i 's/^{ "name": "batches",/& "transactional": { "id": "tx" },/' t.json
	submit
	add 1 120
	wait_until 20 was_logged 'ERROR eat\[0\] .* left, as gale told it'
	add 121 150
	wait_until 20 has 150
	expect 0 kill batches -w 20
	gale state get "$HOMES/gale/batches/state" eat n > count 2> err || fail "$(cat err)"
	must grep -qE '(^|[^0-9])150([^0-9]|$)' count
}

# What can't be had again is worth more.
case_hoard() {
	eaten Hoard
	submit
	add 1 100
	wait_until 20 logged 1 "WARN eat\[0\] \(pid [0-9]+\) should be started anew, for it used [0-9]+ MiB.* allows $MOST; but what it had gathered from [0-9]+ tuples is lost with it"
	add 101 110
	wait_until 10 has 110
	sleep 2		# it is looked at twice
	must logged 1 'should be started anew'
	must_count 0 log 'start 2'
	expect 0 kill hoard -w 20
}

case_processors() {
	local pid nice_here cpu

	nice_here=$(nice)
	cpu=$(sed -n 's/^Cpus_allowed_list:\t\([0-9]*\).*/\1/p' /proc/self/status)
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt note log topology.worker.nice=3 topology.worker.cpus=$cpu-$cpu
		stream lines note SHUFFLE
	END
	submit
	pid=$(worker 'note[0]')
	must [ "$(ps -o ni= -p "$pid" | tr -d ' ')" -eq $((nice_here > 16 ? 19 : nice_here + 3)) ]
	must grep -qP "^Cpus_allowed_list:\t$cpu\$" "/proc/$pid/status"
	pid=$(worker 'lines[0]')
	must [ "$(ps -o ni= -p "$pid" | tr -d ' ')" -eq "$nice_here" ]
	expect 0 kill processors -w 20
}

case_no_such_processor() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt note log topology.worker.cpus=1000-1001
		stream lines note SHUFFLE
	END
	expect 1 submit --wait t.json
	says 'note\[0\].*exited with code 127'
	expect 0 logs no_such_processor
	must_count 1 out 'note\[0\] cannot start a worker: topology.worker.cpus: Invalid argument'
	expect 0 kill no_such_processor
}

# The first crash of a component leaves a core file, if the limits allow it, and the others none.
case_cores() {
	local core

	[ "$SLOW" -eq 1 ] || return 0	# sanitizers allow none
	[ "$(ulimit -Hc)" = unlimited ] || return 0	# nor are they here
	case $(cat /proc/sys/kernel/core_pattern) in
	'|'*) core='given to .*' ;;
	/*) core='/.*' ;;
	*) core="$HOMES/gale/cores/.*" ;;
	esac
	topology <<-END
		config topology.message.timeout.secs 3600
		spout feed feed count=20 start=1 replay=kept
		bolt poison probe.Poison at=3 how=crash parallelism=1
		bolt note log
		stream feed poison SHUFFLE
		stream poison note SHUFFLE
	END
	(
		ulimit -Sc 0
		submit
	) || exit 1
	wait_until 20 has_ended
	logged 3 'poison.*killed by SIGSEGV' || fail "$(cat log)"
	logged 1 "poison.*start 1\\) was killed by SIGSEGV \\(signal 11, core dumped\\), core: $core" || fail "$(cat log)"
	logged 1 'core dumped' || fail "$(cat log)"
	case $core in
	"$HOMES"*) must [ -n "$(find "$HOMES/gale/cores" -maxdepth 1 -name '*core*')" ] ;;
	esac
	expect 0 kill cores
}

run_cases "$@"
