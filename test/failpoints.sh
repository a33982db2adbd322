#!/bin/bash
# failpoints.sh - what is asked of the machine fails: the n-th allocation, write, sync, send,
# fork; or the process dies there. For every n until a run no longer gets that far.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
# After each fault the run ends in time, with exit 0 and counts that miss nothing, or with a
# message that names what failed. The same run with the same state and without a fault then
# ends well and misses nothing.
#
#     GALE_FAULTS=all test/failpoints.sh	every n up to 50, then every fifth or so: 4 minutes

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

DURABLE=$TOP_SRCDIR/topologies/8-durable-wordcount.json
exec 3>&1

# after N gives the next n: one by one at first, then in growing steps.
after() {
	if [ "${GALE_FAULTS:-some}" = all ]; then
		if [ "$1" -lt 50 ]; then echo $(($1 + 1)); else echo $(($1 * 6 / 5)); fi
	else
		if [ "$1" -lt 2 ]; then echo $(($1 + 1)); else echo $(($1 * 4)); fi
	fi
}

# message POINT: what somebody must have been told when it failed.
message() {
	case $1 in
	alloc) echo 'out of memory' ;;
	send) echo 'cannot send' ;;
	control.send) echo 'cannot talk to the supervisor|control channel has ended' ;;
	status.map) echo 'the status page .*/w[0-9]+\.status' ;;
	spawn.fork) echo 'cannot start [a-z]+\[0\]' ;;
	state.*) echo 'the state .*/state/[a-z]+\.0 ' ;;
	position.*) echo 'cannot write the position .*/positions/[a-z]+\.0' ;;
	file.*) echo 'cannot (write|remove) .*/state/' ;;
	deadletter.*) echo 'the dead-letter file .*/letters' ;;
	esac
}

# check_said WHO POINT WHAT CODE
check_said() {
	case $3/$1 in
	kill/supervisor) must [ "$4" -eq 137 ] ;;
	kill/*) says "${1%%\[*}\[0\] .*was killed by SIGKILL" ;;
	*) says "$(message "$2")" ;;
	esac
}

# faults WHO POINT WHAT RUN CHECK strikes at every n. RUN runs gale, CHECK looks at its output.
faults() {
	local n=1 struck=0 code

	while :; do
		rm -rf state output letters
		code=0
		GALE_FAILPOINTS="$1/$2=$n,$3" "$4" > out 2> err || code=$?
		grep -q "failpoint $2 reached" err || break
		struck=$((struck + 1))
		[ "$code" -ne 124 ] || fail "$1 $2=$n,$3: it hangs: $(cat err)"
		(check_said "$1" "$2" "$3" "$code") || fail "$1 $2=$n,$3: exit $code"
		[ "$code" -ne 0 ] || ("$5") || fail "$1 $2=$n,$3: exit 0, and its output is wrong"
		cp err first
		"$4" > out 2> err || fail "after $1 $2=$n,$3: exit $?: $(cat err); before: $(cat first)"
		("$5") || fail "after $1 $2=$n,$3: the output is wrong; before: $(cat first)"
		n=$(after "$n")
	done
	[ "$code" -eq 0 ] || fail "$1 $2=$n,$3: exit $code without a fault: $(cat err)"
	[ "$struck" -gt 0 ] || fail "$1 never comes to $2"
	printf '      %-12s %-16s %-5s %4d faults, the last n below %d\n' "$1" "$2" "$3" "$struck" "$n" >&3
}

# both WHO POINT...: it fails, or the process dies there.
both() {
	local who=$1 point

	shift
	for point; do
		faults "$who" "$point" 5 count_words no_word_missed
		faults "$who" "$point" kill count_words no_word_missed
	done
}

# ---- the durable word count ---------------------------------------------------------------

words() {
	head -n 60 /usr/share/common-licenses/GPL-3 > text
	tr -s ' \t\n\v\f\r' '\n' < text | grep -v '^$' | sort | uniq -c |
	    awk '{ print $2 "\t" $1 }' > truth
}

count_words() {
	gale run -q "$DURABLE" --state state -D input=text -D output=output
}

# no_word_missed: every word has one line, and a count that is the truth or more.
no_word_missed() {
	awk -F '\t' 'NR == FNR { truth[$1] = $2; next }
	    !($1 in truth) || $2 < truth[$1] || seen[$1]++ { print "wrong: " $0; wrong = 1 }
	    { n++ }
	    END { if (n != length(truth)) print n " words, not " length(truth)
		exit wrong || n != length(truth) }' truth output
}

case_supervisor() {
	words
	both supervisor alloc control.send spawn.fork file.write file.sync file.rename
}

case_spout() {
	words
	both 'lines[0]' alloc send control.send status.map position.write position.sync
}

case_bolt() {
	words
	both 'split[0]' alloc send control.send
}

case_bolt_with_state() {
	words
	both 'tally[0]' alloc send control.send state.open state.write
}

case_sink() {
	words
	both 'table[0]' alloc send state.open state.write
}

case_acker() {
	words
	both 'acker[0]' alloc send control.send status.map
}

# ---- dead letters ---------------------------------------------------------------------------

refuse_13() {
	gale run -q -P "$PLUGINS" --state state t.json
}

# A letter may come twice, and must come.
the_letter_is_there() {
	must counts_at_least 1 letters '"attempts":1,.*"values":\["line13"\]}$'
	must_count 0 letters '[^}]$'
}

counts_at_least() {
	[ "$(lines "$2" "$3")" -ge "$1" ]
}

case_dead_letters() {
	local point what

	seq -f 'line%.0f' 20 > input
	topology <<-END
		config topology.max.attempts 1
		config topology.dead.letter.file letters
		spout lines lines path=input
		bolt append append path=output spare=line13
		stream lines append SHUFFLE
	END
	for point in deadletter.write deadletter.sync position.write; do
		for what in 5 kill; do
			faults 'lines[0]' "$point" "$what" refuse_13 the_letter_is_there
		done
	done
}

run_cases "$@"
