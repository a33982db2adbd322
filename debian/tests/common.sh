# common.sh - what the tests of the installed packages share; they source it.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034

EXAMPLES=/usr/share/doc/gale/examples
export LC_ALL=C
work=$(mktemp -d "${AUTOPKGTEST_TMP:-/tmp}/gale-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# wait_until SECONDS COMMAND... waits until COMMAND succeeds, and fails when it is late.
wait_until() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "not true in time: $*"
		sleep 0.05
	done
}

# of NAME KEY gives what `gale list` says of a submitted topology: of endless pid.
of() {
	gale list --json 2> /dev/null | sed -n "s/.*\"name\": \"$1\".*\"$2\": \"\{0,1\}\([A-Za-z0-9.]*\).*/\1/p"
}
