# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# const-id-null - tuples that nobody looks into through a bolt that passes them on, a process for
# each task: what the runtime itself costs. Rates and costs are those of roots, not of tuples.
# SPDX-License-Identifier: Apache-2.0

const_roots=4000000
chaining off <"$bench/const.json" >"$work/const.json"
chaining auto <"$bench/const.json" >"$work/const-chained.json"

run_limit() {
	bare limit_const "$const_roots"
	read -r roots_per_s _ arrived _ <"$work/said"
	bare_line "$roots_per_s" "$const_roots" "$arrived"
}

passed() {
	gale "$work/$1.json" -D count="$const_roots"
	gale_line "$const_roots" "$(number executed null)"
}

run_gale() { passed const; }
run_chained() { passed const-chained; }

set -- limit gale
[ "$can_chain" = no ] || set -- "$@" chained
alternate "$@"
result limit 'bare pipeline' at-least-once limit
result gale gale at-least-once limit
[ "$can_chain" = no ] || result chained 'gale, chained' at-least-once limit
peer_results limit
goal 'const-id-null, a process per task : the bare pipeline' "$(ratio "$(of gale 1)" "$(of limit 1)")" \
	'' least 0.3
