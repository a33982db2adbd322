# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# diamond - each tuple goes two ways, a to b and a to c, and both lead to d. Rates and costs are
# those of roots. SPDX-License-Identifier: Apache-2.0

diamond_roots=2000000
chaining off <"$bench/diamond.json" >"$work/diamond.json"

run_limit() {
	bare limit_const -w 2 "$diamond_roots"
	read -r roots_per_s _ arrived _ <"$work/said"
	bare_line "$roots_per_s" "$diamond_roots" "$arrived"
}

run_gale() {
	gale "$work/diamond.json" -D count="$diamond_roots"
	gale_line "$diamond_roots" "$(number executed d)"
}

alternate limit gale
result limit 'bare pipeline' at-least-once limit
result gale gale at-least-once limit
