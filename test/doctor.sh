#!/bin/bash
# doctor.sh - gale doctor: what it finds, and that it says what helps.
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2317,SC2119 # cases are called by name; functions with options

# shellcheck source-path=SCRIPTDIR source=e2e.sh
. "$(dirname "$0")/e2e.sh"

# finds VERDICT PATTERN: one line of the last answer.
finds() {
	grep -qE "^$1 +.*$2" out || fail "no $1 with '$2' in: $(cat out)"
}

case_health() {
	expect 0 doctor
	must_count 0 out '^fail'
	finds ok 'gale .*, plugin interface 1'
	finds ok 'libzmq [0-9]'
	finds ok 'leveldb [0-9]'
	finds ok '[0-9]+ plugins load'
	finds ok "$RUN/gale is not there yet"
	must [ ! -e "$RUN/gale" ]
	must_count 0 out -vE '^(ok  |warn|fail)  .'
	expect 0 doctor --json
	"$TOP_BUILDDIR/test/schema" "$TOP_SRCDIR/doc/schema/doctor.schema.json" < out || fail "not as the schema says: $(cat out)"
	must_count 1 out '^\{"checks":\[\{"verdict":"ok","what":"gale [^"]*","fix":null\},.*\}\]\}$'
}

case_open_to_others() {
	mkdir "$HOMES/gale"
	chmod 755 "$HOMES/gale"
	expect 1 doctor
	finds fail "$HOMES/gale is open to other users \\(mode 0755\\): chmod 700 $HOMES/gale"
	expect 1 doctor --json
	must grep -q '"verdict":"fail"' out
	chmod 700 "$HOMES/gale"
	expect 0 doctor
	finds ok "$HOMES/gale is yours alone"
}

case_symlink() {
	mkdir elsewhere
	ln -s "$PWD/elsewhere" "$RUN/gale"
	expect 1 doctor
	finds fail "$RUN/gale is a symbolic link: remove it, or set XDG_RUNTIME_DIR"
	rm "$RUN/gale"
	: > "$HOMES/gale"
	expect 1 doctor
	finds fail "$HOMES/gale is no directory"
}

case_plugins() {
	mkdir mine
	cp "$PLUGINS/abi.so" "$PLUGINS/crash.so" mine
	GALE_PLUGIN_PATH=$PWD/mine expect 1 doctor
	finds fail 'mine/abi.so'
	finds fail 'mine/crash.so'
}

case_topologies() {
	touch in
	topology <<-END
		spout lines lines path=in follow=true
		bolt sink log
		stream lines sink SHUFFLE
	END
	submit
	expect 0 doctor
	finds ok 'topology topologies is ACTIVE'
	kill -9 "$(supervisor)"
	wait_until 5 none_of_ours
	expect 0 doctor
	finds warn 'topology topologies is DEAD: .*: gale submit --resume topologies'
	expect 0 kill topologies -y
	expect 0 doctor
	must_count 0 out 'topology topologies'
}

run_cases "$@"
