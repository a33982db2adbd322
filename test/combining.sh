#!/bin/bash
# combining.sh - equal tuples that come as one: sums, acks, and what fails. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# words LINES writes so many lines of five words into the file text, and how often each comes into expected.
words() {
	awk -v n="$1" 'BEGIN { srand(7); for (i = 0; i < n; i++) {
		line = ""
		for (k = 0; k < 5; k++)
			line = line " w" int(30 * rand() * rand())
		print line } }' > text
	tr ' ' '\n' < text | grep . | sort | uniq -c | awk '{ print $2 "\t" $1 }' | sort > expected
}

# alike HOW [KEY=VALUE...]: the words of text through that bolt, their sums in the file output.
alike() {
	topology <<-END
		spout lines lines path=text
		bolt split split
		bolt alike alike.Alike how=$*
		bolt sum sum
		bolt file file path=output format=tsv
		stream lines split SHUFFLE
		stream split alike FIELDS word
		stream alike sum FIELDS word
		stream sum file SHUFFLE
	END
	rm -f output
	expect 0 run -P "$PLUGINS" --summary summary t.json
	[ "$(number acked)" -eq "$(wc -l < text)" ] || fail "not all was acked: $(cat summary)"
}

exact() {
	sort output | cmp - expected || fail "wrong sums"
}

# merged [NAME]. Without some of optimisations.h, and here without NAME, there is nothing to merge with, or it is
# not looked for.
merged() {
	case ${TEST_WITHOUT:-} in
	OPTIMISE | OPTIMISE_FRAMES | OPTIMISE_SHORT_EMIT | "${1:-none}") return ;;
	esac
	says 'alike\[[^ ]* [1-9][0-9]* stood for several'
}

case_pass() {
	words 20000
	alike pass
	exact
	merged
	alike pass parallelism=3 numTasks=5
	exact
	merged
}

case_hold() {
	words 20000
	alike hold
	exact
	merged
	alike hold parallelism=2
	exact
}

# What fails comes again with all messages that it stood for: no sum is too small.
case_fail() {
	words 2000
	alike fail
	merged
	sort output | join -t "$(printf '\t')" - expected | awk '$2 < $3 { bad = 1 } END { exit bad || NR == 0 }' ||
		fail "a sum is too small"
	[ "$(wc -l < output)" -eq "$(wc -l < expected)" ] || fail "not all words are there"
}

ROUNDS=$(much 40)	# times that the text is read

# killed LINE: the counter dies twice while it counts; the words' counts are in output. LINE is of the topology.
killed() {
	local pid=0

	awk -v n="$ROUNDS" '{ print $1 "\t" n * $2 }' expected > all
	mv all expected

	topology <<-END
		$1
		spout lines lines path=text repeat=$ROUNDS
		bolt split split
		bolt tally tally
		bolt table table path=output
		stream lines split SHUFFLE
		stream split tally FIELDS word
		stream tally table SHUFFLE
	END
	start
	for _ in 1 2; do
		wait_until 10 another "$pid"
		pid=$(cat pid)
		kill -9 "$pid"
	done
	ends 0 60
	[ "$(number restarts)" -eq 2 ] || fail "not two restarts: $(cat err)"
}

# another: the counter is there, and not the process $1; the file pid has it.
another() {
	worker 'tally[0]' > pid 2> /dev/null
	[ -s pid ] && [ "$(cat pid)" != "$1" ]
}

case_exactly_once() {
	words 100000
	killed 'transactional once'
	exact
}

case_at_least_once() {
	words 100000
	killed 'config topology.max.spout.pending 5000'
	sort output | join -t "$(printf '\t')" - expected | awk '$2 < $3 { bad = 1 } END { exit bad || NR == 0 }' ||
		fail "a sum is too small"
	[ "$(number acked)" -eq $((ROUNDS * 100000)) ] || fail "not all was acked: $(cat summary)"
}

case_off() {
	words 5000
	alike pass topology.combining=off
	exact
	says 'alike\[0\] 0 stood for several'
}

# mixed HOW [CONFIG...]: words from two tasks of a spout, each twice, in all the ways that Mixed emits. Every root
# is acked, at once: a run that waits for a timeout, of 300 s, does not end in time.
mixed() {
	local how=$1 c

	shift
	{
		echo config topology.message.timeout.secs 300
		for c; do
			echo "config ${c/=/ }"
		done
		cat <<-END
			spout words alike.Words count=6000 parallelism=2
			bolt mixed alike.Mixed parallelism=2
			bolt alike alike.Alike how=$how parallelism=2 numTasks=3
			bolt sum sum
			bolt file file path=output format=tsv
			stream words mixed SHUFFLE
			stream mixed alike FIELDS word
			stream alike sum FIELDS word
			stream sum file SHUFFLE
		END
	} | topology
	rm -f output
	run
	[ "$(number acked)" -eq 12000 ] || fail "not all was acked: $(cat summary)"
	[ "$(of alike executed)" -eq 24000 ] || fail "not all was executed: $(cat summary)"
	[ "$(of alike acked)" -eq 24000 ] || fail "not all was acked: $(cat summary)"
	awk 'BEGIN { for (i = 0; i < 6000; i++) n["w" i * i % 17] += 4; for (w in n) print w "\t" n[w] }' | sort > expected
	exact
	[[ $* = *executors=0* ]] || merged	# without ackers tuples have no roots, and are left alone
}

case_mixed() {
	mixed pass
	mixed hold
}

case_mixed_chained() {
	mixed pass topology.chaining=auto
	mixed hold topology.chaining=auto
}

case_mixed_ackers() {
	mixed pass topology.acker.executors=3
	mixed hold topology.acker.executors=0
}

# A spout that sends them itself: each is a message of its own.
case_from_spout() {
	topology <<-END
		config topology.message.timeout.secs 300
		spout words alike.Words count=6000 parallelism=2
		bolt alike alike.Alike how=pass parallelism=2 numTasks=3
		bolt sum sum
		bolt file file path=output format=tsv
		stream words alike FIELDS word
		stream alike sum FIELDS word
		stream sum file SHUFFLE
	END
	run
	[ "$(number acked)" -eq 12000 ] || fail "not all was acked: $(cat summary)"
	[ "$(of alike executed)" -eq 12000 ] || fail "not all was executed: $(cat summary)"
	awk 'BEGIN { for (i = 0; i < 6000; i++) n["w" i * i % 17] += 2; for (w in n) print w "\t" n[w] }' | sort > expected
	exact
	merged OPTIMISE_WAITING	# one next emits one tuple
}

# What is emitted for one that stands for several is called with all of its roots: a callee that holds acks them all.
case_called() {
	local how

	for how in pass hold; do
		words 10000
		topology <<-END
			config topology.message.timeout.secs 300
			config topology.chaining auto
			spout lines lines path=text
			bolt split split parallelism=2
			bolt alike alike.Alike how=$how
			bolt file file path=parts format=tsv
			stream lines split SHUFFLE
			stream split alike FIELDS word
			stream alike file LOCAL_OR_SHUFFLE
		END
		rm -f parts
		run
		[ "$(number acked)" -eq 10000 ] || fail "not all was acked: $(cat summary)"
		says 'alike\[0\]\+file\[0\]'
		awk '{ n[$1] += $2 } END { for (w in n) print w "\t" n[w] }' parts > output
		exact
		merged
	done
}

# Who fails one fails all that it stands for, each once: it is acked or a dead letter.
case_dead_letters() {
	words 2000
	topology <<-END
		config topology.message.timeout.secs 300
		spout lines lines path=text topology.max.attempts=1
		bolt split split
		bolt alike alike.Alike how=fail
		bolt sum sum
		bolt file file path=output format=tsv
		stream lines split SHUFFLE
		stream split alike FIELDS word
		stream alike sum FIELDS word
		stream sum file SHUFFLE
	END
	run
	must [ "$(number dead_lettered)" -gt 0 ]
	must [ $(($(number acked) + $(number dead_lettered))) -eq 2000 ]
	[ "$(of alike executed)" -eq 10000 ] || fail "not all was executed: $(cat summary)"
	must [ $(($(of alike acked) + $(of alike failed))) -eq 10000 ]
	merged
}

# In a batch all tuples have one root.
case_batches() {
	words 5000
	topology <<-END
		transactional words
		spout lines lines path=text
		bolt split split
		bolt alike alike.Alike how=pass numTasks=2
		bolt file file path=parts format=tsv
		stream lines split SHUFFLE
		stream split alike FIELDS word
		stream alike file SHUFFLE
	END
	run
	[ "$(of alike executed)" -eq 25000 ] || fail "not all was executed: $(cat summary)"
	awk '{ n[$1] += $2 } END { for (w in n) print w "\t" n[w] }' parts > output
	exact
	merged
}

run_cases "$@"
