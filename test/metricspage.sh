#!/bin/bash
# metricspage.sh - /metrics has the numbers of gale status, and doc/metrics.md lists what there is. What a real
# Prometheus makes of it: test/prometheus/run. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"
# shellcheck source-path=SCRIPTDIR source=webask.sh
. "$(dirname "$0")/webask.sh"
command -v curl > /dev/null || skip "curl is missing"

# words submits what splits and counts the lines of the file `in`: as many as $1.
words() {
	yes 'the quick brown fox' | head -n "$1" > in
	topology words <<-END
		spout lines lines path=in follow=true
		bolt split split parallelism=2
		bolt count count
		stream lines split SHUFFLE
		stream split count FIELDS word
	END
	submit --name words
	wait_until 10 acked "$1"
}

acked() {
	expect 0 list --json
	[ "$(grep -o '"acked": [0-9]*' out | head -n 1)" = "\"acked\": $1" ]
}

# scraped asks for /metrics, into the file body.
scraped() {
	ask 200 /metrics
	head_has '^content-type: text/plain; version=0.0.4; charset=utf-8'
}

case_numbers() {
	words 25
	ui
	scraped
	must_count 1 body '^gale_executed_tuples_total\{topology="words",component="count"\} 100$'
	must_count 1 body '^gale_emitted_tuples_total\{topology="words",component="lines",stream="default"\} 25$'
	must_count 1 body '^gale_acked_tuples_total\{topology="words",component="acker"\} 25$'
	must_count 1 body '^gale_complete_latency_seconds_count\{topology="words",component="lines"\} 25$'
	must_count 1 body '^gale_complete_latency_seconds_bucket\{topology="words",component="lines",le="\+Inf"\} 25$'
	must_count 1 body '^gale_topology_status\{topology="words",status="ACTIVE"\} 1$'
	must_count 6 body '^gale_topology_status\{topology="words",status="[A-Z]*"\} 0$'
	must_count 5 body '^gale_worker_up\{.*\} 1$'
	expect 0 kill words --now -y
	ui_ends
}

# Time that had not been accounted for yet is lost with a worker, in the run directory. Its counter does not fall
# for it: that would be a new beginning to Prometheus.
case_a_death_takes_nothing_back() {
	local before after

	words 25
	ui
	sleep 1				# of idleness, which nobody has accounted for
	scraped
	before=$(idle)
	kill -9 "$(worker 'count[0]')"
	wait_until 10 restarted
	after=$(idle)
	awk "BEGIN { exit !($after >= $before) }" || fail "idle for $before s, then for $after s"
	expect 0 kill words --now -y
	ui_ends
}

idle() {
	sed -n 's/^gale_time_seconds_total{topology="words",component="count",state="idle"} //p' body
}

restarted() {
	scraped
	counts 1 body '^gale_worker_restarts_total\{topology="words",component="count"\} 1$' &&
	    counts 1 body '^gale_worker_up\{topology="words",component="count",worker="count\[0\]"\} 1$'
}

# The document lists the names that there are.
case_documented() {
	ui
	scraped
	sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' body > there
	sed -n '/^## For Prometheus/,/^## /s/^| \(`gale_[^|]*\)|.*/\1/p' "$TOP_SRCDIR/doc/metrics.md" | grep -o 'gale_[a-z_]*' |
	    same_lines there
	ui_ends
}

run_cases "$@"
