#!/bin/bash
# webask.sh - asking the web server by curl, for tests that have sourced e2e.sh.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2034 # variables are for who sources it

# ui [OPTION...] starts gale ui as process $UI, and waits until it listens; the page is at $URL, its port
# is $PORT, and the token of actions $TOKEN.
ui() {
	rm -f err
	XDG_RUNTIME_DIR=$RUN XDG_STATE_HOME=$HOMES GALE_TEST_CASE=$RUN \
	    env --default-signal=HUP "$GALE" ui --listen 127.0.0.1:0 "$@" > out 2> err &
	UI=$!
	listens
}

listens() {
	wait_until 10 grep -qsE 'page is at|listening' err
	URL=$(sed -n 's|.*page is at \(http://[^#]*\)/#token=.*|\1|p' err)
	PORT=${URL##*:}
	TOKEN=$(cat "$HOMES/gale/.ui-token")
}

# ask CODE PATH [OPTION...] asks $URL for PATH; the body is in the file body, the headers are in head.
ask() {
	local code=$1 path=$2 got

	shift 2
	got=$(curl -s --max-time $((60 * SLOW)) --path-as-is -D head -o body -w '%{http_code}' "$@" "$URL$path")
	[ "$got" = "$code" ] || fail "$path $*: $got, not $code: $(head -c 300 body)"
}

answer_has() {
	grep -q -- "$1" body || fail "the answer has no '$1': $(head -c 500 body)"
}

head_has() {
	grep -qi -- "$1" head || fail "the headers have no '$1': $(cat head)"
}

# post CODE PATH BODY [OPTION...] asks as the page does.
post() {
	local code=$1 path=$2 body=$3

	shift 3
	ask "$code" "$path" -X POST -H "X-Gale-Token: $TOKEN" -H 'Content-Type: application/json' --data-binary "$body" "$@"
}

ui_ends() {
	local PID=$UI

	kill -"${1:-TERM}" "$PID"
	ends 0
}
