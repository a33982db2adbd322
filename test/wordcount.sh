#!/bin/bash
# wordcount.sh - topologies/2-wordcount.json counts as coreutils does, whatever is in the text.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317 # cases are called by name

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

WORDCOUNT=$TOP_SRCDIR/topologies/2-wordcount.json

# Words are what ASCII white space separates, as bytes.
words_of() {
	tr -s ' \t\n\v\f\r' '\n' < "$1" | grep -av '^$'
}

oracle() {
	words_of "$1" | sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/' | sort
}

# count_words INPUT PARALLELISM ACKERS counts what is in the file `text` and comes by INPUT.
count_words() {
	rm -f output
	expect 0 run "$WORDCOUNT" -D input="$1" -D output=output -D parallelism="$2" -D ackers="$3" \
	    --summary summary
	[ -f output ] || fail "no output with parallelism $2, ackers $3"
	sort output | cmp - expected || fail "wrong counts with parallelism $2, ackers $3"
	consistent "$3" || fail "the summary is wrong with parallelism $2, ackers $3: $(cat summary)"
}

consistent() {
	[ "$(number exit)" -eq 0 ] &&
	[ "$(number emitted)" -eq "$LINES_THERE" ] &&
	[ "$(number acked)" -eq "$LINES_THERE" ] &&
	[ "$(number failed)" -eq 0 ] &&
	[ "$(number dead_lettered)" -eq 0 ] &&
	[ "$(number tuples)" -eq $((LINES_THERE + $(words_of text | wc -l) + $(wc -l < expected))) ] &&
	[ "$1" -eq "0$(of acker workers)" ] &&
	awk -v wall="$(number wall_seconds)" -v part="$(number seconds)" 'BEGIN { exit part > wall }'
}

# count_text counts the words of the file `text` in every way; GALE_QUICK: in one.
count_text() {
	local parallelism ackers

	oracle text > expected
	LINES_THERE=$(grep -ac '' text)
	if [ -n "${GALE_QUICK:-}" ]; then
		count_words text 3 2
		return
	fi
	for parallelism in 1 3; do
		for ackers in 0 1 2; do
			count_words text "$parallelism" "$ackers"
		done
	done
}

# fill SIZE TEXT: a file of so many bytes.
fill() {
	yes "$2" | tr -d '\n' | head -c "$1"
}

case_licences() {
	cat /usr/share/common-licenses/* > text
	count_text
	must [ "$(words_of text | wc -l)" -gt 10000 ]
}

case_many_lines() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do cat /usr/share/common-licenses/*; done > text
	oracle text > expected
	LINES_THERE=$(grep -ac '' text)
	count_words text 3 2
	count_words text 1 1
}

case_empty() {
	: > text
	count_text
	must [ -f output ]
	must [ ! -s output ]
}

case_no_last_newline() {
	printf 'to be or not\nto be' > text
	count_text
	must_count 1 output $'^to\t2$'
}

case_one_long_word() {
	fill 1600000 abcdefghijklmnopqrstuvwxyz > text
	count_text
	must [ "$(wc -l < output)" -eq 1 ]
}

case_one_long_line() {
	local size=5000000

	case ${TEST_WITHOUT:-} in
	# The line is one tree, which may time out where each word is a frame, or a record.
	OPTIMISE | OPTIMISE_FRAMES | OPTIMISE_MERGING) size=50000 ;;
	esac
	fill "$size" 'in a hole in the ground there lived ' > text
	count_text
}

case_longest_word() {
	fill 16777216 0123456789 > text
	oracle text > expected
	LINES_THERE=1
	count_words text 3 1
}

# One byte more is an error with the offset at which the line starts.
case_too_long_line() {
	{ echo 'a short line'; fill 16777217 0123456789; } > text
	expect 1 run "$WORDCOUNT" -D input=text -D output=output --summary summary
	must [ ! -e output ]
	says 'lines\[0\].*13'
	must [ "$(number exit)" -eq 1 ]
}

case_random_bytes() {
	head -c 300000 /dev/urandom > text
	count_text
}

# All bytes there are, many times each, and many words twice.
case_random_words() {
	head -c 400000 /dev/urandom | LC_ALL=C tr '\200-\377' ' \000-\032\t\r\v\f\377\303\251a-z' > text
	count_text
}

case_crlf() {
	printf 'one two\r\nthree\r\n\r\none\r\n' > text
	count_text
	must_count 1 output $'^one\t2$'
}

case_only_white_space() {
	printf ' \t\n\v \f\r\n\n\n   ' > text
	count_text
	must [ ! -s output ]
}

case_nul_bytes() {
	printf 'a\0b a\0b \0 \0\0 a\n\0\na' > text
	count_text
	must [ "$(wc -l < output)" -eq 4 ]
}

case_fifo() {
	local parallelism

	cat /usr/share/common-licenses/GPL-3 > text
	oracle text > expected
	LINES_THERE=$(grep -ac '' text)
	mkfifo fifo
	for parallelism in 1 3; do
		cat text > fifo &
		count_words fifo "$parallelism" 1
		wait $!
	done
	# a writer who is slow, and late: the end of a fifo counts once a writer was seen
	{ exec 3> fifo; head -n 100 text >&3; sleep 0.3; tail -n +101 text >&3; } &
	count_words fifo 1 2
	wait $!
}

case_standard_input() {
	cp /usr/share/common-licenses/GPL-2 text
	oracle text > expected
	LINES_THERE=$(grep -ac '' text)
	count_words - 2 1 < text
	count_words - 2 1 < <(cat text)
	count_words /dev/stdin 1 1 < text
}

# The output as standard output, by any name.
case_standard_output() {
	cp /usr/share/common-licenses/GPL-2 text
	oracle text > expected
	for name in - /dev/stdout; do
		gale run "$WORDCOUNT" -D input=text -D output="$name" 2> err | sort > got
		same got expected
		gale run "$WORDCOUNT" -q -D input=text -D output="$name" > plain 2> err || fail "$(cat err)"
		must [ ! -s err ]
		sort plain > got
		same got expected
	done
}

run_cases "$@"
