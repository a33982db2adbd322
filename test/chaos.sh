#!/bin/bash
# chaos.sh - processes are killed at random, and nothing is lost. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
#     GALE_SEED=S test/chaos.sh		the same victims in the same order

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SEED=${GALE_SEED:-12}
RANDOM=$SEED

# All kinds of processes; see chaos.c.
case_twelve_kills() {
	"$TOP_BUILDDIR/test/chaos" --kills 12 --seed "$SEED" > out 2> err || fail "$(tail -n 20 err out)"
	tail -n 1 out | grep -qxE 'kills=12 lost=0 duplicates=[0-9]+ recovery_p50_ms=[0-9]+ recovery_max_ms=[0-9]+' ||
	    fail "the last line is: $(tail -n 1 out)"
}

# A spout and two bolts in one process, each of which is killed.
case_chained() {
	"$TOP_BUILDDIR/test/chaos" --chained --kills 12 --seed "$SEED" > out 2> err || fail "$(tail -n 20 err out)"
	tail -n 1 out | grep -qxE 'kills=12 lost=0 duplicates=[0-9]+ recovery_p50_ms=[0-9]+ recovery_max_ms=[0-9]+' ||
	    fail "the last line is: $(tail -n 1 out)"
}

# exactly_once TYPE: in a transactional topology nothing is lost and nothing comes twice.
exactly_once() {
	"$TOP_BUILDDIR/test/chaos" --exactly-once "$1" --kills 12 --seed "$SEED" > out 2> err ||
	    fail "$(tail -n 20 err out)"
	tail -n 1 out | grep -qxE 'kills=12 lost=0 doubled=0 recovery_p50_ms=[0-9]+ recovery_max_ms=[0-9]+' ||
	    fail "the last line is: $(tail -n 1 out)"
}

case_transactional() {
	exactly_once transactional
}

case_opaque() {
	exactly_once opaque
}

# ---- the durable word count ---------------------------------------------------------------

# oracle TIMES: the words of standard input, with their counts in so many copies of it.
oracle() {
	tr -s ' \t\n\v\f\r' '\n' | grep -av '^$' | sort | uniq -c |
	    awk -v times="$1" '{ printf "%s\t%d\n", $2, $1 * times }' | sort
}

# counts_are_enough: every word of `expected` has one line in `output`, and not a smaller count.
counts_are_enough() {
	cut -f 1 expected > words
	cut -f 1 output | sort > got
	diff words got > difference || fail "other words: $(head -n 5 difference)"
	join -t $'\t' expected <(sort output) | awk -F '\t' '$3 < $2' > few
	[ ! -s few ] || fail "too small: $(head -n 5 few)"
}

case_durable_wordcount() {
	local n

	n=$(much 300)
	cat /usr/share/common-licenses/* | oracle "$n" > expected
	for _ in $(seq "$n"); do cat /usr/share/common-licenses/*; done > text
	XDG_RUNTIME_DIR=$RUN GALE_TEST_CASE=$RUN "$GALE" run --state state \
	    "$TOP_SRCDIR/topologies/8-durable-wordcount.json" -D input=text -D output=output \
	    -D parallelism=2 -D ackers=2 > out 2> err &
	PID=$!
	kill_some 20
	ends 0 60
	[ "$killed" -ge 5 ] || fail "it was over after $killed kills"
	counts_are_enough
}

run_cases "$@"
