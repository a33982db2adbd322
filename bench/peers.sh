# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # who sources it sets and calls what is here
# peers.sh - how other engines are run and measured; bench/peers and bench/run --peers source it.
# SPDX-License-Identifier: Apache-2.0
#
# They set $work, a directory of their own, $bench, $warm_up and $window in seconds, $cache, where
# jars are kept; they call peers_ready with engines, run_peers for a workload as often as they like,
# and on their way out end_engine.
#
# Each engine is given a network and processes of its own (unshare): nothing can be reached
# from outside, nothing stays behind. Runs are in $work/NAME.runs, in the format of harness.sh
# without what was found, and the NAMEs of a workload in $work/WORKLOAD.peers.

START_S=120	# for an engine to start, or to end, on a slow machine
engines=	# those that can run here
engine_pid=
failed=0	# 1: a run did

end_engine() {
	[ -z "$engine_pid" ] || kill -9 "$engine_pid" 2>/dev/null || true
	# Those in its process namespace end with it; they may still be writing.
	[ -z "$engine_pid" ] || wait "$engine_pid" 2>/dev/null || true
	engine_pid=
}

# alone COMMAND runs it with a loopback for a network and in a process namespace of its own,
# which ends with this command.
alone() {
	map=
	[ "$(id -u)" = 0 ] || map=--map-root-user
	# shellcheck disable=SC2086 # $map is an option or nothing
	exec unshare $map --net --pid --fork --kill-child --mount-proc \
		sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

# ---- one run ---------------------------------------------------------------------------

# wait_for EVENT SECONDS waits for a line of the engine's; fails when none comes.
wait_for() {
	left=$(($2 * 20))
	until grep -q "^$1" "$dir/events" 2>/dev/null; do
		[ $((left -= 1)) -gt 0 ] && kill -0 "$engine_pid" 2>/dev/null || return 1
		sleep 0.05
	done
}

# words_of gives each word of standard input and how often it came, sorted.
words_of() {
	tr -s ' \t\v\f\r' '\n' | grep -v '^$' | sort | uniq -c | awk '{ print $2 "\t" $1 }'
}

# expected LINES gives the counts of so many lines of the text, which is repeated.
expected() {
	[ -s "$work/round" ] || words_of <"$text" >"$work/round"
	text_lines=$(wc -l <"$text")
	head -n $(($1 % text_lines)) "$text" | words_of >"$work/rest" || true
	awk -v rounds=$(($1 / text_lines)) 'FNR == NR { n[$1] = $2 * rounds; next }
		{ n[$1] += $2 } END { for (w in n) if (n[w]) print w "\t" n[w] }' "$work/round" "$work/rest" | sort
}

# complain LABEL WHY says that a run was in vain.
complain() {
	echo "$1: $2" >&2
	tail -n 5 "$dir/log" "$dir"/logs/*.log >&2 2>/dev/null || true
	failed=1
}

# check LABEL compares the counts with those of coreutils; a run that counted wrong has no numbers.
check() {
	read -r _ fed again <<-END
		$(grep '^done' "$dir/events")
	END
	[ "$again" = 0 ] || echo "$1: $again lines failed and came again" >&2
	[ "$peer_workload" = wordcount ] || return 0
	expected "$fed" >"$work/expected"
	cat "$dir"/counts.* | sort | cmp -s - "$work/expected" || ! complain "$1" "counted wrong"
}

# once NAME LABEL GUARANTEE COMMAND makes one run of $peer_workload.
once() {
	peer=$1-$peer_workload
	label=$2
	guarantee=$3
	shift 3
	if [ ! -e "$work/$peer.head" ]; then
		printf '%s\n' "$label" "$guarantee" >"$work/$peer.head"
		echo "$peer" >>"$work/$peer_workload.peers"
	fi
	dir=$work/$peer.run
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && "$@") >"$dir/log" 2>&1 &
	engine_pid=$!
	if ! wait_for steady $((START_S + warm_up)) ||
		! "$work/measure" -p "$engine_pid" "$window" >"$work/peer-used" || ! wait_for "done" "$START_S"; then
		complain "$label" "did not run to its end"
	elif grep -q '^window [^ ]* 0 ' "$dir/events"; then
		complain "$label" "did nothing while it was measured"
	else
		! check "$label" || keep "$label"
	fi
	end_engine
}

# keep LABEL keeps tuples/s, CPU s per million tuples, p50, p99, MiB.
keep() {
	# A tuple is a line or a word; in all else but the word count a root.
	per_unit=1
	[ "$peer_workload" != wordcount ] || per_unit=$(awk -v l="$(wc -l <"$text")" -v w="$(wc -w <"$text")" \
		'BEGIN { printf "%.6f", (l + w) / w }')
	{ cat "$work/peer-used"; grep '^window' "$dir/events"; } | awk -v per_unit="$per_unit" '
		$1 == "processes" { share = $4; kib = $6 }
		$1 == "window" { rate = $3 * per_unit / $2; p50 = $4; p99 = $5 }
		END { printf "%.0f %.3f %s %s %.0f\n", rate, share * 1e6 / rate,
			p50 < 0 ? "null" : p50, p99 < 0 ? "null" : p99, kib / 1024 }' >>"$work/$peer.runs"
	printf '%-44s %s\n' "$peer_workload, $1" "$(tail -n 1 "$work/$peer.runs")" >&2
	case $peer_workload in latency-*)
		! grep -q '^window.* -1' "$dir/events" ||
			echo "$1 can't keep up with ${peer_workload#latency-} a second: no latencies" >&2
	esac
}

# ---- the engines -----------------------------------------------------------------------

# skip ENGINE WHY
skip() {
	echo "$1 skipped: $2" >&2
	return 1
}

# version ENGINE gives its name and version.
version() {
	if [ "$1" = redis ]; then
		redis-server --version | sed 's/.* v=\([^ ]*\).*/redis-\1/'
	else
		sed -n "s/.*<peer.version>\(.*\)<.*/$1-\1/p" "$bench/$1/pom.xml"
	fi
}

# prepare_java ENGINE fetches its jars, unless they are there, and compiles what is ours.
prepare_java() {
	for tool in java javac mvn; do
		command -v "$tool" >/dev/null || skip "$1" "no $tool here" || return
	done
	lib=$cache/$(version "$1")
	if [ ! -e "$lib/complete" ]; then
		mvn -B -q -f "$bench/$1/pom.xml" \
			org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
			-DoutputDirectory="$lib" >"$work/said" 2>&1 ||
			skip "$1" "Maven can't fetch it: $(grep -m 1 ERROR "$work/said")" || return
		touch "$lib/complete"
	fi
	mkdir "$work/$1.classes"
	javac -nowarn -d "$work/$1.classes" -cp "$lib/*" "$bench"/jvm/*.java "$bench/$1"/*.java \
		>"$work/said" 2>&1 || skip "$1" "javac: $(head -n 3 "$work/said")"
}

# java_alone ENGINE ARGUMENT... runs one of its classes; files are looked for in home/conf, too.
java_alone() {
	classes="$dir/home/conf:$work/$1.classes:$cache/$(version "$1")/*"
	shift
	alone java -Xmx1g -XX:+UseParallelGC -cp "$classes" "$@"
}

# storm WORKLOAD WORKERS: with 0 of them, all of Storm is one JVM.
storm() {
	mkdir -p home/conf home/log4j2 logs
	ln -s "$cache/$(version storm)" home/lib-worker
	cp "$bench/storm/log4j2.xml" home/log4j2/worker.xml
	cat >home/conf/storm.yaml <<-END
		storm.zookeeper.servers: ["127.0.0.1"]
		nimbus.seeds: ["127.0.0.1"]
		storm.local.hostname: "127.0.0.1"
		storm.local.dir: "$dir/home/local"
		storm.log4j2.conf.dir: "$dir/home/log4j2"
		supervisor.slots.ports: [6700, 6701, 6702, 6703]
		worker.childopts: ""
	END
	# The supervisor hands these two on to the workers.
	export STORM_CONF_DIR="$dir/home/conf"
	java_alone storm -Dstorm.home="$dir/home" -Dstorm.log.dir="$dir/logs" -Dstorm.jar="$work/storm.jar" \
		-Dstorm.conf.file=storm.yaml -Dlog4j.configurationFile="$bench/storm/log4j2.xml" \
		peers.Main "$1" "$text" "$dir" "$warm_up" "$window" "$2"
}

run_storm() {
	case $peer_workload in wordcount | const-id-null | latency-*) ;; *) return 0 ;; esac
	once storm-1 "$(version storm) one worker" at-least-once storm "$peer_workload" 0
	once storm-3 "$(version storm) worker per task" at-least-once storm "$peer_workload" 3
}

flink() {
	java_alone flink peers.FlinkCount "$text" "$dir" "$warm_up" "$window" "$1"
}

# paced_java ENGINE CLASS [ARGUMENT] runs the class at the rate of $peer_workload.
paced_java() {
	java_alone "$1" "peers.$2" "${peer_workload#latency-}" "$dir" "$warm_up" "$window" ${3:+"$3"}
}

run_flink() {
	case $peer_workload in
	wordcount)
		for g in at-least-once exactly-once; do
			once "flink-$g" "$(version flink)" "$g" flink "$g"
		done
		;;
	latency-*)
		once flink "$(version flink)" at-least-once paced_java flink FlinkConst unchained
		once flink-chained "$(version flink), chained" at-least-once paced_java flink FlinkConst chained
		;;
	esac
}

jet() {
	java_alone jet peers.JetCount "$text" "$dir" "$warm_up" "$window" "$1"
}

run_jet() {
	case $peer_workload in
	wordcount)
		for g in at-least-once exactly-once; do
			once "jet-$g" "$(version jet)" "$g" jet "$g"
		done
		;;
	latency-*) once jet "$(version jet)" at-least-once paced_java jet JetConst ;;
	esac
}

prepare_redis() {
	command -v redis-server >/dev/null || skip redis "no redis-server here (Debian: redis-server)" || return
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$work/streams" "$bench/redis/streams.c" -lhiredis \
		2>"$work/said" || skip redis "can't build streams.c (Debian: libhiredis-dev): $(head -n 3 "$work/said")"
}

redis() {
	alone "$work/streams" "$text" "$dir" "$warm_up" "$window" "$1"
}

run_redis() {
	case $peer_workload in
	wordcount)
		once redis-words "$(version redis), entry per word" at-least-once redis words
		once redis-lines "$(version redis), entry per line" at-least-once redis lines
		;;
	latency-*) once redis "$(version redis)" at-least-once redis "${peer_workload#latency-}" ;;
	esac
}

# prepare ENGINE fails, and says why, when it can't run here.
prepare() {
	case $1 in
	redis) prepare_redis ;;
	storm) prepare_java storm && jar cf "$work/storm.jar" -C "$work/storm.classes" . ;;
	*) prepare_java "$1" ;;
	esac
}

# ---- all of them ------------------------------------------------------------------------

# peers_ready ENGINE... makes ready those that can run here.
peers_ready() {
	(alone true) 2>"$work/said" || die "no namespaces here (unshare, ip): $(cat "$work/said")"
	for engine in "$@"; do
		if prepare "$engine"; then engines="$engines $engine"; fi
	done
}

# run_peers WORKLOAD [ENGINE] makes a run of each engine that has it, or of that one if it can run here; of all
# the next time in the opposite order.
run_peers() {
	peer_workload=$1
	if [ $# -eq 2 ]; then
		case " $engines " in *" $2 "*) "run_$2" ;; esac
		return
	fi
	opposite=
	for engine in $engines; do
		"run_$engine"
		opposite="$engine $opposite"
	done
	engines=$opposite
}

# peer_head NAME sets $label and $guarantee.
peer_head() {
	{ read -r label; read -r guarantee; } <"$work/$1.head"
}
