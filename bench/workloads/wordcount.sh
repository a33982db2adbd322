# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# wordcount - the word count with its default settings, the bare pipeline, and one plain thread.
# A tuple is a line or a word. SPDX-License-Identifier: Apache-2.0

run_limit() {
	bare limit "$text" "$lines"
	said_line "$lines"
}

run_thread() {
	bare cost "$text" "$lines"
	said_line "$lines"
}

run_gale() {
	# shellcheck disable=SC2086 # each of $defines is a word or two of its own
	gale "$bench/wordcount.json" -D input="$text" -D repeat="$rounds" $defines
	counted "$lines"
}

alternate limit gale thread
result limit 'bare pipeline' at-least-once limit
result gale gale at-least-once limit
result thread 'one thread' none limit
peer_results limit
goal 'word count : the bare pipeline' "$(ratio "$(of gale 1)" "$(of limit 1)")" '' least 0.6
goal 'memory of the whole word count at full load' \
	"$(awk -v mib="$(of gale 5)" 'BEGIN { print mib * 1.048576 }')" MB most 60
best=$(for name in storm-1 storm-3; do of_storm $name 1; done | sort -n | tail -n 1)
[ -z "$best" ] || goal "word count : Storm's best" "$(ratio "$(of gale 1)" "$best")" '' least 8
