# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# pending - the word count with 100, 10,000 and 1,000,000 lines that may be on their way, and with 100 and
# 10,000 where all of it is chained. A tuple is a line or a word. SPDX-License-Identifier: Apache-2.0

few_rounds=$(((rounds + 7) / 8))

# count_with N ROUNDS [auto]: with N lines, and chained.
count_with() {
	sed "s/\"topology.max.spout.pending\": 10000/\"topology.max.spout.pending\": $1/" \
		"$bench/wordcount.json" | chaining "${3:-off}" >"$work/pending.json"
	gale "$work/pending.json" -D input="$text" -D repeat="$2"
	counted $(($2 * text_lines)) >"$work/counted"
	cut -d ' ' -f 1-5 "$work/counted"	# some count less
}

run_hundred() { count_with 100 $few_rounds; }
run_usual() { count_with 10000 "$rounds"; }
run_million() { count_with 1000000 "$rounds"; }
run_hundred_chained() { count_with 100 "$rounds" auto; }
run_usual_chained() { count_with 10000 "$rounds" auto; }

alternate hundred usual million hundred_chained usual_chained
workload=pending-100
result hundred gale at-least-once
result hundred_chained 'gale, chained' at-least-once
workload=pending-10000
result usual gale at-least-once
result usual_chained 'gale, chained' at-least-once
workload=pending-1000000
result million gale at-least-once
goal '1,000,000 pending : 10,000' "$(ratio "$(of million 1)" "$(of usual 1)")" '' least 0.85
goal '100 pending : 10,000' "$(ratio "$(of hundred 1)" "$(of usual 1)")" '' least 0.25
goal '100 pending : 10,000, chained' "$(ratio "$(of hundred_chained 1)" "$(of usual_chained 1)")" '' least 0.25
