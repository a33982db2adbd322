#!/bin/bash
# operate.sh - topologies that go on by themselves: submitted, paused, replaced, killed, resumed.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# The spout `feed` and the bolts `append.Append` and `probe.X` are in test/plugins.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# following: what the file `in` gains is appended to `sink`, line by line; a line comes again only
# when the topology could not know that it had arrived.
following() {
	touch in
	topology <<-END
		config topology.max.attempts 5
		spout lines lines path=in follow=true
		bolt append append.Append path=sink $*
		stream lines append SHUFFLE
	END
}

# has N: `sink` has so many lines.
has() {
	[ "$(lines sink .)" -ge "$1" ]
}

milliseconds() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# gone NAME: no list has it, and no process is left.
gone() {
	expect 4 kill "$1"
	says "there is no topology \"$1\""
	wait_until 2 none_of_ours
}

# ---- what scripts rely on -----------------------------------------------------------------------

case_contract() {
	mkfifo in
	timely 5 is_up_at_once
	expect 0 submit "$TOP_SRCDIR/topologies/2-wordcount.json" --name N --wait -D input=in -D output=counts.tsv
	must is_status N ACTIVE
	gale list --json > listed
	must grep -q '"topologies":' listed
	gale status N --json > shown || fail "status N"
	must grep -q '"name": *"N"' shown
	expect 0 deactivate N
	must is_status N INACTIVE
	expect 0 activate N
	must is_status N ACTIVE
	expect 0 kill N -w 2 -y
	gone N
}

# is_up_at_once: in a second; and it is gone in a few.
is_up_at_once() {
	local began up

	began=$(milliseconds)
	expect 0 submit "$TOP_SRCDIR/topologies/2-wordcount.json" --name N --wait -D input=in -D output=counts.tsv
	up=$(milliseconds)
	expect 0 kill N -w 2 -y
	[ $((up - began)) -lt $((1000 * SLOW)) ] && [ $(($(milliseconds) - up)) -lt $((6000 * SLOW)) ]
}

# ---- life ---------------------------------------------------------------------------------------

case_goes_on() {
	following
	seq 1000 > in
	submit --name a
	wait_until 10 has 1000
	seq 1001 2000 >> in
	wait_until 10 has 2000
	expect 0 kill a
	seq 2000 | same_lines sink
	gone a
}

case_pause() {
	following
	submit --inactive
	must is_status pause INACTIVE
	seq 100 > in
	expect 0 deactivate pause
	must [ "$(lines sink .)" -eq 0 ]
	expect 0 activate pause
	wait_until 10 has 100
	expect 0 deactivate pause
	seq 101 200 >> in
	# It stays so over the death of a spout.
	kill -KILL "$(worker 'lines[0]')"
	wait_until 10 grep -q 'starting it again' "$HOMES/gale/pause/log"
	must is_status pause INACTIVE
	must [ "$(lines sink .)" -eq 100 ]
	expect 0 activate pause
	wait_until 10 grep -qx 200 sink
	expect 0 kill pause
	# What was acked in the last 100 ms before the spout was killed may have come again.
	sort -nu sink > got
	seq 200 > want
	same want got
}

case_pause_of_transactions() {
	touch in
	topology <<-END
		transactional numbers
		config topology.transaction.batch.interval.ms 20
		spout lines lines path=in follow=true
		bolt rolled rolled path=sink
		stream lines rolled GLOBAL
	END
	submit --name tx
	seq 100 > in
	wait_until 10 published 100
	expect 0 deactivate tx
	seq 101 200 >> in
	expect 0 deactivate tx
	must is_status tx INACTIVE
	must [ "$(cat sink/* | wc -l)" -eq 100 ]
	expect 0 activate tx
	wait_until 10 published 200
	expect 0 kill tx
	cat sink/* | sort -n > got
	seq 200 > want
	same want got
}

published() {
	[ "$(cat sink/* 2> /dev/null | wc -l)" -eq "$1" ]
}

case_finished() {
	seq 100 > in
	topology <<-END
		spout lines lines path=in
		bolt append append.Append path=sink
		stream lines append SHUFFLE
	END
	expect 0 submit -P "$PLUGINS" t.json
	wait_until 10 is_status finished FINISHED
	wait_until 5 none_of_ours
	must grep -q '"acked": *100' "$HOMES/gale/finished/ended.json"
	expect 5 activate finished
	says 'finished is FINISHED: it does not run'
	expect 5 restart finished
	expect 5 submit --resume finished
	# Its name may be used again.
	expect 0 submit --wait -P "$PLUGINS" t.json
	wait_until 10 is_status finished FINISHED
	must [ "$(lines sink .)" -eq 200 ]
	expect 0 kill finished --now < /dev/null
	gone finished
}

# Killed after it has noted its end, and before it could remove how far its spout has come.
case_finished_for_good() {
	seq 100 > in
	topology <<-END
		spout lines lines path=in
		bolt append append.Append path=sink
		stream lines append SHUFFLE
	END
	export GALE_FAILPOINTS='supervisor/file.rename=4,kill'
	submit --name a
	wait_until 10 is_status a FINISHED
	unset GALE_FAILPOINTS
	must [ -n "$(ls "$HOMES/gale/a/state/positions")" ]
	must [ "$(lines sink .)" -eq 100 ]
	submit --name a
	wait_until 10 has 200
	wait_until 10 is_status a FINISHED
	must [ -z "$(ls "$HOMES/gale/a/state/positions")" ]
	expect 0 kill a
}

# bounded [PATH]: every line of `in` is appended to `sink`, or PATH.
bounded() {
	topology <<-END
		spout lines lines path=in
		bolt append append.Append path=${1:-sink}
		stream lines append SHUFFLE
	END
}

finish() {
	bounded
	submit --name a
	wait_until 10 is_status a FINISHED
}

# There is no room to note how it ended: it is DEAD then, and knows that its input is over.
case_end_that_cannot_be_noted() {
	seq 100 > in
	mkdir -m 700 "$HOMES/gale" "$HOMES/gale/a" "$HOMES/gale/a/ended.json.new"
	bounded
	submit --name a
	wait_until 10 is_status a DEAD
	rmdir "$HOMES/gale/a/ended.json.new"
	expect 0 submit --resume a --wait
	wait_until 10 is_status a FINISHED
	seq 100 | same_lines sink
	expect 0 kill a
}

# What FINISHED stays so when the next one of its name can't be put in its place, or does not start.
case_finished_and_no_next() {
	seq 10 > in
	finish
	(
		ulimit -f 8
		trap '' XFSZ
		expect 1 submit --name a -P "$PLUGINS" t.json
	) || exit 1
	says 'cannot copy .* No space left'
	must is_status a FINISHED
	must [ "$(find "$HOMES/gale/a/plugins" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	bounded /nowhere/sink
	expect 1 submit --replace --wait --name a -P "$PLUGINS" t.json
	must is_status a FAILED
	seq 10 | same_lines sink
	expect 0 kill a
}

# Copies of plugins that nobody uses any more go.
case_name_again() {
	seq 10 > in
	finish
	finish
	finish
	must [ "$(find "$HOMES/gale/a/plugins" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	expect 0 kill a
}

# One that can't be removed is what it was.
case_finished_stays() {
	seq 10 > in
	finish
	rm "$HOMES/gale/a/topology.json"
	mkdir "$HOMES/gale/a/topology.json"
	expect 1 kill a
	must is_status a FINISHED
	rmdir "$HOMES/gale/a/topology.json"
	expect 4 kill a
}

case_failed() {
	topology <<-END
		spout feed feed count=100
		bolt end probe.Doom how=fatal at=3
		stream feed end SHUFFLE
	END
	expect 0 submit -P "$PLUGINS" t.json
	wait_until 10 is_status failed FAILED
	must grep -q '"error":"end' "$HOMES/gale/failed/ended.json"
	expect 0 kill failed
	gone failed
}

case_cannot_start() {
	topology <<-END
		spout feed feed count=100
		bolt end probe.Doom how=fatal when=prepare
		stream feed end SHUFFLE
	END
	expect 1 submit --wait -P "$PLUGINS" t.json
	says 'cannot_start: end\[0\]'
	must is_status cannot_start FAILED
	expect 0 kill cannot_start
}

# It goes on starting, and may be looked at and killed meanwhile.
case_slow_start() {
	topology <<-END
		config topology.worker.timeout.secs 300
		spout feed feed count=100
		bolt end probe.Doom how=block when=prepare
		stream feed end SHUFFLE
	END
	expect 7 submit --wait -P "$PLUGINS" t.json
	says 'slow_start is not up after 30 s'
	must is_status slow_start STARTING
	expect 0 kill slow_start --now -y
	gone slow_start
}

# Commands wait for the start as long as it takes; they know that somebody is there.
case_long_start() {
	local asked

	topology <<-END
		config topology.worker.timeout.secs 300
		spout feed feed count=100
		bolt end probe.Doom how=block when=prepare
		stream feed end SHUFFLE
	END
	expect 0 submit -P "$PLUGINS" t.json
	gale deactivate long_start > out 2> err &
	asked=$!
	sleep 7		# longer than a supervisor may be silent
	must kill -0 "$asked"
	expect 0 kill long_start --now -y
	wait "$asked"
	must [ $? -eq 5 ]
}

# State is asked for by name, while it runs and after.
case_state_by_name() {
	yes a | head -n 100 > in
	tallied "$CASE"
	submit --name words
	wait_until 10 has_tallied 100
	expect 0 kill words
	says 'its state stays in'
	must has_tallied 100
	expect 0 state verify words
}

has_tallied() {
	gale state get words tally a 2> /dev/null | grep -q "\"int\":$1[,}]"
}

# As when its user logs out.
case_run_directory_is_removed() {
	following
	seq 100 > in
	submit --name a
	wait_until 10 has 100
	rm -r "$RUN/gale"
	wait_until 15 is_status a FAILED
	must grep -q 'its run directory .* was removed' "$HOMES/gale/a/ended.json"
	expect 0 submit --resume a --wait
	seq 101 200 >> in
	wait_until 10 grep -qx 200 sink
	expect 0 kill a
	sort -nu sink > got		# what it did not know of when it ended comes again
	seq 200 > want
	same want got
}

# Of one that did not run nothing is started.
case_replace_of_the_dead() {
	following
	submit --name a
	kill -KILL "$(supervisor)"
	wait_until 10 is_status a DEAD
	sed 's/"path": "sink"/"path": "\/nowhere\/sink"/' t.json > t && mv t t.json
	expect 1 submit --replace --name a -P "$PLUGINS" t.json
	says 'a: it is the one before again'
	wait_until 5 none_of_ours
	expect 0 submit --resume a --wait
	expect 0 kill a
}

# ---- one name -----------------------------------------------------------------------------------

case_same_name() {
	following
	submit --name a
	expect 5 submit -P "$PLUGINS" t.json --name a
	says 'a runs already'
	submit --name b
	expect 0 kill a
	must is_status b ACTIVE
	expect 0 kill b
}

# Of many at a time one gets the name; the others are told so, and no harm is done.
case_race() {
	local i

	following
	for _ in 1 2 3; do
		for i in 1 2 3 4 5 6; do
			(
				code=0
				gale submit --wait -P "$PLUGINS" t.json --name a > "said.$i" 2>&1 || code=$?
				echo "$code" > "code.$i"
			) &
		done
		wait
		must [ "$(cat code.? | sort | tr -d '\n')" = 055555 ]
		must is_status a ACTIVE
		for i in 1 2 3; do
			gale kill a > /dev/null 2>&1 &
		done
		wait
		gone a
	done
}

case_bad_names() {
	local name

	following
	for name in '' ../x .x 'a b' a/b "$(printf 'x%.0s' {1..65})"; do
		expect 2 submit -P "$PLUGINS" t.json --name "$name"
		says "can't be the name of a submitted topology"
	done
	for name in activate deactivate kill restart 'submit --resume'; do
		# shellcheck disable=SC2086 # words
		expect 4 $name nobody
		says 'there is no topology "nobody"'
	done
	submit --name clicks
	expect 4 kill clicsk
	says 'did you mean "clicks"'
	expect 0 kill clicks
}

# Keeps positions: no line comes twice.
case_replace() {
	following
	seq 1000 > in
	submit --name a
	wait_until 10 has 1000
	expect 0 deactivate a
	expect 0 activate a
	following us=1
	submit --name a --replace
	seq 1001 2000 >> in
	wait_until 10 has 2000
	must is_status a ACTIVE
	must [ "$(find "$HOMES/gale/a/plugins" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	expect 0 kill a
	seq 2000 | same_lines sink
}

case_replace_goes_back() {
	following
	seq 100 > in
	submit --name a
	wait_until 10 has 100
	sed 's/"path": "sink"/"path": "\/nowhere\/sink"/' t.json > t && mv t t.json
	expect 1 submit --replace --name a -P "$PLUGINS" t.json
	says 'a: the one before runs again'
	must is_status a ACTIVE
	seq 101 200 >> in
	wait_until 10 has 200
	expect 0 kill a
	seq 200 | same_lines sink
}

case_restart() {
	local before

	following
	seq 100 > in
	submit --name a
	wait_until 10 has 100
	before=$(supervisor)
	expect 0 restart a
	must [ "$(supervisor)" != "$before" ]
	seq 101 200 >> in
	wait_until 10 has 200
	expect 0 deactivate a
	expect 0 restart a
	must is_status a INACTIVE
	expect 0 kill a
	seq 200 | same_lines sink
}

# What is built anew does not get into what runs.
case_own_plugins() {
	mkdir lib
	cp "$PLUGINS/append.so" lib/
	following
	expect 0 submit --wait -P lib t.json --name a
	echo 'no library' > lib/append.so
	kill -KILL "$(worker 'append[0]')"
	seq 100 > in
	wait_until 10 has 100
	expect 0 restart a
	must is_status a ACTIVE
	expect 0 kill a
}

# Neither the supervisor nor a worker has what the caller had open, such as the lock of a script.
case_descriptors() {
	following
	exec 7> held
	submit --name a
	exec 7>&-
	# shellcheck disable=SC2046 # numbers
	must [ -z "$(find $(of_ours | sed 's|.*|/proc/&/fd|') -lname '*/held')" ]
	expect 0 kill a
}

# ---- the supervisor is gone, or does not answer -------------------------------------------------

case_dead() {
	following
	seq 1000 > in
	submit --name a
	wait_until 10 has 500
	kill -KILL "$(supervisor)"
	wait_until 10 is_status a DEAD
	wait_until 5 none_of_ours
	expect 5 activate a
	says 'a is DEAD: its supervisor was killed; "gale submit --resume a"'
	expect 5 submit -P "$PLUGINS" t.json --name a
	expect 2 submit --resume a -D x=1
	says '--define is for a file'
	expect 0 submit --resume a --wait
	seq 1001 2000 >> in
	wait_until 10 grep -qx 2000 sink
	expect 5 submit --resume a
	expect 0 kill a
	sort -nu sink > got
	seq 2000 > want
	same want got
}

# A machine that is shut down sends SIGTERM; it goes on after that.
case_terminated() {
	following
	seq 100 > in
	submit --name a
	wait_until 10 has 100
	expect 0 deactivate a
	kill -TERM "$(supervisor)"
	wait_until 10 is_status a DEAD
	expect 0 submit --resume a --wait
	must is_status a INACTIVE
	expect 0 activate a
	kill -TERM "$(supervisor)"
	wait_until 10 is_status a DEAD
	expect 0 submit --resume a --wait
	seq 101 200 >> in
	wait_until 10 has 200
	expect 0 kill a
	seq 200 | same_lines sink
}

case_forget_the_dead() {
	following
	submit --name a
	kill -KILL "$(supervisor)"
	wait_until 10 is_status a DEAD
	expect 0 kill a
	gone a
}

case_killed_while_it_is_killed() {
	local code=0 asked

	seq 100 > in
	stuck
	submit --name a
	wait_until 10 is_open 100
	gale kill a > out 2> err &
	asked=$!
	wait_until 10 is_status a DRAINING
	kill -KILL "$(supervisor)"
	wait "$asked" || code=$?
	must [ "$code" -eq 7 ]
	says 'a: its supervisor was killed meanwhile'
	gone a
}

case_no_answer() {
	local pid

	following
	submit --name a
	pid=$(supervisor)
	kill -STOP "$pid"
	expect 6 deactivate a
	says 'the supervisor of a does not answer'
	must is_status a ACTIVE
	kill -CONT "$pid"
	wait_until 10 is_status a INACTIVE
	expect 0 kill a
}

# ---- what is open when it is killed -------------------------------------------------------------

case_given_up() {
	seq 100 > in
	stuck
	submit --name a
	wait_until 10 is_open 100
	expect 7 kill a -w 0.3
	says 'a: 100 messages were not finished and are given up'
	says 'its state stays in'
	gone a
	# They come again.
	following
	submit --name a
	wait_until 10 has 100
	expect 0 kill a
	seq 100 | same_lines sink
}

is_open() {
	gale status a --json | grep -q "\"pending\": *$1\b"
}

case_now() {
	seq 100 > in
	stuck
	submit --name a
	wait_until 10 is_open 100
	expect 2 kill a --now < /dev/null
	says 'say -y if that is meant'
	expect 7 kill a --now -y
	gone a
}

# A second kill may be shorter.
case_shorter() {
	seq 100 > in
	stuck
	submit --name a
	wait_until 10 is_open 100
	gale kill a > /dev/null 2>&1 &
	wait_until 10 is_status a DRAINING
	expect 5 activate a
	says 'it is ending'
	expect 7 kill a -w 0
	wait
	gone a
}

# ---- places -------------------------------------------------------------------------------------

# with_state DIRECTORY CODE PATTERN
with_state() {
	HOMES=$1 expect "$2" submit -P "$PLUGINS" t.json --name a
	says "$3"
}

case_places() {
	following
	mkdir shared planted elsewhere
	chmod 700 planted elsewhere
	mkdir -m 755 shared/gale
	with_state "$PWD/shared" 1 'shared/gale is open to other users .*chmod 700'
	ln -s "$PWD/elsewhere" planted/gale
	with_state "$PWD/planted" 1 'planted/gale is not a directory'
	must [ -z "$(ls -A elsewhere)" ]
	mkdir -p own/gale
	chmod 700 own/gale
	ln -s "$PWD/elsewhere" own/gale/a
	with_state "$PWD/own" 1 'own/gale/a is not a directory'
	must [ -z "$(ls -A elsewhere)" ]
	: > file
	with_state "$PWD/file" 1 'cannot make .*/file/gale'
	if [ "$(id -u)" -eq 0 ]; then
		mkdir -p theirs/gale
		chmod 700 theirs/gale
		chown 54321 theirs/gale
		with_state "$PWD/theirs" 1 'theirs/gale belongs to user 54321, not to you'
	fi
	wait_until 5 none_of_ours
}

run_cases "$@"
