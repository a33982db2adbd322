#!/bin/bash
# statetools.sh - gale state: what it shows is what was counted and decided, the directory stays as
# it is, an import is the export, a run that goes on can be looked at, and what is damaged is refused.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
# shellcheck disable=SC2016 # $ stands in a pattern

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

DURABLE=$TOP_SRCDIR/topologies/8-durable-wordcount.json

# words: how often each word of standard input comes, as "word<tab>count".
words() {
	tr -s ' \t\n\v\f\r' '\n' | grep -av '^$' | sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/' | sort
}

# count [PARALLELISM [DIR]] counts the words of text into the state.
count() {
	expect 0 run -q "$DURABLE" -D input=text -D output=output -D parallelism="${1:-3}" --state "${2:-d}"
}

text() {
	head -c 100000 /usr/share/common-licenses/GPL-3 > text
	words < text > expected
}

# dumped FILE: what `gale state dump` wrote of tally, as words gives it.
dumped() {
	sed -n 's/^{"component":"tally","task":[0-9]*,"key":"\(.*\)","value":.*,"int":\([0-9]*\)}$/\1\t\2/p' "$1" |
	    sed 's/\\\(["\\]\)/\1/g' | sort
}

# prints DIR: names, times, sizes and modes of all that is in it.
prints() {
	find "$1" -printf '%p %i %s %T@ %m\n' | sort
}

# ---- looking ------------------------------------------------------------------------------------

case_what_was_counted_is_shown() {
	text
	count 3
	prints d > before
	expect 0 state dump d tally
	dumped out > got
	same got expected
	expect 0 state dump d
	must [ "$(grep -c '"component":"table"' out)" -eq "$(wc -l < expected)" ]
	expect 0 state dump d tally.1
	must [ "$(grep -vc '"task":1,' out)" -eq 0 ]
	expect 0 state get d tally the
	must [ "$(dumped out)" = "$(grep -P '^the\t' expected)" ]
	expect 0 state ls d
	must [ "$(awk '$1 == "tally" { n += $5 } END { print n }' out)" -eq "$(wc -l < expected)" ]
	must [ "$(grep -c . out)" -eq 5 ]
	expect 0 state verify d
	must [ "$(grep -c '  ok: version 1' out)" -eq 4 ]
	prints d > after
	same before after
	count 3
	expect 0 state get d tally the
	must [ "$(dumped out | cut -f 2)" -eq $((2 * $(grep -P '^the\t' expected | cut -f 2))) ]
}

case_what_is_not_there_is_told() {
	text
	count
	expect 4 state get d tally no-such-word
	says 'tally has no such key: no-such-word'
	expect 4 state get d nobody the
	says 'there is no state of nobody'
	expect 4 state dump d tally.7
	expect 4 state ls nowhere
	says 'no such file: nowhere'
	mkdir empty
	expect 1 state ls empty
	says 'empty is no state directory'
	expect 2 state
	expect 2 state lss d
	says 'did you mean "ls"'
	expect 2 state get d tally
	says 'it is: gale state get DIR.NAME COMPONENT KEY'
	expect 2 state ls d --tasks tally=3
	says 'is for "gale state import"'
}

state_is_there() {
	gale state get d "$1" record > out 2> err
}

# words_of_the_record FILE: how many words the lines have that the record in the exported FILE
# covers. The record is u64 txid, u8 final, u32 n, u32 task, u8 known, u64 next.
words_of_the_record() {
	local next

	next=$(sed -n 's/^{"component":"coordinator","task":0,"key":"record","value":{"$bytes":"\(.*\)"}.*/\1/p' "$1" |
	    base64 -d | od -An -tu8 -j 18 -N 8)
	[ -n "$next" ] || next=0
	head -c "$next" text | wc -w
}

counted() {
	sed -n 's/^{"component":"tally",.*,"int":\([0-9]*\)}$/\1/p' "$1" | awk '{ n += $1 } END { print n + 0 }'
}

# What is read while the run goes on is one moment: each count has what the record covers, no more
# and no less, whatever is on its way; and nothing is lost or doubled by that.
case_a_run_that_goes_on_can_be_looked_at() {
	local looks=0 rounds

	rounds=$(much 1200)
	for _ in $(seq "$rounds"); do
		cat /usr/share/common-licenses/GPL-3
	done > text
	"$GALE" run -q "$TOP_SRCDIR/topologies/9-transactional-wordcount.json" -D input=text -D output=output \
	    -D parallelism=2 --state d 2> err.run &
	PID=$!
	wait_until 20 state_is_there coordinator
	while ! is_gone "$PID"; do
		rm -f file
		if ! gale state export d file > /dev/null 2> err; then
			# It is ending, or has too much to do: then one tries again, as is said.
			is_gone "$PID" || grep -q ': try again' err || fail "$(cat err)"
			continue
		fi
		[ "$(counted file)" -eq "$(words_of_the_record file)" ] ||
		    fail "$(counted file) words are counted, and the record covers $(words_of_the_record file)"
		looks=$((looks + 1))
	done
	wait "$PID" || fail "the run ends with $?: $(cat err.run)"
	PID=
	must [ "$looks" -gt 0 ]
	words < text > expected
	sort output > got
	same got expected
	must [ ! -e d/control ]
}

case_without_transactions_each_task_is_as_of_its_last_commit() {
	text
	mkfifo pipe
	topology <<-END
		spout lines lines path=pipe
		bolt split split
		bolt tally tally
		stream lines split SHUFFLE
		stream split tally FIELDS word
	END
	start --state d
	exec 3> pipe
	cat text >&3
	wait_until 20 all_is_counted
	exec 3>&-
	ends 0
}

all_is_counted() {
	gale state dump d tally > out 2> err
	dumped out > got
	cmp -s got expected
}

# ---- damage -------------------------------------------------------------------------------------

# flip FILE [AT]: the byte in its middle, or at AT, is another one.
flip() {
	local at=${2:-$(($(stat -c %s "$1") / 2))} byte

	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

case_damage_is_found_and_not_repaired() {
	text
	count
	count	# so that there are tables as well
	cp -r d good
	for file in d/state/tally.1/*.ldb d/state/tally.1/*.log d/state/tally.1/MANIFEST*; do
		[ -s "$file" ] || continue
		flip "$file" 10		# keys; LevelDB goes without the filters behind them
		prints d > before
		expect 5 state verify d
		must [ "$(grep -c '  ok: ' out)" -eq 3 ]
		must grep -q '^tally.1  .*/d/state/tally.1 is damaged' out
		expect 1 state export d file
		must [ ! -e file ]
		must [ ! -e file.new ]
		prints d > after
		same before after
		rm -r d
		cp -r good d
	done
	expect 0 state verify d
}

# ---- moving -------------------------------------------------------------------------------------

case_an_import_is_what_was_exported() {
	text
	count
	expect 0 state export d file
	expect 0 state import file d2
	expect 0 state verify d2
	expect 0 state export d2 file2
	same file file2
	must [ "$(stat -c %a d2 d2/state d2/topology | tr '\n' ' ')" = "700 700 600 " ]
	expect 5 state import file d2
	says 'd2 is there already'
	count 3 d2
	expect 0 state get d2 tally the
	must [ "$(dumped out | cut -f 2)" -eq $((2 * $(grep -P '^the\t' expected | cut -f 2))) ]
}

case_a_damaged_export_is_refused() {
	text
	count
	expect 0 state export d file
	cp file good
	flip file
	expect 5 state import file d2
	head -n -1 good > file
	expect 5 state import file d2
	says 'its last line is missing'
	sed 3d good > file
	expect 5 state import file d2
	cp text file
	expect 5 state import file d2
	says 'file is no export of a state directory, or is damaged: line 1 '
	expect 4 state import nothing d2
	must [ ! -e d2 ]
	must [ ! -e d2.new ]
}

case_no_room_for_an_export() {
	text
	count
	[ -w /dev/full ] || skip "there is no /dev/full"
	ln -s /dev/full file.new
	expect 1 state export d file
	says 'cannot write file.new: No space left'
}

case_positions_are_moved_as_well() {
	seq 1 100000 > text
	topology <<-END
		spout lines lines path=text
		bolt slow slow us=100
		stream lines slow SHUFFLE
	END
	start --state d
	wait_until 10 test -s d/positions/lines.0.a
	kill -KILL "$PID"
	wait_until 5 none_of_ours
	wait "$PID"
	expect 0 state verify d
	must grep -q '^lines.0  ok: a position' out
	expect 0 state export d file
	expect 0 state import file d2
	PID=
	# Of the two that are written in turn the later one is moved.
	cmp -s d/positions/lines.0.b d2/positions/lines.0.a || same d/positions/lines.0.a d2/positions/lines.0.a
	cp d2/positions/lines.0.a d2/positions/lines.0.b
	flip d2/positions/lines.0.a
	expect 0 state verify d2
	flip d2/positions/lines.0.b
	expect 5 state verify d2
	must grep -q '^lines.0  the position .*/d2/positions/lines.0 is damaged: ' out
}

# ---- another number of tasks ----------------------------------------------------------------------

case_keys_are_shared_out_anew() {
	local n

	text
	count 3
	expect 5 run -q "$DURABLE" -D input=text -D output=output -D parallelism=4 --state d
	says 'gale state import with --tasks'
	expect 0 state export d file
	for n in 1 2 5 16; do
		expect 0 state import file "d$n" --tasks tally="$n" --tasks split="$n"
		expect 0 state verify "d$n"
		expect 0 state dump "d$n" tally
		dumped out > got
		same got expected
	done
	expect 0 state export d1 one
	expect 0 state import one d3 --tasks tally=3 --tasks split=3
	expect 0 state dump d3 tally
	dumped out > got
	same got expected
	count 3 d3
	count 5 d5
	expect 0 state dump d5 tally
	dumped out > got
	awk -F '\t' '{ print $1 "\t" 2 * $2 }' expected > twice
	same got twice
}

case_what_cannot_be_shared_out_is_refused() {
	text
	count 3
	expect 0 state export d file
	expect 5 state import file d2 --tasks table=2
	says "keys of table can't be spread: .* FIELDS on one field"
	expect 5 state import file d2 --tasks nobody=2
	says 'there is no bolt nobody'
	expect 2 state import file d2 --tasks tally=0
	expect 2 state import file d2 --tasks tally
	must [ ! -e d2 ]
}

# A bolt whose keys are not its field's values: keeper.Keep puts more into its state.
case_keys_that_are_no_fields_are_refused() {
	topology <<-END
		config topology.acker.executors 1
		spout feed feed count=2000 keys=100
		bolt keep keeper.Keep parallelism=2 numTasks=3
		stream feed keep FIELDS n
	END
	run --state d
	expect 0 state export d file
	expect 5 state import file d2 --tasks keep=4
	says "the keys of keep can't be spread: .* its plugin says .*state_by_field"
}

# ---- what is decided ----------------------------------------------------------------------------

# has_decided: the first record is there, so everybody is at work.
has_decided() {
	gale state verify d 2> /dev/null | grep -q '^coordinator.0  ok: .*, batch [1-9]'
}

# coordinator_is_gone, killed at its fifth record: the lines that come are for that.
coordinator_is_gone() {
	local p

	printf 'one more line\n' >> text
	for p in $(worker 'coordinator[0]'); do
		grep -q '^State:.[ZX]' "/proc/$p/status" 2> /dev/null || return 1
	done
}

# next_byte: how far the record says that text is decided: u64 txid, u8 final, u32 1, u32 task,
# u8 known, u64 next.
next_byte() {
	grep '"key":"record"' "$1" | sed 's/.*"\$bytes":"\([^"]*\)".*/\1/' | base64 -d | od -An -tu8 -j 18 -N 8
}

case_only_what_is_decided_is_shown() {
	: > text
	topology <<-END
		spout lines lines path=text follow=true
		bolt split split parallelism=2
		bolt tally tally parallelism=3
		stream lines split SHUFFLE
		stream split tally FIELDS word
	END
	sed -i '1s/{/{ "transactional": { "id": "decided" },/' t.json
	export GALE_FAILPOINTS='coordinator[0]/coordinator.record=5,kill'
	start --state d
	unset GALE_FAILPOINTS
	printf 'the first line\n' >> text
	wait_until 10 has_decided
	kill -STOP "$PID"	# so that nobody starts another one
	wait_until 30 coordinator_is_gone
	kill -KILL "$PID"
	wait_until 5 none_of_ours
	wait "$PID"
	expect 0 state verify d
	must grep -q 'the round up to [0-9]* is not decided' out
	must grep -q '^coordinator.0  ok: .*, batch [1-9]' out
	expect 0 state dump d coordinator
	next_byte out > next
	expect 0 state dump d
	dumped out > got
	head -c "$(cat next)" text | words > expected
	same got expected
	expect 0 state export d file
	expect 0 state import file d2
	expect 0 state verify d2
	must [ "$(grep -c 'not decided' out)" -eq 0 ]
	expect 0 state export d2 file2
	same file file2
	PID=
}

run_cases "$@"
