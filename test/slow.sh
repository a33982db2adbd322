#!/bin/bash
# slow.sh - slow consumers: nothing times out, memory stays small, neighbours don't wait, and who
# becomes fast again is fast at once. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options
#
#     SLOW_SECONDS=60 test/slow.sh	how long a bolt is slow; 10 if it is not given
#
# The bolt `slow` is in test/plugins.

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

SLOW_SECONDS=${SLOW_SECONDS:-10}
LIMIT_KIB=$((100 * 1024 * SLOW))
export ASAN_OPTIONS=quarantine_size_mb=1:${ASAN_OPTIONS-}	# what is freed is not ours any more

# memory_now gives the memory of gale and its workers, in KiB: all of it, and what is theirs
# alone. Files that others have mapped as well weigh the more the fewer the others are.
memory_now() {
	of_ours | sed 's|.*|/proc/&/smaps_rollup|' | xargs cat 2> /dev/null | awk '/^Pss:/ { sum += $2 } /^Pss_Anon:/ { own += $2 } END { print sum + 0, own + 0 }'
}

# watch_memory SECONDS [INTERVAL] writes the memory into the file memory, again and again.
watch_memory() {
	local until=$((SECONDS + $1))

	while [ "$SECONDS" -lt "$until" ] && ! is_gone "$PID"; do
		memory_now >> memory
		sleep "${2:-0.2}"
	done
}

# memory_is_small: it never was more than 100 MB; memory_is_flat: and what is their own was in
# the second half not more than 5 % and 1 MB above what it was in the first one.
memory_is_small() {
	must [ "$(wc -l < memory)" -ge 1 ]	# a busy machine looks seldom
	[ "$(sort -n memory | tail -n 1 | sed 's/ .*//')" -lt "$LIMIT_KIB" ] ||
	    fail "memory in KiB: $(sort -n memory | tail -n 1)"
}

memory_is_flat() {
	memory_is_small
	awk '{ m[NR] = $2 }
	END {
		for (i = 1; i <= NR; i++)
			if (m[i] > most[i > NR / 2])
				most[i > NR / 2] = m[i]
		exit most[1] > most[0] * 1.05 + 1024
	}' memory || fail "memory grows: $(tr '\n' ' ' < memory)"
}

# back_in LOG: milliseconds from the line "fast" until the rate of a line is what it is from a
# second later on; half of that, for others use the machine as well.
back_in() {
	awk '$2 == "fast" { fast = $1; last = $1; next }
	fast {
		rate[++n] = $2 / ($1 - last)
		from[n] = last - fast
		last = $1
		if (from[n] > 1000) {
			sum += $2
			time += $1 - fast - from[n]
		}
	}
	END {
		for (i = 1; i <= n; i++)
			if (rate[i] >= 0.5 * sum / time) {
				print from[i]
				exit
			}
		print 1000000
	}' "$1"
}

stop() {
	kill -TERM "$PID"
	ends 143
}

# nothing_twice: no message failed, none was emitted again.
nothing_twice() {
	must [ "$(number failed)" -eq 0 ]
	must [ "$(number timed_out)" -eq 0 ]
	must [ "$(number emitted)" -eq "$(number acked)" ]
}

# ---- the cases ---------------------------------------------------------------------------

# A bolt takes 1 ms for each tuple of a spout that could emit a million a second; then it is
# fast (F8). All settings are those that one has without any.
case_slow_then_fast() {
	topology <<-END
		spout fast sequence
		bolt slow slow us=1000 until=now journal=slow.log
		stream fast slow SHUFFLE
	END
	start
	wait_until 10 test -s slow.log
	watch_memory "$SLOW_SECONDS"
	memory_is_flat
	touch now
	wait_until 5 grep -q fast slow.log
	sleep 3
	stop
	nothing_twice
	must [ "$(back_in slow.log)" -le $((1000 * SLOW * $(busy))) ]
	[ "$(of slow executed)" -gt $((SLOW_SECONDS * 100)) ] || fail "nothing was done"
}

# Neighbours on a way of their own go on as if nothing was.
case_neighbours() {
	timely 3 neighbours
}

neighbours() {
	local rate

	rate=$(much 5000)
	rm -f end.log
	topology <<-END
		spout fast sequence
		bolt slow slow us=1000
		stream fast slow SHUFFLE
		spout other sequence rate=$rate
		bolt end slow journal=end.log
		stream other end SHUFFLE
	END
	start
	wait_until 10 test -s end.log
	sleep 5
	stop
	nothing_twice
	# Of all tenths of a second nearly every one has nine of ten of its tuples; where others have the
	# processor now and then, all of them together have.
	tail -n +3 end.log | awk -v busy="$(busy)" -v most="$((rate / 10))" '
	NR == 1 { began = $1; next }
	{ few += $2 < 0.9 * most; n += $2; ended = $1 }
	END { exit few > NR / 10 && (busy == 1 || n < 0.009 * most * (ended - began)) }' ||
	    fail "it had to wait: $(tr '\n' ' ' < end.log)"
}

# One message with a million children, several times one after another, so that there is
# something to watch.
case_wide_root() {
	local n

	n=$(much 15)
	topology <<-END
		config topology.message.timeout.secs $((30 * SLOW))
		spout feed feed count=$n chain=true journal=feed.log
		bolt wide probe.Pass copies=$(much 1000000)
		bolt end probe.Pass copies=0
		stream feed wide SHUFFLE
		stream wide end SHUFFLE
	END
	start
	watch_memory 60 0.01
	ends 0
	memory_is_small
	must_count "$n" feed.log '^ack'
	must_count 0 feed.log '^fail'
	must [ "$(of end executed)" -eq $((n * $(much 1000000))) ]
}

run_cases "$@"
