#!/bin/bash
# powerloss.sh - the power goes, several times in a run, and what was not synced is gone: what is
# counted and put out is what it would have been. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# powerloss.c notes what the processes do to the directory `disk`, powerdisk makes of that what
# would be on the disk. The topology is that of windows.sh, its state and its output in `disk`.
#
#     GALE_FAULTS=all test/powerloss.sh	more losses
#     GALE_SEED=S test/powerloss.sh	the same ones

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"
# shellcheck source-path=SCRIPTDIR source=exact.sh
. "$(dirname "$0")/exact.sh"

SEED=${GALE_SEED:-17}
RANDOM=$SEED
KINDS='transactional opaque'
STATE=disk/state SINK=disk/sink TOTALS=disk/totals
RUNS=$([ "${GALE_FAULTS:-some}" = all ] && echo 8 || echo 2)
exec 3>&1

fresh_disk() {
	rm -rf disk before log closed
	mkdir disk before
	: > log
}

# layer puts the layer below all that this shell starts from now on.
layer() {
	export POWERLOSS_ROOT=$PWD/disk POWERLOSS_LOG=$PWD/log LD_PRELOAD=$TOP_BUILDDIR/test/powerloss.so \
	    ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} GALE_TEST_CASE=$RUN XDG_RUNTIME_DIR=$RUN
}

# lose_power [SEED] makes `disk` what would be on it, and that the beginning of what follows.
lose_power() {
	wait_until 10 none_of_ours
	# It ends with all that it has in memory.
	ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} "$TOP_BUILDDIR/test/powerdisk" before log after "$@" > losses ||
	    fail "powerdisk: exit $?: $(cat losses)"
	rm -rf disk before log
	cp -r after before
	mv after disk
	: > log
	LOST=$((LOST + 1 - $(lines losses 'writes=0 names=0')))
}

# goes_on WHAT: without the layer it comes to its end, and that is right.
goes_on() {
	run_exact > out 2> err || fail "$1: exit $?: $(cat err)"
	is_exact > wrong || fail "$1: $(head -n 5 wrong)"
	rm -rf before
	no_output
}

# ---- the layer itself -----------------------------------------------------------------------------

# disk_has SCRIPT NAME=TEXT...: the files on the disk when the power goes after it. In SCRIPT `put`
# appends a line; the shell's own output is not noted (stdio).
disk_has() {
	local script=$1 file LOST=0

	shift
	fresh_disk
	(layer && exec bash -c "put() { dd of=\$2 oflag=append conv=notrunc status=none <<< \$1; }; cd disk; $script") || fail "exit $?: $script"
	lose_power
	for file; do
		echo "$file"
	done > expected
	(cd disk && grep -r . .) | sed 's,^\./,,; s,:,=,' | sort | diff - expected > difference ||
	    fail "$script: $(cat difference)"
}

case_the_layer() {
	disk_has 'put 1 a; put 1 b; sync b; put 2 b' b=1
	disk_has 'put 1 a; sync a; mv a b' a=1
	disk_has 'put 1 a; sync a; mv a b; sync .' b=1
	disk_has 'mkdir in; put 1 in/a; sync in/a in; mv in/a b; sync .' b=1
	disk_has 'mkdir in; put 1 in/a; sync in/a in'
	# A name that is made anew: what was done to it before does not come after that.
	disk_has 'put 1 a; sync a .; rm a; put 2 a; sync a; sync .' a=2
	disk_has 'mkdir in; put 1 in/a; sync in/a in .; mv in/a b; put 2 in/a; sync in/a; sync in .' b=1 in/a=2
}

# ---- at any time ----------------------------------------------------------------------------------

# has_begun: it has put something on the disk, or is over.
has_begun() {
	[ -s log ] || is_gone "$PID"
}

# at_any_time KIND [some]: the power goes after a while, again and again; some of what was not synced
# may be there.
at_any_time() {
	local i kind=$1 times=0

	fresh_disk
	RATE=4000 exact "$kind"
	for ((i = 0; i < 8; i++)); do
		(layer && exec "$GALE" run -q -P "$PLUGINS" --state "$STATE" t.json) > out 2> err &
		PID=$!
		wait_until 20 has_begun
		sleep "0.$(printf %03d $((RANDOM % 250)))"	# chance, nothing to wait for
		kill -9 "$PID" 2> /dev/null || break
		wait "$PID" 2> /dev/null
		times=$((times + 1))
		lose_power ${2:+$RANDOM}
	done
	wait_until 10 none_of_ours
	goes_on "after $times losses"
	printf '      %-13s %d losses, %s records\n' "$kind" "$times" "$N" >&3
}

case_what_is_not_synced_is_gone() {
	local i kind LOST=0

	for ((i = 0; i < RUNS; i++)); do
		for kind in $KINDS; do
			at_any_time "$kind"
		done
	done
	[ "$LOST" -gt 0 ] || fail "nothing was ever lost"
}

case_some_of_it_is_there() {
	local i kind LOST=0

	for ((i = 0; i < RUNS; i++)); do
		for kind in $KINDS; do
			at_any_time "$kind" some
		done
	done
}

# ---- exactly there --------------------------------------------------------------------------------

# power_off WHO/POINT N: everything dies there, and the power goes. False: it does not come there.
power_off() {
	local code=0

	(layer && GALE_FAILPOINTS="$1=$2,all" run_exact) > out 2> err || code=$?
	[ "$code" -eq 137 ] || [ "$code" -eq 0 ] || fail "$1=$2: exit $code: $(cat err)"
	shift 2
	[ "$code" -eq 137 ] && lose_power "$@"
}

# at POINT...: in the first round and some later ones of the same run.
at() {
	local point kind n LOST=0

	for point; do
		for kind in $KINDS; do
			exact "$kind"
			fresh_disk
			for n in 1 2 $((2 + RANDOM % 4)); do
				power_off "$point" "$n" || break
			done
			goes_on "$kind, $point"
			fresh_disk
			power_off "$point" 3 "$RANDOM" || fail "it never comes to $point"
			goes_on "$kind, $point, some is there"
		done
	done
}

case_coordinator() {
	at 'coordinator[0]/coordinator.record' 'coordinator[0]/coordinator.record.written' \
	    'coordinator[0]/order.commit' 'coordinator[0]/order.record'
}

case_tasks() {
	at "$COUNT/state.write" "$COUNT/batch.prepared" 'chain[1]/batch.closed'
}

case_sinks() {
	at 'sink[0]/batch.persisted' 'sink[0]/batch.publish' 'table[0]/batch.prepared'
}

# A batch that was whole and not decided is made again, decided, and not published.
case_made_again() {
	local kind sink LOST=0

	for sink in "${!SINKS[@]}"; do
		for kind in $KINDS; do
			TURN=$sink
			exact "$kind"
			fresh_disk
			power_off 'sink[0]/batch.persisted' 2 || fail "no batch is persisted"
			power_off 'coordinator[0]/coordinator.record.written' 1 || fail "nothing is recorded"
			goes_on "$kind"
		done
	done
}

# ---- what if it did not sync ----------------------------------------------------------------------

# not_without PATTERN WHAT: when the files that are called so are not synced, it is found.
not_without() {
	local LOST=0 n

	export POWERLOSS_DEAF=$1
	exact transactional
	fresh_disk
	for n in 4 3; do
		power_off 'coordinator[0]/coordinator.record.written' "$n"
		[ "$(cat losses)" != 'writes=0 names=0 are lost' ] || fail "without syncs of $1 nothing is lost"
		run_exact > out 2> err && is_exact > wrong || return 0
		fresh_disk
	done
	fail "syncs of $1 are missing, and nobody has noticed"
}

case_syncs_are_missing() {
	SINKS=('exact.Sink path=')
	not_without /state/coordinator.0
	not_without /state/chain.0
	not_without /state/count.1
	not_without /state/sink.0
	not_without /disk/sink.0
}

run_cases "$@"
