#!/bin/bash
# chaining.sh - topology.chaining: bolts in the process of those that feed them.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# suite NAME CASE... runs cases of another test with everything chained that can be.
suite() {
	local name=$1

	shift
	TEST_CHAINING=auto JOBS=2 "$TOP_SRCDIR/test/$name.sh" "$@" > log 2>&1 || fail "$(grep -A 3 '^FAIL' log)"
}

# workers gives the labels of those that run, in one line.
workers() {
	local p

	for p in $(of_ours); do
		tr '\0' '\n' < "/proc/$p/cmdline" 2> /dev/null | grep -qx worker || continue
		tr '\0' '\n' < "/proc/$p/cmdline" 2> /dev/null | tail -n 1
	done | sort | tr '\n' ' ' | sed 's/ $//'
}

are() {
	[ "$(workers)" = "$1" ]
}

# planned LABELS: t.json makes these workers.
planned() {
	start
	wait_until 10 are "$1"
	kill -INT "$PID"
	ends 130
}

# ---- what is chained ----------------------------------------------------------------------------

case_one_process() {
	topology <<-END
		config topology.chaining auto
		spout feed feed count=1 at_end=unbounded
		bolt pass probe.Pass
		bolt end probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass end FIELDS key
	END
	planned 'acker[0] feed[0]+pass[0]+end[0]'
}

case_a_tree() {
	topology <<-END
		config topology.chaining auto
		config topology.acker.executors 0
		spout feed feed count=1 at_end=unbounded
		bolt left probe.Pass
		bolt right probe.Pass
		bolt leaf probe.Pass copies=0
		bolt join probe.Pass copies=0
		stream feed left ALL
		stream feed right GLOBAL
		stream left leaf SHUFFLE
		stream left join SHUFFLE
		stream right join SHUFFLE
	END
	planned 'feed[0]+left[0]+leaf[0]+right[0] join[0]'
}

case_beside_each_other() {
	topology <<-END
		config topology.chaining auto
		spout feed feed count=1 at_end=unbounded
		bolt one probe.Pass parallelism=2 numTasks=3
		bolt two probe.Pass parallelism=2 numTasks=3
		bolt any probe.Pass copies=0 parallelism=2 numTasks=3
		bolt more probe.Pass copies=0 parallelism=2 numTasks=4
		stream feed one SHUFFLE
		stream one two LOCAL_OR_SHUFFLE
		stream two any SHUFFLE
		stream two more LOCAL_OR_SHUFFLE
	END
	planned 'acker[0] any[0-1] any[2] feed[0] more[0-1] more[2-3] one[0-1]+two[0-1] one[2]+two[2]'
}

case_refused() {
	topology <<-END
		config topology.chaining auto
		spout feed feed count=1 at_end=unbounded
		bolt alone probe.Pass topology.chaining=off
		bolt aimed probe.Pass copies=0
		bolt dealt probe.Pass copies=0
		bolt with probe.Pass copies=0
		stream feed alone SHUFFLE
		stream feed:aimed aimed DIRECT
		stream feed dealt CUSTOM probe.Turns
		stream alone with SHUFFLE
	END
	planned 'acker[0] aimed[0] alone[0]+with[0] dealt[0] feed[0]'
}

# graph tells before what would run, and of what can't be chained why.
case_graph() {
	topology <<-END
		config topology.chaining auto
		spout feed lines path=in
		bolt pass split
		bolt end count
		bolt wide filter match=x parallelism=2
		bolt join log
		stream feed pass SHUFFLE
		stream pass end FIELDS word
		stream feed wide SHUFFLE
		stream wide join SHUFFLE
	END
	expect 0 graph t.json
	must_count 1 out '^[|]-- SHUFFLE, call --> pass  \[split\]$'
	must_count 1 out 'FIELDS\(word\), call --> end'
	must_count 2 out ', call --> '
	must_count 1 out '^one process: feed, pass, end$'
	must_count 1 out '^wide is not chained: SHUFFLE from feed may go to any of its tasks$'
	must_count 1 out '^join is not chained: wide has 2 executors and 2 tasks, join has 1 executor and 1 task$'
	must_count 2 out 'not chained'
	expect 0 graph --format dot t.json
	must_count 1 out 'subgraph cluster_'
	must_count 1 out 'label="one process"'
	must_count 2 out 'style=dashed'
	must_count 1 out '"wide" .*tooltip="not chained: SHUFFLE from feed'
	sed 's/"topology.chaining": *"auto"/"topology.chaining": "off"/' t.json > off.json
	expect 0 graph off.json
	must_count 0 out 'call|process:|not chained'
	must_count 1 out 'FIELDS\(word\), combined --> end'
	expect 0 graph --format dot off.json
	must_count 0 out 'cluster|dashed|tooltip'
}

case_wanted_by_one() {
	topology <<-END
		spout feed feed count=1 at_end=unbounded
		bolt pass probe.Pass
		bolt end probe.Pass copies=0 topology.chaining=auto
		stream feed pass SHUFFLE
		stream pass end SHUFFLE
	END
	planned 'acker[0] feed[0] pass[0]+end[0]'
}

case_off_by_itself() {
	topology <<-END
		spout feed feed count=1 at_end=unbounded
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	[ -n "$TEST_CHAINING" ] || planned 'acker[0] end[0] feed[0]'
}

# ---- results ------------------------------------------------------------------------------------

words() {
	topology words <<-END
		config topology.chaining $1
		config topology.acker.executors $2
		spout lines lines path=text
		bolt split split
		bolt count count
		bolt file file path=$1.$2 format=tsv
		stream lines split SHUFFLE
		stream split count FIELDS word
		stream count file SHUFFLE
	END
	run
	sort "$1.$2" > "sorted.$1.$2"
	for c in lines split count file; do
		for k in emitted transferred executed acked failed pending; do
			echo "$c $k $(of "$c" "$k")"
		done
	done > "numbers.$1.$2"
}

# Results and the numbers of each component are those of separate processes.
case_words() {
	cat /usr/share/common-licenses/GPL-[23] > text
	words off 1
	words auto 1
	words auto 0
	same sorted.off.1 sorted.auto.1
	same sorted.off.1 sorted.auto.0
	same numbers.off.1 numbers.auto.1
	grep -v ' acked' numbers.off.1 > want
	grep -v ' acked' numbers.auto.0 > got
	same want got
}

# No acker hears of a tree that stays inside.
case_nothing_leaves() {
	topology <<-END
		config topology.chaining auto
		spout feed feed count=1000 journal=feed.log
		bolt pass probe.Pass copies=2
		bolt end probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass end SHUFFLE
	END
	run
	must_count 1000 feed.log '^ack'
	must [ "$(of end executed)" -eq 2000 ]
	must [ "$(of acker frames_in)" -eq 0 ]
	must [ "$(of feed frames_out)" -eq 0 ]
}

# Of the copies of a tuple one is a call and one leaves: one of them fails, the other is acked.
half_fails() {
	topology <<-END
		spout feed feed count=4000 journal=feed.log replay=$1
		bolt inside probe.$2 topology.chaining=auto $3
		bolt outside probe.$4 topology.chaining=off $5
		stream feed inside SHUFFLE
		stream feed outside SHUFFLE
	END
	run
	must_count 4000 feed.log '^ack'
	must [ "$(number failed)" -eq 800 ]
	must [ "$(number acked)" -eq 4000 ]
}

case_inside_fails() {
	half_fails self Refuse 'every=10 times=2' Pass copies=0
	must grep -q 'inside\[0\] failed it' feed.log
}

case_outside_fails() {
	half_fails kept Pass copies=0 Refuse 'every=10 times=2'
}

# A fail in the stage behind: no attempt is lost, and in the end there is a dead letter.
case_given_up() {
	topology letters <<-END
		config topology.chaining auto
		config topology.max.attempts 3
		spout feed feed count=30 journal=feed.log replay=kept
		bolt pass probe.Pass
		bolt refuse probe.Refuse every=10
		stream feed pass SHUFFLE
		stream pass refuse SHUFFLE
	END
	run
	must_count 27 feed.log '^ack'
	must_count 3 feed.log '^fail .* 3 final refuse\[0\] failed it'
	must_count 3 letters.dead-letters.jsonl '"component":"feed".*"attempts":3.*refuse\[0\] failed it'
}

# Behind another process: the acker must hear of a fail before the tree looks complete.
case_fails_behind() {
	topology <<-END
		spout feed feed count=5000 journal=feed.log replay=kept
		bolt pass probe.Pass copies=2
		bolt refuse probe.Refuse topology.chaining=auto every=5 times=2
		stream feed pass SHUFFLE
		stream pass refuse SHUFFLE
	END
	run
	must_count 5000 feed.log '^ack'
	must [ "$(number failed)" -eq 1000 ]
	must [ "$(of refuse failed)" -eq 2000 ]
	must [ "$(of refuse acked)" -eq 10000 ]
}

# ---- the rest of what bolts may do --------------------------------------------------------------

case_acking() {
	suite reliability acking diamond self_anchor wide no_subscriber several_spouts reset_timeout timeout \
	    short_timeout no_verdict stopped_acker timeouts_off
}

case_failing() {
	suite reliability fail_says_why fail_of_one_branch spout_replays spout_replays_in_fail \
	    spout_emits_in_ack long_reason gale_replays dead_letters dead_letter_stream dead_letters_by_time
}

case_without_ackers() {
	suite reliability no_ackers untracked unanchored later_without_ackers
}

case_groupings() {
	suite reliability groupings shuffle_is_fair direct custom_refuses order
}

case_drain() {
	suite reliability drain drain_in_a_row drain_after_replay
}

case_finish() {
	suite reliability finish_fails finish_idles finish_emits_nonsense finish_gives_up
	[ "$SLOW" -ne 1 ] || suite reliability finish	# looks at how much memory that takes
}

case_later() {
	suite reliability later_by_timer later_by_watch later_by_thread timers_under_load ticks \
	    idle_spout_is_asked watching_spout pending_is_bounded facts slow_bolt
}

case_state() {
	suite state '*'
}

# ---- deaths -------------------------------------------------------------------------------------

# The tuple in hand is that of the stage that dies of it; its message is given up at the third death.
case_poison() {
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.dead.letter.file dead
		spout feed feed count=1000 journal=feed.log replay=kept
		bolt pass probe.Pass
		bolt poison probe.Poison topology.chaining=auto at=777 how=crash
		bolt end probe.Pass topology.chaining=auto copies=0
		stream feed pass SHUFFLE
		stream pass poison SHUFFLE
		stream poison end SHUFFLE
	END
	start
	ends 0 20
	must [ "$(number acked)" -eq 999 ]
	must_count 1 dead '"values":\[777,'
	must_count 3 err 'pass\[0\]\+poison\[0\]\+end\[0\] .*SIGSEGV.*tuple in hand of poison for .*from pass\[0\].*\[777, "k1*7"\]'
}

# The spout dies with the tuple, and goes on without that at the third death; whoever replays.
case_poison_beside_its_spout() {
	topology <<-END
		config topology.chaining auto
		config topology.dead.letter.file dead
		spout sequence sequence count=1000 size=1000
		bolt poison probe.Poison at=777 how=crash
		stream sequence poison SHUFFLE
	END
	start
	ends 0 20
	must [ "$(number restarts)" -eq 3 ]
	must_count 3 err 'SIGSEGV.*tuple in hand of poison for .*\[777, '
	must_count 1 dead '"attempts":3.*3 workers have crashed.*"values":\[777,'
	must_count 1 dead .
}

# Also when that is in the first call of next, which has not returned yet.
case_poison_at_the_beginning() {
	topology <<-END
		config topology.chaining auto
		config topology.dead.letter.file dead
		spout sequence sequence count=100
		bolt poison probe.Poison at=5 how=crash
		stream sequence poison SHUFFLE
	END
	start
	ends 0 20
	must [ "$(number restarts)" -eq 3 ]
	must_count 1 dead '"attempts":3.*"values":\[5,'
}

# Of two attempts that it may have the second is the last, with crashes as with fails.
case_crashes_are_attempts() {
	topology <<-END
		config topology.chaining auto
		config topology.dead.letter.file dead
		config topology.max.attempts 2
		spout sequence sequence count=1000 size=1000
		bolt poison probe.Poison at=777 how=exit
		stream sequence poison SHUFFLE
	END
	start
	ends 0 20
	must [ "$(number restarts)" -eq 2 ]
	must_count 1 dead '"attempts":2.*2 workers have crashed'
}

# What a bolt emits in its finish has no id that a successor would know it by: the run fails.
case_poison_in_finish() {
	topology <<-END
		spout feed feed count=1
		bolt produce probe.Produce count=20
		bolt poison probe.Poison topology.chaining=auto at=7 how=crash
		stream feed produce SHUFFLE
		stream produce poison SHUFFLE
	END
	start
	ends 1 20
	says 'tuple in hand of poison for .*\[7, '
}

# Whoever is killed, whenever: a spout that can be positioned comes back, with all that is chained.
case_kills() {
	local i

	seq 40000 > text
	topology <<-END
		config topology.chaining auto
		spout lines lines path=text
		bolt append append path=out us=100
		stream lines append SHUFFLE
	END
	start
	for i in 2000 8000 16000; do
		wait_until 20 eval "[ -f out ] && [ \$(wc -l < out) -ge $i ]"
		kill -9 "$(worker 'append[0]')"
	done
	ends 0 30
	sort -nu out > got
	same text got
	must [ "$(number restarts)" -eq 3 ]
}

# What is in memory of a finishing bolt dies with the process that it shares.
case_lost_result() {
	seq 100000 > text
	topology <<-END
		config topology.chaining auto
		spout lines lines path=text
		bolt split split
		bolt count count
		bolt slow append path=out us=100
		stream lines split SHUFFLE
		stream split count SHUFFLE
		stream split slow SHUFFLE
	END
	start
	wait_until 10 [ -s out ]
	kill -9 "$(worker 'count[0]')"
	ends 1
	says 'lines\[0\]\+split\[0\]\+count\[0\].*what it had gathered from [0-9]+ tuples is lost'
}

run_cases "$@"
