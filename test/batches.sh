#!/bin/bash
# batches.sh - what a plugin sees of batches in a transactional topology: its context, the order
# of its calls, what is done again after a failure and what is not, how it ends and goes on.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# The spout and the bolts `batch.X` are in test/plugins; all write to one journal:
#
#     COMPONENT TASK CALLBACK TXID GENERATION ...

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# did COMPONENT CALLBACK gives the lines of the journal; n_did their number.
did() {
	grep -E "^$1 [0-9]+ $2 " log 2> /dev/null
}

n_did() {
	lines log "^$1 [0-9]+ $2 "
}

did_at_least() {
	[ "$(n_did "$2" "$3")" -ge "$1" ]
}

# in_order: the calls of each task were in the order of batches. Between two times that it was
# made, a bolt has all of batch n before anything of n + 1, and finish_batch once between them;
# finish comes after the last; what is published stays.
in_order() {
	awk '
	function wrong(what) {
		print FILENAME ":" FNR ": " what ": " $0
		bad = 1
	}
	{ who = $1 " " $2 }
	$4 !~ /^[0-9]+$/ || $5 !~ /^[1-9][0-9]*$/ { wrong("no batch") }
	$3 == "prepare" || $3 == "open" {
		if ($5 <= generation[who]) wrong("not a new generation")
		generation[who] = $5
		hand[who] = $4 + 1
		made[who] = 1
	}
	$5 != generation[who] { wrong("another generation") }
	$3 == "execute" || $3 == "count" || $3 == "tick" || $3 == "ack" {
		if ($4 != hand[who]) wrong("not of batch " hand[who])
		if (finished[who]) wrong("after finish")
	}
	$3 == "prepare" { finished[who] = 0 }
	$3 == "emit" {
		if ($4 < hand[who]) wrong("not after batch " hand[who])
		hand[who] = $4
	}
	$3 == "finish_batch" {
		if ($4 != hand[who]) wrong("not of batch " hand[who])
		hand[who]++
	}
	$3 == "finish" || $3 == "total" {
		if ($4 != hand[who] - 1) wrong("not after batch " hand[who] - 1)
		finished[who] = 1
	}
	$3 == "persist" && $4 >= hand[who] { wrong("before it was finished") }
	$3 == "publish" {
		if ($4 >= hand[who] || $4 < published[who]) wrong("not published in order")
		published[who] = $4
	}
	# A number has one batch, wherever it comes, in one attempt.
	($3 == "emit" || $3 == "execute") && $6 >= 0 {
		if (($5, $6) in batch && batch[$5, $6] != $4) wrong("was in batch " batch[$5, $6])
		batch[$5, $6] = $4
	}
	END { exit bad }' log > wrong || fail "$(head -n 5 wrong)"
}

# one_attempt: nothing was done again.
one_attempt() {
	must [ "$(awk '{ print $5 }' log | sort -u | wc -l)" -eq 1 ]
}

# totals N KEYS: in the end N tuples of keys k0, k1 ... were counted, each key as often as it came;
# that is said again when the last batch comes again.
totals() {
	did keep total | awk '{ print $6, $7 }' | sort -u > totals
	awk -v n="$1" -v keys="$2" 'BEGIN {
		for (i = 0; i < keys; i++)
			print "k" i, int(n / keys) + (i < n % keys)
	}' | sort > expected
	same totals expected
}

# once N COMPONENT: it has executed the numbers below N, each once.
once() {
	did "$2" execute | awk '{ print $6 }' | sort -n > executed
	seq 0 $(($1 - 1)) | cmp -s - executed || fail "$2 has not executed $1 numbers once"
}

# ---- the order of calls ------------------------------------------------------------------

case_context() {
	topology <<-END
		transactional tx
		spout source batch.Source count=3000 pause_every=100 journal=log
		bolt watch batch.Watch journal=log
		bolt keep batch.Keep journal=log parallelism=2
		stream source watch SHUFFLE
		stream watch keep FIELDS key
	END
	run
	in_order
	one_attempt
	once 3000 watch
	once 3000 keep
	totals 3000 10
	# All tasks have finished the same batches, without a gap, and more than one.
	local task last
	last=$(did watch finish_batch | tail -n 1 | awk '{ print $4 }')
	must [ "$last" -ge 3 ]
	for task in 'watch 0' 'keep 0' 'keep 1'; do
		grep "^$task finish_batch " log | awk '{ print $4 }' > finished
		seq 1 "$last" | cmp -s - finished || fail "$task has not finished batches 1 to $last, each once"
	done
	must [ "$(n_did keep finish)" -eq 2 ]
	must [ "$(did keep publish | tail -n 1 | awk '{ print $4 }')" -eq "$last" ]
	# What a spout has emitted is the batch's from then on.
	must [ "$(n_did source acked)" -eq 3000 ]
	must [ "$(number acked)" -eq 3000 ]
	must [ "$(number failed)" -eq 0 ]
}

# groupings PENDING TYPE: several tasks in a worker, all groupings, ways that meet again, one of
# which is slow.
groupings() {
	rm -f log
	topology <<-END
		transactional tx $2
		config topology.max.spout.pending $1
		spout source batch.Source count=2000 parallelism=2 numTasks=4 journal=log
		bolt all batch.Watch parallelism=2 numTasks=3 journal=log
		bolt one batch.Watch parallelism=2 aim=aimed journal=log
		bolt aimed batch.Watch parallelism=1 numTasks=3 journal=log
		bolt slow batch.Watch us=100 parallelism=2 journal=log
		bolt near batch.Watch parallelism=2 journal=log
		bolt keep batch.Keep parallelism=2 numTasks=5 journal=log
		stream source all ALL
		stream source one GLOBAL
		stream one:aimed aimed DIRECT
		stream source slow SHUFFLE
		stream source near LOCAL_OR_SHUFFLE
		stream slow keep FIELDS key
		stream near keep FIELDS key
	END
	run
	in_order
	one_attempt
	once 2000 one
	once 2000 aimed
	must [ "$(n_did all execute)" -eq 6000 ]
	totals 4000 10
	must [ "$(did one execute | awk '{ print $2 }' | sort -u)" = 0 ]
	must [ "$(did aimed execute | awk '{ print $2 != $6 % 3 }' | sort -u)" = 0 ]
}

case_groupings_of_one_batch_at_a_time() {
	groupings 1
}

case_groupings_of_many_batches() {
	groupings 64
	groupings 8 opaque
}

# What ticks write and emit belongs to a batch, and is committed although no tuple comes.
case_ticks() {
	mkfifo fifo
	topology <<-END
		transactional tx
		config topology.tick.tuple.freq.ms 1
		spout source batch.Source fifo=fifo unbounded=true journal=log
		bolt watch batch.Watch ticks=true journal=log
		bolt keep batch.Keep ticks=true journal=log
		stream source watch SHUFFLE
		stream watch keep GLOBAL
	END
	start
	# Ticks do not come between finish_batch and the markers either (in_order).
	published() { [ "$(did keep publish | awk '{ print $4 }' | sort -u | wc -l)" -ge 5 ]; }
	wait_until 20 published
	wait_until 20 did_at_least 200 keep tick
	must [ "$(n_did keep execute)" -ge 1 ]
	kill -INT "$PID"
	ends 130
	in_order
	one_attempt
	must [ "$(did keep execute | awk '$6 != -1' | wc -l)" -eq 0 ]
	must [ "$(n_did keep execute)" -eq "$(n_did watch tick)" ]
	must [ "$(did keep total | awk '{ print $6, $7 }')" = \
	    "tick $(($(n_did keep tick) + $(n_did watch tick)))" ]
}

# Where nobody has state what is emitted is reason enough for a batch.
case_stateless() {
	mkfifo fifo
	topology <<-END
		transactional tx
		spout source batch.Source fifo=fifo unbounded=true journal=log
		bolt watch batch.Watch journal=log
		bolt end batch.Watch journal=log
		stream source watch SHUFFLE
		stream watch end SHUFFLE
	END
	start
	exec 3<> fifo
	wait_until 20 did_at_least 1 source open
	echo 1 >&3
	wait_until 20 did_at_least 1 end finish_batch
	echo 1 >&3
	wait_until 20 did_at_least 2 end finish_batch
	kill -INT "$PID"
	ends 130
	in_order
	one_attempt
	once 2 end
	must [ "$(number acked)" -eq 2 ]
}

case_stateless_ticks() {
	mkfifo fifo
	topology <<-END
		transactional tx
		config topology.tick.tuple.freq.ms 15
		spout source batch.Source fifo=fifo unbounded=true journal=log
		bolt watch batch.Watch ticks=true journal=log
		bolt end batch.Watch journal=log
		stream source watch SHUFFLE
		stream watch end SHUFFLE
	END
	start
	wait_until 20 did_at_least 3 end finish_batch
	kill -INT "$PID"
	ends 130
	in_order
	must [ "$(n_did end execute)" -eq "$(n_did watch tick)" ]
}

# A held tuple keeps its batch open: finish_batch comes after its ack (in_order).
case_held() {
	topology <<-END
		transactional tx
		spout source batch.Source count=50 pause_every=10 journal=log
		bolt watch batch.Watch hold_ms=120 journal=log
		bolt keep batch.Keep journal=log
		stream source watch SHUFFLE
		stream watch keep FIELDS key
	END
	run
	in_order
	one_attempt
	must [ "$(n_did watch ack)" -eq 50 ]
	totals 50 10
}

# A spout may emit whenever it is called, not only in next.
case_pushed() {
	mkfifo fifo
	topology <<-END
		transactional tx
		spout source batch.Source fifo=fifo push=true count=30 journal=log
		bolt keep batch.Keep journal=log
		stream source keep FIELDS key
	END
	start
	exec 3<> fifo
	wait_until 20 did_at_least 1 source open
	local i
	for i in 10 20 30; do
		echo 10 >&3
		wait_until 20 did_at_least "$i" keep execute
	done
	ends 0
	in_order
	one_attempt
	once 30 keep
	totals 30 10
	must [ "$(n_did source acked)" -eq 30 ]
	must [ "$(number acked)" -eq 30 ]
	must [ "$(number tuples)" -eq 30 ]
}

# What is set on the command line is.
case_settings() {
	topology <<-END
		transactional \${id:-tx} \${type}
		config topology.transaction.batch.tuples \${most}
		spout source batch.Source count=300 journal=log
		bolt keep batch.Keep journal=log
		stream source keep GLOBAL
	END
	run -D type=opaque -D most=10
	in_order
	totals 300 10
	must [ "$(did source emit | awk '{ n[$4]++ } END { for (i in n) if (n[i] > m) m = n[i]; print m }')" -eq 10 ]
	expect 3 run -q -P "$PLUGINS" -D type=opague -D most=10 t.json
	says 'unknown type of transaction "opague"'
}

# ---- mistakes ----------------------------------------------------------------------------

# refused SPOUT_MISTAKE BOLT_MISTAKE WORDS: the bolt has two tasks, and the second one makes it.
refused() {
	rm -f log
	topology <<-END
		transactional tx
		spout source batch.Source count=50 journal=log
		bolt keep batch.Keep journal=log numTasks=2
		stream source keep FIELDS key
	END
	sed -i "/batch.Source/s/\"journal\"/\"wrong\": \"$1\", &/; /batch.Keep/s/\"journal\"/\"wrong\": \"$2\", &/" t.json
	start
	said() { grep -qF -- "$3" err; }
	wait_until 10 said "$@"
	kill -INT "$PID" 2> /dev/null
	wait_until 15 is_gone "$PID"
	wait "$PID" && fail "gale has ended as if nothing had been wrong"
	PID=
}

case_refused_in_a_spout() {
	refused open none 'emit outside of a batch'
	refused 'no id' none 'emit without an id: in a transactional topology a spout uses gale_emit_tracked'
	refused 'no position' none "not said how far it has come"
}

case_refused_in_a_bolt() {
	local when

	for when in prepare persist publish; do
		refused none "$when emit" 'emit outside of a batch'
		refused none "$when put" 'a write to state outside of a batch'
	done
}

# ---- what fails --------------------------------------------------------------------------

# replayed TYPE: the source's 300 numbers were counted, each once, although something failed.
# What Storm's OpaqueValue(8, "v1", "v0") gives: txid 8 again sees v0, as it did the first time;
# txid 9 sees v1; and 7 never comes again once 8 is committed.
replayed() {
	in_order
	totals 300 1
	must [ "$(awk '$3 == "prepare" || $3 == "count" { print $5 }' log | sort -u | wc -l)" -ge 2 ]
	awk -v type="$1" '
	$3 == "prepare" && $1 == "keep" { committed = $4; sum = -1 }
	$3 != "count" { next }
	$4 <= committed { print "again although committed: " $0; bad = 1 }
	# What a batch finds is what all before it have made, whether they come again or not.
	sum >= 0 && $7 != sum + 1 { print "a gap: " $0; bad = 1 }
	sum < 0 && committed > 0 && $7 != after[committed] { print "not v1: " $0; bad = 1 }
	!(($4, $5) in first) {
		first[$4, $5] = $7
		if (type == "transactional" && $4 in began && $4 in ended && began[$4] != $7) {
			print "not v0 (" began[$4] "): " $0
			bad = 1
		}
		began[$4] = $7
	}
	{ sum = $7; after[$4] = $7 + 1; ended[$4] = 1 }
	END { exit bad }' log > wrong || fail "$(head -n 5 wrong)"
}

# fails TYPE PROPERTIES of keep
fails() {
	local type=$1

	shift
	rm -f log failed
	topology <<-END
		transactional tx $type
		spout source batch.Source count=300 keys=1 pause_every=20 journal=log
		bolt watch batch.Watch journal=log
		bolt keep batch.Keep journal=log $*
		stream source watch SHUFFLE
		stream watch keep GLOBAL
	END
	run
	replayed "$type"
}

case_fails_in_execute() {
	fails transactional fails=execute fail_at=150 once=failed
	fails opaque fails=execute fail_at=150 once=failed
}

case_fails_in_finish_batch() {
	fails transactional fails=finish_batch fail_at=3 once=failed
	fails opaque fails=finish_batch fail_at=3 once=failed
}

# It dies when the values are on its disk, and before anybody knows.
case_fails_after_the_write() {
	GALE_FAILPOINTS='keep[0]/batch.prepared=2,kill' fails transactional
	says 'failpoint batch.prepared reached'
	GALE_FAILPOINTS='keep[0]/batch.prepared=2,kill' fails opaque
	says 'failpoint batch.prepared reached'
	must [ "$(n_did source failed)" -eq 0 ]
}

# A batch that always fails ends the run, and who failed is named.
case_fails_for_ever() {
	topology <<-END
		transactional tx
		spout source batch.Source count=300 journal=log
		bolt keep batch.Keep journal=log fails=execute fail_at=17
		stream source keep GLOBAL
	END
	expect 1 run -q -P "$PLUGINS" t.json
	says 'batch [0-9]+ has failed 3 times \(topology.max.attempts\), and is never left out: keep\[0\]: as told'
	in_order
	must [ "$(did keep prepare | wc -l)" -eq 3 ]
	must [ "$(n_did keep finish)" -eq 0 ]
}

# What a bolt has in its own memory is gone with the attempt.
case_memory_is_made_anew() {
	topology <<-END
		transactional tx
		spout source batch.Source count=300 pause_every=20 journal=log
		bolt watch batch.Watch journal=log
		bolt keep batch.Keep journal=log fails=finish_batch fail_at=2 once=failed
		stream source watch SHUFFLE
		stream watch keep GLOBAL
	END
	run
	must [ "$(did watch prepare | wc -l)" -eq 2 ]
	must [ "$(did watch prepare | awk '{ print $6 }' | sort -u)" = 0 ]
	# Before its own process ends it is cleaned up as well.
	must [ "$(n_did watch cleanup)" -eq 2 ]
	must [ "$(n_did source cleanup)" -eq 2 ]
}

# ---- the end, and going on ----------------------------------------------------------------

# A second run of what is finished publishes, and that is all.
case_again() {
	topology <<-END
		transactional tx
		spout source batch.Source count=1000 journal=log
		bolt keep batch.Keep journal=log parallelism=2
		stream source keep FIELDS key
	END
	run --state state
	in_order
	totals 1000 10
	local last
	last=$(did keep publish | tail -n 1 | awk '{ print $4 }')
	rm log
	run --state state
	must [ "$(number tuples)" -eq 0 ]
	must [ "$(n_did keep execute)" -eq 0 ]
	must [ "$(n_did keep finish_batch)" -eq 0 ]
	must [ "$(n_did keep total)" -eq 0 ]
	must [ "$(did keep publish | awk '{ print $4 }' | sort -u)" = "$last" ]
	must [ "$(n_did source emit)" -eq 0 ]
}

# With --state a signal commits what is open; the next run goes on behind it.
case_interrupted() {
	topology <<-END
		transactional tx
		spout source batch.Source count=20000 pause_every=20 journal=log
		bolt watch batch.Watch journal=log
		bolt keep batch.Keep journal=log
		stream source watch SHUFFLE
		stream watch keep FIELDS key
	END
	start -q --state state
	wait_until 20 did_at_least 500 keep execute
	kill -INT "$PID"
	ends 130
	PID=
	in_order
	must [ "$(n_did keep finish)" -eq 0 ]
	# All that was executed is committed: nothing was undone.
	local committed last n
	committed=$(did keep publish | tail -n 1 | awk '{ print $4 }')
	n=$(n_did keep execute)
	must [ "$n" -lt 20000 ]
	must [ "$(did keep execute | awk -v c="$committed" '$4 > c' | wc -l)" -eq 0 ]
	mv log log1
	run --state state
	in_order
	must [ "$(did keep prepare | awk '{ print $4 }')" -eq "$committed" ]
	must [ "$(n_did source resume)" -eq 1 ]
	must [ "$(n_did keep execute)" -eq $((20000 - n)) ]
	totals 20000 10
}

# Without --state there is no next run: what has no end is ended as if it had one.
case_unbounded() {
	topology <<-END
		transactional tx
		spout source batch.Source count=500 unbounded=true journal=log
		bolt keep batch.Keep journal=log parallelism=2
		stream source keep FIELDS key
	END
	start
	wait_until 20 did_at_least 500 keep execute
	kill -INT "$PID"
	ends 130
	in_order
	totals 500 10
	must [ "$(n_did keep finish)" -eq 2 ]
}

# ---- time ----------------------------------------------------------------------------------

# used gives the ticks (10 ms) of CPU time that all processes of this case have used.
used() {
	local p sum=0

	for p in $(of_ours); do
		[ "$(readlink "/proc/$p/exe")" -ef "$GALE" ] || continue
		sum=$((sum + $(sed 's/.*) //' "/proc/$p/stat" | awk '{ print $12 + $13 }')))
	done
	echo "$sum"
}

# switches gives how often the workers have gone to sleep.
switches() {
	local p

	for p in $(worker 'source[0]') $(worker 'keep[0]') $(worker 'coordinator[0]'); do
		grep '^voluntary' "/proc/$p/status"
	done | awk '{ n += $2 } END { print n }'
}

# is_idle: nobody did anything for a while.
is_idle() {
	local cpu slept

	cpu=$(used)
	slept=$(switches)
	must [ -n "$slept" ]
	sleep 1.5			# this is what is measured
	[ $(($(used) - cpu)) -le 3 ] && [ $(($(switches) - slept)) -le 20 ]
}

# Batches that nobody has anything for are not made.
case_idle() {
	mkfifo fifo
	topology <<-END
		transactional tx
		spout source batch.Source fifo=fifo unbounded=true journal=log
		bolt keep batch.Keep journal=log
		stream source keep FIELDS key
	END
	start
	exec 3<> fifo
	echo 1 >&3
	wait_until 20 did_at_least 2 keep publish
	wait_until 10 is_idle
	must [ "$(n_did keep finish_batch)" -eq 1 ]
	kill -INT "$PID"
	ends 130
	in_order
}

# A lone tuple after a pause is committed at once; the best of ten, for the machine is not ours.
case_lone() {
	mkfifo fifo
	topology <<-END
		transactional tx
		spout source batch.Source fifo=fifo unbounded=true journal=log
		bolt watch batch.Watch journal=log
		bolt keep batch.Keep journal=log
		stream source watch SHUFFLE
		stream watch keep FIELDS key
	END
	start --state state
	exec 3<> fifo
	wait_until 20 did_at_least 1 source open
	local i began best=1000000
	for i in $(seq 2 11); do
		began=$EPOCHREALTIME
		echo 1 >&3
		until did_at_least "$i" keep publish; do
			is_gone "$PID" && fail "gale has ended: $(cat err)"
			[ "${EPOCHREALTIME%.*}" -lt $((${began%.*} + 20)) ] || fail "not committed"
		done
		best=$(awk "BEGIN { ms = ($EPOCHREALTIME - $began) * 1000; print ms < $best ? ms : $best }")
	done
	awk "BEGIN { exit $best >= 50 * $SLOW * $(busy) }" || fail "a lone tuple takes $best ms"
	kill -INT "$PID"
	ends 130
	in_order
}

# Slow is not late: the bolt takes longer for a batch than a tuple may take.
case_slow() {
	topology <<-END
		transactional tx
		config topology.message.timeout.secs 3
		spout source batch.Source count=4500 journal=log
		bolt keep batch.Keep us=1000 journal=log
		stream source keep FIELDS key
	END
	run
	in_order
	one_attempt
	totals 4500 10
	must [ "$(number failed)" -eq 0 ]
}

run_cases "$@"
