#!/bin/bash
# uiactions.sh - what the web server does to topologies, and what it shows only while somebody looks:
# each action changes what gale list shows, a wrong one changes nothing, and nobody is held up by a
# supervisor that does not answer. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"
# shellcheck source-path=SCRIPTDIR source=webask.sh
. "$(dirname "$0")/webask.sh"
command -v curl > /dev/null || skip "curl is missing"

T=/api/v1/topology

# following: what the file `in` gains is appended to `sink`, line by line.
following() {
	: > in
	topology <<-END
		spout lines lines path=in follow=true
		bolt same split parallelism=2 numTasks=4
		bolt append append.Append path=sink
		stream lines same SHUFFLE
		stream same append SHUFFLE
	END
}

# gone NAME: no list has it, and no worker is left.
gone() {
	ask 404 "$T/$1/status"
	must [ -z "$(status_of "$1")" ]
	wait_until 5 no_worker
}

no_worker() {
	[ -z "$(worker 'append[0]')" ]
}

# has_open N: so many messages of the topology of this case are open.
has_open() {
	gale status "$CASE" --json > status.json
	grep -q "\"pendingTrees\": $1\b" status.json
}

is_unlisted() {
	[ -z "$(status_of "$CASE")" ]
}

# is_shown STATUS: the page shows this case's topology so.
is_shown() {
	curl -s -m 20 "$URL$T/$CASE/status" | grep -q "\"status\": *\"$1\""
}

# executors N: of the component `same`.
executors() {
	gale status "$CASE" --json > status.json
	grep '"id": "same"' status.json | grep -q "\"executorsTotal\": $1\b"
}

done_is() {
	answer_has "\"topologyOperation\": \"$1\", \"topologyId\": \"$CASE-1-[0-9]*\", \"status\": \"success\""
}

# ---- actions -----------------------------------------------------------------------

case_pauses() {
	following
	submit
	ui
	post 200 "$T/pauses/deactivate" ''
	done_is deactivate
	must is_status pauses INACTIVE
	post 200 "$T/pauses/deactivate" '{}'
	must is_status pauses INACTIVE
	post 200 "$T/pauses/activate" '{}'
	done_is activate
	must is_status pauses ACTIVE
	post 404 "$T/nothing/activate" '{}'
	post 404 "$T/pauses-99-1/activate" '{}'
	ask 405 "$T/pauses/activate"
	ui_ends
	expect 0 kill pauses
}

case_rebalances() {
	following
	submit
	ui
	post 200 "$T/rebalances/rebalance-plan" '{"rebalanceOptions":{"executors":{"same":4}}}'
	done_is rebalance-plan
	answer_has '"plan": "same: 2 executors -> 4\\n'
	must executors 2
	post 200 "$T/rebalances/rebalance/0.5" '{"rebalanceOptions":{"numWorkers":3,"executors":{"same":4}}}'
	done_is rebalance
	answer_has 'numWorkers was left out'
	must executors 4
	post 200 "$T/rebalances/rebalance/usual" '{"rebalanceOptions":{"executors":{"same":4}}}'
	answer_has '"message": "nothing to do"'
	post 409 "$T/rebalances/rebalance/0" '{"rebalanceOptions":{"executors":{"same":5}}}'
	answer_has 'same can have 1 to 4 executors'
	post 404 "$T/rebalances/rebalance/0" '{"rebalanceOptions":{"executors":{"sam":1}}}'
	post 409 "$T/rebalances/rebalance/0" '{"rebalanceOptions":{"executors":{"acker":1}}}'
	must executors 4
	ui_ends
	expect 0 kill rebalances
}

case_log_levels() {
	following
	submit
	ui
	post 200 "$T/log_levels/logconfig" '{"namedLoggerLevels":{"append":{"target_level":"DEBUG","reset_level":null,"timeout":30},"ROOT":{"target_level":"warn"}}}'
	done_is logconfig
	must grep -q 'the log level of append is DEBUG now, for a while' "$HOMES/gale/log_levels/log"
	must grep -q 'the log level of all components is WARN now$' "$HOMES/gale/log_levels/log"
	post 404 "$T/log_levels/logconfig" '{"namedLoggerLevels":{"nothing":{"target_level":"DEBUG"}}}'
	ui_ends
	expect 0 kill log_levels
}

case_bad_requests() {
	local what body

	following
	submit
	ui
	for what in activate deactivate rebalance/1 rebalance-plan kill/1 logconfig; do
		for body in '[]' '7' '{' '{"a": 1, "a": 2}' 'null' '{"a": 1}x'; do
			post 400 "$T/bad_requests/$what" "$body"
			answer_has '"error":"badJson","errorMessage":"1:[0-9]*: '
		done
	done
	for body in '' '{}' '{"rebalanceOptions": 7}' '{"rebalanceOptions": {}}' '{"rebalanceOptions": {"numWorkers": 2}}' \
	    '{"rebalanceOptions": {"executors": {}}}' '{"rebalanceOptions": {"executors": [1]}}' \
	    '{"rebalanceOptions": {"executors": {"same": "4"}}}' '{"rebalanceOptions": {"executors": {"same": 0}}}' \
	    '{"rebalanceOptions": {"executors": {"same": 1.5}}}' '{"rebalanceOptions": {"executors": {"same=4 append": 1}}}' \
	    '{"rebalanceOptions": {"executors": {"": 1}}}'; do
		post 400 "$T/bad_requests/rebalance/1" "$body"
		post 400 "$T/bad_requests/rebalance-plan" "$body"
	done
	for body in '' '{}' '{"namedLoggerLevels": {}}' '{"namedLoggerLevels": {"append": 7}}' \
	    '{"namedLoggerLevels": {"append": {}}}' '{"namedLoggerLevels": {"append": {"target_level": "TRACE"}}}' \
	    '{"namedLoggerLevels": {"append": {"target_level": "INFO", "timeout": -1}}}' \
	    '{"namedLoggerLevels": {"append": {"target_level": "INFO", "reset_level": "WARN"}}}' \
	    '{"namedLoggerLevels": {"append DEBUG 0": {"target_level": "INFO"}}}'; do
		post 400 "$T/bad_requests/logconfig" "$body"
	done
	{ printf '{"namedLoggerLevels": {"'; head -c 100000 /dev/zero | tr '\0' a; echo '": {"target_level": "INFO"}}}'; } > long
	post 400 "$T/bad_requests/logconfig" @long
	for what in x -1 1x nan inf 0x1 1e9 '%20' usually; do
		post 400 "$T/bad_requests/kill/$what" '{}'
		post 400 "$T/bad_requests/rebalance/$what" '{"rebalanceOptions":{"executors":{"same":4}}}'
	done
	post 404 "$T/bad_requests/kill" '{}'
	post 404 "$T/..%2f..%2fetc/kill/0" '{}'
	must is_status bad_requests ACTIVE
	must executors 2
	ui_ends
	expect 0 kill bad_requests
}

# ---- kill --------------------------------------------------------------------------

case_kills() {
	following
	submit
	ui
	echo line > in
	wait_until 10 counts 1 sink .
	post 200 "$T/kills/kill/10" '{}'
	done_is kill
	answer_has 'its state stays in'
	gone kills
	must counts 1 sink .
	post 404 "$T/kills/kill/0" '{}'
	ui_ends
}

case_kills_with_open_trees() {
	seq 5 > in
	stuck
	submit
	ui
	wait_until 10 has_open 5
	ask 200 "$T/kills_with_open_trees/trees?count=3"
	answer_has '"open":5,'
	must [ "$(grep -o '"root"' body | wc -l)" -eq 3 ]
	ask 200 "$T/kills_with_open_trees/trees?older=1000"
	answer_has '"trees":\[\]'
	post 200 "$T/kills_with_open_trees/kill/0.5" '{}'
	answer_has '"givenUp": 5,'
	answer_has '5 messages were not finished and are given up'
	gone kills_with_open_trees
	ui_ends
}

# Who asks and goes away has asked.
case_kill_without_a_listener() {
	seq 5 > in
	stuck
	submit
	ui
	wait_until 10 has_open 5
	curl -s -X POST -H "X-Gale-Token: $TOKEN" -H 'Content-Type: application/json' \
	    -d '{}' "$URL$T/kill_without_a_listener/kill/5" &
	asked=$!
	wait_until 10 is_status kill_without_a_listener DRAINING
	kill "$asked" || fail "it was done at once"
	wait_until 10 is_unlisted
	ask 200 /healthz
	ui_ends
}

# A second kill makes the first one shorter; both are told.
case_kills_twice() {
	seq 5 > in
	stuck
	submit
	ui
	wait_until 10 has_open 5
	curl -s -m $((120 * SLOW)) -X POST -H "X-Gale-Token: $TOKEN" -H 'Content-Type: application/json' \
	    -d '{}' "$URL$T/kills_twice/kill/usual" > first &
	wait_until 10 is_status kills_twice DRAINING
	post 409 "$T/kills_twice/activate" '{}'
	answer_has 'it is ending'
	post 200 "$T/kills_twice/kill/0" '{}'
	wait $!
	must grep -q '"status": "success", "givenUp": 5' first
	gone kills_twice
	ui_ends
}

case_kills_what_does_not_run() {
	following
	seq 3 > in
	sed -i 's/"follow": true/"follow": false/' t.json
	submit --name finished
	wait_until 10 is_status finished FINISHED
	sed -i 's/"follow": false/"follow": true/' t.json
	submit --name dead
	kill -KILL "$(supervisor)"
	wait_until 10 is_status dead DEAD
	ui
	post 409 "$T/finished/activate" '{}'
	answer_has 'finished is FINISHED: it does not run'
	post 409 "$T/dead/deactivate" '{}'
	answer_has 'gale submit --resume dead'
	post 409 "$T/dead/rebalance/0" '{"rebalanceOptions":{"executors":{"same":4}}}'
	post 409 "$T/dead/logconfig" '{"namedLoggerLevels":{"append":{"target_level":"DEBUG"}}}'
	ask 409 "$T/dead/tap/same" -H "X-Gale-Token: $TOKEN"
	ask 409 "$T/dead/trees"
	ask 200 "$T/dead/logs"
	ask 200 "$T/dead/errors"
	ask 200 "$T/dead/drawing"
	must is_status dead DEAD
	post 200 "$T/finished/kill/0" '{}'
	post 200 "$T/dead/kill/30" '{}'
	gone finished
	gone dead
	ui_ends
}

case_supervisor_dies_in_a_kill() {
	seq 5 > in
	stuck
	submit
	ui
	wait_until 10 has_open 5
	curl -s -m $((120 * SLOW)) -X POST -H "X-Gale-Token: $TOKEN" -H 'Content-Type: application/json' \
	    -d '{}' "$URL$T/supervisor_dies_in_a_kill/kill/usual" > first &
	wait_until 10 is_status supervisor_dies_in_a_kill DRAINING
	kill -KILL "$(supervisor)"
	wait $!
	must grep -q '"status": "success".*its supervisor was killed meanwhile' first
	gone supervisor_dies_in_a_kill
	ui_ends
}

# ---- a supervisor that does not answer ---------------------------------------------

seconds_of() {
	curl -s -m $((60 * SLOW)) -o /dev/null -w '%{time_total}' "$URL$1"
}

case_stopped_supervisor() {
	local path what most pids=()

	following
	submit
	ui
	ask 200 "$T/stopped_supervisor/drawing"
	kill -STOP "$(supervisor)"
	for what in activate deactivate rebalance-plan kill/0 tap/same trees; do
		case $what in
		tap/* | trees) set -- ;;
		rebalance-plan) set -- --data '{"rebalanceOptions":{"executors":{"same":4}}}' ;;
		*) set -- --data '{}' ;;
		esac
		curl -s -m $((120 * SLOW)) -o "answer.${what%%/*}" -w '%{http_code} %{time_total}' -H "X-Gale-Token: $TOKEN" \
		    -H 'Content-Type: application/json' "$@" "$URL$T/stopped_supervisor/$what" > "code.${what%%/*}" &
		pids+=($!)
	done
	for what in {1..20}; do		# more than there may be children
		curl -s -m 30 -o "many.$what" "$URL$T/stopped_supervisor/trees?count=7" &
		pids+=($!)
	done
	for path in /healthz "$T/summary" "$T/stopped_supervisor/status" "$T/stopped_supervisor/logs" \
	    "$T/stopped_supervisor/drawing" /; do
		awk -v t="$(seconds_of "$path")" -v most=$((2 * SLOW * $(busy))) 'BEGIN { exit !(t < most) }' || fail "$path was held up"
	done
	wait "${pids[@]}"
	for what in code.*; do
		most=$((6 * SLOW))
		[ "$what" != code.trees ] || most=$((10 * SLOW))	# a command asks there
		awk -v most="$((most * $(busy)))" '{ exit !($1 == 503 && $2 < most) }' "$what" || fail "$what: $(cat "$what")"
	done
	must [ "$(grep -l 'the supervisor of stopped_supervisor does not answer' answer.activate many.* | wc -l)" -eq 21 ]
	kill -CONT "$(supervisor)"
	# What was asked for and not taken back is done.
	wait_until 10 is_unlisted
	ui_ends
}

# ---- looks -------------------------------------------------------------------------

case_logs_and_errors() {
	following
	submit
	ui
	kill -KILL "$(worker 'append[0]')"
	wait_until 10 grep -q 'append\[0\].*SIGKILL' "$HOMES/gale/logs_and_errors/errors"
	gale errors --json logs_and_errors > expected
	ask 200 "$T/logs_and_errors/errors"
	same expected body
	answer_has '"component":"append"'
	ask 200 "$T/logs_and_errors/logs?lines=2&level=error&component=append"
	must [ "$(head -n 1 body)" = '[' ]
	must [ "$(grep -c '"time"' body)" -le 2 ]
	must [ -z "$(grep '"level"' body | grep -v '"level":"\(ERROR\|WARN\)","source":"append')" ]
	ask 200 "$T/logs_and_errors/logs?lines=1"
	must [ "$(grep -c '"time"' body)" -eq 1 ]
	for query in lines=0 lines=x lines=99999999 lines=-1 level=loud; do
		ask 400 "$T/logs_and_errors/logs?$query"
	done
	ask 404 "$T/logs_and_errors/logs?component=nothing"
	ask 404 "$T/logs_and_errors/logs?component=--json"
	for query in count=0 count=x older=x older=-1 older=0x1; do
		ask 400 "$T/logs_and_errors/trees?$query"
	done
	ui_ends
	expect 0 kill logs_and_errors
}

case_taps() {
	following
	submit
	ui
	TAKES=(-H "X-Gale-Token: $TOKEN")
	ask 401 "$T/taps/tap/same"
	(while seq 10; do sleep 0.1; done >> in) &
	ask 200 "$T/taps/tap/same?count=7" "${TAKES[@]}"
	must [ "$(grep -c '"component":"same"' body)" -eq 7 ]
	ask 200 "$T/taps/tap/lines/default?count=1" "${TAKES[@]}"
	must [ "$(grep -c '"component":"lines"' body)" -eq 1 ]
	ask 200 "$T/taps/tap/same?count=3&where=word=7" "${TAKES[@]}"
	must [ "$(grep -c '"word":"7"' body)" -eq 3 ]
	kill $!
	ask 200 "$T/taps/tap/append" "${TAKES[@]}"
	must [ "$(tr -d '\n' < body)" = '[]' ]
	ask 404 "$T/taps/tap/nothing" "${TAKES[@]}"
	ask 404 "$T/taps/tap/same/nothing" "${TAKES[@]}"
	ask 404 "$T/taps/tap/same%20line=7" "${TAKES[@]}"
	ask 400 "$T/taps/tap/same%0Akill" "${TAKES[@]}"
	for query in count=0 count=x count=1001 where=x where==x; do
		ask 400 "$T/taps/tap/same?$query" "${TAKES[@]}"
	done
	wait_until 5 grep -q 'tap [0-9]* of same is off' "$HOMES/gale/taps/log"
	ui_ends
	expect 0 kill taps
}

case_validates() {
	following
	ui
	ask 401 /api/v1/validate -X POST -H 'Content-Type: application/json' --data-binary @t.json
	export GALE_PLUGIN_PATH=$PLUGINS
	ui_ends
	ui
	post 200 /api/v1/validate @t.json
	answer_has '^{"ok":true,"diagnostics":\[\],"drawing":{"engine":'
	sed 's/"to": "same"/"to": "sane"/' t.json > bad.json
	post 200 /api/v1/validate @bad.json
	answer_has '^{"ok":false,"diagnostics":\['
	answer_has '"severity":"error","message":"no component \\"sane\\""'
	answer_has '"text":"no component \\"sane\\""'
	answer_has '"source":" *{ \\"from\\": \\"lines\\", \\"to\\": \\"sane\\"'
	answer_has '"drawing":null'
	post 200 /api/v1/validate '{'
	answer_has '"ok":false'
	post 200 /api/v1/validate ''
	answer_has '"ok":false'
	ui_ends
}

# ---- runs in the foreground --------------------------------------------------------

case_foreground() {
	following
	start -q
	ui
	wait_until 10 is_shown ACTIVE
	post 200 "$T/foreground/deactivate" '{}'
	answer_has '"topologyId": "foreground-[0-9]*"'
	wait_until 5 is_shown INACTIVE
	post 200 "$T/foreground/rebalance/usual" '{"rebalanceOptions":{"executors":{"same":4}}}'
	ask 409 "$T/foreground/logs"
	answer_has 'on its terminal'
	ask 409 "$T/foreground/errors"
	ask 409 "$T/foreground/trees"
	ask 200 "$T/foreground/drawing?sys=1"
	post 200 "$T/foreground/kill/1" '{}'
	wait_until 5 is_gone "$PID"
	ask 404 "$T/foreground/status"
	ui_ends
}

case_elsewhere() {
	following
	start -q --state "$PWD/kept"
	ui
	wait_until 10 is_shown ACTIVE
	post 409 "$T/elsewhere/deactivate" '{}'
	answer_has 'runs in the foreground'
	ui_ends
	kill -TERM "$PID"
	ends 143
}

# A run's own page can end it, and says so.
case_own_page() {
	following
	start --ui --listen 127.0.0.1:0
	listens
	wait_until 10 is_shown ACTIVE
	ask 200 "$T/own_page/drawing"
	post 200 "$T/own_page/kill/1" '{}'
	answer_has '"status": "success"'
	ends 0
}

run_cases "$@"
