#!/bin/bash
# sources.sh - spouts in transactional topologies: whatever is killed and wherever a batch is cut, what
# they read counts once; and a source that is not what it was is refused by name.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
#     GALE_SEED=S test/sources.sh		the same victims in the same order

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SEED=${GALE_SEED:-$RANDOM}
RANDOM=$SEED
echo "GALE_SEED=$SEED"
LESSONS=$TOP_SRCDIR/topologies
KILLS=10
TEXT=$TOP_SRCDIR/LICENSE

# counted [N]: the words of standard input, each with its count in N copies of it.
counted() {
	tr -s ' \t\n\v\f\r' '\n' | grep -av '^$' | sort | uniq -c |
	    awk -v times="${1:-1}" '{ printf "%s\t%d\n", $2, $1 * times }' | sort
}

# copies N: the text, N times.
copies() {
	local i

	for ((i = 0; i < $1; i++)); do cat "$TEXT"; done
}

# counting TYPE SPOUT OPTION...: words of what SPOUT reads, in t.json.
counting() {
	local type=$1

	shift
	topology <<-END
		config topology.transaction.batch.interval.ms 5
		config topology.transaction.batch.tuples 200
		spout source $*
		bolt split split parallelism=2
		bolt tally tally parallelism=2
		bolt table table path=output
		stream source split SHUFFLE
		stream split tally FIELDS word
		stream tally table SHUFFLE
	END
	sed -i "1s/{/{ \"transactional\": { \"id\": \"words\", \"type\": \"$type\" },/" t.json
}

workers_of_ours() {
	of_ours | grep -vx "$PID"
}

has_workers() {
	[ "$(workers_of_ours | wc -l)" -ge 4 ]
}

# ---- killed -------------------------------------------------------------------------------------

case_wordcount() {
	local n

	n=$(much 2000)
	copies "$n" > text
	counted "$n" < "$TEXT" > expected
	XDG_RUNTIME_DIR=$RUN GALE_TEST_CASE=$RUN "$GALE" run --state state \
	    "$LESSONS/9-transactional-wordcount.json" -D input=text -D output=output -D parallelism=2 \
	    > out 2> err &
	PID=$!
	kill_some "$KILLS"
	ends 0 60
	sort output | cmp - expected || fail "seed $SEED: wrong counts: $(sort output | diff - expected | head -n 5)"
}

case_top() {
	local n

	n=$(much 2000)
	copies "$n" > text
	counted "$n" < "$TEXT" | sort -t "$(printf '\t')" -k2,2nr -k1,1 | head -n 9 | awk '{ print NR "\t" $0 }' > expected
	XDG_RUNTIME_DIR=$RUN GALE_TEST_CASE=$RUN "$GALE" run --state state \
	    "$LESSONS/11-transactional-top.json" -D input=text -D output=output -D n=9 -D parallelism=2 \
	    > out 2> err &
	PID=$!
	kill_some "$KILLS"
	ends 0 60
	same output expected
}

# many_files N: a directory with so many copies of the text, and what is to be counted.
many_files() {
	mkdir text
	copies "$1" | split -C 700000 - text/
	counted "$1" < "$TEXT" > expected
}

case_files_transactional() {
	files_killed transactional
}
case_files_opaque() {
	files_killed opaque
}
files_killed() {
	many_files 600
	counting "$1" files path=text range=100000 parallelism=2 numTasks=3
	start --state state
	kill_some "$KILLS"
	ends 0 60
	same output expected
}

# copying TYPE BOLT SPOUT OPTION...: what SPOUT reads goes through BOLT to files in `output`, one for
# each batch and task.
copying() {
	local type=$1 bolt=$2

	shift 2
	topology <<-END
		config topology.transaction.batch.interval.ms 5
		config topology.transaction.batch.tuples 500
		spout source $*
		bolt pass $bolt parallelism=2
		bolt rolled rolled path=output format=lines parallelism=2
		stream source pass SHUFFLE
		stream pass rolled SHUFFLE
	END
	sed -i "1s/{/{ \"transactional\": { \"id\": \"copy\", \"type\": \"$type\" },/" t.json
}

# each_once FILE...: every line of these has come out once.
each_once() {
	cat "$@" | sort > expected
	find output -type f -exec cat {} + | sort | cmp - expected ||
	    fail "seed $SEED: $(find output -type f -exec cat {} + | sort | diff - expected | head -n 5)"
}

case_lines_come_out_once() {
	seq -f 'line %.0f' 150000 > input
	copying transactional "filter match=." lines path=input
	start --state state
	kill_some "$KILLS"
	ends 0 60
	each_once input
}

case_sequence() {
	copying transactional identity sequence count=300000 rate=150000 parallelism=2 numTasks=3
	start --state state
	kill_some "$KILLS"
	ends 0 60
	seq 0 299999 > input
	each_once input
}

# The supervisor, and so everybody, again and again; each run goes on from the record.
case_runs_that_are_killed() {
	local i

	many_files "$(much 2000)"
	counting opaque files path=text range=100000 parallelism=2 numTasks=3
	for ((i = 0; i < 10; i++)); do
		start --state state
		wait_until 10 has_workers
		sleep "0.$(printf %03d $((50 + RANDOM % 200)))"
		kill_run
		[ ! -f output ] || break
	done
	must [ "$i" -gt 1 ]
	expect 0 run -q --state state t.json
	same output expected
}

# ---- a followed file ----------------------------------------------------------------------------

# write_log FROM TO writes lines, and rotates the log now and then once the spout has changed over to it.
write_log() {
	local i

	for ((i = $1; i < $2; i++)); do
		echo "line $i of log" >> log
		[ $((i % 1000)) -eq 999 ] || continue
		mv log "log.$((i / 1000))"
		echo "first behind $i" >> log
		wait_until 10 reads_log
	done
}

# reads_log: the spout has opened the file that is at the path now.
reads_log() {
	find "/proc/$(worker 'source[0]')/fd/" -lname "$PWD/log" 2> /dev/null | grep -q .
}

# all_out: as many lines have come out as were written.
all_out() {
	has_come_out "$(cat log log.* | wc -l)"
}

# Without a state directory a run that is told to stop still finishes its bolts. What one sink shows is
# decided, for all of its batch.
case_a_followed_file() {
	local writer

	topology <<-END
		config topology.transaction.batch.interval.ms 5
		spout source lines path=log follow=true
		bolt rolled rolled path=output format=lines
		bolt split split
		bolt tally tally parallelism=2
		bolt table table path=counts
		stream source rolled SHUFFLE
		stream source split SHUFFLE
		stream split tally FIELDS word
		stream tally table SHUFFLE
	END
	sed -i '1s/{/{ "transactional": { "id": "followed" },/' t.json
	echo "line 0 of log" > log
	start
	wait_until 10 has_workers
	wait_until 10 reads_log
	write_log 1 3500 &
	writer=$!
	kill_some 8
	wait "$writer"
	wait_until 20 all_out
	kill -INT "$PID"
	ends 130 30
	each_once log log.*
	cat log.* log | counted | cmp - counts || fail "seed $SEED: other counts"
}

# kill_run kills the supervisor, and so everybody.
kill_run() {
	kill -9 "$PID" 2> /dev/null
	wait "$PID" 2> /dev/null
	PID=
}

# Runs are killed, the log is rotated while nobody reads, and the next run goes on in the old file.
case_a_followed_file_over_runs() {
	local i

	copying transactional "filter match=." lines path=log follow=true
	echo "line -1 of log" > log
	for i in 0 1 2 3; do
		start --state state
		wait_until 10 has_workers
		wait_until 10 reads_log
		write_log $((i * 1500)) $((i * 1500 + 1200))
		kill_run
		write_log_alone $((i * 1500 + 1200)) $((i * 1500 + 1500))
		mv log "log.1$i"
		echo "first after run $i" > log
	done
	start --state state
	wait_until 20 all_out
	kill -INT "$PID"
	ends 130 30
	each_once log log.*
}

write_log_alone() {
	seq -f 'line %.0f of log' "$1" $(($2 - 1)) >> log
}

# It begins at the end of what is there, and that end stays where it was although the file is opened
# again before anything is decided.
case_a_followed_file_from_its_end() {
	copying opaque "filter match=." lines path=log follow=true from_start=false
	echo never > log
	start --state state
	wait_until 10 has_begun
	kill -STOP "$(worker 'rolled[0]')" "$(worker 'rolled[1]')"
	seq -f 'line %.0f' 5 >> log
	wait_until 10 has_read
	kill -KILL "$(worker 'pass[0]')"
	kill -CONT "$(worker 'rolled[0]')" "$(worker 'rolled[1]')"
	wait_until 10 has_come_out 5
	kill -INT "$PID"
	ends 130 30
	seq -f 'line %.0f' 5 > lines
	each_once lines
}

# lost_while_it_ends LABEL [OPTION...]: told to stop while a sink stands still; then LABEL dies, and what
# was cut has to come again first.
lost_while_it_ends() {
	local label=$1

	shift
	copying transactional "filter match=." lines path=log follow=true
	seq -f 'line %.0f' 2000 > log
	start "$@"
	wait_until 10 has_come_out 2000
	kill -STOP "$(worker 'rolled[0]')"
	seq -f 'line %.0f' 2001 3500 >> log
	wait_until 10 has_read
	kill -INT "$PID"
	wait_until 10 said 'SIGINT'
	kill -KILL "$(worker "$label")"
	wait_until 10 said 'starting it again'
	kill -CONT "$(worker 'rolled[0]')"
	ends 130 30
	find output -maxdepth 1 -name '[0-9]*' -exec cat {} + | sort -k 2n > got
	seq -f 'line %.0f' "$(wc -l < got)" | cmp - got || fail "not the first lines, each once"
}
said() {
	grep -q "$1" err
}
case_a_coordinator_that_is_lost_while_it_ends() {
	lost_while_it_ends 'coordinator[0]'
}
case_a_coordinator_that_is_lost_while_it_ends_for_now() {
	lost_while_it_ends 'coordinator[0]' --state state
	start --state state
	wait_until 10 has_come_out 3500
	kill -INT "$PID"
	ends 130 30
	each_once log
}
case_a_bolt_that_is_lost_while_it_ends() {
	lost_while_it_ends 'pass[0]'
}
case_a_spout_that_is_lost_while_it_ends() {
	lost_while_it_ends 'source[0]'
}

# A batch that is empty is made the last one, and has ten lines by the time the spout hears of it. When they come again
# one call of next has others with them: those are behind the end of all.
case_nothing_follows_the_last_batch() {
	copying transactional "filter match=." lines path=log follow=true
	echo 'line 1' > log
	export GALE_FAILPOINTS='coordinator[0]/order.close=2,stop;coordinator[0]/order.mark=2,stop'
	start
	wait_until 10 has_come_out 1
	kill -INT "$PID"
	wait_until 10 said 'failpoint order.close reached'
	seq -f 'line %.0f' 2 11 >> log
	wait_until 10 has_read
	kill -CONT "$(worker 'coordinator[0]')"
	wait_until 10 said 'failpoint order.mark reached'
	seq -f 'line %.0f' 12 50 >> log
	kill -KILL "$(worker 'pass[0]')"
	wait_until 10 said 'starting it again'
	kill -CONT "$(worker 'coordinator[0]')"
	ends 130 30
	seq -f 'line %.0f' 11 > lines
	each_once lines
}

# has_begun: where the spouts begin is on disk. has_read: the spout has read all of the log.
has_begun() {
	[ -n "$(find state -path '*coordinator.0/*.log' -exec grep -la starts {} + 2> /dev/null)" ]
}

has_read() {
	local fd proc

	proc=/proc/$(worker 'source[0]')
	for fd in "$proc"/fd/*; do
		[ "$(readlink "$fd")" = "$PWD/log" ] || continue
		grep -qx "pos:[[:space:]]*$(stat -c %s log)" "$proc/fdinfo/${fd##*/}" && return 0
	done
	false
}

has_come_out() {
	[ "$(find output -maxdepth 1 -name '[0-9]*' -exec cat {} + 2> /dev/null | wc -l)" -ge "$1" ]
}

# ---- refused ------------------------------------------------------------------------------------

case_a_pipe_is_refused() {
	mkfifo fifo
	counting transactional lines path=fifo
	start
	echo "some words" > fifo
	ends 1
	says "input can't be positioned"
}

# cut_short: a run that was killed when it had decided something.
cut_short() {
	start --state state
	wait_until 10 has_decided
	kill_run
	[ ! -f output ] || fail "it was too fast"
}

has_decided() {
	[ -n "$(find state -path '*coordinator.0/*.log' -size +1k)" ]
}

refused() {
	expect 5 run -q --state state t.json
	says "$1"
	says 'another state directory'
	[ ! -f output ] || fail "there is an output"
}

case_a_file_that_has_changed_between_runs() {
	copies 1000 > text
	counting transactional lines path=text
	cut_short
	echo more >> text
	refused 'text has changed since'
}

case_files_that_have_changed_between_runs() {
	mkdir text
	copies 600 > text/a
	copies 600 > text/b
	counting opaque files path=text range=100000 parallelism=2
	cut_short
	truncate -s 1000 text/a
	refused 'text/a has shrunk since|text has changed \(of its files [^ ]*/text/a did so last'
	rm text/a
	refused 'text/a is not there any more since|text has 1 files and had 2 since'
}

# It is undone when a worker dies, and then the file is another one.
case_a_file_that_changes_while_it_is_read() {
	copies 1000 > text
	counting transactional lines path=text
	start --state state
	wait_until 10 has_decided
	echo more >> text
	kill -9 "$(worker 'split[0]')"
	ends 5 20
	says 'text has changed since'
	[ ! -f output ] || fail "there is an output"
}

case_a_file_that_is_removed_before_its_turn() {
	mkdir text
	copies 600 > text/a
	copies 600 > text/b
	counting transactional files path=text
	start --state state
	wait_until 10 has_decided
	rm text/b
	ends 5 20
	says 'text/b was removed'
	says 'text/a|text has 1 files and had 2'
}

run_cases "$@"
