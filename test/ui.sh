#!/bin/bash
# ui.sh - the web server: gale ui and gale run --ui, asked by curl. What is refused is refused, who is
# slow holds nobody up, and it ends when it is told to. SPDX-License-Identifier: Apache-2.0
#
# What its documents say is tested elsewhere; here only that they are there.
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"
# shellcheck source-path=SCRIPTDIR source=webask.sh
. "$(dirname "$0")/webask.sh"
command -v curl > /dev/null || skip "curl is missing"

# words submits a topology that waits for lines in the file `in`.
words() {
	: > in
	topology words <<-END
		spout lines lines path=in follow=true
		bolt split split
		bolt end null.Null
		stream lines split SHUFFLE
		stream split end SHUFFLE
	END
	submit
}

# ---- what there is --------------------------------------------------------------------------------

case_serves() {
	ui
	ask 200 /
	head_has '^content-type: text/html'
	head_has "^content-security-policy: default-src 'self'"
	head_has '^x-content-type-options: nosniff'
	head_has '^referrer-policy: no-referrer'
	answer_has '<!DOCTYPE html>'
	ask 200 /healthz
	ask 200 /readyz
	answer_has '"ready":true'
	ask 200 /api/v1/version
	answer_has "$("$GALE" version | cut -d' ' -f2)"
	ask 200 /api/v1/endpoints
	answer_has '"/api/v1/topology/summary"'
	ask 200 /api/v1/topology/summary
	head_has '^content-type: application/json'
	head_has '^cache-control: no-store'
	answer_has '"topologies"'
	ask 200 /metrics
	ask 200 /healthz -I
	head_has '^content-length: 3'
	ask 404 /nothing
	ask 404 /healthz/
	ask 404 /ui/nothing.js
	ask 404 /api/v1/topology/nothing/status
	answer_has '"error":"noTopology"'
	ask 405 /healthz -X POST
	head_has '^allow: GET, HEAD'
	ask 405 /healthz -X DELETE
	ask 405 /api/v1/topology/summary -X OPTIONS
	ask 200 /healthz -H 'Origin: http://evil.example'
	! grep -qi '^access-control' head || fail "it lets other sites look"
	ui_ends
}

case_files_of_the_page() {
	local file

	ui
	for file in "$TOP_SRCDIR"/ui/*.*; do
		file=${file##*/}
		ask 200 "/ui/$file"
		same body "$TOP_SRCDIR/ui/$file"
		case $file in
		*.js) head_has '^content-type: text/javascript' ;;
		*.css) head_has '^content-type: text/css' ;;
		esac
	done
	if [ -f /usr/share/javascript/dygraphs/dygraph.min.js ]; then
		ask 200 /lib/dygraph.min.js
		head_has '^content-type: text/javascript'
	else
		ask 404 /lib/dygraph.min.js
		answer_has 'apt-get install libjs-dygraphs'
	fi
	ask 404 /lib/nothing.js
	ui_ends
}

case_topologies() {
	words
	ui
	ask 200 /api/v1/topology/summary
	answer_has '"words"'
	answer_has '"ACTIVE"'
	ask 200 '/api/v1/topology/words/status?window=10m&component=split'
	answer_has '"split"'
	ask 200 "/api/v1/topology/$(grep -o '"id": "words-1-[0-9]*"' body | cut -d'"' -f4)/status"
	ask 404 /api/v1/topology/words-1-17/status
	ask 404 '/api/v1/topology/words/status?component=none'
	ask 400 '/api/v1/topology/words/status?window=2m'
	ask 200 /readyz
	expect 0 kill words -w 1 -y
	ui_ends
}

# A topology that starts, has failed or is dead makes the server unready, and tells why.
case_ready() {
	words
	ui
	ask 200 /readyz
	kill -9 "$(supervisor)"
	wait_until 10 is_status words DEAD
	is_unready() {
		[ "$(curl -s -o body -w '%{http_code}' "$URL/readyz")" = 503 ]
	}
	wait_until 10 is_unready
	answer_has '"name":"words","status":"DEAD"'
	ask 200 /healthz
	ui_ends
}

# ---- what is refused ------------------------------------------------------------------------------

case_foreign_host() {
	ui
	ask 403 /healthz -H 'Host: evil.example'
	ask 403 / -H "Host: evil.example:$PORT"
	ask 403 / -H 'Host: 127.0.0.1:1'
	ask 403 /nothing -H 'Host: evil.example'
	ask 403 /healthz -X POST -H 'Host: evil.example'
	ask 400 /healthz -H 'Host:'
	ask 200 /healthz -H "Host: localhost:$PORT"
	ui_ends
}

# Nothing that was refused has changed anything.
case_refused_changes() {
	words
	ui
	ask 401 /api/v1/topology/words/kill/0 -X POST
	head_has '^www-authenticate: Bearer'
	ask 401 /api/v1/topology/words/kill/0 -X POST -H 'Content-Type: application/json' -d '{}'
	TOKEN=$(tr 0-9a-f 1-9a-f0 <<< "$TOKEN") post 403 /api/v1/topology/words/kill/0 '{}'
	post 403 /api/v1/topology/words/kill/0 '{}' -H 'Origin: http://evil.example'
	post 403 /api/v1/topology/words/kill/0 '{}' -H 'Origin: null'
	post 403 /api/v1/topology/words/kill/0 '{}' -H 'Sec-Fetch-Site: cross-site'
	post 403 /api/v1/topology/words/kill/0 '{}' -H 'Host: evil.example'
	ask 415 /api/v1/topology/words/kill/0 -X POST -H "X-Gale-Token: $TOKEN" -H 'Content-Type: text/plain' -d '{}'
	ask 415 /api/v1/topology/words/kill/0 -X POST -H "X-Gale-Token: $TOKEN"
	ask 405 /api/v1/topology/words/kill/0
	head_has '^allow: POST'
	is_status words ACTIVE || fail "words is $(status_of words)"
	expect 0 kill words -w 1 -y
	ui_ends
}

case_paths_that_lead_elsewhere() {
	local path

	ui
	for path in /../../etc/passwd /ui/../../../etc/passwd /ui/%2e%2e/%2e%2e/etc/passwd /lib/../../../../etc/passwd \
	    /ui/%2e%2e%2f%2e%2e%2f..%2fetc%2fpasswd /lib/..%2f..%2f..%2fetc%2fpasswd //etc/passwd /ui//etc/passwd \
	    /ui/%00 /ui/index.html%00.js '/ui/..\..\etc\passwd' /api/v1/topology/..%2f..%2fetc/status \
	    /api/v1/topology/.ui-token/status; do
		case $(curl -s --path-as-is -o body -w '%{http_code}' "$URL$path") in
		400 | 404) ;;
		*) fail "$path: $(head -c 300 body)" ;;
		esac
		! grep -q root: body || fail "$path gives a file"
	done
	ui_ends
}

case_too_large() {
	ui
	head -c 1000000 /dev/zero | tr '\0' x > million
	{ printf 'X-Large: ' && cat million; } > header
	got=$(curl -s --max-time 20 -o body -w '%{http_code}' -H @header "$URL/healthz")
	[[ $got == 431 || $got == 000 ]] || fail "a megabyte of header: $got"
	head -c 9000 million > long
	ask 400 "/$(cat long)"
	head -c 60000 million > long
	ask 414 "/$(cat long)"
	cat million million > large
	post 413 /api/v1/topology/words/kill/0 @large
	post 413 /api/v1/topology/words/kill/0 @large -H 'Transfer-Encoding: chunked'
	ask 200 /healthz
	ui_ends
}

# ---- who is slow ----------------------------------------------------------------------------------

# connect opens a connection as descriptor $fd.
connect() {
	exec {fd}<> "/dev/tcp/127.0.0.1/$PORT" || fail "cannot connect to port $PORT"
}

case_slow_clients() {
	local fds=() i

	ui
	for i in $(seq 100); do
		connect
		fds+=("$fd")
		printf 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nX: ' "$PORT" >&"$fd"
	done
	for i in "${fds[@]}"; do
		printf 'x' >&"$i"
		ask 200 /healthz
	done
	# They lose their places after half a minute, though they say something now and then.
	[ -z "${GALE_QUICK:-}" ] || { ui_ends && return; }
	is_shut() {
		printf 'x' >&"$fd"
		read -r -t 0.1 -u "$fd" _
		[ $? -le 128 ]
	} 2> /dev/null
	trap '' PIPE
	wait_until 60 is_shut
	ui_ends
}

# ticks_of_ui gives the processor time of $UI so far, in hundredths of a second.
ticks_of_ui() {
	echo $(($(cut -d' ' -f14,15 "/proc/$UI/stat" | tr ' ' +)))
}

# A thousand clients that ask once a second are all answered; an answer costs 25 us of processor time where
# nothing else runs, and the topology is read four times a second whatever they ask.
case_a_thousand_clients() {
	local answers ticks

	[ "$(ulimit -Hn)" -ge 2500 ] || skip "2500 open files are not allowed"
	words
	ui
	ticks=$(ticks_of_ui)
	"$TOP_BUILDDIR/test/pollers" "$PORT" '/api/v1/topology/words/status?window=1m' 1000 1000 5 > polled 2> polled.err ||
	    fail "$(cat polled.err)"
	answers=$(cut -d' ' -f1 polled)
	ticks=$(($(ticks_of_ui) - ticks))
	must [ "$answers" -ge 1000 ]
	[ $((ticks * 10000 / answers)) -le $((100 * SLOW)) ] || fail "an answer costs $((ticks * 10000 / answers)) us"
	expect 0 kill words -w 1 -y
	ui_ends
}

# ---- where it listens -----------------------------------------------------------------------------

case_port_in_use() {
	local port

	ui
	expect 1 ui --listen "127.0.0.1:$PORT"
	says "cannot listen on 127.0.0.1:$PORT: another program does"
	port=$PORT
	ui_ends
	ui --listen "127.0.0.1:$port"
	must [ "$PORT" = "$port" ]
	ui_ends
	expect 2 ui --listen 8080
	says 'nothing to listen on'
	expect 2 ui --listen 127.0.0.1:x
	expect 2 ui --listen 127.0.0.1:65536
	expect 1 ui --listen 192.0.2.1:0
	says 'no such address'
	expect 2 ui words
}

# Others can come here: who looks needs the token, too.
case_open_to_others() {
	words
	kill -9 "$(supervisor)"
	wait_until 10 is_status words DEAD
	ui --listen 0.0.0.0:0
	URL=http://127.0.0.1:$PORT
	ask 200 /
	ask 200 /healthz
	ask 401 /api/v1/topology/summary
	ask 503 /readyz
	! grep -q words body || fail "it tells strangers what there is"
	ask 503 /readyz -H "X-Gale-Token: $TOKEN"
	answer_has '"name":"words"'
	ask 401 /metrics
	ask 403 /metrics -H 'X-Gale-Token: wrong'
	ask 200 /metrics -H "Authorization: Bearer $TOKEN"
	ask 200 /api/v1/topology/summary -H "X-Gale-Token: $TOKEN"
	ask 403 / -H "Host: evil.example:$PORT"
	ask 200 / -H "Host: $(hostname):$PORT"
	ui_ends
}

case_unix_socket() {
	ui --listen unix:here.sock
	must [ "$(stat -c %a here.sock)" = 600 ]
	URL=http://localhost
	ask 200 /healthz --unix-socket here.sock
	ask 200 /api/v1/topology/summary --unix-socket here.sock
	ask 403 /healthz --unix-socket here.sock -H 'Host: evil.example'
	expect 1 ui --listen unix:here.sock
	says 'another program does'
	kill -KILL "$UI"
	wait "$UI" 2> /dev/null
	must [ -S here.sock ]
	ui --listen unix:here.sock	# nobody listens there any more
	URL=http://localhost
	ask 200 /healthz --unix-socket here.sock
	ui_ends
	must [ ! -e here.sock ]
	: > file
	expect 1 ui --listen unix:file
	must [ -f file ]
}

case_its_end() {
	local sig

	for sig in TERM INT HUP; do
		ui
		connect		# somebody in the middle of a request
		printf 'GET / HTTP/1.1\r\n' >&"$fd"
		ui_ends "$sig"
		exec {fd}>&-
	done
}

# ---- the token ------------------------------------------------------------------------------------

case_token() {
	local token

	ui
	must [ "$(stat -c %a "$HOMES/gale/.ui-token")" = 600 ]
	must grep -qE '^[0-9a-f]{64}$' "$HOMES/gale/.ui-token"
	says "#token=$TOKEN"
	! tr '\0' ' ' < "/proc/$UI/cmdline" | grep -q "$TOKEN" || fail "everybody can see the token"
	token=$TOKEN
	ui_ends
	ui
	must [ "$TOKEN" = "$token" ]
	ui_ends
	chmod 644 "$HOMES/gale/.ui-token"
	expect 1 ui --listen 127.0.0.1:0
	says 'open to other users'
}

# The browser's arguments can be read by all: the token is not among them.
case_browser() {
	mkdir bin
	# shellcheck disable=SC2016 # for that script
	printf '#!/bin/sh\necho "$1" > opened\n' > bin/xdg-open
	chmod +x bin/xdg-open
	PATH=$PWD/bin:$PATH ui --open
	wait_until 10 test -s opened
	must [ "$(cat opened)" = "$URL/" ]
	ui_ends
}

# ---- gale run --ui --------------------------------------------------------------------------------

case_of_a_run() {
	words
	: > in
	sed -i 's/"name": "words"/"name": "own"/' t.json
	start --ui --listen 127.0.0.1:0
	listens
	ask 200 /api/v1/topology/summary
	answer_has '"own"'
	! grep -q '"words"' body || fail "it shows others"
	ask 200 /api/v1/topology/own/status
	ask 404 /api/v1/topology/words/status
	ask 403 /healthz -H 'Host: evil.example'
	expect 1 run --ui --listen "127.0.0.1:$PORT" -q t.json
	says 'another program does'
	expect 2 run --listen "127.0.0.1:$PORT" t.json
	says 'takes --ui'
	expect 2 run --ui --listen x t.json
	kill -INT "$PID"
	ends 130
	expect 0 kill words -w 1 -y
}

# gale ui shows runs without a home, too.
case_runs_are_shown() {
	topology own <<-END
		spout lines lines path=in follow=true
		bolt end null.Null
		stream lines end SHUFFLE
	END
	: > in
	start
	ui
	is_shown() {
		curl -s "$URL/api/v1/topology/own/status" | grep -q '"ACTIVE"'
	}
	wait_until 10 is_shown
	ask 200 /api/v1/topology/summary
	answer_has "\"own-$PID\""
	ask 200 "/api/v1/topology/own-$PID/status"
	ui_ends
	kill -INT "$PID"
	ends 130
}

run_cases "$@"
