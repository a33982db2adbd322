#!/bin/bash
# openapi.sh - doc/openapi.json against what is served: each path in it is there and each route is in it,
# and each answer is as it says, of topologies in all states. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"
# shellcheck source-path=SCRIPTDIR source=webask.sh
. "$(dirname "$0")/webask.sh"
command -v curl > /dev/null || skip "curl is missing"

OPENAPI=$TOP_SRCDIR/doc/openapi.json
API=/api/v1/topology

# get CODE PATH asks for PATH; the answer is in the file body.
TAKES=()	# more options for curl
get() {
	local got

	got=$(curl -s --max-time $((60 * SLOW)) -o body -w '%{http_code} %{content_type}' "${TAKES[@]}" "$URL$2")
	TYPE=${got#* }
	[ "${got%% *}" = "$1" ] || fail "$2: $got, not $1: $(head -c 300 body)"
}

# suits PATTERN CODE [METHOD]: the body is as is said of PATTERN.
suits() {
	must [ "$TYPE" = "application/json; charset=utf-8" ]
	"$TOP_BUILDDIR/test/schema" "$OPENAPI" < body \
	    "#/paths/${1//\//~1}/${3:-get}/responses/$2/content/application~1json/schema" ||
	    fail "not as the file says of $1: $(head -c 2000 body)"
}

# posted CODE PATTERN BODY asks for PATTERN, of the topology $ID; the time to wait is 5 s. TOKEN and CONTENT are
# sent in the place of what is right.
posted() {
	local got path=${2//'{id}'/$ID}

	got=$(curl -s --max-time $((90 * SLOW)) -o body -w '%{http_code} %{content_type}' --data-binary "$3" \
	    -H "Content-Type: ${CONTENT-application/json}" -H "X-Gale-Token: $TOKEN" \
	    "$URL${path//'{wait-time}'/5}")
	TYPE=${got#* }
	[ "${got%% *}" = "$1" ] || fail "POST $path: $got, not $1: $(head -c 300 body)"
	suits "$2" "$1" post
}

# given CODE PATTERN [QUERY] asks for PATTERN, of the topology $ID and the component $C.
given() {
	local path=${2//'{id}'/$ID}

	get "$1" "${path//'{component}'/$C}${3:-}"
	suits "$2" "$1"
}

# at JSON-MEMBER gives the first value of that name in the body.
at() {
	grep -o "\"$1\": *[^,}]*" body | head -n 1 | sed 's/^[^:]*: *//; s/"//g'
}

# ---- topologies ---------------------------------------------------------------------------

# words ACKERS N: counts what comes from the file `in`, as topology words, and splits it N times.
words() {
	printf 'one two three\nfour five\n' > in
	topology words <<-END
		config topology.acker.executors ${1:-1}
		spout lines lines path=in follow=true
		bolt split split parallelism=${2:-2}
		bolt count count
		stream lines split SHUFFLE
		stream split count FIELDS word
	END
}

acked() {
	get 200 "$API/$ID"
	grep -q "\"window\": \":all-time\".*\"acked\": $1, " body
}

of_all() {
	given 200 /api/v1/version
	given 200 /api/v1/endpoints
	given 200 /api/v1/cluster/summary
	given 200 /api/v1/cluster/configuration
	given 200 /api/v1/nimbus/summary
	given 200 /api/v1/supervisor/summary
	given 200 "$API/summary"
}

# of_one: the documents of the topology $ID.
of_one() {
	local query

	for query in '' '?window=600&sys=1'; do
		given 200 "$API/{id}" "$query"
		given 200 "$API/{id}/metrics" "$query"
		given 200 "$API/{id}/visualization" "$query"
		given 200 "$API/{id}/visualization-init" "$query"
	done
	given 200 "$API/{id}/lag"
	given 200 "$API/{id}/logconfig"
	given 200 /api/v1/topology-workers/\{id\}
	given 200 "$API/{id}/status"
	given 200 "$API/{id}/status" '?window=10m'
	given 200 "$API/{id}/chart"
	given 200 "$API/{id}/chart" '?window=1m'
}

# of_component C...: the documents of components of the topology $ID.
of_components() {
	for C in "$@"; do
		given 200 "$API/{id}/component/{component}" '?window=600'
		given 200 "$API/{id}/component/{component}" '?sys=1'
		given 200 "$API/{id}/status" "?component=$C"
	done
}

refused() {
	given 400 "$API/{id}" '?window=7'
	given 400 "$API/{id}/chart" '?window='
	C=none
	given 404 "$API/{id}/component/{component}"
	ID=none
	given 404 "$API/{id}"
	given 404 "$API/{id}/status"
	given 404 "$API/{id}/chart"
	given 404 "$API/{id}/metrics"
	given 404 /api/v1/topology-workers/\{id\}
}

# ---- cases --------------------------------------------------------------------------------

# What is told of, and what is there; the page's own files need no telling.
case_routes() {
	ui
	get 200 /api/v1/endpoints
	sed -n 's/.*"method":"\([A-Z]*\)","path":"\([^"]*\)".*/\1 \2/p' body > there
	"$TOP_BUILDDIR/test/schema" --operations "$OPENAPI" | same_lines there
	ui_ends
}

case_submitted() {
	ID=words
	words
	submit --name words
	ui
	wait_until 10 acked 2
	of_all
	of_one
	of_components lines split count acker
	get 200 "$API/words/component/split?window=:all-time"
	must [ "$(at executors)" = 2 ]
	get 200 "$API/words/component/count?window=10m"
	must_count 1 body '"inputStats": \[.?$'
	must_count 1 body '"component": "split",.*"tuples": 5.000000,.*"executed": 5, "acked": 5, "failed": 0'
	get 200 "$API/summary"
	ID=$(at id)
	get 200 "$API/$ID"
	must [ "$(at status)" = ACTIVE ]
	expect 0 deactivate words
	wait_until 5 is_told INACTIVE	# an answer is kept for a moment
	suits "$API/{id}" 200
	gale restart words > /dev/null 2>&1
	wait_until 5 gone		# it is the id of the run before
	suits "$API/{id}" 404
	ID=words
	refused
	expect 0 kill words --now -y
	ID=words
	wait_until 5 gone
	wait_until 5 nothing_listed
	suits "$API/summary" 200
	ui_ends
}

# A run in the foreground is found by its name and by NAME-PID, until it ends.
case_foreground() {
	words
	start
	ui
	ID=words
	wait_until 10 acked 2
	of_all
	must [ "$(at id)" = "words-$PID" ]
	must_count 1 body '"foreground": true'
	of_one
	of_components lines count
	ID=words-$PID
	of_one
	get 200 /metrics
	must_count 1 body "^gale_acked_tuples_total\\{topology=\"words\",run=\"words-$PID\",component=\"lines\"\\} 2\$"
	kill -INT "$PID"
	ends 130
	wait_until 5 gone
	wait_until 5 nothing_listed
	suits "$API/summary" 200
	ui_ends
}

gone() {
	[ "$(curl -s -o body -w '%{http_code}' "$URL$API/$ID")" = 404 ]
}

is_told() {
	get 200 "$API/$ID"
	[ "$(at status)" = "$1" ]
}

nothing_listed() {
	get 200 "$API/summary"
	! grep -q '"name"' body
}

# What has ended has no workers, and its summary tells the rest.
case_ended() {
	seq 40 > in
	topology good <<-END
		spout lines lines path=in
		bolt end null.Null
		stream lines end SHUFFLE
	END
	expect 0 submit --wait -P "$PLUGINS" --name good t.json
	topology bad <<-END
		spout lines lines path=nothing
		bolt end null.Null
		stream lines end SHUFFLE
	END
	gale submit -P "$PLUGINS" --name bad t.json > out 2> err
	wait_until 10 is_status good FINISHED
	wait_until 10 is_status bad FAILED
	ui
	of_all
	ID=good
	of_one
	must acked 40
	C=lines
	given 404 "$API/{id}/component/{component}"
	must_count 1 body notRunning
	ID=bad
	of_one
	get 503 /readyz
	suits /readyz 503
	expect 0 kill bad -y
	wait_until 5 readyz_is_200
	suits /readyz 200
	ui_ends
}

readyz_is_200() {
	[ "$(curl -s -o body -w '%{http_code}' "$URL/readyz")" = 200 ]
}

# Batches have a coordinator instead of ackers; without ackers there is nobody.
case_own_components() {
	printf 'a b\nc\n' > in
	in_batches tx
	submit --name tx
	words 0
	submit --name words
	ui
	ID=tx
	of_one
	of_components lines tally coordinator
	ID=words
	of_one
	C=acker
	given 404 "$API/{id}/component/{component}" '?sys=1'
	given 200 "$API/summary"
	expect 0 kill tx --now -y
	expect 0 kill words --now -y
	ui_ends
}

# What is asked of others than the run directory.
case_peek() {
	words
	submit --name words
	ui
	ID=words
	wait_until 10 acked 2
	given 200 "$API/{id}/drawing"
	given 200 "$API/{id}/drawing" '?sys=1'
	given 200 "$API/{id}/logs"
	given 200 "$API/{id}/logs" '?lines=2&component=split&level=info'
	given 200 "$API/{id}/errors"
	given 200 "$API/{id}/trees"
	given 200 "$API/{id}/trees" '?older=10&count=3'
	C='split'
	seq 300 >> in
	given 401 "$API/{id}/tap/{component}"
	TAKES=(-H "X-Gale-Token: $TOKEN")
	given 200 "$API/{id}/tap/{component}" '?count=3'
	get 200 "$API/words/tap/split/default?count=1"
	suits "$API/{id}/tap/{component}/{stream}" 200
	given 400 "$API/{id}/trees" '?older=old'
	given 400 "$API/{id}/logs" '?lines=0'
	C=none
	given 404 "$API/{id}/tap/{component}"
	TAKES=()
	kill -STOP "$(worker 'lines[0]')"
	given 200 "$API/{id}/trees" '?count=1'
	kill -CONT "$(worker 'lines[0]')"
	expect 0 kill words --now -y
	wait_until 5 gone
	given 404 "$API/{id}/errors"
	given 404 "$API/{id}/drawing"
	ui_ends
}

case_changes() {
	words
	submit --name words
	ui
	ID=words
	posted 200 "$API/{id}/deactivate" ''
	posted 200 "$API/{id}/activate" '{}'
	posted 200 "$API/{id}/logconfig" '{"namedLoggerLevels": {"split": {"target_level": "DEBUG", "timeout": 5}}}'
	posted 400 "$API/{id}/logconfig" '{"namedLoggerLevels": {"split": {"target_level": "LOUD"}}}'
	posted 200 "$API/{id}/rebalance-plan" '{"rebalanceOptions": {"executors": {"split": 1}}}'
	posted 400 "$API/{id}/rebalance/{wait-time}" '{"rebalanceOptions": '
	posted 404 "$API/{id}/rebalance/{wait-time}" '{"rebalanceOptions": {"executors": {"none": 1}}}'
	posted 200 "$API/{id}/rebalance/{wait-time}" '{"rebalanceOptions": {"numWorkers": 2, "executors": {"split": 1}}}'
	given 200 "$API/{id}"
	TOKEN='' posted 401 "$API/{id}/kill/{wait-time}" ''
	TOKEN=00 posted 403 "$API/{id}/kill/{wait-time}" ''
	CONTENT=text/plain posted 415 "$API/{id}/activate" ''
	posted 200 "$API/{id}/kill/{wait-time}" ''
	wait_until 5 gone
	posted 404 "$API/{id}/activate" ''
	posted 200 /api/v1/validate "$(cat t.json)"
	posted 200 /api/v1/validate "$(sed 's/"split"/"splt"/' t.json)"
	posted 200 /api/v1/validate '{"name": '
	ui_ends
}

case_chained() {
	TEST_CHAINING=auto words 1 1
	submit --name words
	ui
	ID=words
	wait_until 10 acked 2
	of_one
	of_components lines split count
	expect 0 kill words --now -y
	ui_ends
}

run_cases "$@"
