# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# exactly-once - the word count under each guarantee, by bench/guarantees, with its own table.
# SPDX-License-Identifier: Apache-2.0

"$bench/guarantees" --repetitions "$repetitions" --lines "$lines" >"$work/guarantees" || true
grep '^{' "$work/guarantees" >>"$json_lines" || die "guarantees failed"
grep -v '^{' "$work/guarantees" | sed "s/^/$workload: /"

# rate_of GUARANTEE is its median.
rate_of() {
	sed -n "s/.*\"guarantee\":\"$1\",\"tuples_per_s\":\([0-9]*\).*/\1/p" "$work/guarantees"
}

goal 'exactly-once : at-least-once, nothing chained' \
	"$(ratio "$(rate_of exactly-once)" "$(rate_of at-least-once)")" '' least 0.5
