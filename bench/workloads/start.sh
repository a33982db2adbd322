# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# start - from exec to the first acked tuple: the word count; 1,000 tasks in 16 processes; 200
# processes with 965 edges. Everybody is up before the first tuple is emitted.
# SPDX-License-Identifier: Apache-2.0

# chain WIDTH DEPTH TASKS SPOUTS writes a topology: SPOUTS, and DEPTH bolts one after the other, each in
# WIDTH processes with TASKS tasks.
chain() {
	awk -v width="$1" -v depth="$2" -v tasks="$3" -v spouts="$4" 'BEGIN {
		printf "{ \"name\": \"chain\", \"config\": { \"topology.acker.executors\": 2 },\n"
		printf "\"spouts\": [ { \"id\": \"b0\", \"className\": \"sequence\", \"parallelism\": %d,", spouts
		printf " \"properties\": { \"count\": 1000 } } ],\n\"bolts\": [\n"
		for (i = 1; i <= depth; i++)
			printf "{ \"id\": \"b%d\", \"className\": \"%s\", \"parallelism\": %d, \"numTasks\": %d }%s\n",
				i, i < depth ? "identity" : "null", width, tasks, i < depth ? "," : ""
		printf "],\n\"streams\": [\n"
		for (i = 1; i <= depth; i++)
			printf "{ \"from\": \"b%d\", \"to\": \"b%d\", \"grouping\": { \"type\": \"SHUFFLE\" } }%s\n",
				i - 1, i, i < depth ? "," : ""
		printf "] }\n" }' | chaining off
}

chain 6 2 499 2 >"$work/1000-tasks.json"	# 2 + 2 x 499 tasks in 2 + 2 x 6 processes and 2 ackers
chain 5 39 5 3 >"$work/200-workers.json"	# 3 + 39 x 5 processes and 2 ackers; 3 x 5 + 38 x 25 edges

# up is the line of one run: milliseconds from exec to the first ack, and CPU seconds of the whole
# run. Nobody looks at its memory, which would take longer than the start.
up() {
	gale "$@"
	echo "$(sed -n 's/.*"start_ms": \([0-9.]*\).*/\1/p' "$work/summary") $(value "$work/used" cpu_s) null null null"
}

run_wordcount() { up "$bench/wordcount.json" -D input="$text"; }
run_tasks() { up "$work/1000-tasks.json"; }
run_workers() { up "$work/200-workers.json"; }

# started NAME prints the medians of NAME's runs.
started() {
	printf '%-17s %-24s %-14s up in %.1f ms, the run took %.3f s of CPU\n' "$workload" gale at-least-once \
		"$(of "$1" 1)" "$(of "$1" 2)"
	printf '{"workload":"%s","engine":"gale","guarantee":"at-least-once","tuples_per_s":null,%s,%s,%s,%s,%s}\n' \
		"$workload" '"cpu_s_per_mtuple":null' '"p50_us":null,"p99_us":null' '"rss_mib":null,"ratio_to_limit":null' \
		"\"start_ms\":$(of "$1" 1)" "\"cpu_s\":$(of "$1" 2)" >>"$json_lines"
}

base=$workload
usual_ms=$sample_ms
sample_ms=0
alternate wordcount tasks workers
workload=$base-wordcount
started wordcount
workload=$base-1000-tasks
started tasks
workload=$base-200-workers
started workers
goal 'from gale run to the first acked tuple of the word count' "$(of wordcount 1)" ms most 50
goal '1,000 tasks in 16 workers are up' "$(of tasks 1)" ms most 2000
goal '200 workers with 965 edges are up' "$(of workers 1)" ms most 2000
sample_ms=$usual_ms
