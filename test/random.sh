#!/bin/bash
# random.sh - random topologies: whatever they look like, every message is acked once, and the
# run ends; also when workers are killed at random. SPDX-License-Identifier: Apache-2.0
#
#     SEED=N N_TOPOLOGIES=M test/random.sh     these again, or others, or more of them
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SEED=${SEED:-$RANDOM$RANDOM}
N_TOPOLOGIES=${N_TOPOLOGIES:-$([ -n "${GALE_QUICK:-}" ] && echo 3 || echo 15)}

# random_topology SEED gives one, in lines for `topology`: spouts, then bolts that take from any
# before them. Refuse fails tuples, so their messages are replayed.
random_topology() {
	awk -v seed="$1" -v times="${2:-1}" '
	function below(n) { return int(rand() * n) }
	function pick(list,    a, n) {
		n = split(list, a, "|")
		return a[1 + below(n)]
	}
	function tasks(    p) {
		p = 1 + (below(3) == 0) + (below(6) == 0)
		return "parallelism=" p " numTasks=" (p + below(3) * below(2))
	}
	function spout(s) {
		print "spout", s, "feed start=" (1000000 * n) " journal=" s ".log replay=" pick("kept|self"),
		    "count=" times * (1 + below(300)), "keys=" (1 + below(30)), "pause=" pick(times > 1 ? "false" : "true|false|false")
		id[n++] = s
	}
	function stream(from, to) {
		print "stream", from, to, pick(groupings)
		taken[from]
	}
	function bolt(b,    what, i) {
		what = pick(bolts)
		if (what ~ /size|every/)
			what = what (1 + below(what ~ /size/ ? 9 : 50))
		gathers += what ~ /Gather/
		print "bolt", b, what, tasks()
		stream(id[below(n)], b)
		for (i = 0; i < n; i++)
			if (!(id[i] in taken) && below(3) == 0)
				stream(id[i], b)
		if (what !~ /Refuse|Later/)
			id[n++] = b
	}
	BEGIN {
		groupings = "ALL|GLOBAL|PARTIAL_KEY key|CUSTOM probe.Turns|FIELDS key n|FIELDS key|LOCAL_OR_SHUFFLE|SHUFFLE|SHUFFLE|NONE"
		bolts = "probe.Twice|probe.Gather size=|probe.Pass copies=2|probe.Refuse times=1 every=|probe.Later by=timer|" \
		    "probe.Later by=watch|probe.Later by=thread|probe.Pass ms=1|probe.Pass|probe.Pass"
		srand(seed)
		print "config topology.acker.executors", 1 + below(3)
		for (i = 1 + below(2); i > 0; i--)
			spout("s" i)
		for (i = 1 + below(6); i > 0; i--)
			bolt("b" i)
		print "bolt end probe.Pass copies=0", tasks()
		for (i = 0; i < n; i++)		# who has no one else
			if (!(id[i] in taken))
				stream(id[i], "end")
		stream(id[below(n)], "end")
		# what bolts gather must not be more than what may be open
		print "config topology.max.spout.pending", gathers ? 1000 : pick("1|2|7|50|1000")
	}' < /dev/null
}

# one SEED runs one.
one() {
	local s

	random_topology "$1" | awk '$1 != "stream" || !seen[$2 $3]++' | topology "random$1"
	run
	for s in s1 s2; do
		[ -f "$s".log ] || continue
		grep '^ack' "$s".log | sort > acks
		grep '^emit' "$s".log | sed 's/^emit/ack/' | sort -u > emits
		same acks emits
	done
	must [ "$(number acked)" -eq "$(cat s?.log | grep -c '^ack')" ]
}

case_random() {
	local i

	echo "SEED=$SEED"
	for i in $(seq 1 "$N_TOPOLOGIES"); do
		mkdir "$i"
		cd "$i" || exit 1
		(one $((SEED + i))) || fail "again with: SEED=$((SEED + i - 1)) N_TOPOLOGIES=1"
		cd ..
	done
}

# kill_in_bursts SEED kills bolts and ackers, any of them and at any time, a few times, now and then two at once.
kill_in_bursts() {
	local i pids

	RANDOM=$1 EARLY=0
	for i in $(seq 1 $((3 + RANDOM % 8))); do
		mapfile -t pids < <(victims)
		[ ${#pids[@]} -gt 0 ] || return 0
		kill_worker "${pids[RANDOM % ${#pids[@]}]}"
		[ $((RANDOM % 3)) -gt 0 ] || kill_worker "${pids[RANDOM % ${#pids[@]}]}"
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"	# chance, nothing to wait for
	done
	true
}

# victims gives the process ids of all workers that are no spouts.
victims() {
	local p label

	for p in $(of_ours); do
		label=$(tr '\0' '\n' < "/proc/$p/cmdline" | tail -n 1) 2> /dev/null
		case $label in b*\[*\] | end\[*\] | acker\[*\]) echo "$p" ;; esac
	done
}

# one_killed SEED runs one, larger, with an hour of time, and kills workers of it.
one_killed() {
	local s

	{
		echo "config topology.message.timeout.secs 3600"
		random_topology "$1" 15 | awk '$1 != "stream" || !seen[$2 $3]++'
	} | topology "killed$1"
	start -q
	wait_until 10 test -s s1.log
	kill_in_bursts "$1"
	ends 0 50
	for s in s1 s2; do
		[ -f "$s".log ] || continue
		grep '^ack' "$s".log | sort > acks
		grep '^emit' "$s".log | sed 's/^emit/ack/' | sort -u > emits
		same acks emits
	done
}

case_random_kills() {
	local i

	echo "SEED=$SEED"
	for i in $(seq 1 $(((N_TOPOLOGIES + 2) / 3))); do
		mkdir "$i"
		cd "$i" || exit 1
		(one_killed $((SEED + i))) || fail "again with: SEED=$((SEED + i - 1)) N_TOPOLOGIES=1"
		cd ..
	done
}

run_cases "$@"
