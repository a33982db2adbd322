#!/bin/bash
# surroundings.sh - bad surroundings: full and read-only disks, state that is damaged, in use or
# of another version, too few descriptors and processes, long paths, a clock that jumps, a
# machine that sleeps. Each is told, with what to do; nothing is lost, nothing is left behind.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

CC=${CC:-cc}
DURABLE=$TOP_SRCDIR/topologies/8-durable-wordcount.json
DUMP=$TOP_BUILDDIR/test/statedump

words() {
	head -n 200 /usr/share/common-licenses/GPL-3 > text
	tr -s ' \t\n\v\f\r' '\n' < text | grep -v '^$' | sort | uniq -c |
	    awk '{ print $2 "\t" $1 }' | sort > truth
}

# count_words CODE [OPTION...]
count_words() {
	local code=$1

	shift
	expect "$code" run -q "$DURABLE" --state state -D input=text -D output=output "$@"
}

exact() {
	sort output > sorted
	same sorted truth
}

# refused CODE PATTERN [OPTION...]: the run ends so, says why, and has no output.
refused() {
	count_words "$1" "${@:3}"
	says "$2"
	must [ ! -e output ]
}

compile() {
	"$CC" -O1 -I"$TOP_SRCDIR/include" "$@" 2> compiler || skip "no compiler: $(head -n 1 compiler)"
}

# ---- full disks ---------------------------------------------------------------------------

# small SIZE mounts a small file system on ./small.
small() {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
	mkdir small
	mount -t tmpfs -o size="$1",mode=700 none small 2> /dev/null || skip "no file system can be mounted here"
	trap 'umount -l "$ROOT/$CASE/small"; kill_ours' EXIT
}

fill() {
	cat /dev/zero > small/filler 2> /dev/null
	true
}

unmount() {
	umount small
	trap 'kill_ours' EXIT
}

# The log of a LevelDB grows with every commit. There is room again: the next start goes on.
case_state_and_room_again() {
	small 2m
	topology <<-END
		spout feed feed count=3000 replay=self journal=feed.log
		bolt keep keeper.Keep size=1000
		stream feed keep SHUFFLE
	END
	head -c 1000000 /dev/zero > small/filler
	start --state small/state
	wait_until 20 counts_at_least 2 err 'has no room on its disk: free some'
	mount -o remount,size=20m small
	ends 0 30
	"$DUMP" small/state/state/keep.0 3 > kept
	must [ "$(cut -f 1 kept | sort -un | wc -l)" -eq 3000 ]
	unmount
}

# There is none again: the run gives up, and the next one finishes.
case_state_and_no_room() {
	words
	small 1m
	mkdir small/state
	fill
	ln -s small/state state
	refused 1 'state.*: No space left on device'
	rm small/filler
	count_words 0
	exact
	unmount
}

case_position() {
	seq 1 30000 > input
	small 1m
	topology <<-END
		spout lines lines path=input
		bolt append append path=output us=200
		stream lines append SHUFFLE
	END
	head -c 970000 /dev/zero > small/filler
	start --state small/state
	wait_until 10 test -s small/state/positions/lines.0.a
	fill
	kill -KILL "$(worker 'append[0]')"	# all that is pending is open: a long position
	wait_until 10 grep -q 'cannot write the position .*: No space left on device; is the disk full' err
	rm small/filler
	ends 0 30
	sort -un output > sorted
	sort -n input > wanted
	same sorted wanted
	unmount
}

case_output_and_room_again() {
	seq 1 100000 > input
	small 512k
	head -c 300000 /dev/zero > small/filler
	topology <<-END
		spout lines lines path=input
		bolt file file path=small/output
		stream lines file SHUFFLE
	END
	start
	wait_until 10 grep -q "file\[0\] .*small/output: No space left on device" err
	mount -o remount,size=20m small
	ends 0 30
	sort -un small/output > sorted
	sort -n input > wanted
	same sorted wanted
	unmount
}

case_dead_letters() {
	small 256k
	fill
	topology <<-END
		config topology.max.attempts 1
		config topology.dead.letter.file small/letters
		spout lines lines path=input
		bolt append append path=output spare=line13
		stream lines append SHUFFLE
	END
	seq -f 'line%.0f' 100 > input
	start
	wait_until 10 grep -q 'dead-letter file .*small/letters: No space left on device' err
	rm small/filler
	ends 0 30
	must counts_at_least 1 small/letters '"values":\["line13"\]}$'
	must_count 0 small/letters '[^}]$'
	unmount
}

case_run_directory() {
	words
	small 64k
	fill
	RUN_WAS=$RUN
	RUN=$PWD/small
	refused 1 '(cannot|no room for) .*/small/gale/.*: No space left on device'
	RUN=$RUN_WAS
	must [ ! -e small/gale ]
	unmount
}

case_read_only() {
	words
	small 1m
	mkdir small/state
	ln -s small/state state
	mount -o remount,ro small
	refused 1 'cannot write in the state directory .*/small/state: Read-only file system'
	mount -o remount,rw small
	count_words 0
	exact
	unmount
}

# ---- state --------------------------------------------------------------------------------

# flip FILE changes one byte in its middle.
flip() {
	local at=$(($(stat -c %s "$1") / 2)) byte

	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

fingerprint() {
	find state/state -type f ! -name LOG ! -name LOG.old -exec sha256sum {} + | sort
}

case_damaged_state() {
	local log

	words
	count_words 0
	rm output
	cp -r state good
	log=$(find state/state/tally.0 -name '*.log')
	flip "$log"
	fingerprint > before
	refused 1 "the state .*/state/tally.0 is damaged: restore it from a copy, or remove it"
	fingerprint > after
	grep tally before > a
	grep tally after > b
	same a b
	rm -r state
	cp -r good state
	rm state/state/tally.0/CURRENT
	refused 1 "the state .*/state/tally.0 is damaged: it has no file CURRENT; restore it"
	rm -r state
	cp -r good state
	count_words 0
}

case_state_in_use() {
	words
	count_words 0
	rm output
	cat > lock.c <<-'END'
		#include <fcntl.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			struct flock f = { .l_type = F_WRLCK };
			int fd = open(argv[argc - 1], O_RDWR);

			if (fcntl(fd, F_SETLK, &f) != 0 || write(1, "locked\n", 7) != 7)
				return 1;
			return (int)read(0, &f, 1);
		}
	END
	compile -o lock lock.c
	mkfifo end
	./lock state/state/tally.0/LOCK < end > locked &
	exec 4> end
	wait_until 5 grep -q locked locked
	refused 1 'the state .*/tally.0 is in use by another process: wait for its end'
	exec 4>&-
	wait
	count_words 0
}

case_second_run() {
	topology <<-END
		spout feed feed count=1000 at_end=unbounded journal=feed.log
		bolt keep keeper.Keep
		stream feed keep SHUFFLE
	END
	start --state state
	wait_until 10 counts 1000 feed.log '^ack'
	XDG_RUNTIME_DIR=$RUN timeout $((60 * SLOW)) "$GALE" run -P "$PLUGINS" --state state t.json > out2 2> err2
	must [ $? -eq 5 ]
	must grep -q "is used by another run, process $PID; end that one first, or name another directory" err2
	kill -INT "$PID"
	ends 130
	must [ "$("$DUMP" state/state/keep.0 3 | wc -l)" -eq 1000 ]
}

case_plugin_of_another_version() {
	words
	count_words 0
	rm output
	mkdir plugins
	sed 's/\.state_version = 1/.state_version = 7/' "$TOP_SRCDIR/bolts/tally.c" > tally.c
	must grep -q 'state_version = 7' tally.c
	compile -D_GNU_SOURCE -I"$TOP_SRCDIR/bolts" -fPIC -shared -o plugins/tally.so tally.c
	refused 1 'the state .*/tally.0 is of version 1, and this plugin keeps version 7: use the plugin' -P plugins
	count_words 0
}

# ---- limits ---------------------------------------------------------------------------------

case_descriptors() {
	words
	(
		ulimit -n 60
		refused 1 'a process of this topology needs up to [0-9]+ open files, and the limit is 60: raise it'
	)
	count_words 0
	exact
}

# note_descriptors notes how many a process has: in `own` the most of the supervisor, in `most`
# those of a worker.
note_descriptors() {
	local p n

	for p in $(of_ours); do
		n=$(find "/proc/$p/fd" -mindepth 1 2> /dev/null | wc -l)
		if [ "$p" = "$PID" ]; then
			[ "$n" -le "$own" ] || own=$n
		elif [ "$n" -gt "$most" ]; then
			most=$n who=$(tr '\0' '\n' < "/proc/$p/cmdline" | tail -n 1)
		fi
	done
}

# What is counted before the start is enough for the hungriest process, 128 for plugins
# included, and not far too much.
case_descriptors_of_forty_workers() {
	local need most=0 own=0 who=

	topology <<-END
		config topology.acker.executors 2
		spout feed feed count=200000 keys=1000
		bolt pass probe.Pass parallelism=18
		bolt keep keeper.Keep parallelism=4 numTasks=16
		bolt end keeper.Keep parallelism=14 numTasks=28 size=3000
		stream feed pass SHUFFLE
		stream pass keep SHUFFLE
		stream pass end FIELDS key
	END
	(
		ulimit -n 50
		gale run -P "$PLUGINS" t.json > out 2> err
	)
	need=$(sed -n 's/.*needs up to \([0-9]*\) open files.*/\1/p' err)
	must [ "${need:-0}" -gt 0 ]
	(
		ulimit -n "$need"
		start
		while ! is_gone "$PID"; do
			note_descriptors
		done
		ends 0 60
		must [ "$(number restarts)" -eq 0 ]
		echo "      descriptors: $most of $who, $own of the supervisor, $need counted" >&3
		must [ "$most" -gt 40 ]
		must [ $((most + 128)) -le "$need" ]
		must [ "$own" -le "$need" ]
		must [ "$need" -le $((most + 128 + 64)) ]
	) || exit
}

case_long_path() {
	words
	RUN_WAS=$RUN
	RUN=$PWD/$(printf '%0100d' 0)
	mkdir -m 700 "$RUN"
	refused 1 'the path of the run directory.s base, .*, is too long: sockets in it would exceed 107 bytes; set XDG_RUNTIME_DIR to a shorter one'
	RUN=$RUN_WAS
	count_words 0
}

# Processes are counted by user, so this must be one that has few. Which call is refused is
# chance: ZeroMQ aborts if another worker was faster after it was asked for.
case_processes() {
	local n code

	[ "$(id -u)" -eq 0 ] || skip "only root can become somebody who has no processes"
	setpriv --reuid=54321 --clear-groups prlimit --nproc=100 "$GALE" --version > /dev/null 2>&1 ||
	    skip "another user can't read $GALE"
	words
	chmod 777 . "$ROOT"
	chown 54321 "$RUN"
	for n in 1 3 5 7 9 11 14; do
		rm -f output
		code=0
		XDG_RUNTIME_DIR=$RUN GALE_TEST_CASE=$RUN timeout --foreground 60 setpriv --reuid=54321 --clear-groups \
		    prlimit --nproc="$n" "$GALE" run -q "$DURABLE" -D input=text -D output=output > out 2> err || code=$?
		must [ "$code" -eq 1 ]
		says 'Resource temporarily unavailable'
		cat err >> said
		must [ ! -e output ]
	done
	must grep -q 'too many processes; raise the limit (ulimit -u)' said
}

# ---- time ---------------------------------------------------------------------------------

# The clock of the day jumps by an hour, forth and back, every few calls. Only the stamps of
# dead letters ask it.
case_clock_jumps() {
	words
	cat > jump.c <<-'END'
		#define _GNU_SOURCE
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <sys/time.h>
		#include <time.h>
		#include <unistd.h>
		static long jump(void)
		{
			static unsigned n;
			return (++n / 3 % 3 - 1) * 3600L;
		}
		int clock_gettime(clockid_t id, struct timespec *t)
		{
			long rc = syscall(SYS_clock_gettime, id, t);
			if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
				t->tv_sec += jump();
			return (int)rc;
		}
		int gettimeofday(struct timeval *t, void *zone)
		{
			struct timespec now;
			(void)zone;
			clock_gettime(CLOCK_REALTIME, &now);
			t->tv_sec = now.tv_sec;
			t->tv_usec = now.tv_nsec / 1000;
			return 0;
		}
		time_t time(time_t *t)
		{
			struct timespec now;
			clock_gettime(CLOCK_REALTIME, &now);
			if (t)
				*t = now.tv_sec;
			return now.tv_sec;
		}
	END
	compile -fPIC -shared -o jump.so jump.c
	topology <<-END
		config topology.message.timeout.secs 20
		config topology.worker.timeout.secs 20
		spout feed feed count=300 pause=true journal=feed.log
		bolt slow probe.Pass ms=10
		bolt keep keeper.Keep
		stream feed slow SHUFFLE
		stream slow keep SHUFFLE
	END
	export LD_PRELOAD=$PWD/jump.so ASAN_OPTIONS=verify_asan_link_order=0:$ASAN_OPTIONS
	run
	unset LD_PRELOAD
	must [ "$(number failed)" -eq 0 ]
	must [ "$(number restarts)" -eq 0 ]
	must_count 300 feed.log '^ack'
}

sleepy() {
	topology <<-END
		config topology.message.timeout.secs 3600
		config topology.worker.timeout.secs 4
		config topology.acker.executors 2
		config topology.max.spout.pending 200
		spout feed feed count=6000 journal=feed.log
		bolt pass probe.Pass ms=1 parallelism=2
		bolt keep keeper.Keep
		stream feed pass SHUFFLE
		stream pass keep SHUFFLE
	END
	start --state state
	wait_until 10 counts_at_least 300 feed.log '^ack'
}

counts_at_least() {
	[ "$(lines "$2" "$3")" -ge "$1" ]
}

woken() {
	ends 0 30
	must [ "$(number restarts)" -eq 0 ]
	must [ "$("$DUMP" state/state/keep.0 3 | wc -l)" -eq 6000 ]
}

# The machine sleeps: everybody stops for longer than the workers' timeout.
case_suspend() {
	local all

	sleepy
	all=$(of_ours)
	# shellcheck disable=SC2086 # numbers
	kill -STOP $all
	sleep 6		# the time it sleeps
	# shellcheck disable=SC2086
	kill -CONT $all
	woken
}

# The supervisor wakes up last, and then first.
case_suspend_in_any_order() {
	local all

	sleepy
	all=$(of_ours | grep -vx "$PID")
	# shellcheck disable=SC2086
	kill -STOP "$PID" $all
	sleep 5
	# shellcheck disable=SC2086
	kill -CONT $all
	sleep 0.3
	kill -CONT "$PID"
	wait_until 10 counts_at_least 600 feed.log '^ack'
	# shellcheck disable=SC2086
	kill -STOP "$PID" $all
	sleep 5
	kill -CONT "$PID"
	sleep 0.3
	# shellcheck disable=SC2086
	kill -CONT $all
	woken
}

case_supervisor_suspended() {
	sleepy
	kill -STOP "$PID"
	sleep 6
	kill -CONT "$PID"
	woken
}

exec 3>&1
run_cases "$@"
