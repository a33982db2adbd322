# shellcheck shell=bash
# exact.sh - a transactional topology of which all can be computed that must come out, for windows.sh
# and powerloss.sh; see test/plugins/exact.c. SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2034 # what the others use

N=2500		# records
STATE=state SINK=sink TOTALS=totals
SINKS=('exact.Sink path=' 'file path=' 'rolled path=')	# the sinks, in turn
TURN=0
COUNT='count[0-1]' SOURCE='source[0-1]'		# workers of two tasks

# exact KIND [KEY=VALUE...] writes t.json, each time with another sink. The pairs are for `pass`, and
# RATE is the records a second.
exact() {
	local kind=$1 end=('' '.0' '.rolled') turn=$((TURN++ % ${#SINKS[@]}))

	shift
	topology exact <<-END
		transactional w $kind
		config topology.transaction.batch.tuples 100
		config topology.transaction.batch.interval.ms 1
		config topology.worker.timeout.secs ${TIMEOUT:-30}
		spout source sequence count=$N rate=${RATE:-0} numTasks=2
		bolt pass exact.Pass closed=closed $*
		bolt count exact.Count numTasks=2
		bolt chain exact.Chain parallelism=2
		bolt sink ${SINKS[turn]}$SINK${end[turn]}
		bolt table table path=$TOTALS
		stream source pass SHUFFLE
		stream pass count FIELDS word
		stream count chain FIELDS k
		stream chain sink SHUFFLE
		stream count:totals table SHUFFLE
	END
}

run_exact() {
	gale run -q -P "$PLUGINS" --state "$STATE" t.json
}

# dump COMPONENT prints the state of its tasks.
dump() {
	local dir

	for dir in "$STATE/state/$1".*; do
		"$TOP_BUILDDIR/test/statedump" "$dir" 1 || return 1
	done
}

# rows prints what the sinks have put out.
rows() {
	find "$(dirname "$SINK")" \( -path "./$SINK.*" -o -path "$SINK.*" \) -type f ! -name '.*' -exec cat {} +
}

# no_output removes all that came out before.
no_output() {
	rm -rf closed "$SINK".* "$TOTALS" "$(dirname "$SINK")"/.gale-*
}

# same_batches: no attempt at a batch has the generation of another one; with the kind "transactional" a
# batch that a task has closed once comes again as it was.
same_batches() {
	sort closed | awk '{ print $1, $4 }' | uniq -d | awk '{ print "twice the same attempt: " $0; wrong = 1 } END { exit wrong }' &&
	{ grep -q '"type": "opaque"' t.json || awk '
	    ($1 in was) && was[$1] != $2 " " $3 { print "not the same batch: " $0 ", was " was[$1]; wrong = 1 }
	    { was[$1] = $2 " " $3 }
	    END { exit wrong }' closed; }
}

# is_exact: sinks and states have each record once.
is_exact() {
	same_batches &&
	rows | awk -v n=$N '
	    { seen[$1]++; place[$2, $3]++; lines++ }
	    seen[$1] > 1 { print "doubled: " $0; wrong = 1 }
	    $1 >= n || $2 != int($1 / 1000) + 1 || place[$2, $3] > 1 || $3 < 1 || $3 > n - 1000 * ($2 - 1) || $3 > 1000 {
		print "wrong: " $0; wrong = 1 }
	    END { if (lines != n) print lines " lines in the sink, not " n; exit wrong || lines != n }' &&
	awk -v n=$N 'BEGIN { for (i = 0; i < 1000; i++) print "w" i "\t" int(n / 1000) + (i < n % 1000) }' |
	    sort > truth && sort "$TOTALS" | diff truth - && dump count | sort | diff truth - &&
	dump chain | awk -v n=$N '
	    /^n/ && $2 == 1 { records++; next }
	    /^k/ && $2 == (substr($1, 2) * 1000 <= n ? 1000 : n % 1000) { next }
	    /^batches/ && (batches == 0 || $2 == batches) { batches = $2; next }
	    { print "wrong in chain: " $0; wrong = 1 }
	    END { exit wrong || records != n || batches == 0 }'
}
