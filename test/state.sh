#!/bin/bash
# state.sh - state that survives, with real processes: what was acked is on disk, whoever is
# killed; counts are those of coreutils; mistakes and failing disks are told.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# The spout `feed` and the bolts `keeper.X` are in test/plugins; statedump prints a state.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

DURABLE=$TOP_SRCDIR/topologies/8-durable-wordcount.json
DUMP=$TOP_BUILDDIR/test/statedump

# dump COMPONENT VERSION: the states of all its tasks, of a run that was killed.
dump() {
	local task

	for task in "$RUN"/gale/*/state/state/"$1".*; do
		"$DUMP" "$task" "$2" || fail "the state $task can't be read"
	done
}

# kill_all kills the run as a power cut would: nobody gets to do anything any more.
kill_all() {
	kill -KILL "$PID"
	wait_until 5 none_of_ours
	wait "$PID"
}

# tidy lets the next command remove what the killed run has left.
tidy() {
	expect 0 lint -P "$PLUGINS" t.json
	PID=
}

# ---- counts -----------------------------------------------------------------------------

oracle() {
	tr -s ' \t\n\v\f\r' '\n' < "$1" | grep -av '^$' | sort | uniq -c |
	    sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/' | sort
}

# count_words PARALLELISM ACKERS
count_words() {
	rm -f output
	expect 0 run "$DURABLE" -D input=text -D output=output -D parallelism="$1" -D ackers="$2" \
	    --summary summary
	sort output | cmp - expected || fail "wrong counts with parallelism $1, ackers $2"
	must [ "$(number failed)" -eq 0 ]
}

case_counts() {
	local parallelism ackers

	cat /usr/share/common-licenses/* > text
	oracle text > expected
	for parallelism in 1 3; do
		for ackers in 0 1 2; do
			count_words "$parallelism" "$ackers"
		done
	done
}

# Long words, an empty file, bytes that are no text.
case_counts_of_odd_texts() {
	: > text
	oracle text > expected
	count_words 1 1
	{
		head -c 200000 /dev/zero | tr '\0' 'x'
		printf '\n\377\376 a a\303\n'
		head -c 3000000 /dev/zero | tr '\0' 'y'
	} > text
	oracle text > expected
	count_words 2 1
}

# ---- acks wait for the disk -----------------------------------------------------------------

# acked_is FILE: the first words of its lines have every number that feed heard an ack of.
acked_is() {
	sed -n 's/^ack //p' feed.log | sort -u > acked
	cut -f 1 "$1" | sort -u > there
	must [ -s acked ]
	comm -23 acked there > missing
	must [ ! -s missing ]
}

case_what_was_acked_is_in_the_state() {
	local round

	topology <<-END
		config topology.acker.executors 2
		config topology.max.spout.pending 5000
		spout feed feed count=10000000 keys=100 journal=feed.log
		bolt keep keeper.Keep parallelism=2 numTasks=3
		stream feed keep FIELDS key
	END
	for round in 1 2 3 4 5; do
		rm -f feed.log
		start
		wait_until 10 counts_more $((round * 700)) feed.log '^ack'
		kill_all
		dump keep 3 > kept
		acked_is kept
		tidy
	done
}

counts_more() {
	[ "$(lines "$2" "$3")" -ge "$1" ]
}

# What was acked is in the temporary file, and the output is not there.
case_what_was_acked_is_in_the_file() {
	local round

	topology <<-END
		config topology.max.spout.pending 5000
		spout feed feed count=10000000 journal=feed.log
		bolt file file path=output
		stream feed file SHUFFLE
	END
	for round in 1 2 3; do
		rm -f feed.log
		start
		wait_until 10 counts_more $((round * 700)) feed.log '^ack'
		kill_all
		cat .gale-* > written
		acked_is written
		must [ ! -e output ]
		tidy
	done
}

# The supervisor is stopped, so that the state is still there when its worker is gone.
case_what_was_acked_when_the_worker_dies() {
	local keep

	topology <<-END
		spout feed feed count=10000000 journal=feed.log
		bolt keep keeper.Keep
		stream feed keep SHUFFLE
	END
	start
	wait_until 10 counts_more 1000 feed.log '^ack'
	kill -STOP "$PID"
	keep=$(worker 'keep[0]')
	kill -KILL "$keep"
	wait_until 5 is_dead "$keep"
	dump keep 3 > kept
	acked_is kept
	kill_all
	tidy
}

# Without ackers nobody waits, and the state is written in the same rhythm.
case_without_ackers() {
	mkfifo go
	topology <<-END
		config topology.acker.executors 0
		spout feed feed count=1000 fifo=go journal=feed.log
		bolt keep keeper.Keep journal=keep.log
		stream feed keep SHUFFLE
	END
	start
	exec 3<> go
	echo 100 >&3
	wait_until 10 counts_more 1 keep.log persist
	wait_until 10 written_to 100
	kill_all
	dump keep 3 > kept
	must_count 100 kept '^[0-9]+'
	tidy
}

# written_to N: so many keys are in the log of the database, which is in use.
written_to() {
	[ "$(cat "$RUN"/gale/*/state/state/keep.0/*.log | tr -cd k | wc -c)" -ge "$1" ]
}

# A worker that always has something to do commits every 10 ms.
case_under_load() {
	local acked

	topology <<-END
		config topology.max.spout.pending 100000
		spout feed feed count=100000 journal=feed.log
		bolt keep keeper.Keep journal=keep.log nap_us=500
		stream feed keep SHUFFLE
	END
	start
	wait_until 10 counts_more 20 keep.log persist
	wait_until 10 counts_more 100 feed.log '^ack'
	# 20 tuples take 10 ms, and what a busy machine adds
	acked=$(lines feed.log '^ack')
	must [ "$acked" -lt $((300 * $(lines keep.log persist))) ]
	kill_all
	tidy
}

# Fails don't wait, and what fails comes again.
case_fails() {
	topology <<-END
		config topology.max.attempts 3
		spout feed feed count=20 journal=feed.log replay=self
		bolt keep keeper.Keep fail13=true
		stream feed keep SHUFFLE
	END
	run
	must_count 19 feed.log '^ack'
	must_count 3 feed.log '^fail 13 '
	must_count 1 feed.log '^fail 13 .* final .*thirteen'
}

# A worker for which nothing waits sleeps.
case_idle() {
	mkfifo go
	topology <<-END
		spout feed feed count=1000 fifo=go journal=feed.log
		bolt keep keeper.Keep
		stream feed keep SHUFFLE
	END
	start
	exec 3<> go
	echo 100 >&3
	wait_until 10 counts 100 feed.log '^ack'
	wait_until 10 sleeps "$(worker 'keep[0]')"
	echo 900 >&3
	ends 0
}

# Nothing is committed after cleanup, and the last thing before it is a commit.
case_order_at_the_end() {
	topology <<-END
		spout feed feed count=10
		bolt keep keeper.Keep journal=keep.log
		stream feed keep SHUFFLE
	END
	run
	must [ "$(tail -n 1 keep.log)" = cleanup ]
	must_count 1 keep.log cleanup
	must counts_more 1 keep.log persist
}

# ---- what goes wrong ------------------------------------------------------------------------

case_mistakes() {
	topology <<-END
		config topology.max.attempts 1
		spout feed feed count=7 journal=feed.log
		bolt wrong keeper.Wrong
		stream feed wrong SHUFFLE
	END
	run
	must_count 6 feed.log '^fail'
	must_count 1 feed.log '^ack 6'
	says 'wrong\[0\] error: a key of 16777217 bytes for state; the limit is 16777216'
	says 'wrong\[0\] error: gale_state_add to a value that is no int64_t'
	says 'wrong\[0\] error: a step of a scan that another one has ended'
	says 'wrong\[0\] error: a call for state in cleanup'
	says 'wrong\[0\] error: gale_temporary: /etc/passwd is no name'
}

case_state_that_is_not_declared() {
	topology <<-END
		config topology.max.attempts 1
		spout feed feed count=3 journal=feed.log
		bolt bare keeper.Bare
		stream feed bare SHUFFLE
	END
	run
	must_count 3 feed.log '^fail'
	says 'bare\[0\] error: a call for state in a component that declares no state_version'
}

case_persist_fails() {
	topology <<-END
		spout feed feed count=100 journal=feed.log
		bolt keep keeper.Keep bad=true
		stream feed keep SHUFFLE
	END
	gale run -P "$PLUGINS" t.json > out 2> err || true	# started again, it fails again
	says 'keep\[0\].*persist: it is a bad day'
	must_count 0 feed.log '^ack'
}

# The disk is full: the worker goes, with the reason; nothing is acked that is not there.
case_full_disk() {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
	mkdir small
	mount -t tmpfs -o size=3m,mode=700 none small 2> /dev/null || skip "no file system can be mounted here"
	trap 'umount -l "$ROOT/$CASE/small"; kill_ours' EXIT
	topology <<-END
		spout feed feed count=100000 journal=feed.log
		bolt keep keeper.Keep size=1000
		stream feed keep SHUFFLE
	END
	XDG_RUNTIME_DIR=$PWD/small GALE_TEST_CASE=$RUN timeout --foreground 60 "$GALE" run -P "$PLUGINS" t.json \
	    > out 2> err && fail "it ended well"
	says 'keep\[0\].*the state .*/keep\.0 has no room on its disk'
	umount small
	trap 'kill_ours' EXIT
}

case_plugin_info() {
	expect 0 plugin info tally
	must grep -q '^  keeps    state, version 1$' out
	expect 0 plugin info --json tally
	must grep -q '"stateVersion":1' out
	expect 0 plugin info count
	must_count 0 out 'keeps'
}

run_cases "$@"
