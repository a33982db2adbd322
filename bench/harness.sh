# shellcheck shell=sh disable=SC2154 # run sets what is not set here
# harness.sh - how bench/run measures and reports; the files in workloads/ use it.
# SPDX-License-Identifier: Apache-2.0
#
# A workload defines for each of its engines a function run_NAME, which makes one run and
# prints one line:
#
#     tuples_per_s cpu_s_per_mtuple p50_us p99_us rss_mib FOUND...
#
# null where something is not measured. FOUND is what must be the same in all runs of the
# workload: how many words, how many different ones. Then it calls alternate with the names,
# result for each, and goal.

sample_ms=50	# between two looks at the memory of all processes; 0: none

json_lines=$work/json
goal_lines=$work/goals
: >"$json_lines"
: >"$goal_lines"

# ---- one run ----------------------------------------------------------------------------

# gale TOPOLOGY [ARGUMENT...] runs it, and what it measured is in $work/summary and $work/used.
gale() {
	"$work/measure" -i "$sample_ms" -o "$work/used" "$GALE" run --quiet "$@" \
		--summary "$work/summary" >&2 || die "gale run $* failed"
	[ "$(number acked)" = "$(number emitted)" ] || die "gale run $*: not all was acked"
	[ "$(number failed)" = 0 ] || die "gale run $*: something failed, and was emitted again"
}

# gale_line TUPLES FOUND... is the line of that run, in which it worked off TUPLES.
gale_line() {
	tuples=$1
	shift
	awk -v n="$tuples" -v s="$(number seconds)" -v cpu="$(value "$work/used" cpu_s)" \
		-v p50="$(number p50)" -v p99="$(number p99)" \
		-v kib="$(value "$work/used" pss_max_kib)" -v found="$*" 'BEGIN {
		printf "%.0f %.4f %s %s %.1f %s\n", n / s, cpu * 1e6 / n, p50 == "" ? "null" : p50,
			p99 == "" ? "null" : p99, kib / 1024, found }'
}

# bare PROGRAM [ARGUMENT...] runs one of the programs here; what it says is in $work/said.
bare() {
	program=$1
	shift
	"$work/measure" -i "$sample_ms" -o "$work/used" "$work/$program" "$@" >"$work/said" ||
		die "$program failed"
}

# bare_line RATE TUPLES FOUND... is the line of that run.
bare_line() {
	rate=$1
	tuples=$2
	shift 2
	awk -v rate="$rate" -v n="$tuples" -v cpu="$(value "$work/used" cpu_s)" \
		-v kib="$(value "$work/used" pss_max_kib)" -v found="$*" 'BEGIN {
		printf "%.0f %.4f null null %.1f %s\n", rate, cpu * 1e6 / n, kib / 1024, found }'
}

# ---- word counts ------------------------------------------------------------------------

# said_line LINES is the line of what limit or cost said: N lines/s N tuples/s N words N distinct.
said_line() {
	read -r _ _ rate _ words _ distinct _ <"$work/said"
	bare_line "$rate" $(($1 + words)) "$words" "$distinct"
}

# counted is the line of gale's word count of LINES lines. What count emits at its end goes to
# the file and is no part of the work.
counted() {
	[ "$(number acked)" = "$1" ] || die "gale acked $(number acked) lines of $1"
	gale_line $(($1 + $(number executed count))) "$(number executed count)" "$(number emitted count)"
}

# ---- all of them ------------------------------------------------------------------------

# peers_after I makes the runs of peers that follow repetition I.
peers_after() {
	if [ $(($1 % 2)) -eq 0 ]; then
		run_peers "$workload"
	else
		case $workload in wordcount | const-id-null) run_peers "$workload" storm ;; esac
	fi
}

# alternate NAME... makes the runs, in turn. Every other time the order is the other one: each
# finds the machine as somebody else has left it. With --peers every other repetition is followed
# by a run of each of them, so that gale and the bare pipeline run before and after; where a goal
# compares rates with Storm's, Storm runs as often as gale.
alternate() {
	backwards=
	for name in "$@"; do
		backwards="$name $backwards"
		rm -f "$work/$name.runs"
	done
	i=0
	while [ $((i += 1)) -le "$repetitions" ]; do
		order=$*
		[ $((i % 2)) -eq 1 ] || order=$backwards
		for name in $order; do
			"run_$name" >"$work/one"
			cat "$work/one" >>"$work/$name.runs"
		done
		[ "$peers" = no ] || peers_after "$i"
	done
	for name in "$@"; do
		cut -d ' ' -f 6- "$work/$name.runs"
	done | sort -u >"$work/found"
	[ "$(wc -l <"$work/found")" -eq 1 ] ||
		die "$workload: not all runs found the same: $(tr '\n' ';' <"$work/found")"
}

heading() {
	printf '%-17s %-28s %-14s %10s %21s %8s %9s %9s %7s %6s %6s\n' workload engine guarantee \
		tuples/s 'lowest to highest' 'CPU s/M' 'p50 us' 'p99 us' MiB ratio 'by CPU'
}

# result NAME ENGINE GUARANTEE [LIMIT] prints the medians of NAME's runs, as a row and as a line
# of JSON. LIMIT is the name of those to compare with: by rate, and by the CPU a tuple takes,
# which others on the machine disturb less.
result() {
	of_limit=null
	by_cpu=null
	if [ $# -eq 4 ]; then
		of_limit=$(ratio "$(of "$1" 1)" "$(of "$4" 1)")
		by_cpu=$(ratio "$(of "$4" 2)" "$(of "$1" 2)")
	fi
	range=$(cut -d ' ' -f 1 "$work/$1.runs" | sort -n | sed -n '1p;$p' | tr '\n' ' ')
	awk -v workload="$workload" -v engine="$2" -v guarantee="$3" -v rate="$(of "$1" 1)" \
		-v range="$range" -v cpu="$(of "$1" 2)" -v p50="$(of "$1" 3)" -v p99="$(of "$1" 4)" \
		-v mib="$(of "$1" 5)" -v of_limit="$of_limit" -v by_cpu="$by_cpu" -v json="$json_lines" '
	function shown(x) { return x == "null" ? "" : x }
	function number(x, digits) { return x == "null" ? x : sprintf("%." digits "f", x) }
	BEGIN {
		split(range, r, " ")
		printf "%-17s %-28s %-14s %10.0f %10.0f-%-10.0f %8s %9s %9s %7s %6s %6s\n", workload, engine,
			guarantee, rate, r[1], r[2], shown(cpu), shown(p50), shown(p99),
			shown(number(mib, 1)), shown(of_limit), shown(by_cpu)
		printf "{\"workload\":\"%s\",\"engine\":\"%s\",\"guarantee\":\"%s\",\"tuples_per_s\":%.0f," \
			"\"cpu_s_per_mtuple\":%s,\"p50_us\":%s,\"p99_us\":%s,\"rss_mib\":%s," \
			"\"ratio_to_limit\":%s}\n", workload, engine, guarantee, rate, cpu, p50, p99, mib,
			of_limit >>json
	}'
}

# goal TEXT VALUE UNIT least|most GOAL notes what was measured, and whether it is at least, or at
# most, GOAL.
goal() {
	awk -v text="$1" -v value="$2" -v unit="$3" -v which="$4" -v goal="$5" 'BEGIN {
		missed = which == "least" ? value + 0 < goal + 0 : value + 0 > goal + 0
		printf "%-66s %10.4g %-4s %s %-7g %s\n", text, value, unit,
			which == "least" ? ">=" : "<=", goal, missed ? "missed" : "met" }' >>"$goal_lines"
}

# ---- other engines ----------------------------------------------------------------------

# peer_results [LIMIT] gives the results of those that ran between gale's repetitions.
peer_results() {
	[ -e "$work/$workload.peers" ] || return 0
	while read -r name; do
		peer_head "$name"
		[ ! -s "$work/$name.runs" ] || result "$name" "$label" "$guarantee" "$@"
	done <"$work/$workload.peers"
}

# of_storm NAME COLUMN gives that column of Storm's result in this workload: storm-1 is one worker, storm-3 a
# worker per task. Nothing where there is none.
of_storm() {
	[ ! -s "$work/$1-$workload.runs" ] || of "$1-$workload" "$2" | grep -v null || true
}
