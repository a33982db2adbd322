#!/bin/bash
# topologies.sh - every shipped topology runs as it stands and gives what test/expected says;
# and the picture, the check and the help of each command work on it.
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317 # cases are called by name
# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

LESSONS=$TOP_SRCDIR/topologies
EXPECTED=$TOP_SRCDIR/test/expected

# lesson NAME [OPTION...] runs a bounded one; the order of lines is free where SORT is set.
lesson() {
	local name=$1

	shift
	expect 0 run "$LESSONS/$name.json" "$@"
	if [ -n "${SORT-}" ]; then
		same_lines out < "$EXPECTED/$name.txt"
	else
		same out "$EXPECTED/$name.txt"
	fi
}

case_1_hello() {
	lesson 1-hello
}
case_2_wordcount() {
	SORT=1 lesson 2-wordcount
}
case_2_wordcount_parallel() {
	SORT=1 lesson 2-wordcount -D parallelism=3 -D ackers=2
}
case_3_topwords() {
	lesson 3-topwords
}
case_3_topwords_parallel() {
	lesson 3-topwords -D parallelism=3
}
case_5_groupings() {
	SORT=1 lesson 5-groupings
}
case_7_feed_back() {
	SORT=1 lesson 7-feed-back
}

case_8_durable_wordcount() {
	lesson 8-durable-wordcount
}
case_8_durable_wordcount_parallel() {
	lesson 8-durable-wordcount -D parallelism=3 -D ackers=2
}

# In lessons 9 to 11 each word counts once, so what comes out is what coreutils counts.
words_of() {
	tr -s ' \t\n\v\f\r' '\n' | grep -av '^$'
}
counted() {
	sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/'
}
case_9_transactional_wordcount() {
	SORT=1 lesson 9-transactional-wordcount
	words_of < "$LESSONS/data/wind.txt" | counted | same_lines out
}
case_9_transactional_wordcount_parallel() {
	SORT=1 lesson 9-transactional-wordcount -D parallelism=3 -D ackers=2
}
case_10_opaque_wordcount() {
	lesson 10-opaque-wordcount
	cat "$LESSONS"/data/*.txt | words_of | counted | same_lines out
}
case_10_opaque_wordcount_parallel() {
	lesson 10-opaque-wordcount -D parallelism=4
}
case_11_transactional_top() {
	lesson 11-transactional-top
	words_of < "$LESSONS/data/wind.txt" | counted | sort -t "$(printf '\t')" -k2,2nr -k1,1 | head -n 5 |
	    awk '{ print NR "\t" $0 }' > top
	same out top
}
case_11_transactional_top_parallel() {
	lesson 11-transactional-top -D parallelism=3
}

# A file for each batch; in the order of their names they are the lines in theirs.
case_12_exactly_once_file() {
	expect 0 run "$LESSONS/12-exactly-once-file.json" -D output=batches
	cat batches/* > all
	same all "$EXPECTED/12-exactly-once-file.txt"
	grep -E 'wind|rain' "$LESSONS/data/wind.txt" | cmp - all || fail 'grep gives something else'
}

# The letters of lesson 6 are what lesson 7 feeds back in.
case_6_and_7() {
	SORT=1 lesson 6-dead-letters
	says 'orders.dead-letters.jsonl'
	must_count 2 orders.dead-letters.jsonl '"attempts":3,'
	SORT=1 lesson 7-feed-back -D letters=orders.dead-letters.jsonl
}

follows() {
	cmp -s out "$EXPECTED/4-follow.txt"
}

# A followed file never ends: Ctrl-C does, and what came until then is out.
case_4_follow() {
	XDG_RUNTIME_DIR=$RUN GALE_TEST_CASE=$RUN "$GALE" run "$LESSONS/4-follow.json" > out 2> err &
	PID=$!
	wait_until 10 follows
	kill -INT "$PID"
	ends 130
	same out "$EXPECTED/4-follow.txt"
}

# The first number is that of the whole topology; a bolt has acked before what it counted is on disk.
all_acked() {
	[ "$(gale status words --json | grep -o '"acked": [0-9]*' | head -n 1)" = "\"acked\": $(grep -c '' "$LESSONS/data/wind.txt")" ]
}

# Submitted, given more processes, and killed: the counts are as if it had been one.
case_13_run_for_good() {
	expect 0 submit --wait "$LESSONS/13-run-for-good.json" -D output=counts
	wait_until 10 all_acked
	expect 0 rebalance words -e split=2 -e tally=4
	expect 0 kill words
	same counts "$EXPECTED/13-run-for-good.txt"
}

case_every_lesson_has_its_expected_output() {
	for file in "$LESSONS"/*.json; do
		must test -f "$EXPECTED/$(basename "$file" .json).txt"
	done
}

case_every_lesson_lints_anywhere() {
	expect 0 lint "$LESSONS"/*.json
	cp "$LESSONS/2-wordcount.json" elsewhere.json
	expect 0 lint -D input=none -D output=none elsewhere.json
	must test ! -e none
}

case_every_lesson_can_be_drawn() {
	for file in "$LESSONS"/*.json; do
		expect 0 graph "$file"
		must test -s out
		expect 0 graph --format dot "$file"
		must_count 1 out '^digraph '
	done
}

run_cases "$@"
