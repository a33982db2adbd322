#!/bin/bash
# rebalance.sh - tasks are moved while the topology runs, with and without processes being killed at
# the same time: nothing is lost, in a transactional topology nothing comes twice, and the spouts
# pause for less than a second. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
#     GALE_SEED=S test/rebalance.sh	the same numbers of executors, and the same victims
#     REBALANCES=N			how often tasks are moved in each case

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SEED=${GALE_SEED:-$$}
RANDOM=$SEED
REBALANCES=${REBALANCES:-8}
ROUNDS=$(much $((SLOW > 1 ? 200 : 400)))	# how often the text is read

# oracle gives the counts of coreutils for the files given, read ROUNDS times.
oracle() {
	cat "$@" | tr -s ' \t\n\v\f\r' '\n' | grep -av '^$' | sort | uniq -c |
	    awk -v rounds="$ROUNDS" '{ print $2 "\t" $1 * rounds }' | sort
}

licenses() {
	cat /usr/share/common-licenses/GPL-3 /usr/share/common-licenses/LGPL-2.1
}

# words LINE...: a durable word count of `text`; LINE... are of the topology.
words() {
	licenses > text
	oracle text > expected
	{
		printf '%s\n' "$@"
		cat <<-END
			spout lines lines path=text repeat=$ROUNDS
			bolt split split parallelism=2 numTasks=4
			bolt tally tally parallelism=2 numTasks=8
			bolt table table path=counts.tsv
			stream lines split SHUFFLE
			stream split tally FIELDS word
			stream tally table SHUFFLE
		END
	} | topology
}

# compare prints how many words were counted too rarely and too often, as `lost` and `doubled`.
compare() {
	if grep -E 'Sanitizer|runtime error:' "$HOMES/gale/$CASE/log" >&2; then
		fail "a sanitizer says so"
	fi
	sort counts.tsv | join -t "$(printf '\t')" -a 1 -e 0 -o 1.2,2.2 expected - | awk '
	    $2 < $1 { lost++ }
	    $2 > $1 { more++ }
	    END { print "lost=" lost + 0, "doubled=" more + 0 }'
}

finished() {
	grep -qs '"status": *"FINISHED"' "$HOMES/gale/$CASE/ended.json"
}

# move ARGUMENT...: a rebalance, if the topology still runs; false: it has ended.
move() {
	local code=0

	gale rebalance "$CASE" "$@" > out 2> err || code=$?
	if [ "$code" -ne 0 ]; then
		grep -qE 'its input is over|it is ending' err || finished || fail "seed $SEED: rebalance $*: exit $code: $(cat err)"
		return 1
	fi
	grep -o 'paused for [0-9]* ms' err | tr -dc '0-9\n' >> pauses
	moves=$((moves + 1))
}

# pauses: as a rule they were shorter than a second, and none took long; prints them. Where others have the
# processor some do take longer.
pauses() {
	must [ "$(wc -l < pauses)" -gt 0 ]
	sort -n pauses | awk -v case="$CASE" '{ a[NR] = $1 }
	    END { printf "%s: %d rebalances, spouts paused for %d ms (half of them), %d ms (the longest)\n", case,
	        NR, a[int((NR + 1) / 2)], a[NR] }' | tee "$ROOT/$CASE.pauses"
	must [ "$(sort -n pauses | sed -n "$((($(wc -l < pauses) + 1) / 2))p")" -lt $((1000 * SLOW * $(busy))) ]
	must [ "$(sort -n pauses | tail -n 1)" -lt $((2000 * SLOW * $(busy))) ]
}

# kill_one ends a worker from outside, after a while.
kill_one() {
	local victims

	sleep "0.0$((RANDOM % 10))"
	mapfile -t victims < <(of_ours)
	for victim in "${victims[@]}"; do
		{ tr '\0' ' ' < "/proc/$victim/cmdline"; } 2> /dev/null | grep -q ' worker ' || continue
		[ $((RANDOM % ${#victims[@]})) -eq 0 ] || continue
		! is_ready "$victim" || kill -9 "$victim" 2> /dev/null
		return
	done
}

# move_about [COMMAND] moves tasks at random, with COMMAND going on beside it.
move_about() {
	local i

	echo "seed $SEED"
	moves=0
	: > pauses
	for ((i = 0; i < REBALANCES; i++)); do
		[ -z "$1" ] || "$1" &
		move -e tally=$((1 + RANDOM % 8)) -e split=$((1 + RANDOM % 4)) || break
		sleep "0.0$((RANDOM % 10))"
	done
	wait_until 60 finished
	must [ "$moves" -ge 1 ]
}

# ---- nothing is lost ----------------------------------------------------------------------------

# As a rule nothing is open when tasks move, and nothing comes twice; that takes longer than half a
# second where the machine is busy.
case_words() {
	words "config topology.acker.executors 2"
	submit
	move_about
	compare
	must [ "$(compare | cut -d ' ' -f 1)" = lost=0 ]
	pauses
}

case_words_and_kills() {
	words "config topology.acker.executors 2"
	submit
	move_about kill_one
	compare
	must [ "$(compare | cut -d ' ' -f 1)" = lost=0 ]
}

case_batches() {
	ROUNDS=$((2 * ROUNDS))
	words "transactional words"
	submit
	move_about
	must [ "$(compare)" = "lost=0 doubled=0" ]
	pauses
}

case_batches_and_kills() {
	ROUNDS=$((2 * ROUNDS))
	words "transactional words"
	submit
	move_about kill_one
	must [ "$(compare)" = "lost=0 doubled=0" ]
}

case_opaque_batches_and_kills() {
	words "transactional words opaque"
	submit
	move_about kill_one
	must [ "$(compare)" = "lost=0 doubled=0" ]
}

# Without a pause what is open comes again. Where nobody counts what is open, it is waited until nothing
# moves.
case_without_a_pause() {
	words
	submit
	moves=0
	move -w 0 -e tally=4
	move -w 0 -e tally=1 -e split=1
	move -w 0 -e tally=3
	wait_until 60 finished
	must [ "$(compare | cut -d ' ' -f 1)" = lost=0 ]
}

case_without_ackers() {
	ROUNDS=$((2 * ROUNDS))
	words "config topology.acker.executors 0"
	submit
	move_about
	must [ "$(compare)" = "lost=0 doubled=0" ]
}

# sinks LINE...: what a sink has written so far goes on in another process.
sinks() {
	local i

	licenses > text
	{
		printf '%s\n' "$@"
		cat <<-END
			spout lines lines path=text repeat=$ROUNDS
			bolt file file path=out.%t format=lines parallelism=2 numTasks=4
			stream lines file SHUFFLE
		END
	} | topology
	submit --inactive
	moves=0
	: > pauses
	move -e file=3
	expect 0 activate "$CASE"
	for ((i = 0; i < REBALANCES; i++)); do
		move -w 30 -e file=$((1 + RANDOM % 4)) || break
	done
	wait_until 60 finished
	must [ "$moves" -ge 1 ]
	for ((i = 0; i < ROUNDS; i++)); do
		cat text
	done | sort | cmp - <(sort out.[0-3]) || fail "seed $SEED: out.* is not as expected"
}

case_sinks() {
	sinks
}

case_sinks_in_batches() {
	sinks "transactional lines"
}

# texts makes many files of the text.
texts() {
	local i

	ROUNDS=$(much $((SLOW > 1 ? 100 : 200)))
	mkdir texts
	for ((i = 0; i < ROUNDS; i++)); do
		licenses > "texts/$i"
	done
	oracle texts/0 > expected
}

# A spout goes on where its tasks have been in other processes.
case_spouts() {
	local i

	texts
	topology <<-END
		spout files files path=texts range=1000 parallelism=2 numTasks=6
		bolt split split numTasks=2
		bolt tally tally numTasks=4
		bolt table table path=counts.tsv
		stream files split SHUFFLE
		stream split tally FIELDS word
		stream tally table SHUFFLE
	END
	submit
	moves=0
	for ((i = 0; i < REBALANCES; i++)); do
		move -w 30 -e files=$((1 + RANDOM % 6)) -e tally=$((1 + RANDOM % 4)) || break
	done
	wait_until 60 finished
	must [ "$moves" -ge 1 ]
	must [ "$(compare)" = "lost=0 doubled=0" ]
}

# A spout that has not heard yet that it shall emit, and then that it shall not, does so for a moment in
# between: what is moved waits until it has heard both. The spout's worker is stopped meanwhile, for half a second.
case_not_heard() {
	local spout rebalance

	follow
	seq 1000 > in
	submit --inactive
	spout=$(worker 'lines[0]')
	kill -STOP "$spout"
	expect 0 activate not_heard
	gale rebalance not_heard -w 60 -e split=1 > out 2> err &
	rebalance=$!
	wait_until 10 grep -q 'waiting for what is open' err
	sleep 0.5
	must [ "$(grep -c 'stopping those' err)" -eq 0 ]
	kill -CONT "$spout"
	wait "$rebalance" || fail "$(cat err)"
	wait_until 10 has 1000
	must [ "$(wc -l < sink)" -eq 1000 ]
	stop
}

# Without ackers nobody counts what is on its way: it is waited for, also where a worker can do nothing for a while.
case_on_the_way() {
	local rebalance splits

	follow "config topology.acker.executors 0"
	submit
	mapfile -t splits < <(worker 'split[0-1]'; worker 'split[2-3]')
	must [ "${#splits[@]}" -eq 2 ]
	kill -STOP "${splits[@]}"
	seq 10 > in
	wait_until 10 emitted_all 10
	gale rebalance on_the_way -w 60 -e split=1 > out 2> err &
	rebalance=$!
	wait_until 10 grep -q 'waiting for what is open' err
	sleep 1.5
	must [ "$(grep -c 'stopping those' err)" -eq 0 ]
	kill -CONT "${splits[@]}"
	wait "$rebalance" || fail "$(cat err)"
	wait_until 10 has 10
	must [ "$(sort -u sink | wc -l)" -eq 10 ]
	stop
}

emitted_all() {
	[ "$(gale status "$CASE" --json | grep -o '"emitted": [0-9]*' | head -n 1 | tr -cd 0-9)" -eq "$1" ]
}

# What is chained moves as one.
case_chained() {
	texts
	topology <<-END
		config topology.chaining auto
		spout files files path=texts range=1000 parallelism=2 numTasks=4
		bolt split split parallelism=2 numTasks=4
		bolt tally tally parallelism=2 numTasks=4 topology.chaining=off
		bolt table table path=counts.tsv
		stream files split LOCAL_OR_SHUFFLE
		stream split tally FIELDS word
		stream tally table SHUFFLE
	END
	submit --inactive
	must [ -n "$(worker 'files[0-1]')" ]
	must [ "$(worker 'files[0-1]')" = "$(worker 'split[0-1]')" ]
	expect 5 rebalance chained -e files=4
	says 'split is chained to files: give both the same number'
	expect 5 rebalance chained -e split=1
	moves=0
	move -w 30 -e files=4 -e split=4
	expect 0 activate chained
	move -w 30 -e split=1 -e files=1 -e tally=3
	wait_until 60 finished
	must [ "$moves" -ge 1 ]
	must [ "$(compare)" = "lost=0 doubled=0" ]
}

# stop ends what must not come to its end.
stop() {
	gale kill "$CASE" --now -y 2> /dev/null
	wait_until 10 none_of_ours
}

# ---- who is there afterwards --------------------------------------------------------------------

# follow LINE...: what comes to the file `in` goes to `sink`. LINE... are of the topology.
follow() {
	touch in
	{
		printf '%s\n' "$@"
		cat <<-END
			spout lines lines path=in follow=true
			bolt split split parallelism=2 numTasks=4
			bolt append append.Append path=sink
			stream lines split SHUFFLE
			stream split append SHUFFLE
		END
	} | topology
}

has() {
	[ "$(lines sink .)" -ge "$1" ]
}

# labels gives the labels of the workers that there are.
labels() {
	local p

	for p in $(of_ours); do
		{ tr '\0' '\n' < "/proc/$p/cmdline"; } 2> /dev/null | awk '$0 == "worker" { is = 1 } { last = $0 }
		    END { if (is) print last }'
	done | sort | tr '\n' ' '
}

case_who_stays() {
	local sink

	follow
	submit
	sink=$(worker 'append[0]')
	must [ "$(labels)" = "acker[0] append[0] lines[0] split[0-1] split[2-3] " ]
	expect 0 rebalance who_stays -e split=3
	must [ "$(labels)" = "acker[0] append[0] lines[0] split[0-1] split[2] split[3] " ]
	must [ "$(worker 'append[0]')" = "$sink" ]
	expect 0 rebalance who_stays -e split=3
	says 'nothing to do'
	seq 1000 > in
	wait_until 10 has 1000
	# A worker that has moved is started again as any other.
	kill -9 "$(worker 'split[3]')"
	seq 1001 2000 >> in
	wait_until 10 grep -qx 2000 sink
	wait_until 10 all_of 2000	# what it had in hand comes again
	# A new run has as many.
	expect 0 restart who_stays
	must [ "$(labels)" = "acker[0] append[0] lines[0] split[0-1] split[2] split[3] " ]
	expect 0 kill who_stays
}

# all_of N: the numbers up to N have come, and no other.
all_of() {
	seq "$1" | cmp -s - <(sort -nu sink)
}

# A bolt that takes long for a tuple does not hold up those who don't need it.
case_slow_bolt() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt split split parallelism=2 numTasks=4
		bolt append append.Append path=sink us=700000
		stream lines split SHUFFLE
		stream split append SHUFFLE
	END
	submit
	seq 8 > in
	wait_until 10 has 1
	: > pauses
	moves=0
	move -w 0.2 -e split=4
	move -w 0.2 -e split=3
	pauses
	wait_until 40 has 8
	wait_until 40 all_there
	expect 0 kill "$CASE" -w 30
}

all_there() {
	[ "$(sort -u sink | tr '\n' ' ')" = "1 2 3 4 5 6 7 8 " ]
}

# It stays as it was: inactive.
case_inactive() {
	follow
	submit --inactive
	expect 0 rebalance inactive -e split=4
	seq 100 > in
	expect 0 rebalance inactive -e split=1
	must [ "$(lines sink .)" -eq 0 ]
	expect 0 activate inactive
	wait_until 10 has 100
	expect 0 kill inactive
}

case_dry_run() {
	local before

	words
	submit
	before=$(labels)
	gale rebalance dry_run -e tally=4 --dry-run > out 2> err || fail "$(cat err)"
	must [ "$(sed -n 1p out)" = "tally: 2 executors -> 4" ]
	must_count 2 out '^  stops   tally\[(0-3|4-7)\]'
	must_count 4 out '^  starts  tally\['
	must [ "$(labels)" = "$before" ]
	must_count 0 "$HOMES/gale/dry_run/log" rebalanced
	stop
}

# A plan may be longer than one message.
case_long_plan() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt split split numTasks=4000
		bolt append append.Append path=sink
		stream lines split SHUFFLE
		stream split append SHUFFLE
	END
	submit
	gale rebalance long_plan -e split=4000 --dry-run > out 2> err || fail "$(cat err)"
	must [ "$(grep -cx '  starts  split\[[0-9]*\]' out)" -eq 4000 ]
	must [ "$(sort -u out | wc -l)" -eq 4002 ]
	stop
}

# ---- what can't be ------------------------------------------------------------------------------

case_refusals() {
	mkfifo pipe
	topology <<-END
		spout lines lines path=pipe
		bolt split split parallelism=2 numTasks=4
		bolt count count parallelism=2
		bolt file file path=counts.tsv format=tsv
		stream lines split SHUFFLE
		stream split count FIELDS word
		stream count file GLOBAL
	END
	exec 3<> pipe
	submit
	expect 4 rebalance nobody -e split=2
	expect 4 rebalance refusals -e splt=2
	says 'there is no component "splt": did you mean "split"'
	expect 5 rebalance refusals -e split=5
	says 'split can have 1 to 4 executors, as it has 4 tasks: .*numTasks'
	expect 5 rebalance refusals -e split=0
	expect 5 rebalance refusals -e acker=2
	says "ackers can't be moved"
	expect 5 rebalance refusals -e count=1
	says 'count keeps no state: what it has gathered for its finish would be lost'
	expect 2 rebalance refusals
	expect 2 rebalance refusals -e split
	expect 2 rebalance refusals -e split=two
	expect 2 rebalance refusals -e split=2 -w soon
	expect 0 rebalance refusals -e split=1
	exec 3>&-
	stop
	expect 4 rebalance refusals -e split=1
}

# A fifo can't be read again, and another process would not have what this one has read of it.
case_no_position() {
	mkfifo pipe
	topology <<-END
		spout feed feed fifo=pipe count=100 parallelism=2 journal=feed.log
		bolt end probe.Pass copies=0
		stream feed end SHUFFLE
	END
	exec 3<> pipe
	submit
	echo 5 >&3
	acked() { counts 5 feed.log '^ack'; }
	wait_until 10 acked
	expect 5 rebalance no_position -e feed=1
	says "feed can't be positioned: where it is in its input would be lost"
	exec 3>&-
	stop
}

# One at a time.
case_two_at_once() {
	local codes

	words
	submit
	for n in 1 4; do
		(
			code=0
			gale rebalance two_at_once -e tally="$n" > out."$n" 2> err."$n" || code=$?
			echo "$code" > code."$n"
		) &
	done
	wait
	codes=$(sort -n code.1 code.4 | tr '\n' ' ')
	case $codes in
	"0 0 ") ;;
	"0 5 ") cat err.1 err.4 | grep -q 'another rebalance is under way' || fail "$(cat err.?)" ;;
	*) fail "exit codes $codes: $(cat err.?)" ;;
	esac
	wait_until 60 finished
	must [ "$(compare | cut -d ' ' -f 1)" = lost=0 ]
}

# ---- when it fails ------------------------------------------------------------------------------

# The layout can't be written: those who have stopped come back, and nothing else has changed.
case_full_disk() {
	local before

	ROUNDS=$((3 * ROUNDS))
	words
	GALE_FAILPOINTS='supervisor/topology.write=2,28' submit
	before=$(labels)
	expect 1 rebalance full_disk -e tally=4
	says 'cannot write .*topology.json.new: No space left on device'
	back() { [ "$(labels)" = "$before" ]; }
	wait_until 10 back
	expect 0 rebalance full_disk -e tally=4
	wait_until 60 finished
	must [ "$(compare | cut -d ' ' -f 1)" = lost=0 ]
}

# The supervisor is killed at some point of a rebalance: the old or the new number, and nothing is lost.
supervisor_dies() {
	local i

	for i in 1 2 3 4 5; do
		(
			sleep "0.0$((RANDOM % 100 / 10))$((RANDOM % 10))"
			kill -9 "$(supervisor)" 2> /dev/null
		) &
		gale rebalance "$CASE" -e tally=$((1 + RANDOM % 8)) > out 2> err
		wait
		finished && break
		wait_until 10 none_of_ours
		expect 0 submit --wait --resume "$CASE"
	done
	wait_until 60 finished
}

case_supervisor_dies() {
	words "config topology.acker.executors 1"
	submit
	supervisor_dies
	must [ "$(compare | cut -d ' ' -f 1)" = lost=0 ]
}

case_supervisor_dies_with_batches() {
	ROUNDS=$((2 * ROUNDS))
	words "transactional words"
	submit
	supervisor_dies
	must [ "$(compare)" = "lost=0 doubled=0" ]
}

run_cases "$@"
