#!/bin/sh
# cli.sh - the command line: options in any position, no abbreviations, exit codes, and
# talk on standard error, data on standard output. SPDX-License-Identifier: Apache-2.0
set -u
topologies=${TOP_SRCDIR:-.}/topologies
fixtures=${TOP_BUILDDIR:-.}/test/plugins
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# shellcheck disable=SC2317 # try calls it
gale()
{
	"${TOP_BUILDDIR:-.}/gale" "$@"
}

# try CODE STDOUT STDERR COMMAND...: runs it; the two are patterns of grep, "" means empty.
try()
{
	code=$1 out=$2 err=$3
	shift 3
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	[ $got -eq "$code" ] || complain "exit code $got, not $code" "$@"
	matches "$dir/out" "$out" || complain "standard output does not match '$out'" "$@"
	matches "$dir/err" "$err" || complain "standard error does not match '$err'" "$@"
}

matches()
{
	if [ -z "$2" ]; then [ ! -s "$1" ]; else grep -q -e "$2" "$1"; fi
}

complain()
{
	echo "FAIL: $*"
	sed 's/^/    /' "$dir/out" "$dir/err"
	failed=1
}

good=$topologies/2-wordcount.json
sed 's/"from": "split"/"from": "splt"/' "$good" >"$dir/bad.json"
echo '{ "name": "list", "config": ["topology.chaining"] }' >"$dir/list.json"

# help and version
try 2 '' 'usage: gale COMMAND' gale
try 0 'usage: gale COMMAND' '' gale help
try 0 'usage: gale COMMAND' '' gale --help
try 0 'usage: gale lint' '' gale help lint
try 0 'usage: gale lint' '' gale lint --help
try 0 'usage: gale lint' '' gale lint x -h y
try 2 '' 'no command "nope"' gale help nope
try 0 '^gale [0-9]' '' gale version
try 0 '^gale [0-9]' '' gale --version

# what nobody knows
try 2 '' '"lnit" is not a gale command; did you mean "lint"' gale lnit
try 2 '' 'see "gale help"' gale xyzzy
try 2 '' 'unknown option --jsn .*did you mean --json' gale lint --jsn "$good"
try 2 '' 'unknown option --no-plug .*did you mean --no-plugins' gale lint --no-plug "$good"
try 2 '' 'unknown option -x' gale lint -x "$good"
try 2 '' 'takes no value' gale lint --json=1 "$good"
try 2 '' 'needs' gale lint "$good" -D
try 2 '' 'needs NAME=VALUE' gale lint "$good" --define
try 2 '' 'needs more' gale lint
try 2 '' 'does not know what to do with "b"' gale graph a b

# lint
try 0 ': ok, 4 components, 3 streams' '' gale lint "$good"
try 0 ': ok' '' gale lint -D output=x "$good" --define input=y -Dackers=2
try 0 ': ok' '' gale lint --no-plugins -- "$good"
try 3 '' '^[^ ]*bad.json:[0-9]*:[0-9]*: error: no component "splt"' gale lint "$dir/bad.json"
try 3 ': ok' 'bad.json:[0-9]*:[0-9]*: error' gale lint "$good" "$dir/bad.json"
try 3 '' 'error: "config" must be an object, found an array' gale lint "$dir/list.json"
try 4 '' 'no such file' gale lint "$dir/none.json"
try 3 '' ':1:1: error: .*device' gale lint /dev/null
try 3 '' ':1:1: error: .*directory' gale lint "$dir"
# shellcheck disable=SC2016 # the message has a ${ in it
try 2 ': ok' 'nothing asks for ${inptu}; did you mean "input"' gale lint "$good" -D inptu=x
try 2 '' 'NAME=VALUE' gale lint "$good" -D input
try 0 '"ok":true' '' gale lint --json "$good"
try 3 '"line":[0-9]*,"column":' '' gale lint --json "$dir/bad.json"
cp "$good" "$dir/copy.json"
try 0 ': ok' '' gale lint "$dir/copy.json"

# graph
try 0 '^`-- SHUFFLE --> split' '' gale graph "$good"
try 0 '"split" -> "count" \[label="FIELDS(word), combined"\]' '' gale graph --format dot "$good"
try 2 '' 'unknown format' gale graph -f svg "$good"
try 3 '' 'error' gale graph "$dir/bad.json"

# plugin
try 0 'Lines, a spout' '' gale plugin info lines
try 0 '"kind":"bolt"' '' gale plugin info --json split
try 0 'Source, a spout' '' gale plugin info "$fixtures/parts.so"
try 0 'count *int 1..10, default 7' '' gale plugin info -P "$fixtures" parts
try 0 '^  has      resume$' '' gale plugin info "$fixtures/parts.so"
try 0 '^  has      tick, finish$' '' gale plugin info "$fixtures/parts.so"
try 0 '^  has      finish, finish_batch, publish$' '' gale plugin info "$fixtures/parts.so"
try 0 '"hasResume":true,"hasFinishBatch":false,"hasPublish":false' '' gale plugin info --json lines
try 1 '' 'crashed while it was loaded: SIGSEGV' gale plugin info "$fixtures/crash.so"
try 4 '' 'no plugin "nope"' gale plugin info nope
try 4 '' 'No such file' gale plugin info ./nope.so
try 2 '' 'knows "info" only' gale plugin list x

exit $failed
