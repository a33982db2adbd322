# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# keys - a word count of a million different words, in an order that no cache knows, by four
# counters that share them by FIELDS. A tuple is a line of ten words or a word.
# SPDX-License-Identifier: Apache-2.0

keys=1000000
key_rounds=4
key_lines=$((key_rounds * keys / 10))
# A prime number that does not divide the number of keys visits each of them once.
awk -v n=$keys 'BEGIN {
	for (i = 0; i < n; i++)
		printf "key-%06d%s", i * 7368787 % n, i % 10 == 9 ? "\n" : " " }' >"$work/keys"
sed '/"id": "count"/s/"parallelism": "[^"]*"/"parallelism": 4/' "$bench/wordcount.json" >"$work/keys.json"

run_limit() {
	bare limit -n 4 -k $keys "$work/keys" $key_lines
	said_line $key_lines
}

run_gale() {
	gale "$work/keys.json" -D input="$work/keys" -D repeat=$key_rounds
	counted $key_lines
}

alternate limit gale
read -r _ found <"$work/found"
[ "$found" = $keys ] || die "keys: $found different words, not $keys"
result limit 'bare pipeline' at-least-once limit
result gale gale at-least-once limit
