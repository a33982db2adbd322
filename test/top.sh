#!/bin/bash
# top.sh - gale top in a terminal (tmux is one), and in batches. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119,SC2120 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# numbers goes on without end; N a second.
numbers() {
	topology <<-END
		spout numbers sequence rate=$1
		bolt pass identity parallelism=2
		bolt sink null.Null
		stream numbers pass SHUFFLE
		stream pass sink SHUFFLE
	END
}

# ---- a terminal ---------------------------------------------------------------------------------

# tm COMMAND... is the last terminal's tmux. It is gale's by its environment, so it may not be left
# behind.
N_TERMINALS=0
tm() {
	GALE_TEST_CASE=$RUN LC_ALL=C.UTF-8 tmux -u -S "tmux$N_TERMINALS" -f /dev/null "$@"
}

# terminal WIDTH HEIGHT [VARIABLE=VALUE...] top [ARGUMENT...] runs gale in a new terminal, where its
# exit code and the terminal's modes can be read when it has ended.
terminal() {
	local width=$1 height=$2 settings=()

	command -v tmux > /dev/null || skip "tmux is missing (Debian: tmux)"
	shift 2
	N_TERMINALS=$((N_TERMINALS + 1))
	while [[ $1 == *=* ]]; do
		settings+=("$1")
		shift
	done
	cat > inside <<-'END'
		modes() {
			stty -a | sed "s/rows.*columns [0-9]*//"
		}
		trap : INT QUIT
		rm -f stty.after
		modes > stty.before
		"$@" 2> top.err
		echo "ended with $?"
		modes > stty.after
		exec cat
	END
	tm new-session -d -s top -x "$width" -y "$height" env XDG_RUNTIME_DIR="$RUN" XDG_STATE_HOME="$HOMES" \
	    LC_ALL=C.UTF-8 "${settings[@]}" sh inside "$GALE" "$@"
}

screen() {
	tm capture-pane -p -t top "$@"
}

# on_screen PATTERN: a line matches. shows PATTERN waits for that, hides PATTERN until none does.
on_screen() {
	screen | grep -qE -- "$1"
}

off_screen() {
	! on_screen "$1"
}

shows() {
	(wait_until 10 on_screen "$1") || fail "the screen is: $(screen)"
}

hides() {
	(wait_until 10 off_screen "$1") || fail "the screen is: $(screen)"
}

keys() {
	tm send-keys -t top "$@"
}

# emitted gives how many messages the screen tells of; more_than N: more than that.
emitted() {
	screen | sed -n 's/^in all  \([0-9,]*\) emitted.*/\1/p' | tr -d ,
}

more_than() {
	[ "$(emitted)" -gt "$1" ]
}

# is_drawn: the first line, the heads, and in the last line the keys: nothing was wrapped or scrolled.
is_drawn() {
	screen > drawn
	[ "$(wc -l < drawn)" -eq "$1" ] && head -n 1 drawn | grep -q "^$2  " && tail -n 1 drawn | grep -q '^q quit.*help$'
}

# ended CODE: gale ended with it, and the terminal is as it was.
ended() {
	shows "^ended with $1\$"
	wait_until 5 test -s stty.after
	same stty.before stty.after
	[ "$(tm display -p -t top '#{alternate_on} #{cursor_flag}')" = '0 1' ] || fail "the terminal was not put back"
	tm kill-server
}

top_pid() {
	tm list-panes -t top -F '#{pane_pid}' | xargs -I{} pgrep -P {} -f ' top'
}

# ---- what it shows ------------------------------------------------------------------------------

case_large() {
	local n

	numbers 2000
	submit --name a
	terminal 100 30 top a
	shows '^a  ACTIVE  up .*acked/s  p50 .*\(last 0\.'
	shows '^ COMPONENT +IN/S +OUT/S +LOAD +BUSY +BLOCKED +p99 +QUEUE +PENDING +FAILED +RESTARTS *$'
	shows '^>numbers +- +[12],[0-9]{3} .*%'
	shows '^ pass +[12],[0-9]{3} +[12],[0-9]{3} '
	shows '^ acker '
	wait_until 10 is_drawn 30 a
	n=$(emitted)
	wait_until 10 more_than $((n + 1000))
	keys q
	ended 0
	expect 0 kill a -w 20
}

case_small() {
	numbers 100
	submit --name a
	terminal 70 12 top a
	shows '^ COMPONENT +IN/S +OUT/S LOAD +BUSY BLOCKED +p99 FAILED *$'
	shows '^>numbers '
	wait_until 10 is_drawn 12 a
	keys q
	ended 0
	terminal 40 10 top a
	shows '^ COMPONENT +IN/S +OUT/S +BUSY *$'
	wait_until 10 is_drawn 10 a
	keys q
	ended 0
	expect 0 kill a -w 20
}

case_keys() {
	numbers 100
	submit --name a
	terminal 100 30 top a
	shows '^>numbers '
	keys Down
	shows '^>pass '
	keys Enter
	shows '^pass  bolt  class identity  2 executors  2 tasks$'
	shows '^>pass\[0\] '
	shows '^ pass\[1\] '
	shows '^execute latency  p50 '
	keys Escape
	shows '^>pass '
	keys s
	shows '^ \*COMPONENT '
	keys s
	shows '^ COMPONENT +\*IN/S '
	keys c
	shows '^ acker\[0\] '
	keys c
	hides '\[0\]'
	keys w
	shows 'w window: 1m '
	keys '?'
	shows '^gale top: keys$'
	keys Escape
	shows '^a  ACTIVE'
	keys Escape
	shows '^1 topology  1 ACTIVE'
	shows '^>a +ACTIVE '
	keys Enter
	shows '^a  ACTIVE'
	keys q
	ended 0
	expect 0 kill a -w 20
}

case_pause() {
	local n

	numbers 1000
	submit --name a
	terminal 100 30 top a
	shows '^in all '
	keys p
	shows '^a  ACTIVE  PAUSED '
	screen > before
	n=$(emitted)
	# As many as come in a second are more than a refresh away.
	wait_until 10 has_emitted $((n + 1500))
	screen > after
	same before after
	keys p
	hides PAUSED
	wait_until 10 more_than "$n"
	keys q
	ended 0
	expect 0 kill a -w 20
}

has_emitted() {
	[ "$(gale status a --json | grep -o '"emitted": [0-9]*' | head -n 1 | tr -cd 0-9)" -ge "$1" ]
}

case_resize() {
	numbers 100
	submit --name a
	terminal 70 12 top a
	wait_until 10 is_drawn 12 a
	tm resize-window -t top -x 200 -y 60
	shows ' TIMED-OUT '
	wait_until 10 is_drawn 60 a
	tm resize-window -t top -x 40 -y 10
	hides BLOCKED
	wait_until 10 is_drawn 10 a
	tm resize-window -t top -x 3 -y 2
	shows '^a *A?~?$'
	tm resize-window -t top -x 100 -y 30
	shows ' RESTARTS'
	wait_until 10 is_drawn 30 a
	keys q
	ended 0
	expect 0 kill a -w 20
}

case_list() {
	seq 10 > in
	topology <<-END
		spout lines lines path=in
		bolt sink null.Null
		stream lines sink SHUFFLE
	END
	submit --name ended
	wait_until 10 is_status ended FINISHED
	numbers 1000
	submit --name a
	terminal 100 30 top
	shows '^2 topologies  1 ACTIVE  1 FINISHED'
	shows '^>a +ACTIVE .* (1,[0-9]{3}|[89][0-9]{2}) +[0-9,]+ '
	shows '^ ended +FINISHED '
	keys Down
	shows '^>ended '
	keys Enter
	shows '^ended  FINISHED  ran '
	shows '^in all  10 emitted  10 acked$'
	keys Escape
	shows '^>ended '
	gale kill ended
	shows '^1 topology  1 ACTIVE'
	shows '^>a '
	keys q
	ended 0
	expect 0 kill a -w 20
}

# ---- what becomes of a topology meanwhile -------------------------------------------------------

case_ups_and_downs() {
	local n

	numbers 1000
	submit --name a
	terminal 180 30 top a
	shows '^ pass '
	kill -KILL "$(worker 'pass[0]')"
	shows '^ pass .* ago: was killed by SIGKILL'
	shows ' 1 restart '
	expect 0 deactivate a
	shows '^a  INACTIVE '
	expect 0 activate a
	shows '^a  ACTIVE '
	expect 0 rebalance a -e pass=1
	keys c
	shows '^ pass\[0-1\] +2 +[0-9]+ '
	keys c
	shows '^ pass '
	# Nobody is asked: a supervisor that hangs hangs nothing.
	kill -STOP "$(supervisor)"
	n=$(emitted)
	wait_until 10 more_than $((n + 1000))
	kill -CONT "$(supervisor)"
	kill -KILL "$(supervisor)"
	shows '^a  DEAD'
	shows 'gale submit --resume a$'
	wait_until 10 none_but_terminal
	expect 0 submit --wait --resume a
	shows '^a  ACTIVE '
	shows '^ pass '
	expect 0 kill a -w 20
	shows '^there is no topology "a" any more'
	keys Down Up Enter s c w p p Escape
	shows '^0 topologies'
	submit --name a
	shows '^>a +ACTIVE '
	keys q
	ended 0
	expect 0 kill a -w 20
}

none_but_terminal() {
	[ -z "$(worker 'pass[0-1]')$(worker 'numbers[0]')" ]
}

# ---- terminals ----------------------------------------------------------------------------------

case_put_back() {
	local signal p

	numbers 100
	submit --name a
	terminal 100 30 top a
	shows '^>numbers '
	keys C-c
	ended 130
	for signal in TERM HUP QUIT; do
		terminal 100 30 top a
		shows '^>numbers '
		kill -s "$signal" "$(top_pid)"
		ended 143
	done
	terminal 100 30 top a
	shows '^>numbers '
	kill -ABRT "$(top_pid)"
	ended 134
	# The terminal itself goes.
	terminal 100 30 top a
	shows '^>numbers '
	p=$(top_pid)
	tm kill-server
	wait_until 5 is_gone "$p"
	expect 0 kill a -w 20
}

case_plain_terminals() {
	numbers 100
	submit --name a
	terminal 100 30 top a
	shows '^ COMPONENT '
	screen -e > colours
	must grep -q $'\033\[3[0-9]' colours
	must grep -q '·' colours
	keys q
	ended 0
	terminal 100 30 NO_COLOR=1 top a
	shows '^ COMPONENT '
	screen -e > plain
	must_count 0 plain $'\033\\[(3|4)[0-7]'
	keys q
	ended 0
	# What has no colours, and sends no codes for these keys that terminfo knew.
	terminal 70 12 TERM=vt100 LC_ALL=C top a
	shows '^ COMPONENT '
	screen -e > plain
	must_count 0 plain $'\033\\[(3|4)[0-7]'
	shows '^>numbers .* \.{8}'
	keys PageDown
	shows '^>acker '
	keys Up
	shows '^>sink '
	keys Home
	shows '^>numbers '
	keys q
	ended 0
	expect 0 kill a -w 20
}

case_no_terminal() {
	numbers 100
	submit --name a
	expect 2 top a
	says 'no terminal; for scripts there is gale top --batch'
	must [ ! -s out ]
	terminal 100 30 TERM=nonsense top a
	ended 2
	must grep -q 'there is no terminal "nonsense".*--batch' top.err
	terminal 100 30 TERM=dumb top a
	ended 2
	must grep -q 'move its cursor; use gale top --batch' top.err
	terminal 100 30 TERM= top a
	ended 2
	must grep -q 'TERM is not set.*--batch' top.err
	expect 0 kill a -w 20
}

# ---- batches ------------------------------------------------------------------------------------

# suits SCHEMA: each line of the file out is as it says.
suits() {
	while read -r line; do
		"$TOP_BUILDDIR/test/schema" "$TOP_SRCDIR/doc/schema/$1.schema.json" <<< "$line" ||
		    fail "not as the schema says: $line"
	done < out
}

case_batch() {
	numbers 2000
	submit --name a
	expect 0 top --batch -n 3 -i 1 a
	must_count 3 out '^a  ACTIVE  up .*\(last [0-9.]+s\)$'
	must_count 3 out '^COMPONENT +TASKS +IN/S .* RESTARTS$'
	must_count 3 out '^pass +2 +[1-9][0-9,.]* +[1-9][0-9,.]* '
	must_count 2 out '^$'
	must [ ! -s err ]
	expect 0 top -b -n 1
	must_count 1 out '^a +ACTIVE +[0-9.ms]+ +[1-9][0-9,.]* +[1-9][0-9,.]* '
	expect 0 top --batch -n 4 -i 0.5 --json a
	must_count 4 out '^\{"schemaVersion": 1, "name": "a", .*\}$'
	suits status
	must_count 4 out '"name": "live", "seconds": 0\.'
	must [ "$(wc -l < out)" -eq 4 ]
	must [ "$(grep -o '"emitted": [0-9]*' out | awk '{ print $2 }' | sort -nu | wc -l)" -gt 4 ]
	expect 0 top --batch -n 2 -i 0.1 --json
	must_count 2 out '^\{"schemaVersion": 1, "topologies": \[.*"name": "a".*\]\}$'
	suits list
	expect 0 kill a -w 20
}

case_batch_ends() {
	numbers 100
	submit --name a
	gale top --batch -i 0.1 a > table 2> table.err &
	wait_until 10 test -s table
	expect 0 kill a -w 20
	wait $! && fail "exit 0, though the topology was killed"
	must grep -q 'there is no topology "a" any more' table.err
	seq 10 > in
	topology <<-END
		spout lines lines path=in
		bolt sink null.Null
		stream lines sink SHUFFLE
	END
	submit --name ended
	expect 0 top --batch -i 0.1 ended
	must_count 1 out '^ended  FINISHED '
	expect 0 top --batch -i 0.1 --json -n 2 ended
	must_count 2 out '"status": "FINISHED".*"ended": \{"exit": 0'
	suits status
	expect 0 kill ended
	expect 0 top --batch -n 1
	must [ ! -s out ]
	says 'no topology is there'
	# Nor is there a place for any.
	HOMES=$PWD/none expect 0 top --batch -n 1
	says 'no topology is there'
	expect 0 top --batch -n 1 --json
	must_count 1 out '"topologies": \[\]'
}

case_wrong() {
	numbers 100
	submit --name words
	for how in '--batch -n 1' ''; do
		# shellcheck disable=SC2086 # words
		expect 4 top $how wrods
		says 'there is no topology "wrods"; did you mean "words"\?'
	done
	expect 2 top words other
	expect 2 top --json words
	says '\-\-json and -n are for --batch'
	expect 2 top -n 3 words
	for bad in 0 -1 x 3x ''; do
		expect 2 top --batch -n "$bad" words
		says 'no number of times'
	done
	for bad in 0 0.01 -1 x 1s nan inf 3601 ''; do
		expect 2 top --batch -n 1 -i "$bad" words
		says 'must be seconds, from 0.1 to 3600'
	done
	gale top --batch -n 1 words > /dev/full 2> err && fail "a full disk was not noticed"
	says 'cannot write'
	expect 0 kill words -w 20
}

run_cases "$@"
