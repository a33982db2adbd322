#!/bin/bash
# reliability.sh - what gale promises about every tuple, shown with real processes: Storm's own
# reliability tests done again (TopologyIntegrationTest, GroupingIntegrationTest, TickTupleTest),
# and what the plugin interface says. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# The spout `feed` and the bolts `probe.X` are in test/plugins; they keep journals.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# all_acked N: the spout heard N acks, each of another message, and no fail.
all_acked() {
	must_count "$1" feed.log '^ack'
	must_count 0 feed.log '^fail'
	must [ "$(grep '^ack' feed.log | sort -u | wc -l)" -eq "$1" ]
}

# ---- trees ------------------------------------------------------------------------------

# Storm: testAcking. Three spouts, 2 + 4 + 1 copies, three of which make one. A message is
# acked when the last of its copies has become part of such a triple, and not before.
case_acking() {
	mkfifo one two three
	topology <<-END
		spout one feed count=4 fifo=one journal=one.log
		spout two feed count=2 fifo=two journal=two.log
		spout three feed count=3 fifo=three journal=three.log
		bolt b2 probe.Pass copies=2
		bolt b4 probe.Pass copies=4
		bolt b1 probe.Pass copies=1
		bolt agg probe.Gather size=3 journal=agg.log
		bolt b probe.Pass copies=2
		bolt end probe.Pass copies=0
		stream one b2 SHUFFLE
		stream two b4 SHUFFLE
		stream three b1 SHUFFLE
		stream b2 agg SHUFFLE
		stream b4 agg SHUFFLE
		stream b1 agg SHUFFLE
		stream agg b SHUFFLE
		stream b end SHUFFLE
	END
	start
	exec 3<> one 4<> two 5<> three
	# From here on: so many have come to agg and are held, so many spouts' messages are acked.
	acked() { counts "$1" one.log '^ack' && counts "$2" two.log '^ack' && counts "$3" three.log '^ack'; }
	held() { counts "$1" agg.log '^hold 1' && counts "$2" agg.log '^hold 2' && counts "$3" agg.log '^full'; }

	echo 1 >&3			# 2 copies: held
	wait_until 10 held 1 1 0
	must acked 0 0 0
	echo 1 >&5			# the third
	wait_until 10 held 1 1 1
	wait_until 10 acked 1 0 1
	echo 1 >&4			# 4 copies: one triple and one held
	wait_until 10 held 3 2 2
	must acked 1 0 1
	echo 1 >&3
	wait_until 10 held 3 3 3
	wait_until 10 acked 2 1 1
	echo 1 >&4			# 4 copies again
	wait_until 10 held 5 4 4
	must acked 2 1 1
	echo 1 >&5
	wait_until 10 held 5 5 4
	must acked 2 1 1
	echo 1 >&5
	wait_until 10 held 5 5 5
	wait_until 10 acked 2 2 3
	echo 2 >&3			# 4 copies; one is left, until drain
	ends 0
	must acked 4 2 3
	must_count 1 agg.log '^drain 1'
	must_count 0 one.log '^fail'
	must [ "$(of end executed)" -eq 14 ]
}

# Storm: testAckBranching. One message on two ways that meet again.
case_diamond() {
	topology <<-END
		spout feed feed count=1000 journal=feed.log
		bolt left probe.Pass
		bolt right probe.Pass copies=3
		bolt join probe.Pass copies=0 parallelism=2
		stream feed left SHUFFLE
		stream feed right SHUFFLE
		stream left join FIELDS key
		stream right join FIELDS key
	END
	run
	all_acked 1000
	must [ "$(number tuples)" -eq 6000 ]
}

# Storm: testAckingSelfAnchor.
case_self_anchor() {
	topology <<-END
		spout feed feed count=1000 journal=feed.log
		bolt twice probe.Twice
		bolt end probe.Pass copies=0
		stream feed twice SHUFFLE
		stream twice end SHUFFLE
	END
	run
	all_acked 1000
}

# A tree as wide as 9 x 9 x 9, with copies to all tasks.
case_wide() {
	topology <<-END
		config topology.acker.executors 2
		spout feed feed count=50 journal=feed.log
		bolt a probe.Pass copies=3 parallelism=3
		bolt b probe.Pass copies=3 parallelism=3
		bolt c probe.Pass copies=0 parallelism=3
		stream feed a ALL
		stream a b ALL
		stream b c ALL
	END
	run
	all_acked 50
	must [ "$(number tuples)" -eq $((50 * (3 + 27 + 243))) ]
}

case_no_subscriber() {
	topology <<-END
		spout feed feed count=1000 journal=feed.log
		spout other feed count=1
		bolt end probe.Pass copies=0
		stream other end SHUFFLE
	END
	run
	all_acked 1000
}

case_several_spouts() {
	topology <<-END
		config topology.acker.executors 3
		spout a feed count=2000 parallelism=2 journal=feed.log
		spout b feed count=2000 start=10000 journal=feed.log
		spout c feed count=2000 start=20000 numTasks=2 journal=feed.log
		bolt pass probe.Pass copies=5 parallelism=2
		bolt end probe.Pass copies=0 parallelism=2
		stream a pass SHUFFLE
		stream b pass SHUFFLE
		stream c pass FIELDS key
		stream pass end FIELDS key
	END
	run
	must_count 10000 feed.log '^ack'
	must_count 0 feed.log '^fail'
	must [ "$(number acked)" -eq 10000 ]
	must [ "$(of end executed)" -eq 50000 ]
}

# ---- time -------------------------------------------------------------------------------

# What is said of time here is so where processes have a processor when they want it: one of some times.

# ages_between FROM TO: all fails came when their message was so old, in ms.
ages_between() {
	must [ -z "$(awk -v from="$1" -v to=$(($2 * SLOW)) \
	    '$1 == "fail" && ($3 < from || $3 > to)' feed.log)" ]
}

# Storm: testTimeout. Exactly those that were not acked fail, each once.
case_timeout() {
	timely 5 timeout_once
}

timeout_once() {
	rm -f feed.log
	topology <<-END
		config topology.message.timeout.secs 2
		spout feed feed count=1000 journal=feed.log
		bolt some probe.Some every=2
		stream feed some SHUFFLE
	END
	run
	for i in $(seq 0 2 998); do echo "ack $i"; done > expected_acks
	grep '^ack' feed.log | sort -k 2n > acks
	same expected_acks acks
	for i in $(seq 1 2 999); do echo "$i time 1 again"; done > expected_fails
	grep '^fail' feed.log | sort -k 2n | cut -d ' ' -f 2,4-6 > fails
	same expected_fails fails
	ages_between 2000 2500		# 10 % late at most, and what a busy machine adds
	must_count 500 feed.log 'timed out after 2\.[0-2][0-9]* s; last ack from nobody'
	must [ "$(number timed_out)" -eq 500 ]
	must [ "$(number failed)" -eq 500 ]
}

# A short timeout is as exact as a long one. Most messages are looked at, by the acker's own
# clock, for a busy machine makes it late now and then.
case_short_timeout() {
	timely 5 short_timeout_once
}

short_timeout_once() {
	local ages n

	rm -f go feed.log
	mkfifo go
	topology <<-END
		config topology.message.timeout.secs 0.1
		spout feed feed count=60 fifo=go journal=feed.log
		bolt some probe.Some every=100000
		stream feed some SHUFFLE
	END
	start
	exec 4> go
	for _ in $(seq 60); do
		echo 1 >&4
		sleep 0.013		# so they are born at any time between two walks of the book
	done
	exec 4>&-
	ends 0
	ages=$(sed -n 's|.* timed out after \([0-9]*\)\.\([0-9]*\) s.*|\1\2|p' feed.log | sort -n)
	n=$(wc -l <<< "$ages")	# of the others the acker was too late to speak
	must [ "$n" -ge 40 ]
	must [ "$(head -n 1 <<< "$ages")" -ge 100 ]
	must [ "$(sed -n $((n / 2))p <<< "$ages")" -le 107 ]	# half of them: 2 or 3 ms late
}

# The text names who acked last, and when.
case_timeout_text() {
	timely 5 timeout_text_once
}

timeout_text_once() {
	rm -f feed.log
	topology <<-END
		config topology.message.timeout.secs 0.5
		spout feed feed count=3 journal=feed.log
		bolt pass probe.Pass
		bolt some probe.Some every=100
		stream feed pass SHUFFLE
		stream pass some SHUFFLE
	END
	run
	must_count 2 feed.log '^fail [12] .* timed out after 0\.[5-9][0-9]* s; last ack from pass\[0\], 0\.[0-9]* s ago'
	must_count 1 feed.log '^ack 0'
}

# Storm: testResetTimeout. Those whose timeout is reset live past three timeouts.
case_reset_timeout() {
	timely 5 reset_timeout_once
}

reset_timeout_once() {
	rm -f feed.log
	topology <<-END
		config topology.message.timeout.secs 1
		spout feed feed count=10 journal=feed.log
		bolt extend probe.Extend each_ms=300 last_ms=3200
		stream feed extend SHUFFLE
	END
	run
	grep '^ack' feed.log > acks
	same_lines acks <<< "$(printf 'ack %d\n' 0 2 4 6 8)"
	must_count 5 feed.log '^fail [13579] .* time 1 again'
	must_count 5 feed.log '^fail'
	ages_between 1000 1500
	must awk "BEGIN { exit $(number seconds) < 3.2 }"
}

# Nobody acks: the spout goes on by itself after 2 T, and says so, when the acker is stopped.
case_no_verdict() {
	timely 5 no_verdict_once
}

no_verdict_once() {
	rm -f feed.log
	topology <<-END
		config topology.message.timeout.secs 1
		spout feed feed count=3 journal=feed.log pause=true
		bolt some probe.Some every=100
		stream feed some SHUFFLE
	END
	start
	wait_until 10 counts 3 feed.log '^emit'
	kill -STOP "$(worker 'acker[0]')"
	wait_until 10 counts 3 feed.log '^(fail|ack)'
	kill -CONT "$(worker 'acker[0]')"
	ends 0
	must [ "$(lines feed.log '^fail [0-9] [0-9]* silence .*no verdict')" -ge 2 ]
}

# An acker that was stopped must not condemn what was acked meanwhile (A4).
case_stopped_acker() {
	timely 5 stopped_acker_once
}

stopped_acker_once() {
	local acker

	rm -f feed.log
	topology <<-END
		config topology.message.timeout.secs 2
		config topology.max.spout.pending 50
		spout feed feed count=300 journal=feed.log pause=true
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	start
	wait_until 10 counts 1 feed.log '^emit 20$'
	acker=$(worker 'acker[0]')
	kill -STOP "$acker"
	sleep 2.5			# longer than the timeout, shorter than two
	kill -CONT "$acker"
	ends 0
	all_acked 300
}

# Without progress for P a message fails, long before its timeout.
case_progress_timeout() {
	timely 5 progress_timeout_once
}

progress_timeout_once() {
	rm -f feed.log
	topology <<-END
		config topology.message.timeout.secs 60
		config topology.progress.timeout.secs 1
		spout feed feed count=4 journal=feed.log
		bolt pass probe.Pass
		bolt some probe.Some every=2
		stream feed pass SHUFFLE
		stream pass some SHUFFLE
	END
	run
	must_count 2 feed.log '^fail [13] .* progress 1 again no progress .* last ack from pass\[0\]'
	must_count 2 feed.log '^ack [02]'
	ages_between 1000 1500
}

case_timeouts_off() {
	topology <<-END
		config topology.message.timeout.secs 0.2
		config topology.enable.message.timeouts false
		spout feed feed count=20 journal=feed.log
		bolt slow probe.Pass copies=0 ms=50
		stream feed slow SHUFFLE
	END
	run
	all_acked 20
}

# ---- fail and replay ----------------------------------------------------------------------

case_fail_says_why() {
	topology <<-END
		spout feed feed count=10 journal=feed.log
		bolt refuse probe.Refuse every=3
		stream feed refuse SHUFFLE
	END
	run
	grep '^fail' feed.log | cut -d ' ' -f 1,2,4- > fails
	same_lines fails <<-END
		fail 0 bolt 1 again refuse[0] failed it: no 0 today
		fail 3 bolt 1 again refuse[0] failed it: no 3 today
		fail 6 bolt 1 again refuse[0] failed it: no 6 today
		fail 9 bolt 1 again refuse[0] failed it: no 9 today
	END
	must_count 6 feed.log '^ack'
	must [ "$(number failed)" -eq 4 ]
}

# One copy of nine fails: so does the message, once, and at once.
case_fail_of_one_branch() {
	topology <<-END
		spout feed feed count=10 journal=feed.log
		bolt pass probe.Pass copies=8
		bolt refuse probe.Refuse every=2 times=1
		bolt end probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass refuse SHUFFLE
		stream pass end SHUFFLE
	END
	run
	must_count 5 feed.log '^fail [02468] .* bolt 1 again'
	must_count 5 feed.log '^fail'
	must_count 5 feed.log '^ack [13579]'
	must_count 5 feed.log '^ack'
}

case_spout_replays() {
	topology <<-END
		spout feed feed count=100 replay=self journal=feed.log
		bolt refuse probe.Refuse every=10 times=2
		stream feed refuse SHUFFLE
	END
	run
	must_count 100 feed.log '^ack'
	must_count 10 feed.log '^fail .* bolt 1 again'
	must_count 10 feed.log '^fail .* bolt 2 again'
	must_count 120 feed.log '^emit'
	must [ "$(number emitted)" -eq 120 ]
	must [ "$(number replayed)" -eq 20 ]
	must [ "$(number failed)" -eq 20 ]
}

# A spout may emit in its fail and in its ack.
case_spout_replays_in_fail() {
	topology <<-END
		spout feed feed count=100 journal=feed.log
		bolt refuse probe.Refuse every=10 times=2
		stream feed refuse SHUFFLE
	END
	sed -i 's/"journal"/"replay": "at once", &/' t.json
	run
	must_count 100 feed.log '^ack'
	must_count 20 feed.log '^fail'
	must_count 120 feed.log '^emit'
}

case_spout_emits_in_ack() {
	local ackers

	for ackers in 0 1; do
		rm -f feed.log
		topology <<-END
			config topology.acker.executors $ackers
			spout feed feed count=500 chain=true journal=feed.log
			bolt end probe.Pass copies=0
			stream feed end SHUFFLE
		END
		run
		all_acked 500
		must_count 1 feed.log '^most open 1$'
	done
	# without end, it can be stopped all the same
	topology <<-END
		config topology.acker.executors 0
		spout feed feed count=20000000 chain=true journal=long.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	start
	wait_until 10 counts 1 long.log '^ack 1000$'
	kill -TERM "$PID"
	ends 143
}

# A reason of any length and bytes arrives, cut, and is good JSON.
case_long_reason() {
	topology why <<-END
		config topology.max.attempts 2
		spout feed feed count=20 replay=kept journal=feed.log
		bolt refuse probe.Refuse long_why=1000000
		stream feed refuse SHUFFLE
	END
	run
	must_count 20 feed.log '^fail .* bolt 2 final'
	must_count 20 why.dead-letters.jsonl '"attempts":2,"reason":"refuse\[0\] failed it: '
	must [ "$(wc -c < why.dead-letters.jsonl)" -lt 200000 ]
	if type iconv > /dev/null 2>&1; then
		iconv -f UTF-8 -t UTF-8 why.dead-letters.jsonl > /dev/null || fail "dead letters are not UTF-8"
	fi
}

# The spout hears nothing of what gale replays for it.
case_gale_replays() {
	topology <<-END
		spout feed feed count=100 replay=kept journal=feed.log
		bolt pass probe.Pass journal=pass.log
		bolt refuse probe.Refuse every=10 times=4
		stream feed pass SHUFFLE
		stream pass refuse SHUFFLE
	END
	run
	must_count 100 feed.log '^emit'
	all_acked 100
	must_count 140 pass.log '^0'
	must_count 5 pass.log '^0 30 k0$'
	must [ "$(number emitted)" -eq 140 ]
}

case_dead_letters() {
	topology deads <<-END
		config topology.max.attempts 3
		spout kept feed count=10 replay=kept journal=feed.log
		spout own feed count=10 start=10 replay=self journal=feed.log
		spout none feed count=10 start=20 journal=feed.log
		bolt refuse probe.Refuse every=5
		stream kept refuse SHUFFLE
		stream own refuse SHUFFLE
		stream none refuse SHUFFLE
	END
	run
	grep '^fail .*final' feed.log | cut -d ' ' -f 2,4- > final
	same_lines final <<-END
		0 bolt 3 final refuse[0] failed it: no 0 today
		5 bolt 3 final refuse[0] failed it: no 5 today
		10 bolt 3 final refuse[0] failed it: no 10 today
		15 bolt 3 final refuse[0] failed it: no 15 today
	END
	must_count 6 feed.log '^fail .*again'	# own: two each; none: gives up at once
	cut -d , -f 2- deads.dead-letters.jsonl > letters
	same_lines letters <<-'END'
		"topology":"deads","component":"kept","stream":"default","id":0,"attempts":3,"reason":"refuse[0] failed it: no 0 today","values":[0,"k0"]}
		"topology":"deads","component":"kept","stream":"default","id":5,"attempts":3,"reason":"refuse[0] failed it: no 5 today","values":[5,"k5"]}
		"topology":"deads","component":"own","stream":"default","id":10,"attempts":3,"reason":"refuse[0] failed it: no 10 today","values":[10,"k0"]}
		"topology":"deads","component":"own","stream":"default","id":15,"attempts":3,"reason":"refuse[0] failed it: no 15 today","values":[15,"k5"]}
	END
	must [ "$(number dead_lettered)" -eq 4 ]
	must grep -q '"dead_letter_file": ".*/deads.dead-letters.jsonl"' summary
}

case_dead_letter_stream() {
	topology <<-END
		config topology.max.attempts 2
		spout feed feed count=10 replay=kept journal=feed.log
		bolt refuse probe.Refuse every=4
		bolt file file path=letters format=json
		stream feed refuse SHUFFLE
		stream feed:dead-letters file SHUFFLE
	END
	run
	same_lines letters <<-'END'
		{"id":0,"attempts":2,"reason":"refuse[0] failed it: no 0 today","stream":"default","values":[0,"k0"]}
		{"id":4,"attempts":2,"reason":"refuse[0] failed it: no 4 today","stream":"default","values":[4,"k4"]}
		{"id":8,"attempts":2,"reason":"refuse[0] failed it: no 8 today","stream":"default","values":[8,"k8"]}
	END
	must_count 3 feed.log '^fail .*final'
	must [ -z "$(find . -name '*.jsonl')" ]
	must [ "$(number dead_lettered)" -eq 3 ]
}

# Who times out is a dead letter too.
case_dead_letters_by_time() {
	timely 5 dead_letters_by_time_once
}

dead_letters_by_time_once() {
	rm -f feed.log ./*.jsonl
	topology late <<-END
		config topology.message.timeout.secs 0.5
		config topology.max.attempts 2
		spout feed feed count=4 replay=kept journal=feed.log
		bolt some probe.Some every=2
		stream feed some SHUFFLE
	END
	run
	must_count 2 feed.log '^fail [13] .* time 2 final timed out'
	must_count 2 late.dead-letters.jsonl '"attempts":2,"reason":"timed out after 0\.5'
}

# More than the bolt can do in time: much times out, is replayed, is done twice, is given up.
# Still each message ends once.
case_overload() {
	local replay

	for replay in kept self; do
		rm -f feed.log ./*.jsonl
		topology over <<-END
			config topology.message.timeout.secs 0.2
			config topology.max.attempts 3
			config topology.max.spout.pending 300
			config topology.acker.executors 2
			spout feed feed count=300 replay=$replay journal=feed.log
			bolt pass probe.Pass copies=2
			bolt slow probe.Pass copies=0 ms=1
			stream feed pass SHUFFLE
			stream pass slow SHUFFLE
		END
		run
		sed -n 's/^ack //p; s/^fail \([0-9]*\) .* final .*/\1/p' feed.log | sort -n > ends
		seq 0 299 > numbers
		same ends numbers
		must [ "$(lines over.dead-letters.jsonl .)" -eq "$(number dead_lettered)" ]
		must [ "$(number dead_lettered)" -eq "$(lines feed.log ' final ')" ]
		must [ $(($(number acked) + $(number dead_lettered))) -eq 300 ]
		must [ "$(number emitted)" -eq $(($(number acked) + $(number failed))) ]
		must [ "$(number timed_out)" -gt 0 ]
	done
}

# ---- at most once ---------------------------------------------------------------------------

case_no_ackers() {
	topology <<-END
		config topology.acker.executors 0
		spout feed feed count=1000 journal=feed.log
		bolt refuse probe.Refuse every=3
		stream feed refuse SHUFFLE
	END
	run
	all_acked 1000			# failing bolts included: nobody watches
	# each is acked before the next is emitted
	grep -E '^(emit|ack)' feed.log | paste -d ' ' - - | awk '$1 != "emit" || $3 != "ack" || $2 != $4' > wrong
	must [ ! -s wrong ]
	must [ -z "$(of acker frames_in)" ]
	must [ "$(of refuse executed)" -eq 1000 ]
}

# What has no message id costs no ack.
case_untracked() {
	topology <<-END
		spout feed feed count=1000 replay=untracked journal=feed.log
		bolt pass probe.Pass copies=2
		bolt gather probe.Gather size=7 journal=gather.log
		bolt end probe.Pass copies=0
		stream feed pass SHUFFLE
		stream pass gather SHUFFLE
		stream gather end SHUFFLE
	END
	run
	must_count 0 feed.log '^(ack|fail)'
	must [ "$(of acker frames_in)" -eq 0 ]
	must [ "$(of end executed)" -eq 286 ]
	must_count 1 gather.log '^drain 5'
}

case_unanchored() {
	topology <<-END
		spout feed feed count=100 journal=feed.log
		bolt loose probe.Pass loose=true
		bolt refuse probe.Refuse
		stream feed loose SHUFFLE
		stream loose refuse SHUFFLE
	END
	run
	all_acked 100
	must [ "$(of refuse failed)" -eq 100 ]
}

# ---- groupings ------------------------------------------------------------------------------

# Five tasks in two workers, by every grouping. A line of a journal: TASK N KEY.
case_groupings() {
	topology <<-END
		spout feed feed count=2000 keys=20 journal=feed.log
		bolt shuffle probe.Pass copies=0 parallelism=2 numTasks=5 journal=shuffle.log
		bolt none probe.Pass copies=0 parallelism=2 numTasks=5 journal=none.log
		bolt local probe.Pass copies=0 parallelism=2 numTasks=5 journal=local.log
		bolt fields probe.Pass copies=0 parallelism=2 numTasks=5 journal=fields.log
		bolt partial probe.Pass copies=0 parallelism=2 numTasks=5 journal=partial.log
		bolt all probe.Pass copies=0 parallelism=2 numTasks=5 journal=all.log
		bolt global probe.Pass copies=0 parallelism=2 numTasks=5 journal=global.log
		bolt custom probe.Pass copies=0 parallelism=2 numTasks=5 journal=custom.log
		stream feed shuffle SHUFFLE
		stream feed none NONE
		stream feed local LOCAL_OR_SHUFFLE
		stream feed fields FIELDS key
		stream feed partial PARTIAL_KEY key
		stream feed all ALL
		stream feed global GLOBAL
		stream feed custom CUSTOM probe.Turns
	END
	run
	all_acked 2000
	must [ "$(number tuples)" -eq $((2000 * (7 + 5))) ]
	seq 0 1999 > numbers
	local g t
	for g in shuffle none local fields partial global custom; do
		cut -d ' ' -f 2 "$g.log" | sort -n > got
		cmp -s got numbers || fail "$g: not each number once"
	done
	for t in 0 1 2 3 4; do
		sed -n "s/^$t \([0-9]*\) .*/\1/p" all.log > got	# as sent: in order
		cmp -s got numbers || fail "ALL: task $t did not get each number once, in order"
	done
	# tasks_per_key FILE MOST: each key is at no more tasks.
	tasks_per_key() {
		must [ "$(cut -d ' ' -f 1,3 "$1" | sort -u | cut -d ' ' -f 2 | uniq -c | sort -n |
		    tail -n 1 | awk '{ print $1 }')" -le "$2" ]
	}
	cut -d ' ' -f 1,3 fields.log | sort -u | cut -d ' ' -f 2 | sort | uniq -c > got
	must_count 20 got '^ *1 k'
	must [ "$(cut -d ' ' -f 1 fields.log | sort -u | wc -l)" -ge 3 ]
	cut -d ' ' -f 1,3 partial.log | sort -u | cut -d ' ' -f 2 | sort | uniq -c > got
	must_count 20 got '^ *[12] k'
	must [ "$(lines got '^ *2 k')" -ge 5 ]
	must_count 2000 global.log '^0 '
	must [ "$(awk '$1 != $2 % 5' custom.log | wc -l)" -eq 0 ]
	for t in 0 1 2 3 4; do
		must [ "$(lines partial.log "^$t")" -gt 100 ]
	done
}

# Storm: testShuffle. Nobody goes short.
case_shuffle_is_fair() {
	topology <<-END
		spout feed feed count=100000
		bolt a probe.Pass copies=0 parallelism=2 journal=a.log
		stream feed a SHUFFLE
	END
	run
	for t in 0 1; do
		local n
		n=$(lines a.log "^$t")
		[ "$n" -ge 35000 ] || fail "task $t got $n of 100000"
	done
}

case_direct() {
	topology <<-END
		config topology.acker.executors 2
		spout feed feed count=1000 aim=pass journal=feed.log
		bolt pass probe.Pass parallelism=2 numTasks=5 journal=pass.log
		bolt end probe.Pass copies=0
		stream feed:aimed pass DIRECT
		stream pass end SHUFFLE
	END
	run
	all_acked 1000
	must [ "$(awk '$1 != $2 % 5' pass.log | wc -l)" -eq 0 ]
	must_count 1000 pass.log .
}

# A tuple that its grouping refuses fails, the others don't.
case_custom_refuses() {
	topology <<-END
		spout feed feed count=10 journal=feed.log
		bolt pass probe.Pass
		bolt end probe.Pass copies=0 parallelism=2 journal=end.log
		stream feed pass SHUFFLE
		stream pass end CUSTOM probe.Turns
	END
	sed -i 's/"probe.Turns"/"probe.Turns", "properties": { "refuses": 4 }/' t.json
	run
	must_count 1 feed.log '^fail 4 .* bolt 1 again pass\[0\] failed it: grouping probe.Turns refused the tuple'
	must_count 9 feed.log '^ack'
	must_count 9 end.log .
}

# Tuples from one task to one task keep their order (InOrderDeliveryTest).
case_order() {
	topology <<-END
		spout feed feed count=20000 keys=7
		bolt pass probe.Pass parallelism=3 copies=1
		bolt end probe.Pass copies=0 numTasks=4 journal=end.log
		stream feed pass FIELDS key
		stream pass end FIELDS key
	END
	run
	must_count 20000 end.log .
	must [ "$(awk '$3 in last && $2 <= last[$3] { print } { last[$3] = $2 }' end.log | wc -l)" -eq 0 ]
}

# ---- holding, drain, finish -------------------------------------------------------------------

# 3,437 messages in groups of 1,000: drain is for the last 437.
case_drain() {
	topology <<-END
		spout feed feed count=3437 journal=feed.log
		bolt gather probe.Gather size=1000 quiet=true journal=gather.log
		stream feed gather SHUFFLE
	END
	run
	all_acked 3437
	must_count 1 gather.log '^drain 437$'
	must_count 1 gather.log '^most 1000$'
}

# Groups of 7 of groups of 10 of groups of 4: each level waits for the drain before it.
case_drain_in_a_row() {
	topology <<-END
		spout feed feed count=1003 journal=feed.log
		bolt a probe.Gather size=4 journal=a.log
		bolt b probe.Gather size=10 journal=b.log parallelism=2
		bolt c probe.Gather size=7 journal=c.log
		bolt end probe.Pass copies=0
		stream feed a SHUFFLE
		stream a b ALL
		stream b c SHUFFLE
		stream c end SHUFFLE
	END
	run
	all_acked 1003
	must [ "$(of end executed)" -ge 8 ]
}

# What fails after a drain comes again, and so does the drain.
case_drain_after_replay() {
	topology <<-END
		spout feed feed count=25 replay=kept journal=feed.log
		bolt gather probe.Gather size=10 journal=gather.log
		bolt refuse probe.Refuse every=5 times=1
		stream feed gather SHUFFLE
		stream gather refuse SHUFFLE
	END
	run
	must_count 25 feed.log '^emit'
	all_acked 25
}

# A million tuples in finish, of which no more than topology.max.spout.pending are open.
case_finish() {
	topology <<-END
		config topology.max.spout.pending 500
		config topology.acker.executors 2
		spout feed feed count=1
		bolt produce probe.Produce count=1000000 journal=produce.log
		bolt gather probe.Gather size=1000 quiet=true journal=gather.log
		stream feed produce SHUFFLE
		stream produce gather SHUFFLE
	END
	run
	must [ "$(of gather executed)" -eq 1000000 ]
	must_count 1 gather.log '^most [1-4]?[0-9]?[0-9]$|^most 500$'
	must [ "$(sed 's/memory //' produce.log)" -lt $((30000 * SLOW)) ] # in KiB
}

# Finish emits directly too, and what fails there is replayed by gale.
case_finish_fails() {
	topology <<-END
		config topology.max.attempts 3
		spout feed feed count=1
		bolt produce probe.Produce count=100 aim=pass
		bolt pass probe.Pass parallelism=2 journal=pass.log
		bolt refuse probe.Refuse every=10 times=2
		stream feed produce SHUFFLE
		stream produce:aimed pass DIRECT
		stream pass refuse SHUFFLE
	END
	run
	must_count 120 pass.log .
	must [ "$(of refuse failed)" -eq 20 ]
	must [ "$(of refuse acked)" -eq 100 ]
}

# Finish may say idle, and is called again.
case_finish_idles() {
	topology <<-END
		spout feed feed count=1
		bolt produce probe.Produce count=20 pause=true
		bolt end probe.Pass copies=0
		stream feed produce SHUFFLE
		stream produce end SHUFFLE
	END
	run
	must [ "$(of end executed)" -eq 20 ]
}

# What finish can't emit is lost: the run must not end well.
case_finish_emits_nonsense() {
	topology <<-END
		spout feed feed count=1
		bolt produce probe.Produce count=20 wrong=true
		bolt file file path=output
		stream feed produce SHUFFLE
		stream produce file SHUFFLE
	END
	expect 1 run -P "$PLUGINS" --summary summary t.json
	says 'produce\[0\].*finish: emit on "default": 1 values for 2 declared fields'
	must [ ! -e output ]
}

case_finish_gives_up() {
	topology gives <<-END
		config topology.max.attempts 2
		spout feed feed count=1
		bolt produce probe.Produce count=10
		bolt refuse probe.Refuse every=5
		stream feed produce SHUFFLE
		stream produce refuse SHUFFLE
	END
	run
	must_count 2 gives.dead-letters.jsonl '"component":"produce".*"attempts":2'
	must_count 1 gives.dead-letters.jsonl '"values":\[0,"k"\]'
	must_count 1 gives.dead-letters.jsonl '"values":\[5,"k"\]'
}

# ---- the loop serves plugins --------------------------------------------------------------------

later() {
	topology <<-END
		spout feed feed count=500 journal=feed.log
		bolt later probe.Later by=$1 journal=later.log parallelism=2 numTasks=3
		stream feed later SHUFFLE
	END
	run
	all_acked 500
	must_count 500 later.log "^$1"
}

case_later_by_timer() {
	later timer
}

case_later_by_watch() {
	later watch
}

case_later_by_thread() {
	later thread
}

# Without ackers nobody else remembers what a bolt holds: the run waits for it.
case_later_without_ackers() {
	topology <<-END
		config topology.acker.executors 0
		spout feed feed count=500 journal=feed.log
		bolt later probe.Later by=timer journal=later.log
		stream feed later SHUFFLE
	END
	run
	must_count 500 later.log '^timer'
}

# Ticks and timers come while tuples never stop coming.
case_timers_under_load() {
	topology <<-END
		spout feed feed count=300000 replay=untracked
		bolt clock probe.Clock journal=clock.log ms=10 us=5 topology.tick.tuple.freq.ms=10
		stream feed clock SHUFFLE
	END
	run
	# lines that were written while tuples came
	awk '$2 > 0 && $2 < 300000 { n[$1]++ } END { print n["timer"] + 0, n["tick"] + 0 }' clock.log > seen
	read -r timers ticks < seen
	[ "$timers" -ge 5 ] || fail "$timers timers while tuples came, $ticks ticks"
	[ "$ticks" -ge 5 ] || fail "$ticks ticks while tuples came"
}

# Storm: TickTupleTest. So many a second, for bolts and spouts.
case_ticks() {
	topology <<-END
		spout feed feed at_end=idle journal=feed.log topology.tick.tuple.freq.ms=20
		bolt clock probe.Clock journal=clock.log ms=100000 topology.tick.tuple.freq.secs=0.05
		bolt none probe.Clock journal=none.log ms=100000
		stream feed clock SHUFFLE
		stream feed none SHUFFLE
	END
	start
	local began=$EPOCHREALTIME
	enough() { [ "$(lines feed.log '^tick')" -ge 50 ] && [ "$(lines clock.log '^tick')" -ge 20 ]; }
	wait_until 20 enough
	kill -INT "$PID"
	ends 130
	# none early, whatever the machine does
	awk -v began="$began" -v ended="$EPOCHREALTIME" -v spout="$(lines feed.log '^tick')" \
	    -v bolt="$(lines clock.log '^tick')" \
	    'BEGIN { t = (ended - began) * 1000; exit spout > t / 20 + 1 || bolt > t / 50 + 1 }' ||
	    fail "too many ticks"
	must_count 0 none.log '^tick'
	must [ "$(of feed ticks)" -eq "$(lines feed.log '^tick')" ]
}

# A spout that says idle and waits for nothing is asked again by itself.
case_idle_spout_is_asked() {
	topology <<-END
		spout feed feed count=30 pause=true journal=feed.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	run
	all_acked 30
}

# One that watches is asked when there is something, and not before.
case_watching_spout() {
	mkfifo fifo
	topology <<-END
		spout feed feed count=5 fifo=fifo journal=feed.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	start
	exec 3<> fifo
	wait_until 10 counts 1 feed.log '^activate'
	echo 2 >&3
	wait_until 10 counts 2 feed.log '^ack'
	must_count 2 feed.log '^emit'
	echo 3 >&3
	ends 0
	all_acked 5
}

case_lifecycle() {
	topology <<-END
		spout feed feed count=3 at_end=idle journal=feed.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	start
	wait_until 10 counts 3 feed.log '^ack'
	kill -INT "$PID"
	ends 130
	sed 's/^most.*/most/' feed.log > got
	cat > want <<-END
		open
		activate
		emit 0
		emit 1
		emit 2
		ack 0
		ack 1
		ack 2
		deactivate
		most
		cleanup
	END
	same want got
}

case_pending_is_bounded() {
	topology <<-END
		spout feed feed count=2000 topology.max.spout.pending=37 journal=feed.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	run
	all_acked 2000
	must_count 1 feed.log '^most open ([1-2]?[0-9]|3[0-7])$'
}

case_facts() {
	topology <<-END
		config topology.message.timeout.secs 7
		config user.colour red
		spout feed feed count=3 numTasks=2
		bolt facts probe.Facts parallelism=2 numTasks=3 journal=facts.log user.colour=blue
		bolt plain probe.Facts journal=facts.log
		stream feed facts FIELDS n
		stream feed plain SHUFFLE
	END
	expect 0 run -P "$PLUGINS" --summary summary t.json
	# tasks are numbered as components stand in the file
	same_lines facts.log <<-END
		facts facts task 2, 0 of 3; feed is 0+2 (0); stranger -1; timeout 7; colour blue; shape unset
		facts facts task 3, 1 of 3; feed is 0+2 (0); stranger -1; timeout 7; colour blue; shape unset
		facts facts task 4, 2 of 3; feed is 0+2 (0); stranger -1; timeout 7; colour blue; shape unset
		facts plain task 5, 0 of 1; feed is 0+2 (0); stranger -1; timeout 7; colour red; shape unset
	END
	says '^plain\[0\] warn: the first one'
	must_count 1 summary '"id": "plain".*"metrics": { "answer": 42, "seen": 6 }'
}

# ---- mistakes -------------------------------------------------------------------------------

# Tuple n makes mistake n. It fails with the reason, which is in the log as well, and the
# others are none the worse.
case_wrong() {
	topology <<-END
		spout feed feed count=23 journal=feed.log
		bolt wrong probe.Wrong
		bolt end probe.Pass copies=0
		bolt aimed probe.Pass copies=0
		stream feed wrong SHUFFLE
		stream wrong end SHUFFLE
		stream wrong:aimed aimed DIRECT
	END
	run
	grep '^fail' feed.log | sed 's/^fail \([0-9]*\) [0-9]* bolt 1 again wrong\[0\] failed it: /\1 /' > fails
	same_lines fails <<-END
		1 gale_ack of a tuple that is acked or failed already
		2 gale_fail of a tuple that is acked or failed already
		3 emit anchored to a held tuple that is acked or failed already
		4 gale_reset_timeout of a tuple that is acked or failed already
		5 emit on "default": 1 values for 2 declared fields
		6 emit on "default": field "n" is declared int, not string
		7 emit on output 2; the component declares 2
		8 stream "aimed" is direct: use gale_emit_direct
		9 stream "default" is not declared direct
		10 emit on "aimed" to task 1: no task of a subscribed bolt
		11 only a spout emits tracked messages
		12 $(grep '^12 ' fails | cut -d ' ' -f 2-)
		13 gale_hold: the tuple in hand is held already
		15 gale_watch of descriptor -1: needs a descriptor, events and a function
		16 gale_ack of a tuple that is acked or failed already
		17 gale_ack of a tuple that is acked or failed already
		18 emit on output 4000000000; the component declares 2
		20 no reason given
	END
	must_count 1 fails '^12 .*16 MiB|^12 .*16777216'
	must_count 5 feed.log '^ack (0|14|19|21|22)$'
	says '^wrong\[0\] error: emit anchored to a held tuple that is acked'
	must [ "$(of end executed)" -eq 0 ]
}

# A mistake in a timer is nobody's: the next tuple does not fail for it.
case_wrong_without_tuple() {
	topology <<-END
		config topology.tick.tuple.freq.ms 5
		spout feed feed count=200 pause=true journal=feed.log
		bolt careless probe.Careless
		stream feed careless SHUFFLE
	END
	run
	all_acked 200
	says '^careless\[0\] error: gale_ack of a tuple'
}

# ---- plugins of other makes ---------------------------------------------------------------------

case_cplusplus() {
	type "${CXX:=g++}" > /dev/null 2>&1 || skip "no C++ compiler: apt-get install g++"
	"$CXX" -std=c++17 -Wall -Wextra -Werror -fPIC -shared -I"$TOP_SRCDIR/include" -o modern.so \
	    "$TOP_SRCDIR/test/plugins/modern.cc" || fail "modern.cc does not compile"
	topology <<-END
		spout feed feed count=3 journal=feed.log
		bolt modern modern
		bolt file file path=got
		stream feed modern SHUFFLE
		stream modern file SHUFFLE
	END
	run -P .
	all_acked 3
	same_lines got < <(printf '%s\n' $'0\t0k' $'1\t1k' $'2\t2k')
}

# The bolt at the head of gale.h does as it stands there.
case_ten_lines() {
	sed -n '/A bolt in ten lines/,/GALE_PLUGIN/s/^ \*  *//p' "$TOP_SRCDIR/include/gale/gale.h" |
	    sed '/A bolt in ten lines/d' > length.c
	must_count 1 length.c '^GALE_PLUGIN'
	"${CC:-cc}" -Wall -Wextra -shared -fPIC -I"$TOP_SRCDIR/include" -o length.so length.c ||
	    fail "the bolt of gale.h does not compile"
	printf 'to be\nor not\n\nto be!' > text
	topology <<-END
		spout lines lines path=text
		bolt length length
		bolt file file path=got
		stream lines length SHUFFLE
		stream length file SHUFFLE
	END
	run -P .
	same_lines got < <(printf '%s\n' 5 6 0 6)
}

# ---- slow consumers -----------------------------------------------------------------------------

# pss gives the memory of gale and its workers, in KiB.
pss() {
	local p

	for p in $(of_ours); do
		cat "/proc/$p/smaps_rollup" 2> /dev/null
	done | awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'
}

# A spout that is fast and a bolt that takes 1 ms, with default settings (F8).
case_slow_bolt() {
	local most=0 now

	topology <<-END
		spout feed feed count=3000 journal=feed.log
		bolt slow probe.Pass copies=0 ms=1 journal=slow.log
		stream feed slow SHUFFLE
	END
	start
	while ! is_gone "$PID"; do
		now=$(pss)
		[ "$now" -le "$most" ] || most=$now
		sleep 0.2
	done
	ends 0 60
	all_acked 3000
	must_count 3000 feed.log '^emit'
	must_count 3000 slow.log .
	[ "$most" -lt $((60000 * SLOW)) ] || fail "$most KiB"
	[ "$most" -gt 0 ] || fail "memory was never seen"
}

run_cases "$@"
