#!/bin/bash
# e2e.sh - what the shell tests share. A test sources it, defines functions case_NAME and ends
# with `run_cases`. SPDX-License-Identifier: Apache-2.0
#
# Each case runs in a subshell, in an empty directory of its own and with a run directory of
# its own (XDG_RUNTIME_DIR), so cases and whole tests run beside each other. When it is over,
# nothing of gale's may be left: no process, no run directory, no temporary file. Files of a
# case that failed are kept.
#
#     test/reliability.sh timeout 'wrong*'     runs only these cases
#     GALE=PROGRAM  JOBS=N  test/...           another gale, N cases at a time
#     TEST_CHAINING=auto  test/...             with bolts chained wherever that is possible
#     TEST_COMBINING=off  test/...             with equal tuples on their own
#     TEST_WITHOUT=OPTIMISE_RUNS  test/...     the gale that is tested was built so (test/optimisations)

TOP_SRCDIR=${TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
TOP_BUILDDIR=${TOP_BUILDDIR:-$TOP_SRCDIR}
GALE=${GALE:-$TOP_BUILDDIR/gale}
PLUGINS=$TOP_BUILDDIR/test/plugins
# Deadlines, and what memory may be used, are this many times as much.
SLOW=${SLOW:-$(grep -q '__[au]b\?san_' "$GALE" && echo 8 || echo 1)}
TEST_CHAINING=${TEST_CHAINING:-}
TEST_COMBINING=${TEST_COMBINING:-}
ME=$(basename "$0" .sh)
PID=
export LC_ALL=C
# What is at the end of a pipe, such as same_lines, may end the case: it is no subshell.
shopt -s lastpipe

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

skip() {
	echo "SKIP: $*" >&2
	exit 77
}

# wait_until SECONDS COMMAND... waits until COMMAND succeeds, and fails when it is late: SECONDS are
# enough where nobody else is at work. A machine that is shared may take three times as long, and is
# given 25 s at least: less than the 30 s after which a message times out that nobody cared for. When
# the gale that was started has ended, it does not wait much longer.
wait_until() {
	local most=$((3 * $1)) said=$* until

	[ $most -ge 25 ] || most=25
	until=$((SECONDS + most * SLOW))
	shift
	until "$@"; do
		[ $SECONDS -lt $until ] || fail "not true in time: $said"
		if [ -n "$PID" ] && is_gone "$PID" && [ $until -gt $((SECONDS + 10 * SLOW)) ]; then
			until=$((SECONDS + 10 * SLOW))
		fi
		sleep 0.02
	done
}

# ---- gale ----

# What is gale's is known by its environment. Submitted topologies have their homes in $HOMES.
gale() {
	XDG_RUNTIME_DIR=$RUN XDG_STATE_HOME=$HOMES GALE_TEST_CASE=$RUN timeout --foreground -k 5 $((180 * SLOW)) "$GALE" "$@"
}

# expect CODE ARGUMENT... runs gale; its output is in the files out and err.
expect() {
	local code=$1 got=0

	shift
	gale "$@" > out 2> err || got=$?
	[ $got -eq "$code" ] || fail "gale $*: exit $got, not $code: $(tail -n 5 err)"
}

# run [OPTION...] runs t.json to its good end; its summary is in the file summary.
run() {
	expect 0 run -q -P "$PLUGINS" --summary summary "$@" t.json
}

# start [OPTION...] runs t.json in the background, as process $PID. gale leaves SIGHUP ignored
# where it was, so that tests under nohup have to put it back. Until exec the process is a copy
# of this shell, in which a signal may be lost.
start() {
	XDG_RUNTIME_DIR=$RUN XDG_STATE_HOME=$HOMES GALE_TEST_CASE=$RUN env --default-signal=HUP "$GALE" run -P "$PLUGINS" \
	    --summary summary "$@" t.json > out 2> err &
	PID=$!
	until [ "/proc/$PID/exe" -ef "$GALE" ] || is_gone "$PID"; do :; done
}

is_gone() {
	! kill -0 "$1" 2> /dev/null
}

# is_dead PROCESS: it has let go of all that it had, whether anybody has reaped it or not.
is_dead() {
	! kill -0 "$1" 2> /dev/null || { grep -qs '^State:.[ZX]' "/proc/$1/status" && [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2> /dev/null | wc -l)" -le 1 ]; }
}

# sleeps PROCESS: for half a second, but for what it may have been in the middle of.
sleeps() {
	local before after

	before=$(grep -hs ^voluntary "/proc/$1/task/$1/status" | tr -cd 0-9)
	sleep 0.5
	after=$(grep -hs ^voluntary "/proc/$1/task/$1/status" | tr -cd 0-9)
	[ $((${after:-1000} - ${before:-0})) -le 3 ] && grep -qs '^State:.S' "/proc/$1/status"
}

# ends CODE [SECONDS]: what was started ends in time with this exit code.
ends() {
	local got=0

	wait_until "${2:-10}" is_gone "$PID"
	wait "$PID" || got=$?
	[ $got -eq "$1" ] || fail "gale: exit $got, not $1: $(tail -n 5 err)"
}

# submit [OPTION...] submits t.json, and waits until it is up.
submit() {
	expect 0 submit --wait -P "$PLUGINS" "$@" t.json
}

# status_of NAME gives the status that lists show; is_status NAME STATUS tells whether it is that.
status_of() {
	gale list --json | tr '{' '\n' | sed -n "s/.*\"name\": *\"$1\".*\"status\": *\"\([A-Z]*\)\".*/\1/p"
}

is_status() {
	[ "$(status_of "$1")" = "$2" ]
}

# of_ours gives the process ids of this case's gale and of all that came from it.
of_ours() {
	grep -lzxF "GALE_TEST_CASE=$RUN" /proc/[0-9]*/environ 2> /dev/null | tr -cd '0-9\n'
}

none_of_ours() {
	[ -z "$(of_ours)" ] && none_is_dying
}

# none_is_dying: a process that is killed loses its memory, and so its environment, before it lets go of
# its files, which its last thread does. Here are those that have no environment any more, and a thread
# that still is in this case's directory.
none_is_dying() {
	local t

	while read -r t; do
		t=${t#/proc/}
		grep -qsz . "/proc/${t%%/*}/environ" || [ ! -d "/proc/$t" ] || return 1
	done < <(find /proc/[0-9]*/task/[0-9]*/cwd -maxdepth 0 \( -lname "$ROOT/$CASE" -o -lname "$ROOT/$CASE/*" -o \
	    -lname "$HOMES/*" \) 2> /dev/null)
}

# worker LABEL gives the process id of a worker, such as "split[0]", or of the one that this is
# chained into; nothing: there is none.
worker() {
	local p words

	for p in $(of_ours); do
		{ mapfile -d '' -t words < "/proc/$p/cmdline"; } 2> /dev/null
		case +${words[*]: -1}+ in *"+$1+"*) echo "$p" ;; esac
	done
}

# supervisor gives the process id of the supervisor of the only topology that was submitted.
supervisor() {
	local p

	for p in $(of_ours); do
		{ tr '\0' '\n' < "/proc/$p/cmdline"; } 2> /dev/null | grep -qx supervise && echo "$p"
	done
}

# is_ready PROCESS: this worker has had its sockets for a while, in which it says hello.
is_ready() {
	local words dir w start made i

	{ mapfile -d '' -t words < "/proc/$1/cmdline"; } 2> /dev/null
	for ((i = 0; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		--run-dir) dir=${words[i + 1]} ;;
		--worker) w=${words[i + 1]} ;;
		--start) start=${words[i + 1]} ;;
		esac
	done
	made=$(stat -c %.6Y "$dir/w$w.$start.in" "$dir/w$w.$start.ack" 2> /dev/null | tail -n 1)
	[ -n "$made" ] && [ $((${EPOCHREALTIME/.} - ${made/.})) -gt $((50000 * SLOW)) ]
}

# kill_worker PROCESS kills it; of those that are not ready four at most, for the fifth death in a row before
# a hello ends a run, which a busy machine may come to.
EARLY=0
kill_worker() {
	if ! is_ready "$1"; then
		[ "$EARLY" -lt 4 ] || return 1
		EARLY=$((EARLY + 1))
	fi
	kill -9 "$1" 2> /dev/null
}

# kill_some TIMES [PATTERN] kills workers whose label matches, any of them and at any time, until the run is
# over, TIMES at most and once at least; killed is how often it did.
kill_some() {
	killed=0
	while [ "$killed" -lt "$1" ] && ! is_gone "$PID"; do
		sleep "0.$(printf %03d $((20 + RANDOM % 130)))"	# chance, nothing to wait for
		wait_until 20 one_is_killed "${2:-.}"
	done
	echo "$killed killed"
	must [ "$killed" -gt 0 ]
}

one_is_killed() {
	local p words victims=()

	for p in $(of_ours | grep -vx "$PID"); do
		{ mapfile -d '' -t words < "/proc/$p/cmdline"; } 2> /dev/null
		[[ ${words[*]: -1} =~ $1 ]] && victims+=("$p")
	done
	if [ ${#victims[@]} -gt 0 ] && kill_worker "${victims[RANDOM % ${#victims[@]}]}"; then
		killed=$((killed + 1))
	else
		is_gone "$PID"
	fi
}

nothing_left() {
	wait_until 5 none_of_ours
	[ -z "$(ls -A "$RUN")" ] || fail "left in the run directory: $(find "$RUN")"
	[ -z "$(find . -name '.gale-*')" ] || fail "left behind: $(find . -name '.gale-*')"
}

# ---- topologies in few words ----

# topology writes t.json from lines of
#
#     config KEY VALUE
#     transactional ID [TYPE]
#     spout ID CLASS [KEY=VALUE...]	bolt ID CLASS [KEY=VALUE...]
#     stream FROM[:STREAM] TO GROUPING [ARGUMENT...]
#
# The keys parallelism, numTasks and those with a dot (config) go where they belong; all
# others are properties.
topology() {
	awk -v name="${1:-$CASE}" -v chaining="$TEST_CHAINING" -v combining="$TEST_COMBINING" '
	function json(v) {
		return v ~ /^(true|false|null|-?[0-9]+(\.[0-9]+)?)$/ ? v : "\"" v "\""
	}
	function add(list, v) {
		return list == "" ? v : list ", " v
	}
	function pair(k, v) {
		return "\"" k "\": " json(v)
	}
	function part(    i, at, k, v, p, c, s) {
		s = pair("id", $2) ", " pair("className", $3)
		for (i = 4; i <= NF; i++) {
			at = index($i, "=")
			k = substr($i, 1, at - 1)
			v = substr($i, at + 1)
			if (k == "parallelism" || k == "numTasks")
				s = s ", " pair(k, v)
			else if (k ~ /\./)
				c = add(c, pair(k, v))
			else
				p = add(p, pair(k, v))
		}
		return "\n    { " s ", \"properties\": { " p " }, \"config\": { " c " } }"
	}
	function stream(    f, s, a, i) {
		split($2, f, ":")
		s = pair("type", $4)
		if (f[2] != "")
			s = s ", " pair("streamId", f[2])
		if ($4 == "CUSTOM")
			s = s ", \"customClass\": { " pair("className", $5) " }"
		else if (NF > 4) {
			for (i = 5; i <= NF; i++)
				a = add(a, json($i))
			s = s ", \"args\": [" a "]"
		}
		return "\n    { " pair("from", f[1]) ", " pair("to", $3) ", \"grouping\": { " s " } }"
	}
	$1 == "config" { configs = add(configs, pair($2, $3)) }
	$1 == "transactional" {
		tx = ",\n  \"transactional\": { " pair("id", $2) (NF > 2 ? ", " pair("type", $3) : "") " }"
	}
	$1 == "spout" { spouts = add(spouts, part()) }
	$1 == "bolt" { bolts = add(bolts, part()) }
	$1 == "stream" { streams = add(streams, stream()) }
	END {
		if (chaining != "")
			configs = add(configs, pair("topology.chaining", chaining))
		if (combining != "")
			configs = add(configs, pair("topology.combining", combining))
		printf "{ %s,\n  \"config\": { %s },\n  \"spouts\": [%s ],\n  \"bolts\": [%s ],\n  \"streams\": [%s ]%s }\n",
		    pair("name", name), configs, spouts, bolts, streams, tx
	}' > t.json
}

# stuck: lines of the file `in`; the bolt holds on to what it has.
stuck() {
	topology "$CASE" <<-END
		config topology.message.timeout.secs 3600
		spout lines lines path=in follow=true
		bolt append append.Append path=sink hold=true
		stream lines append SHUFFLE
	END
}

# tallied NAME LINE...: words of the file `in` are counted, with state; LINE... are of the topology.
tallied() {
	local name=$1

	shift
	{
		printf '%s\n' "$@"
		cat <<-END
			spout lines lines path=in follow=true
			bolt split split
			bolt tally tally
			stream lines split SHUFFLE
			stream split tally FIELDS word
		END
	} | topology "$name"
}

# in_batches [NAME]: so, in batches.
in_batches() {
	tallied "${1:-$CASE}" 'transactional tx'
}

# ---- what must be true ----

# busy gives how many processes there are for each processor; 1 is the least.
busy() {
	awk -v n="$(nproc)" '{ n = int($1 / n + 0.5); print n < 1 ? 1 : n }' /proc/loadavg
}

# much N: how much a case takes that has to last; where each tuple is a frame a tenth of it lasts as long.
much() {
	case ${TEST_WITHOUT:-} in
	OPTIMISE | OPTIMISE_FRAMES) echo "$(($1 / 10))" ;;
	*) echo "$1" ;;
	esac
}

# timely N COMMAND...: for what has to be fast or on time. It succeeds at least one of N times, for others
# may have the processor; what is slow itself never does.
timely() {
	local n=$1 i

	shift
	for ((i = 0; i < n; i++)); do
		("$@") 2> late && return
		kill_ours
		wait_until 5 none_of_ours
	done
	fail "not one of $n times: $*: $(cat late)"
}

# same FILE FILE2: they are equal. same_lines FILE: in any order those of standard input.
same() {
	cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff "$1" "$2" | head -n 20)"
}

same_lines() {
	sort > expected
	sort "$1" > sorted
	diff expected sorted > difference || fail "$1 is not as expected: $(head -n 20 difference)"
}

# counts N FILE PATTERN: N lines match. is N OP M: as test does it.
counts() {
	[ "$(lines "$2" "$3")" -eq "$1" ]
}

lines() {
	local n

	n=$(grep -cE -- "$2" "$1" 2> /dev/null)
	echo "${n:-0}"
}

must() {
	"$@" || fail "not true: $*"
}

must_count() {
	counts "$@" || fail "$(lines "$2" "$3") lines of $2 match '$3', not $1"
}

# says PATTERN: gale's standard error has a line that matches.
says() {
	grep -qE -- "$1" err || fail "standard error does not say '$1': $(cat err)"
}

# number KEY gives the first number of this name in the summary: the topology's.
number() {
	grep -o "\"$1\": [0-9.]*" summary | head -n 1 | sed 's/.* //'
}

# of COMPONENT KEY gives a component's number.
of() {
	grep "{ \"id\": \"$1\", \"kind\"" summary | grep -o "\"$2\": [0-9]*" | head -n 1 | sed 's/.* //'
}

# ---- running ----

run_case() {
	CASE=$1
	RUN=$ROOT/run-$2
	HOMES=$ROOT/home-$2
	mkdir -m 700 "$RUN" "$HOMES" && mkdir "$ROOT/$CASE" && cd "$ROOT/$CASE" || exit 1
	trap 'kill_ours' EXIT
	"case_$CASE"
	nothing_left
}

kill_ours() {
	local p

	for p in $(of_ours); do
		kill -9 "$p" 2> /dev/null
	done
	true
}

wanted() {
	local pattern

	[ ${#WANTED[@]} -eq 0 ] && return 0
	for pattern in "${WANTED[@]}"; do
		# shellcheck disable=SC2254 # it is a pattern
		case $1 in $pattern) return 0 ;; esac
	done
	false
}

# report CASE CODE SECONDS
report() {
	case $2 in
	0) printf 'ok    %6.2f s  %s\n' "$3" "$1" ;;
	77) printf 'SKIP  %6.2f s  %s: %s\n' "$3" "$1" "$(cat "$ROOT/$1.out")" ;;
	*)
		printf 'FAIL  %6.2f s  %s\n' "$3" "$1"
		sed 's/^/      /' "$ROOT/$1.out"
		;;
	esac
}

timed_case() {
	local began=$EPOCHREALTIME code=0

	(run_case "$1" "$2") > "$ROOT/$1.out" 2>&1 || code=$?
	echo "$code" > "$ROOT/$1.code"
	report "$1" $code "$(awk "BEGIN { print $EPOCHREALTIME - $began }")"
}

end_cases() {
	local code failed=0 skipped=0

	for code in "$ROOT"/*.code; do
		case $(cat "$code") in
		0) ;;
		77) skipped=1 ;;
		*) failed=1 ;;
		esac
	done
	if [ $failed -ne 0 ]; then
		echo "$ME: files are in $ROOT"
		exit 1
	fi
	rm -rf "$ROOT"
	[ $skipped -eq 0 ] || exit 77
	exit 0
}

kill_cases() {
	trap '' INT TERM
	# shellcheck disable=SC2046 # numbers
	kill $(jobs -p) 2> /dev/null
	wait
	exit 130
}

# run_cases [PATTERN...] runs the cases of this script in the order in which they stand there.
run_cases() {
	local case n=0

	WANTED=("$@")
	[ -x "$GALE" ] || fail "there is no gale at $GALE"
	ROOT=$(mktemp -d /tmp/gale.XXXXXX) || exit 1	# short: sockets live below it
	trap 'kill_cases' INT TERM
	# shellcheck disable=SC2013 # they are words
	for case in $(sed -n 's/^case_\([a-z0-9_]*\)() {$/\1/p' "$0"); do
		wanted "$case" || continue
		while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-4}" ]; do
			wait -n || true
		done
		n=$((n + 1))
		timed_case "$case" $n &
	done
	wait
	end_cases
}
