# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# latency - const-id-null at a rate, open loop: number k leaves at k / rate, and its time counts
# from then until it is acked at the spout, however late it left (latency.h). The first second is
# not measured. CPU and memory are those of some seconds in the middle; and once with nothing
# to do at all. SPDX-License-Identifier: Apache-2.0

latency_s=$((repetitions < 5 ? 5 : 7))	# how long a run takes
plugin paced
chaining off <"$bench/paced.json" >"$work/paced.json"
chaining auto <"$bench/paced.json" >"$work/paced-chained.json"

# watched REPORT is the line of a run that was watched while it went on, its times in REPORT.
watched() {
	finish "$workload"
	awk -v rate="$rate" -v cpu="$(value "$work/watched" cpu_share)" \
		-v kib="$(value "$work/watched" pss_kib)" -v p50="$(value "$1" p50_us)" \
		-v p99="$(value "$1" p99_us)" -v n="$(value "$1" measured)" 'BEGIN {
		printf "%.0f %.4f %s %s %.1f %d\n", rate, cpu * 1e6 / rate, p50, p99, kib / 1024, n }'
}

# watch_middle leaves a second before, and one and a half after what it watches: a busy machine
# may be late to look.
watch_middle() {
	sleep 1.5
	watch $((latency_s - 3))
}

run_limit() {
	begin "$work/limit_const" -r "$rate" -u "$rate" $((latency_s * rate))
	watch_middle
	watched "$work/said"
}

paced() {
	rm -f "$work/report"
	begin "$GALE" run "$work/$1.json" --quiet -D rate="$rate" -D count=$((latency_s * rate)) \
		-D unmeasured="$rate" -D report="$work/report"
	watch_middle
	watched "$work/report"
}

run_gale() { paced paced; }
run_chained() { paced paced-chained; }

# share NAME is the part of a core that it used.
share() {
	awk -v cpu="$(of "$1" 2)" -v rate="$rate" 'BEGIN { print cpu * rate / 1e6 }'
}

base=$workload
set -- limit gale
[ "$can_chain" = no ] || set -- "$@" chained
for rate in 1000 100000; do
	workload=$base-$rate
	alternate "$@"
	result limit 'bare pipeline' at-least-once
	result gale gale at-least-once
	[ "$can_chain" = no ] || result chained 'gale, chained' at-least-once
	peer_results
	goal "p50 at $rate/s : the bare pipeline" "$(ratio "$(of gale 3)" "$(of limit 3)")" '' most 1.5
	goal "p99 at $rate/s : the bare pipeline" "$(ratio "$(of gale 4)" "$(of limit 4)")" '' most 2
	if [ "$can_chain" = yes ]; then
		goal "p50 at $rate/s, chained" "$(of chained 3)" us most 100
	fi
	each=$(of_storm storm-3 3)
	[ -z "$each" ] || goal "p50 at $rate/s : Storm's, both with a process per task" "$(ratio "$(of gale 3)" "$each")" '' most 1
	one=$(of_storm storm-1 3)
	[ -z "$one" ] || [ "$can_chain" = no ] ||
		goal "p50 at $rate/s, chained : Storm's in one process" "$(ratio "$(of chained 3)" "$one")" '' most 1
	[ "$rate" = 1000 ] || continue
	goal 'CPU at 1000/s : the bare pipeline' "$(ratio "$(share gale)" "$(share limit)")" '' most 1.3
	[ "$can_chain" = no ] || goal 'CPU at 1000/s, chained' "$(share chained)" core most 0.03
done

mkfifo "$work/fifo"
exec 3<>"$work/fifo"	# a writer who says nothing; read and write, so that opening never waits
begin "$GALE" run "$bench/wordcount.json" --quiet -D input="$work/fifo"
sleep 1
watch $((latency_s - 2))
stop
exec 3>&-
goal 'CPU of the word count when nothing comes' \
	"$(awk -v cpu="$(value "$work/watched" cpu_share)" 'BEGIN { print 100 * cpu }')" '%' most 0.5
