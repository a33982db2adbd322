#!/bin/bash
# logs.sh - what a submitted topology says: its log, its errors, its levels; and when there is no
# room for it. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# noted [LEVEL [CONFIG VALUE]]: each line that the file `in` gains is logged by a bolt with two tasks,
# and written to `through` by another.
noted() {
	touch in
	topology <<-END
		${2:+config $2 $3}
		spout lines lines path=in follow=true
		bolt note log level=${1:-info} parallelism=2
		bolt append append.Append path=through
		stream lines note SHUFFLE
		stream lines append SHUFFLE
	END
}

# add FIRST LAST: so many lines come in.
add() {
	seq -f 'line %.0f' "$1" "$2" >> in
}

# has N: that many lines came through. is_done N: so many were worked on by both bolts, and none is open.
# logged N PATTERN: so many lines of the log match.
has() {
	[ "$(lines through .)" -ge "$1" ]
}

is_done() {
	gale status "$CASE" --json > shown && [ "$(grep -o '"acked": [0-9]*' shown | head -n 1)" = "\"acked\": $1" ]
}

is_noted() {
	[ "$(stat -c %s "$HOMES/gale/$CASE/log")" -gt "$1" ]
}

has_ended() {
	[ -e "$HOMES/gale/$CASE/ended.json" ]
}

logged() {
	gale logs "$CASE" > log 2> err && counts "$1" log "$2"
}

# logged_each N PATTERN: the log of $CASE has N different texts that match it; after a death a tuple may come twice.
logged_each() {
	gale logs "$CASE" > log 2> err && [ "$(grep -oE -- "$2" log | sort -u | wc -l)" -eq "$1" ]
}

# suits NAME: the file out is as the schema of that name says; suits_line: each line of it is.
suits() {
	"$TOP_BUILDDIR/test/schema" "$TOP_SRCDIR/doc/schema/$1.schema.json" < out || fail "not as the schema says: $(cat out)"
}

suits_line() {
	local line

	while read -r line; do
		"$TOP_BUILDDIR/test/schema" "$TOP_SRCDIR/doc/schema/logs.schema.json" <<< "$line" || fail "not as the schema says: $line"
	done < out
}

# ---- what is there -------------------------------------------------------------------------------

case_lines() {
	noted warn
	submit
	add 1 3
	wait_until 5 logged 3 '^....-..-..T..:..:..\.[0-9]{3}Z WARN note\[[01]\] line="line [123]"$'
	expect 0 logs lines note
	must_count 3 out .
	expect 0 logs lines note.0
	cp out both
	expect 0 logs lines 'note[1]'
	cat out >> both
	must_count 3 both .
	expect 0 logs lines note	# of two tasks: in any order
	tail -n 1 out > last
	expect 0 logs lines note -n 1
	same out last
	expect 0 logs lines note -n 0
	must_count 0 out .
	expect 0 logs lines --level error
	must_count 0 out .
	expect 0 logs lines --level warn --since 1h
	must_count 3 out .
	expect 0 logs lines note --since 2100-01-01
	must_count 0 out .
	expect 0 logs lines note --json -n 1
	must_count 1 out '^\{"time":"2.*Z","level":"WARN","source":"note\[[01]\]","text":"line=\\"line [123]\\""\}$'
	expect 0 logs lines --json
	suits_line
	expect 0 kill lines -w 20
}

case_wrong() {
	noted
	submit
	expect 4 logs rong
	says 'no topology "rong"; did you mean "wrong"'
	expect 4 logs wrong nota
	says 'no component "nota" in this topology; did you mean "note"'
	expect 4 logs wrong note.2
	says '"note" has no task 2: it has 2'
	expect 2 logs wrong --level loud
	expect 2 logs wrong --since tomorrow
	expect 2 logs wrong -n few
	expect 4 errors rong
	expect 2 set-log-level wrong loud
	expect 2 set-log-level wrong debug --for ever
	expect 4 set-log-level wrong nota debug
	says 'did you mean "note"'
	expect 4 set-log-level rong debug
	must [ "$(gale complete logs wrong no)" = note ]
	must [ "$(gale complete set-log-level wrong deb)" = debug ]
	expect 0 kill wrong -w 20
}

# What a plugin writes to standard output, or to descriptor 1, is in the log; and so is what ends it.
case_output() {
	printf 'one\nerror: two\n' > in
	topology <<-END
		spout lines lines path=in
		bolt file file path=-
		stream lines file SHUFFLE
	END
	submit
	wait_until 5 has_ended
	logged 1 ' INFO output one$' || fail "$(cat log)"
	logged 1 ' INFO output error: two$' || fail "$(cat log)"
	must_count 1 log ' INFO gale run 1 begins; the supervisor is process [0-9]+$'
	must_count 1 log ' INFO gale run 1 is over$'
	expect 0 logs output output
	must_count 2 out .
	expect 0 errors output --json
	suits errors
	must_count 1 out '^\{"name":"output","errors":\[\]\}$'
	expect 0 kill output
}

# ---- as it goes on -------------------------------------------------------------------------------

# A reader has every line, across rotations, and ends with the topology.
case_follow() {
	noted info topology.log.max.bytes 65536
	sed -i '2s/"config": {/& "topology.log.files": 100,/' t.json
	submit
	gale logs follow note -f > followed &
	add 1 100
	wait_until 5 counts 100 followed 'line'
	add 101 5000
	wait_until 20 counts 5000 followed line
	expect 0 kill follow -w 20
	wait $! || fail "gale logs -f: $?"
	must_count 5000 followed 'line="line'
	sed 's/.*line=.line \([0-9]*\).*/\1/' followed | sort -n | uniq | wc -l > numbers
	must grep -qx 5000 numbers
}

case_rotation() {
	noted info topology.log.max.bytes 65536
	sed -i '2s/"config": {/& "topology.log.files": 2,/' t.json
	submit
	add 1 5000
	wait_until 20 has 5000
	wait_until 5 logged 1 'line 5000"'
	must [ -e "$HOMES/gale/rotation/log.1" ]
	must [ ! -e "$HOMES/gale/rotation/log.2" ]
	must [ "$(cat "$HOMES/gale/rotation/log"* | wc -c)" -le $((2 * 65536)) ]
	must [ "$(lines log 'note.*line')" -gt 500 ]
	must [ "$(stat -c %a "$HOMES/gale/rotation/log")" = 600 ]
	expect 0 kill rotation -w 20
}

# ---- no room -------------------------------------------------------------------------------------

# As on a full disk: what comes in goes through, all of it; whole lines of the log are lost, and that is
# told once there is room.
case_full() {
	local home=$HOMES/gale/full

	noted
	(
		ulimit -f 600
		submit
	) || exit 1
	add 1 12000
	wait_until 30 has 12000
	wait_until 20 is_done 12000
	wait_until 10 is_noted $((500 * 1024))
	must [ "$(stat -c %s "$home/log")" -le $((600 * 1024)) ]
	must [ "$(tail -c 1 "$home/log" | od -An -tx1)" = " 0a" ]
	: > "$home/log"
	add 12001 12001
	wait_until 5 logged 1 'line 12001'
	logged 1 'WARN gale [0-9]+ lines dropped since 2.*: cannot write log: File too large$' || fail "$(cat log)"
	expect 0 kill full -w 20
}

# ---- errors --------------------------------------------------------------------------------------

case_errors() {
	seq 1 10 > in
	topology <<-END
		config topology.message.timeout.secs 3600
		spout feed feed count=10 start=1 replay=kept
		bolt poison probe.Poison at=3 how=abort
		bolt note log level=warn
		stream feed poison SHUFFLE
		stream poison note SHUFFLE
	END
	(
		ulimit -c 0	# that there is a core file makes another text
		submit
	) || exit 1
	wait_until 20 has_ended
	expect 0 errors errors
	must_count 1 out '^poison +WARN|^poison +ERROR'
	must_count 1 out '^poison +ERROR +3 .*killed by SIGABRT'
	# What was on its way when the bolt died may have come twice.
	must [ "$(sed -n 's/^note  *WARN  *\([0-9]*\) .*n=[0-9].*/\1/p' out)" -ge 9 ]
	logged_each 9 'note.*n=[0-9]+' || fail "$(cat log)"
	expect 0 errors errors
	expect 0 errors errors --json
	suits errors
	must_count 1 out '"component":"poison","source":"poison\[0\]","level":"ERROR","count":3,"firstTime":"2'
	expect 0 logs errors poison --level error
	must_count 3 out 'was killed by SIGABRT'
	expect 0 kill errors
}

# ---- levels --------------------------------------------------------------------------------------

case_levels() {
	noted debug
	submit
	add 1 3
	wait_until 5 is_done 3
	expect 0 set-log-level levels note debug
	add 4 4
	wait_until 5 logged 1 'DEBUG note.*line 4'
	kill -9 "$(worker 'note[0]')" "$(worker 'note[1]')"
	wait_until 5 logged 2 'note.*killed by SIGKILL'
	add 5 8
	wait_until 5 logged_each 4 'line [5-8]"'
	must_count 0 log 'line [1-3]"'
	expect 0 set-log-level levels error
	add 9 9
	wait_until 5 is_done 9
	expect 0 set-log-level levels note debug --for 3s
	add 10 10
	wait_until 5 logged 1 'line 10"'
	wait_until 5 logged 1 'INFO gale the log level of note is what its config says again$'
	add 11 11
	wait_until 5 is_done 11
	must logged 0 'line (9|11)"'
	must_count 1 log 'INFO gale the log level of note is DEBUG now, for a while'
	expect 0 kill levels -w 20
	expect 4 set-log-level levels debug
}

# Without a word of anybody the config counts, here and in the foreground.
case_config() {
	seq -f 'line %.0f' 1 3 > in
	for level in info debug; do
		topology <<-END
			spout lines lines path=in
			bolt note log level=debug topology.log.level=$level
			stream lines note SHUFFLE
		END
		expect 0 run t.json
		must_count "$([ "$level" = info ] && echo 0 || echo 3)" err 'note\[0\] debug: line='
	done
}

run_cases "$@"
