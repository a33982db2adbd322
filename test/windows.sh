#!/bin/bash
# windows.sh - exactly-once, and who dies in each window of doc/exactly-once.md, W1 to W18: what is
# counted and put out is what it would have been. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# A process dies at a failpoint (failpoint.h), the n-th time that it comes there, for every n until
# it no longer does. W14 is for `gale state`, W17 is in powerloss.sh, W19 is not ours.
#
#     GALE_FAULTS=all test/windows.sh	every n up to 10, then every fifth or so, with both kinds of
#					batches; without it few n, and the kinds in turn

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"
# shellcheck source-path=SCRIPTDIR source=exact.sh
. "$(dirname "$0")/exact.sh"

KINDS='transactional opaque'
exec 3>&1

# after N gives the next n.
after() {
	if [ "${GALE_FAULTS:-some}" = all ]; then
		if [ "$1" -lt 10 ]; then echo $(($1 + 1)); else echo $(($1 * 6 / 5)); fi
	else
		echo $(($1 * 6))
	fi
}

# kinds I gives the kinds of batches for the I-th of what is tried.
kinds() {
	if [ "${GALE_FAULTS:-some}" = all ]; then
		echo "$KINDS"
	else
		# shellcheck disable=SC2086 # words
		set -- $(($1 % $(wc -w <<< "$KINDS") + 1)) $KINDS
		shift "$1"
		echo "$1"
	fi
}

# sink gives the class of the sink.
sink() {
	sed -n 's/.*"id": "sink", "className": "\([^"]*\)".*/\1/p' t.json
}

# visible notes what a reader of rolled files can see now; still_visible: all that is to stay.
visible() {
	cat sink.rolled/*.tsv 2> /dev/null | sort > seen
}

still_visible() {
	[ ! -s seen ] || comm -23 seen <(rows | sort) > gone
	[ ! -s gone ] && : > seen
}

# strike RULES: a run in which they strike, and another one when it did not survive that. False: they
# don't. What a worker has said before everything ends is lost; then the exit code tells.
strike() {
	local code=0

	rm -rf state
	no_output
	GALE_FAILPOINTS=$1 run_exact > out 2> err || code=$?
	struck=$(($(lines err 'failpoint .* reached') + (code == 137)))
	cp err first
	case $code in
	0) ;;
	137)
		visible
		run_exact > out 2> err || fail "after $1: exit $?: $(cat err); before: $(cat first)"
		;;
	*) fail "$1: exit $code: $(cat err)" ;;
	esac
	is_exact > wrong || fail "after $1: $(head -n 5 wrong): $(cat first)"
	still_visible || fail "after $1: undone was what could be seen: $(head -n 5 gone)"
	[ "$struck" -gt 0 ]
}

# windows WHAT WHO POINT...: at every n from FIRST on.
windows() {
	local what=$1 who=$2 kind point n i=0 struck

	shift 2
	for point; do
		i=$((i + 1))
		for kind in $(kinds "$i"); do
			exact "$kind"
			for ((n = ${FIRST:-1}; ; n = $(after "$n"))); do
				strike "$who/$point=$n,$what" || break
			done
			[ "$n" -gt "${FIRST:-1}" ] || fail "$who never comes to $point ($kind)"
			printf '      %-13s %-10s %-15s %-26s %-4s the last n below %d\n' "$kind" "$(sink)" "$who" \
			    "$point" "$what" "$n" >&3
		done
	done
	no_output
}

# ---- one dies -------------------------------------------------------------------------------

# W1; W5, W9 (some have been told, some not); W10, W11; W12.
case_coordinator_orders() {
	windows kill 'coordinator[0]' order.reset order.begin order.close order.mark order.commit \
	    order.record order.over
}

case_coordinator_writes() {
	windows kill 'coordinator[0]' coordinator.record coordinator.record.written state.write
	KINDS=transactional
	windows kill 'coordinator[0]' coordinator.cut coordinator.cut.written
}

# W2.
case_spout() {
	windows kill "$SOURCE" batch.reset batch.ready batch.emit batch.cut batch.closed
}

# W3, W4.
case_stateless_bolt() {
	windows kill 'pass[0]' batch.reset batch.ready batch.work batch.closed
}

# W3, W6, W7, W8, W9.
case_stateful_bolt() {
	windows kill "$COUNT" batch.work batch.closed batch.commit state.write state.prepared batch.prepared
}

case_second_stateful_bolt() {
	windows kill 'chain[1]' batch.reset batch.ready batch.work batch.closed batch.commit state.write \
	    state.prepared batch.prepared
}

# passes: each point with each sink, if all is asked for.
passes() {
	if [ "${GALE_FAULTS:-some}" = all ]; then seq ${#SINKS[@]}; else echo 1; fi
}

# W8, W11 at a sink: before and after its sync, its state, its publishing.
case_sink() {
	for _ in $(passes); do
		windows kill 'sink[0]' batch.reset batch.closed batch.commit batch.persisted state.write \
		    batch.prepared batch.publish batch.published
	done
}

# W15.
case_failing_disk() {
	windows 5 "$COUNT" state.write state.prepared
	windows 28 'sink[0]' state.write
	# Its first two writes are made before the run has begun, and end it; so may those of the first batches
	# when the supervisor hears last that everybody is ready.
	FIRST=8 windows 28 'coordinator[0]' state.write
}

# ---- several die ----------------------------------------------------------------------------

# W16: the supervisor dies with one of its workers, and so do all.
case_everything() {
	windows all 'coordinator[0]' order.mark order.commit coordinator.record coordinator.record.written \
	    order.record
	windows all "$COUNT" batch.work batch.closed state.write state.prepared
	windows all 'sink[0]' batch.persisted batch.prepared batch.publish batch.published
	windows all "$SOURCE" batch.cut batch.ready
}

# twice FIRST SECOND...: FIRST strikes at each n, and each of SECOND with it: at least once both.
twice() {
	local first=$1 second kind n i=0 both struck

	shift
	for second; do
		i=$((i + 1))
		for kind in $(kinds "$i"); do
			exact "$kind"
			both=0
			for ((n = 1; ; n = $(after "$n"))); do
				strike "${first/\%/$n};$second" || break
				both=$((both + (struck > 1)))
				[ "$struck" -gt 1 ] || [ "$both" -eq 0 ] || break
			done
			[ "$both" -gt 0 ] || fail "$first and $second never strike both ($kind)"
			printf '      %-13s %-10s %s, %s: %d times\n' "$kind" "$(sink)" "$first" "$second" "$both" >&3
		done
	done
	no_output
}

# A successor dies too: as it is reset, in its undo, in its first batch, in its first round.
case_twice_in_a_row() {
	twice "$COUNT"'/batch.prepared=%,kill' "$COUNT"'/batch.reset=1,kill,2' "$COUNT"'/batch.ready=1,kill,2' \
	    "$COUNT"'/batch.prepared=1,kill,2' "$COUNT"'/batch.ready=1,all,2'
	twice 'coordinator[0]/coordinator.record=%,kill' 'coordinator[0]/order.reset=3,kill,2' \
	    'coordinator[0]/order.begin=1,kill,2' 'coordinator[0]/coordinator.record=1,kill,2' \
	    'coordinator[0]/coordinator.record.written=1,all,2'
	twice 'sink[0]/batch.publish=%,kill' 'sink[0]/batch.publish=1,kill,2'
	twice "$SOURCE"'/batch.cut=%,kill' "$SOURCE"'/batch.ready=1,kill,2' "$SOURCE"'/batch.cut=1,kill,2'
}

# The undo itself: somebody has written a round that nobody has decided (W9, W10).
case_in_the_undo() {
	twice 'coordinator[0]/coordinator.record=%,kill' "$COUNT"'/state.undone=1,kill' \
	    'chain[1]/state.undone=1,all' 'sink[0]/state.undone=1,kill'
}

# The coordinator and a task at once.
case_two_at_once() {
	twice 'coordinator[0]/coordinator.record=%,kill' "$COUNT"'/batch.prepared=1,kill' \
	    'chain[0]/batch.closed=2,kill' 'sink[0]/batch.persisted=1,kill'
	twice 'coordinator[0]/coordinator.record.written=%,kill' 'sink[0]/batch.publish=1,kill' \
	    "$SOURCE"'/batch.cut=2,kill'
}

# ---- a tuple that can't be worked through (X11) ---------------------------------------------------

# thrice CODE KIND OPTION...: with these options of `pass` a run ends with CODE, after three attempts.
thrice() {
	rm -rf state attempts
	no_output
	exact "$2" "${@:3}" attempts=attempts
	expect "$1" run -q -P "$PLUGINS" --state state t.json
	must [ "$(wc -l < attempts)" -eq 3 ]
}

# After the end the run goes on, without the poison, from what was committed.
goes_on() {
	exact "$1"
	run_exact > out 2> err || fail "without the poison: exit $?: $(cat err)"
	is_exact || fail "it went on, and is wrong"
}

case_poison() {
	local kind SINKS=('exact.Sink path=')

	for kind in $KINDS; do
		thrice 1 "$kind" crash=1234
		says 'pass\[0\] .*batch [0-9]+ has failed 3 times|batch [0-9]+ has failed 3 times.*pass\[0\]'
		says '1234'
		goes_on "$kind"
	done
}

case_always_fails() {
	local kind SINKS=('exact.Sink path=')

	for kind in $KINDS; do
		thrice 1 "$kind" fail=1234
		says 'batch [0-9]+ has failed 3 times.*pass\[0\]: it is poison'
		goes_on "$kind"
	done
}

case_fails_twice() {
	local kind SINKS=('exact.Sink path=')

	for kind in $KINDS; do
		thrice 0 "$kind" fail=1234 fails=2
		is_exact || fail "wrong after two attempts that failed"
	done
}

# ---- W13 -----------------------------------------------------------------------------------------

was_killed() {
	grep -q 'count\[0-1\] .*killed' err
}

case_stopped_process() {
	local SINKS=('exact.Sink path=')

	RATE=1000 TIMEOUT=1 exact transactional
	start -q --state state
	wait_until 10 [ -s sink.0 ]
	kill -STOP "$(worker "$COUNT")"
	wait_until 10 was_killed
	ends 0 20
	is_exact || fail "wrong after one was stopped"
}

# ---- W18, and what else does not fit ---------------------------------------------------------------

# interrupt N runs until the record of the N-th round is written, and everything dies.
interrupt() {
	GALE_FAILPOINTS="coordinator[0]/coordinator.record.written=$1,all" run_exact > out 2> err
	[ $? -eq 137 ] || fail "it was to be interrupted: $(cat err)"
}

# refused PATTERN: with exit code 5, and nothing is changed by it.
refused() {
	local code=0

	run_exact > out 2> err || code=$?
	[ "$code" -eq 5 ] || fail "exit $code, not 5: $(cat err)"
	says "$1"
}

put_back() {
	rm -rf state
	cp -r "$1" state
}

case_part_of_the_state_is_lost() {
	local part SINKS=('exact.Sink path=')

	exact transactional
	interrupt 3
	cp -r state whole
	for part in count.1 chain.0 sink.0; do
		rm -rf "state/state/$part"
		refused "/state/$part is missing.*batch"
		put_back whole
	done
	rm -rf state/state/coordinator.0
	refused '/state/(count|chain|sink|table)\.[01] .*batch'
	put_back whole
	run_exact > out 2> err || fail "exit $?: $(cat err)"
	is_exact || fail "wrong after the state was put back"
}

case_part_of_the_state_is_old() {
	local part SINKS=('exact.Sink path=')

	exact opaque
	interrupt 2
	cp -r state old
	interrupt 3
	cp -r state whole
	for part in count.0 chain.0 sink.0; do
		rm -rf "state/state/$part"
		cp -r "old/state/$part" state/state/
		refused "/state/$part .*batch"
		put_back whole
	done
	rm -rf state/state/coordinator.0
	cp -r old/state/coordinator.0 state/state/
	refused '/state/(count|chain|sink|table)\.[01] is more than one round'
	put_back whole
	run_exact > out 2> err || fail "exit $?: $(cat err)"
	is_exact || fail "wrong after the state was put back"
}

# another SED-COMMAND PATTERN: with the topology changed it is refused.
another() {
	sed "$1" t.json > other.json
	mv t.json right.json
	mv other.json t.json
	refused "$2"
	mv right.json t.json
}

case_another_topology() {
	exact transactional
	interrupt 3
	another 's/"id": "w"/"id": "v"/' 'transactional'
	another 's/"count", "className": "exact.Count", "numTasks": 2/"count", "className": "exact.Count", "numTasks": 3/' 'count'
	another 's/2500/1000/' 'source'
	mkdir newer
	cp "$PLUGINS"/*.so newer
	sed 's/\.state_version = 1/.state_version = 2/' "$TOP_SRCDIR/test/plugins/exact.c" > exact.c
	${CC:-cc} -D_GNU_SOURCE -I"$TOP_SRCDIR/include" -iquote "$TOP_SRCDIR/test/plugins" -iquote "$TOP_SRCDIR" \
	    -fPIC -shared -o newer/exact.so exact.c || fail "exact.c of another version"
	PLUGINS=$PWD/newer refused 'bolt count: .*state 2'
	run_exact > out 2> err || fail "exit $?: $(cat err)"
	is_exact || fail "wrong after what did not fit was refused"
}

# ---- the input is not what it was ------------------------------------------------------------------

words_of() {
	topology words <<-END
		transactional w $1
		config topology.transaction.batch.tuples 100
		config topology.transaction.batch.interval.ms 1
		spout source lines path=input
		bolt split split
		bolt count tally
		bolt table table path=totals
		stream source split SHUFFLE
		stream split count FIELDS word
		stream count table SHUFFLE
	END
}

case_input_has_changed() {
	local kind

	for kind in $KINDS; do
		rm -rf state totals
		seq -f 'word%.0f' 3000 > input
		cp -p input right
		words_of "$kind"
		interrupt 3
		head -n 10 right > input
		refused 'input'
		sed 's/word/WORD/' right > input
		refused 'input'
		cp -p right input
		run_exact > out 2> err || fail "exit $?: $(cat err)"
		seq -f 'word%.0f	1' 3000 | sort | diff - totals > wrong || fail "$(head -n 5 wrong)"
	done
}

# ---- W15: no room ---------------------------------------------------------------------------------

case_full_disk() {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
	mkdir state
	mount -t tmpfs -o size=3m,mode=700 none state 2> /dev/null || skip "no file system can be mounted here"
	trap 'umount state; kill_ours' EXIT
	exact transactional
	head -c 2850k /dev/zero > state/ballast
	expect 1 run -q -P "$PLUGINS" --state state t.json
	says 'has no room on its disk'
	rm state/ballast
	run_exact > out 2> err || fail "with room: exit $?: $(cat err)"
	is_exact || fail "wrong after the disk was full"
	umount state
	rmdir state
}

run_cases "$@"
