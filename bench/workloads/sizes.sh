# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# sizes - const-id-null with tuples of 64 bytes to 1 MB, about as many bytes of each. The cost
# of a tuple shall grow with its size and no faster. SPDX-License-Identifier: Apache-2.0

chaining off <"$bench/const.json" >"$work/const.json"

# amount gives how many tuples of $size bytes there are.
amount() {
	awk -v size="$size" 'BEGIN { n = int(1.2e9 / size); print n < 500000 ? n : 500000 }'
}

run_limit() {
	bare limit_const -s "$size" "$(amount)"
	read -r roots_per_s _ arrived _ <"$work/said"
	bare_line "$roots_per_s" "$(amount)" "$arrived"
}

run_gale() {
	gale "$work/const.json" -D count="$(amount)" -D size="$size"
	gale_line "$(amount)" "$(number executed null)"
}

base=$workload
for size in 64 1024 8192 65536 262144 1048576; do
	workload=$base-$size
	alternate limit gale
	result limit 'bare pipeline' at-least-once limit
	result gale gale at-least-once limit
	echo "$size $(of gale 2)" >>"$work/costs"
done
goal 'CPU per byte of a tuple of 1 MB : of one of 64 KB' "$(awk '
	{ cost[$1] = $2 / $1 } END { print cost[1048576] / cost[65536] }' "$work/costs")" '' most 1.25
