# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# exactly-once - the word count under each guarantee, by bench/guarantees, with its own table.
# SPDX-License-Identifier: Apache-2.0

# It fails when one of its goals is missed, too; when all else was right its last line of JSON is
# there.
"$bench/guarantees" --repetitions "$repetitions" --lines "$lines" >"$work/guarantees" || true
grep -q '"workload":"emit-to-committed"' "$work/guarantees" || die "guarantees failed"
grep '^{' "$work/guarantees" >>"$json_lines"
grep -v '^{' "$work/guarantees" | sed "s/^/$workload: /"

# rate_of GUARANTEE is its median.
rate_of() {
	sed -n "s/.*\"guarantee\":\"$1\",\"tuples_per_s\":\([0-9]*\).*/\1/p" "$work/guarantees" | head -n 1
}

goal 'exactly-once : at-least-once, nothing chained' \
	"$(ratio "$(rate_of exactly-once)" "$(rate_of at-least-once)")" '' least 0.5
