/* test_load.c - the validator: every mistake has its message at its place.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A case is a topology with a @ before each token that is to be marked; the @ are taken
 * out, and what the validator says must be just that, in that order: no more, no less. To
 * be readable, all JSON here has single quotes for double ones; quoted() puts that right.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "load.h"
#include "memory.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static char fixtures[4096];
static char dir[] = "/tmp/test-load-XXXXXX";

/* The good topology that cases change one line of. */
#define CONFIG  "'topology.message.timeout.secs': 2"
#define SPOUTS  "{ 'id': 's', 'className': 'parts.Plain' }"
#define BOLTS   "{ 'id': 'b', 'className': 'parts.Sink' }"
#define KEPT    "{ 'id': 'b', 'className': 'parts.Kept' }"
#define TX      ", 'transactional': { 'id': 'wc' }"
#define STREAMS "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'SHUFFLE' } }"

struct lines {
	const char *config, *spouts, *bolts, *streams, *more;
};

static const struct {
	struct lines text;	/* NULL: the good one */
	const char *messages;	/* parts of them, one per line, in the order of the file */
} cases[] = {
	{ { .config = NULL }, "" },

	/* keys and types */
	{ { .more = ", @'stream': []" }, "error: a topology has no key 'stream'" },
	{ { .more = ", '$schema': 'x', '$comment': ['${x}']" }, "" },
	{ { .more = ", @'includes': []" }, "error: 'includes' is not in gale" },
	{ { .more = ", @'components': []" }, "error: 'components' is not in gale" },
	{ { .bolts = KEPT, .more = TX }, "" },
	{ { .bolts = KEPT, .more = ", 'transactional': { 'id': '${x:-wc}', 'type': 'opaque', '$comment': 3 }" }, "" },
	{ { .bolts = KEPT, .more = ", 'transactional': { 'id': 'wc', 'type': 'transactional' }" }, "" },
	{ { .more = ", 'transactional': @{}" }, "error: 'transactional' needs 'id'" },
	{ { .more = ", 'transactional': @'wc'" },
	    "error: 'transactional' must be an object, found a string" },
	{ { .more = ", 'transactional': @null" }, "error: 'transactional' must be an object" },
	{ { .more = ", 'transactional': { 'id': @3 }" },
	    "error: 'id' must be a string, found an integer" },
	{ { .more = ", 'transactional': { 'id': @'w.c' }" },
	    "error: 'w.c' can't be the id of a transaction" },
	{ { .more = ", 'transactional': { 'id': @'__wc' }" }, "error: names that begin with __" },
	{ { .bolts = KEPT, .more = ", 'transactional': { 'id': 'wc', @'typ': 'opaque' }" },
	    "error: 'transactional' has no key 'typ'" },
	{ { .bolts = KEPT, .more = ", 'transactional': { 'id': 'wc', 'type': @'opaqe' }" },
	    "error: unknown type of transaction 'opaqe'" },
	{ { .bolts = KEPT, .more = ", 'transactional': { 'id': 'wc', 'type': @false }" },
	    "error: 'type' must be a string, found" },
	{ { .config = "'topology.max.spout.pending': 64", .bolts = KEPT, .more = TX },
	    "" },
	{ { .config = "'topology.max.spout.pending': @65", .bolts = KEPT, .more = TX },
	    "error: 'topology.max.spout.pending' counts batches in a transactional topology: from 1 to "
	    "64, found 65" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', @'committer': true, @'stateType': 'x' }" },
	    "error: 'committer' is not\nerror: 'stateType' is not" },
	{ { .more = ", @'workerHooks': {}" }, "error: 'workerHooks' is not in gale" },
	{ { .more = ", @'topologySource': {}" }, "error: 'topologySource' is not in gale" },
	{ { .spouts = "@3, @null" },
	    "error: expected a spout as an object, found an integer\nerror: expected a spout" },
	{ { .bolts = BOLTS ", @[]" }, "error: expected a bolt as an object, found an array" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'config': @[3] }" },
	    "error: 'config' must be an object, found an array" },
	{ { .streams = STREAMS ", @'x'" },
	    "error: expected a stream as an object, found a string" },
	{ { .bolts = "@{ 'className': 'parts.Sink' }" }, "error: a bolt needs 'id'" },
	{ { .bolts = "@{ 'id': 'b' }" }, "error: a bolt needs 'className'" },
	{ { .bolts = "{ 'id': 'b', 'className': @3 }" },
	    "error: 'className' must be a string, found an integer" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', @'paralelism': 2 }" },
	    "error: a bolt has no key 'paralelism'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', @'cpuLoad': 2, @'onHeapMemoryLoad': "
	             "1, @'offHeapMemoryLoad': 3 }" },
	    "warning: 'cpuLoad' has no effect\nwarning: 'onHeap\nwarning: 'offHeap" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', @'constructorArgs': [], @'window': "
	             "{}, @'configMethods': [], @'factory': 'x' }" },
	    "error: 'constructorArgs' is not\nerror: 'window' is not\nerror: "
	    "'configMethods\nerror: 'factory" },
	{ { .streams = "@{ 'from': 's', 'to': 'b' }" }, "error: a stream needs 'grouping'" },
	{ { .streams = "@@{ 'grouping': { 'type': 'ALL' } }" },
	    "error: a stream needs 'from'\nerror: a stream needs 'to'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': @{} }" },
	    "error: a grouping needs 'type'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': @'ALL' }" },
	    "error: 'grouping' must be an object, found a string" },

	/* what a transactional topology asks of the others */
	{ { .spouts = "{ 'id': @'s', 'className': @'parts.Source' }", .bolts = KEPT, .more = TX },
	    "warning: nothing listens\nerror: Source can't be positioned, and a transactional topology" },
	{ { .bolts = "{ 'id': 'b', 'className': @'parts.Sink' }", .more = TX },
	    "error: Sink has finish and keeps no state: in a transactional topology finish may be called" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': { 'path': 'x' } }",
	      .more = TX }, "" },
	{ { .bolts = "{ 'id': 'b', 'className': @'parts.Snik' }", .more = TX },
	    "no component 'Snik'" },
	{ { .bolts = KEPT, .streams = STREAMS ", { 'from': 's', 'to': 'b', 'grouping': { 'type': "
	             "'SHUFFLE', 'streamId': @'dead-letters' } }", .more = TX },
	    "error: a transactional topology has no dead letters" },
	{ { .config = "@'topology.acker.executors': 2, @'topology.dead.letter.file': 'x'", .bolts = KEPT,
	      .more = TX },
	    "warning: 'topology.acker.executors' has no effect in a transactional topology\n"
	    "warning: 'topology.dead.letter.file' has no effect in" },
	{ { .config = "'topology.max.attempts': 2, 'topology.transaction.batch.tuples': 9, "
	             "'topology.acker.executors': null", .bolts = KEPT, .more = TX }, "" },
	{ { .spouts = "{ 'id': 's', 'className': 'parts.Plain', 'config': { "
	             "@'topology.max.spout.pending': 9, @'topology.max.attempts': 9 } }", .bolts = KEPT,
	      .more = TX },
	    "warning: 'topology.max.spout.pending' has no effect on a single component of a trans\n"
	    "warning: 'topology.max.attempts' has no effect on" },
	{ { .config = "@'topology.transaction.batch.tuples': 9, @'topology.held.bytes': 9" },
	    "warning: 'topology.transaction.batch.tuples' has no effect without transactions\n"
	    "warning: 'topology.held.bytes' has no effect without" },
	{ { .config = "@'topology.transaction.batch.bites': 9" }, "error: unknown config key" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Kept' }" }, "" },

	/* names and numbers */
	{ { .spouts = "{ 'id': @'s.x', 'className': 'parts.Plain' }", .streams = "", .bolts = "" },
	    "error: 's.x' can't be an id" },
	{ { .spouts = "{ 'id': @'', 'className': 'parts.Plain' }", .streams = "", .bolts = "" },
	    "error: '' can't be an id" },
	{ { .spouts = "{ 'id': @'__s', 'className': 'parts.Plain' }", .streams = "", .bolts = "" },
	    "error: names that begin with __" },
	{ { .spouts = "{ 'id': @'acker', 'className': 'parts.Plain' }",
	      .streams = "",
	      .bolts = "" },
	    "error: 'acker' is the id of gale's own ackers" },
	{ { .spouts = "{ 'id': @'coordinator', 'className': 'parts.Plain' }",
	      .streams = "",
	      .bolts = "" },
	    "error: 'coordinator' is the id of gale's own coordinator" },
	{ { .spouts = "{ 'id': "
	              "@'a2345678901234567890123456789012345678901234567890123456789012345', "
	              "'className': 'parts.Plain' }",
	      .streams = "",
	      .bolts = "" },
	    "error: an id has at most 64 characters, this has 65" },
	{ { .bolts = BOLTS ", { 'id': @'s', 'className': 'parts.Sink' }" },
	    "error: the id 's' is here twice" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': @0 }" },
	    "error: 'parallelism' must be from 1 to 1024, found 0" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': @1025 }" },
	    "error: 'parallelism' must be" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': @2.0 }" },
	    "error: 'parallelism' must be an integer, found a number with a fraction" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': 3, 'numTasks': @2 "
	             "}" },
	    "error: 'numTasks' is 2 and 'parallelism' is 3" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': 3, 'numTasks': 300 "
	             "}" },
	    "" },
	{ { .spouts = "", .bolts = "", .streams = "@" },
	    "error: a topology needs at least one spout" },

	/* config */
	{ { .config = "@'topology.max.spout.pendin': 1" },
	    "error: unknown config key 'topology.max.spout.pendin'" },
	{ { .config = "@'topology.workers': 1" }, "error: 'topology.workers' is not in gale" },
	{ { .config = "@'mine': 1, 'user.mine': 1, 'user.also': 'x', 'user.list': @[]" },
	    "error: unknown config key 'mine'\nerror: 'user.list' must be a scalar" },
	{ { .config = "'topology.max.spout.pending': @0" },
	    "error: 'topology.max.spout.pending' wants an integer from 1" },
	{ { .config = "'topology.max.spout.pending': null" }, "" },
	{ { .config = "'topology.message.timeout.secs': @0" },
	    "error: 'topology.message.timeout.secs' wants a number above 0" },
	{ { .config = "'topology.message.timeout.secs': 0.5" }, "" },
	{ { .config = "'topology.message.timeout.secs': @'5s'" },
	    "wants a number, found a string" },
	{ { .config = "'topology.transaction.batch.interval.ms': @0, "
	              "'topology.transaction.batch.tuples': @0, "
	              "'topology.transaction.batch.bytes': @0, 'topology.held.bytes': @'1'",
	      .bolts = KEPT, .more = TX },
	    "wants an integer from 1 to\nwants an integer from 1 to\nwants an integer from 1 to\n"
	    "wants an integer, found a string" },
	{ { .spouts = "{ 'id': 's', 'className': 'parts.Plain', 'config': { "
	             "@'topology.held.bytes': 9 } }" },
	    "error: 'topology.held.bytes' is no key of a single component" },
	{ { .config = "'topology.acker.executors': @65" }, "from 0 to 64, found 65" },
	{ { .config = "'topology.chaining': 'auto'" }, "" },
	{ { .config = "'topology.chaining': 'off'" }, "" },
	{ { .config = "'topology.log.level': 'debug'" }, "" },
	{ { .config = "'topology.log.level': @'loud'" },
	    "wants 'error', 'warn', 'info' or 'debug', found 'loud'" },
	{ { .config = "'topology.log.level': @1" }, "wants 'error', 'warn', 'info' or 'debug', found an integer" },
	{ { .config = "'topology.worker.cpus': '0-1,3', 'topology.worker.nice': 5, 'topology.worker.memory.mb': 64" }, "" },
	{ { .config = "'topology.worker.cpus': @'3-1'" }, "wants a list of processors such as '0-1,3', found '3-1'" },
	{ { .config = "'topology.worker.cpus': @'0,'" }, "found '0,'" },
	{ { .config = "'topology.worker.cpus': @'1024'" }, "found '1024'" },
	{ { .config = "'topology.worker.cpus': @3" }, "wants a list of processors such as '0-1,3', found an integer" },
	{ { .config = "'topology.worker.nice': @-1" }, "from 0 to 19, found -1" },
	{ { .config = "'topology.log.max.bytes': @1000, 'topology.log.files': @0" },
	    "wants an integer from 65536 to\nwants an integer from 1 to 1000" },
	{ { .config = "'topology.chaining': @'on'" },
	    "error: 'topology.chaining' wants 'auto' or 'off', found 'on'" },
	{ { .config = "'topology.chaining': @true" }, "wants 'auto' or 'off', found true or false" },
	{ { .config = "@'topology.chaining': 'auto'", .bolts = KEPT, .more = TX },
	    "warning: 'topology.chaining' has no effect in a transactional topology" },
	{ { .config = "'topology.chaining': 'off'", .bolts = KEPT, .more = TX }, "" },
	{ { .config = "'topology.dead.letter.file': @3" }, "wants a path, found an integer" },
	{ { .config = "'topology.tick.tuple.freq.secs': 1, @'topology.tick.tuple.freq.ms': 5" },
	    "error: give the tick in" },
	{ { .config = "@'topology.enable.message.timeouts': false" },
	    "warning: without timeouts" },
	{ { .config = "'topology.enable.message.timeouts': false, 'topology.acker.executors': 0" },
	    "" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'config': { "
	             "@'topology.acker.executors': 1 } }" },
	    "error: 'topology.acker.executors' is no key of a single component" },
	{ { .bolts = "{ 'id': 'b', 'className': 'single', 'config': { "
	             "@'topology.tick.tuple.freq.ms': 5 } }" },
	    "warning: Single has no tick callback" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'config': { "
	             "'topology.tick.tuple.freq.secs': @31 } }" },
	    "warning: a tick that is longer" },

	/* plugins */
	{ { .bolts = "{ 'id': 'b', 'className': @'prats.Sink' }" }, "error: no plugin 'prats'" },
	{ { .bolts = "{ 'id': 'b', 'className': @'parts.Snik' }" },
	    "no component 'Snik'; did you mean 'Sink'?" },
	{ { .bolts = "{ 'id': 'b', 'className': @'parts' }" }, "has 10 components: name one" },
	{ { .bolts = "{ 'id': 'b', 'className': @'org.apache.storm.X' }" },
	    "error: 'org.apache.storm.X' names no component" },
	{ { .bolts = "{ 'id': 'b', 'className': @'../parts.Sink' }" }, "names no component" },
	{ { .bolts = "{ 'id': 'b', 'className': @'' }" }, "names no component" },
	{ { .bolts = "{ 'id': 'b', 'className': @'parts.Plain' }" },
	    "error: parts.Plain is a spout, here it is used as a bolt" },
	{ { .spouts = "{ 'id': 's', 'className': @'parts.Sink' }" },
	    "error: parts.Sink is a bolt, here it is used as a spout" },
	{ { .bolts = "{ 'id': 'b', 'className': @'abi' }" }, "version 42" },
	{ { .bolts = "{ 'id': 'b', 'className': @'crash' }" },
	    "crashed while it was loaded: SIGSEGV" },
	{ { .bolts = "{ 'id': 'b', 'className': @'exits' }" }, "exit code 3" },
	{ { .bolts = "{ 'id': 'b', 'className': @'nosymbol' }" }, "no gale plugin" },
	{ { .bolts = "{ 'id': 'b', 'className': 'x.Sink', 'library': '${FIXTURES}/parts.so' }" },
	    "" },
	{ { .bolts = "{ 'id': 'b', 'className': 'x.Sink', 'library': @'parts.so' }" },
	    "error: no plugin at /" },

	/* properties */
	{ { .bolts = "@{ 'id': 'b', 'className': 'parts.Knobs' }" },
	    "error: Knobs needs the property 'path'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': { 'path': 'x', "
	             "@'cuont': 3 } }" },
	    "error: Knobs has no property 'cuont'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': { 'path': 'x', "
	             "'count': @11, 'mode': @'left', 'on': @1, 'share': @'x', 'label': @[] } }" },
	    "must be from 1 to 10, found 11\nmust be one of up|down, found 'left'\nmust be true "
	    "or false\nmust be a number\nmust be a scalar" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': [ { 'name': 'path', "
	             "'value': 'x' }, { 'name': 'count', 'value': @0 } ] }" },
	    "must be from 1 to 10, found 0" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': [ { 'name': 'path', "
	             "'value': 'x' }, { 'name': @'path', 'value': 'y' }, { 'name': 'on', @'ref': "
	             "'x' }, @3 ] }" },
	    "error: the property 'path' is here twice\nerror: 'ref' is not in gale\nerror: "
	    "expected a property" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': { 'path': "
	             "'${count}', 'count': '${count}', 'on': '${on}', 'label': '${count}', "
	             "'share': '${count}' } }" },
	    "" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': { 'path': 'x', "
	             "'count': @'${on}' } }" },
	    "must be an integer, found true or false" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Knobs', 'properties': { 'path': "
	             "@'${missing}' } }" },
	    "error: ${missing} is not defined" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'properties': { @'x': 1 } }" },
	    "error: Sink has no property 'x'" },

	/* substitution */
	{ { .config = "'user.x': '${none:-}${none:-a}$${b}$c'" }, "" },
	{ { .config = "'user.x': @'${no', 'user.y': @'${}', 'user.z': @'${a b}'" },
	    "this is no substitution\nthis is no substitution\nthis is no substitution" },
	{ { .config = "'user.x': @'${a:-${b}}'" }, "error: substitutions don't nest" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': @'${none:-x}' }" },
	    "error: 'parallelism' must be an integer, found a string" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': '${count}' }" }, "" },

	/* outputs */
	{ { .bolts = "@{ 'id': 'b', 'className': 'parts.Script' }" },
	    "error: parts.Script needs 'outputs'" },
	{ { .bolts = "{ 'id': @'b', 'className': 'parts.Script', 'outputs': [ { 'fields': [ 'a', "
	             "{ 'name': 'b', 'type': 'int' } ] } ] }" },
	    "warning: nothing listens to the stream 'default' of 'b'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', @'outputs': [] }" },
	    "error: parts.Sink declares its outputs" },
	{ { .bolts = "{ 'id': @'b', 'className': 'parts.Script', 'outputs': [ { 'fields': [ 'a', "
	             "@'a', @3, { 'name': 'c', 'type': @'itn' } ] }, { 'streamId': "
	             "@'dead-letters', 'fields': [] }, @{ 'streamId': 'x' }, { 'streamId': "
	             "@'default', 'fields': [] } ] }" },
	    "warning: nothing listens\nerror: the field 'a' is here twice\nerror: expected the "
	    "name\nerror: unknown type 'itn'\ngale's own\nneeds 'fields'\nthe stream 'default' is "
	    "here twice" },

	/* streams */
	{ { .streams = "{ 'from': @'sp', 'to': 'b', 'grouping': { 'type': 'SHUFFLE' } }" },
	    "error: no component 'sp'" },
	{ { .streams = "{ 'from': 's', 'to': @'c', 'grouping': { 'type': 'SHUFFLE' } }" },
	    "error: no component 'c'" },
	{ { .streams = STREAMS ", { 'from': 'b', 'to': @'s', 'grouping': { 'type': 'ALL' } }",
	      .bolts = "{ 'id': 'b', 'className': 'parts.Reader' }" },
	    "error: a stream into the spout 's'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'FEILDS', 'args': "
	               "['word'] } }" },
	    "error: unknown grouping 'FEILDS'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'SHUFFLE', 'streamId': "
	               "@'late' } }" },
	    "error: 's' has no stream 'late'" },
	{ { .streams = STREAMS ", { 'from': 's', 'to': 'b', 'grouping': { 'type': 'SHUFFLE', "
	                       "'streamId': 'dead-letters' } }" },
	    "" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'FIELDS' } }" },
	    "error: FIELDS needs the fields" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'PARTIAL_KEY', 'args': "
	               "[] } }" },
	    "error: PARTIAL_KEY needs the fields" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'FIELDS', 'args': "
	               "[@'wrod', 'word', @'word', @3] } }" },
	    "has no field 'wrod'\nthe field 'word' is here twice\nexpected the name of a field" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'ALL', @'args': ['word'] "
	               "} }" },
	    "warning: 'args' has no effect on ALL" },
	{ { .streams = STREAMS ", @" STREAMS }, "error: 'b' subscribes to 's' twice" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'DIRECT' } }" },
	    "error: DIRECT to the stream 'default' of 's', which is not emitted directly" },
	{ { .spouts = "{ 'id': 's', 'className': 'parts.Source' }",
	      .streams = STREAMS ", { 'from': 's', 'to': 'b', 'grouping': { 'type': @'SHUFFLE', "
	                         "'streamId': 'aimed' } }" },
	    "error: the stream 'aimed' of 's' is emitted directly" },
	{ { .spouts = "{ 'id': @'s', 'className': 'parts.Source' }" },
	    "warning: nothing listens to the stream 'aimed'" },
	{ { .spouts = "{ 'id': 's', 'className': 'parts.Source' }",
	      .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'FIELDS', 'args': "
	                 "[@'size'], 'streamId': 'aimed' } },{ 'from': 's', 'to': 'c', "
	                 "'grouping': { 'type': 'FIELDS', 'args': ['size'] } }",
	      .bolts = BOLTS ", { 'id': 'c', 'className': 'parts.Sink' }" },
	    "emitted directly\nerror: the stream 'aimed' of 's' has no field 'size'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'CUSTOM' } }" },
	    "error: CUSTOM needs 'customClass'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'CUSTOM', 'customClass': "
	               "{ 'className': 'parts.First', 'properties': { @'x': 1 } } } }" },
	    "error: First has no property 'x'" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'CUSTOM', 'customClass': "
	               "{ 'className': @'parts.Sink' } } }" },
	    "error: parts.Sink is a bolt, here it is used as a grouping" },
	{ { .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': 'ALL', @'customClass': { "
	               "'className': 'parts.First' } } }" },
	    "warning: 'customClass' has no effect" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sizes' }",
	      .streams = "{ 'from': 's', 'to': @@'b', 'grouping': { 'type': 'ALL' } }" },
	    "error: 'b' reads the field 'size', which the stream 'default' of 's' does not "
	    "have\nreads the field 'extra'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sizes' }",
	      .spouts = "{ 'id': @'s', 'className': 'parts.Source' }" },
	    "warning: nothing listens to the stream 'aimed'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Wrong' }",
	      .streams = "{ 'from': 's', 'to': @'b', 'grouping': { 'type': 'ALL' } }" },
	    "error: 'b' reads the field 'word' as int, 's' sends it as string" },

	/* the graph */
	{ { .bolts = BOLTS ", { 'id': @'lone', 'className': 'parts.Sink' }" },
	    "error: nothing feeds the bolt 'lone'" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Reader' }, { 'id': 'c', 'className': "
	             "'parts.Reader' }",
	      .streams = STREAMS ", { 'from': 'b', 'to': 'c', 'grouping': { 'type': 'ALL' } }, { "
	                         "'from': 'c', 'to': @'b', 'grouping': { 'type': 'ALL' } }" },
	    "error: the streams go round in a circle: b -> c -> b" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Reader' }",
	      .streams = STREAMS ", { 'from': 'b', 'to': @'b', 'grouping': { 'type': 'ALL' } }" },
	    "error: the streams go round in a circle: b -> b" },
	{ { .bolts = "{ 'id': 'b', 'className': 'parts.Sink', 'parallelism': 2 }",
	      .streams = "{ 'from': 's', 'to': 'b', 'grouping': { 'type': @'GLOBAL' } }" },
	    "warning: GLOBAL sends everything to the first of 2 tasks" },
};

/* ---- marks ------------------------------------------------------------------------ */

/* quoted gives a copy of TEXT with double quotes for single ones. */
static char *quoted(const char *text)
{
	char *copy = xstrdup(text);

	for (char *p = copy; (p = strchr(p, '\'')) != NULL; )
		*p = '"';
	return copy;
}

static char *compose(const struct lines *l)
{
	return xasprintf("{ 'name': 't',\n'config': { %s },\n'spouts': %s[ %s ],\n'bolts': [ %s "
	                 "],\n'streams': [ %s ]%s }",
	    l->config ? l->config : CONFIG, l->streams && strcmp(l->streams, "@") == 0 ? "@" : "",
	    l->spouts ? l->spouts : SPOUTS, l->bolts ? l->bolts : BOLTS,
	    l->streams ? l->streams + (strcmp(l->streams, "@") == 0) : STREAMS,
	    l->more ? l->more : "");
}

/* unmark takes the @ out of TEXT and gives where they stood, at most 20. */
static size_t unmark(char *text, size_t *marks)
{
	size_t n = 0, to = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '@') {
			text[to++] = *p;
			continue;
		}
		ck_assert_uint_lt(n, 20);
		marks[n++] = to;
	}
	text[to] = '\0';
	return n;
}

static struct topology *load(const char *text, struct diagnostics *d)
{
	const char *dirs[] = { fixtures };
	struct definitions all = { 0 };
	struct load_options o = { .definitions = &all, .path = { dirs, 1 } };
	char *where = xasprintf("FIXTURES=%s", fixtures);
	struct topology *t;

	ck_assert_int_eq(definitions_add(&all, where, NULL), 0);
	ck_assert_int_eq(definitions_add(&all, "count=4", NULL), 0);
	ck_assert_int_eq(definitions_add(&all, "on=true", NULL), 0);
	*d = (struct diagnostics){ 0 };
	t = load_text("t.json", quoted(text), strlen(text), &o, d);
	definitions_free(&all);
	free(where);
	return t;
}

static void print(struct diagnostics *d, const char *text)
{
	fprintf(stderr, "%s\n", text);
	diag_print(d, stderr);
}

static void show_nobody(struct diagnostics *d)
{
	FILE *null = fopen("/dev/null", "w");

	diag_print(d, null);
	fclose(null);
}

START_TEST(each_mistake_has_its_message_at_its_place)
{
	char *text = compose(&cases[_i].text), *messages = xstrdup(cases[_i].messages),
	     *rest = messages;
	size_t marks[20], n = unmark(text, marks);
	struct diagnostics d;
	struct topology *t = load(text, &d);
	char *line;

	if (d.n_items != n)
		print(&d, text);
	ck_assert_uint_eq(d.n_items, n);
	ck_assert((t == NULL) == (d.n_errors > 0));
	show_nobody(&d);	/* sorts */
	for (size_t i = 0; i < n; i++) {
		const char *severity = d.items[i].severity == DIAG_ERROR ? "error" : "warning";
		char *whole = xasprintf("%s: %s", severity, d.items[i].text);

		for (char *q = whole; (q = strchr(q, '"')) != NULL; )
			*q = '\'';
		line = strsep(&rest, "\n");
		ck_assert_ptr_nonnull(line);
		if (d.items[i].start != marks[i] || strstr(whole, line) == NULL)
			print(&d, text);
		ck_assert_uint_eq(d.items[i].start, marks[i]);
		ck_assert_msg(strstr(whole, line) != NULL, "%s is not %s", whole, line);
		free(whole);
	}
	ck_assert_msg(n > 0 ? rest == NULL : *messages == '\0', "missing: %s", rest);
	topology_free(t);
	diag_free(&d);
	free(text);
	free(messages);
}
END_TEST

/* ---- the whole -------------------------------------------------------------------- */

START_TEST(a_good_file_becomes_a_topology)
{
	static const char text[] = "{ 'name': 'words', 'bolts': [\n"
	                           "  { 'id': 'r', 'className': 'parts.Reader', 'parallelism': 2, "
				   "'numTasks': 6 },\n"
	                           "  { 'id': 'k', 'className': 'parts.Knobs', 'properties': { "
				   "'path': '-', 'count': 9 } } ],\n"
	                           "'spouts': [ { 'id': 's', 'className': 'parts.Source' } ],\n"
	                           "'streams': [ { 'from': 's', 'to': 'r', 'grouping': { 'type': "
				   "'FIELDS', 'args': ['size', 'word'] } },\n"
	                           "  { 'from': 's', 'to': 'r', 'grouping': { 'type': 'DIRECT', "
				   "'streamId': 'aimed' } },\n"
	                           "  { 'from': 'r', 'to': 'k', 'grouping': { 'type': 'CUSTOM', "
				   "'customClass': { 'className': "
	                           "'parts.First' } } } ] }";
	struct diagnostics d;
	struct topology *t = load(text, &d);

	diag_print(&d, stderr);
	ck_assert_uint_eq(d.n_items, 0);
	ck_assert_str_eq(t->name, "words");
	ck_assert_uint_eq(t->n_components, 3);
	ck_assert_uint_eq(t->n_spouts, 1);
	ck_assert_str_eq(t->components[0].id, "s"); /* spouts first, whatever the file's order */
	ck_assert_uint_eq(t->components[0].n_outputs, 3);
	ck_assert_str_eq(t->components[0].outputs[2].id, DEAD_LETTER_STREAM);
	ck_assert_uint_eq(t->components[0].outputs[2].n_fields, 5);
	ck_assert_str_eq(t->components[0].part.component, "Source");
	ck_assert_int_eq(t->components[0].part.library[0], '/');
	ck_assert(t->components[1].parallelism == 2 && t->components[1].n_tasks == 6);
	ck_assert(!t->components[1].takes_any && t->components[1].n_inputs == 1);
	ck_assert_str_eq(t->components[1].inputs[0].name, "word");
	ck_assert(t->components[2].takes_any);
	ck_assert_uint_eq(t->subscriptions[0].n_fields, 2);
	ck_assert(t->subscriptions[0].fields[0] == 1 && t->subscriptions[0].fields[1] == 0);
	ck_assert(
	    t->subscriptions[1].stream == 1 && t->subscriptions[1].grouping == GROUPING_DIRECT);
	ck_assert_str_eq(t->subscriptions[2].custom.component, "First");
	ck_assert(t->subscriptions[2].from == 1 && t->subscriptions[2].to == 2);
	topology_free(t);
	diag_free(&d);
}
END_TEST

static const struct setting *property(
    const struct topology *t, uint32_t component, const char *key)
{
	const struct settings *all = &t->components[component].part.properties;

	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].key, key) == 0)
			return &all->items[i];
	return NULL;
}

static char *put_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name), *json = quoted(text);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(json, f);
	fclose(f);
	free(json);
	return path;
}

/* path_of loads a topology in DIR whose property `path` is VALUE and gives what it became. */
static char *path_of(const char *value)
{
	const char *dirs[] = { fixtures };
	struct definitions all = { 0 };
	struct load_options o = { .definitions = &all, .path = { dirs, 1 } };
	char *text = xasprintf("{ 'name': 't', 'spouts': [" SPOUTS "], 'bolts': [{ 'id': 'b', "
	                                                           "'className': "
	                       "'parts.Knobs', 'properties': { 'path': '%s' } }], 'streams': "
			       "[" STREAMS "] }",
	    value);
	char *file = put_file("paths.json", text), *found;
	struct diagnostics d = { 0 };
	struct topology *t;

	ck_assert_int_eq(definitions_add(&all, "D=sub", NULL), 0);
	t = load_topology(file, &o, &d);
	diag_print(&d, stderr);
	ck_assert_ptr_nonnull(t);
	found = xstrdup(property(t, 1, "path")->s);
	topology_free(t);
	diag_free(&d);
	definitions_free(&all);
	free(text);
	free(file);
	return found;
}

START_TEST(relative_paths_begin_where_they_were_written)
{
	char *cwd = get_current_dir_name();
	const struct { const char *value, *base, *rest;
	} paths[] = {
		{ "-", "", "-" },
		{ "/x/y", "", "/x/y" },
		{ "in", dir, "/in" },
		{ "./in", dir, "/in" },
		{ "../in", dir, "/../in" },
		{ "${D}", cwd, "/sub" },
		{ "${D}/in", cwd, "/sub/in" },
		{ "in/${D}", dir, "/in/sub" },
		{ "${NO_SUCH:-in}", dir, "/in" },
		{ "${NO_SUCH:--}", "", "-" },
		{ "${NO_SUCH:-}${D}", cwd, "/sub" },
		{ "${GALE_TOPOLOGY_DIR}/in", dir, "/in" },
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char *wanted = xasprintf("%s%s", paths[i].base, paths[i].rest),
		     *found = path_of(paths[i].value);

		ck_assert_str_eq(found, wanted);
		free(wanted);
		free(found);
	}
	free(cwd);
}
END_TEST

START_TEST(a_relative_default_path_begins_at_the_callers_directory)
{
	static const char text[] =
	    "{ 'name': 't', 'spouts': [" SPOUTS "], 'bolts': [{ 'id': 'b', 'className': "
	    "'parts.Knobs', 'properties': { 'path': 'x' } }], 'streams': [" STREAMS "] }";
	char *cwd = get_current_dir_name(), *wanted = xasprintf("%s/cache", cwd);
	struct diagnostics d;
	struct topology *t = load(text, &d);

	ck_assert_str_eq(property(t, 1, "cache")->s, wanted);
	ck_assert_ptr_null(property(t, 1, "mode"));
	topology_free(t);
	diag_free(&d);
	free(cwd);
	free(wanted);
}
END_TEST

START_TEST(substitution_prefers_definitions_to_the_environment_to_defaults)
{
	static const char text[] = "{ 'name': '${count}x', 'config': { 'user.a': '${count:-9}', "
	                           "'user.b': "
	                           "'${TEST_LOAD_B:-9}', 'user.c': '${TEST_LOAD_C:-9}', 'user.d': "
				   "'<${count}>', 'user.e': '$${count}', "
	                           "'user.f': '${TEST_LOAD_C:-}' }, 'spouts': [ { 'id': 's', "
				   "'className': 'parts.Plain' } ], 'bolts': [], "
	                           "'streams': [] }";
	struct diagnostics d;
	struct topology *t;

	setenv("count", "5", 1);
	setenv("TEST_LOAD_B", "2.5", 1);
	unsetenv("TEST_LOAD_C");
	t = load(text, &d);
	ck_assert_uint_eq(d.n_errors, 0);
	ck_assert_str_eq(t->name, "4x");
	ck_assert(t->config.items[0].type == SETTING_INT && t->config.items[0].i == 4);
	ck_assert(t->config.items[1].type == SETTING_FLOAT && t->config.items[1].f == 2.5);
	ck_assert(t->config.items[2].type == SETTING_INT && t->config.items[2].i == 9);
	ck_assert_str_eq(t->config.items[3].s, "<4>");
	ck_assert_str_eq(t->config.items[4].s, "${count}");
	ck_assert_str_eq(t->config.items[5].s, "");
	topology_free(t);
	diag_free(&d);
}
END_TEST

START_TEST(a_definition_that_nothing_asks_for_is_an_error)
{
	struct definitions all = { 0 };
	struct load_options o = { .definitions = &all, .no_plugins = true };
	static const char text[] = "{ 'name': '${parallelism:-t}', 'spouts': [] }";
	struct diagnostics d = { 0 };
	struct error e = { "" };

	ck_assert_int_eq(definitions_add(&all, "paralelism=3", &e), 0);
	topology_free(load_text("t", quoted(text), strlen(text), &o, &d));
	ck_assert_int_eq(definitions_check(&all, &e), -1);
	ck_assert_str_eq(e.text,
	    "-D paralelism=3: nothing asks for ${paralelism}; did you mean \"parallelism\"?");
	diag_free(&d);
	definitions_free(&all);
	ck_assert_int_eq(definitions_add(&all, "x", &e), -1);
	ck_assert_int_eq(definitions_add(&all, "=x", &e), -1);
	ck_assert_int_eq(definitions_add(&all, "GALE_TOPOLOGY_DIR=x", &e), -1);
	definitions_free(&all);
}
END_TEST

START_TEST(without_plugins_nothing_is_loaded_and_the_rest_is_checked)
{
	static const char good[] = "{ 'name': 't', 'spouts': [ { 'id': 's', 'className': 'crash', "
	                           "'properties': "
	                           "{ 'any': 1 } } ], 'bolts': [ { 'id': 'b', 'className': "
				   "'no.Such' } ], 'streams': [ { 'from': 's', "
	                           "'to': 'b', 'grouping': { 'type': 'FIELDS', 'args': ['any'], "
				   "'streamId': 'any' } } ] }";
	struct load_options o = { .no_plugins = true };
	struct diagnostics d = { 0 };
	struct topology *t = load_text("t", quoted(good), strlen(good), &o, &d);
	char *bad;

	diag_print(&d, stderr);
	ck_assert_uint_eq(d.n_items, 0);
	ck_assert(t->n_components == 2 && t->n_subscriptions == 1);
	topology_free(t);
	diag_free(&d);
	bad = quoted(good);
	memcpy(strstr(bad, "\"to\": \"b\""), "\"to\": \"c\"", 9);
	t = load_text("t", bad, strlen(bad), &o, &d);
	ck_assert_ptr_null(t);
	ck_assert_uint_eq(d.n_errors, 1);
	diag_free(&d);
}
END_TEST

START_TEST(all_errors_of_a_file_come_at_once)
{
	static const char text[] = "{ 'name': 'a.b', 'window': 1, 'spouts': [ { 'id': 's', "
	                           "'className': 'nope' } ], "
	                           "'bolts': [ { 'id': 'b', 'className': 'parts.Sink', "
				   "'parallelism': -1 } ], 'streams': [ { 'from': 's', "
	                           "'to': 'b', 'grouping': { 'type': 'FIELDS' } }, { 'from': 'x', "
				   "'to': 'y', 'grouping': { 'type': "
	                           "'Q' } } ] }";
	struct diagnostics d;

	ck_assert_ptr_null(load(text, &d));
	ck_assert_uint_eq(d.n_errors, 8);
	diag_free(&d);
}
END_TEST

/* ---- files ------------------------------------------------------------------------ */

static void assert_file_error(const char *path, size_t line, size_t column, const char *message)
{
	struct load_options o = { .no_plugins = true };
	struct diagnostics d = { 0 };
	size_t found_line, found_column;

	ck_assert_ptr_null(load_topology(path, &o, &d));
	ck_assert_uint_ge(d.n_errors, 1);
	diag_position(&d, d.items[0].start, &found_line, &found_column);
	ck_assert_msg(strstr(d.items[0].text, message) != NULL, "%s", d.items[0].text);
	ck_assert_msg(found_line == line && found_column == column, "%zu:%zu: %s", found_line,
	    found_column, d.items[0].text);
	show_nobody(&d);
	diag_free(&d);
}

static char *put_bytes(const char *name, const char *text, size_t n, size_t times)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < times; i++)
		fwrite(text, 1, n, f);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

START_TEST(files_that_are_no_topology_have_a_located_error)
{
	static const struct {
		const char *text;
		size_t n, times, line, column;
		const char *message;
	} files[] = {
		{ "", 0, 1, 1, 1, "empty" },
		{ "[", 1, 100000, 1, 65, "nested deeper" },
		{ "{\"a\":", 5, 100000, 1, 321, "nested deeper" },
		{ "\x7F" "ELF\0\0", 6, 10, 1, 5, "NUL byte" },
		{ "\xFF\xD8", 2, 10, 1, 1, "no UTF-8" },
		{ " ", 1, (16 << 20) + 1, 1, 1, "more than 16 MiB" },
		{ " ", 1, 16 << 20, 1, (16 << 20) + 1, "empty" },
		{ "[[],[],[],[]\n,", 14, 1000, 2, 3, "expected" },
		{ "3", 1, 1, 1, 1, "a topology is an object" },
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char *path = put_bytes("bad", files[i].text, files[i].n, files[i].times);

		if (strcmp(files[i].message, "expected") != 0)
			assert_file_error(path, files[i].line, files[i].column, files[i].message);
		free(path);
	}
}
END_TEST

START_TEST(what_is_no_file_is_not_read)
{
	assert_file_error("/no/such", 1, 1, "No such file");
	assert_file_error("/dev/zero", 1, 1, "a device");
	assert_file_error("/", 1, 1, "a directory");
	assert_file_error("-", 1, 1, "No such file");
}
END_TEST

START_TEST(a_fifo_is_read_to_its_end)
{
	char *path = xasprintf("%s/fifo", dir), *json = quoted(
	    "{ 'name': 't', 'spouts': [ { 'id': 's', 'className': 'x' } ] }");
	struct load_options o = { .no_plugins = true };
	struct diagnostics d = { 0 };
	struct topology *t;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	if (fork() == 0) {
		FILE *f = fopen(path, "w");

		fputs(json, f);
		fclose(f);
		free(path);
		_exit(0);
	}
	t = load_topology(path, &o, &d);
	ck_assert_ptr_nonnull(t);
	topology_free(t);
	diag_free(&d);
	free(json);
	free(path);
}
END_TEST

static char *read_file(const char *path, size_t *n)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "r");
	int c;

	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	while ((c = getc(f)) != EOF)
		buf_add(&b, &(char){ (char)c }, 1);
	fclose(f);
	*n = b.n;
	return buf_text(&b);
}

START_TEST(a_good_file_cut_or_changed_anywhere_is_refused_or_harmless)
{
	const char *source = getenv("TOP_SRCDIR");
	char *path = xasprintf("%s/topologies/2-wordcount.json", source ? source : "."), *text;
	struct load_options o = { .no_plugins = true };
	struct diagnostics d = { 0 };
	size_t n;

	text = read_file(path, &n);
	for (size_t i = 0; i < n; i++) {
		struct topology *t = load_text("t", xstrndup(text, i), i, &o, &d);

		ck_assert_msg(
		    t == NULL || strspn(text + i, " \n") == n - i, "accepted %zu bytes", i);
		topology_free(t);
		diag_free(&d);
	}
	for (size_t i = 0; i < n; i++) {
		char *changed = xstrndup(text, n);

		changed[i] = "\"{}[]:,0x\xFF"[i % 10];
		topology_free(load_text("t", changed, n, &o, &d));
		diag_free(&d);
	}
	free(text);
	free(path);
}
END_TEST

START_TEST(very_many_mistakes_take_little_time)
{
	struct load_options o = { .no_plugins = true };
	struct diagnostics d = { 0 };
	struct buf b = { 0 };

	buf_puts(&b, "{ 'name': 't', 'spouts': [");
	for (int i = 0; i < 900; i++)
		buf_printf(&b,
		    "%s{ 'id': 'spoutspoutspoutspoutspoutspoutspout%d', 'className': 'x', 'k%d': "
		    "1 }",
		    i ? "," : "", i, i);
	buf_puts(&b, "], 'streams': [");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b,
		    "%s{ 'from': 'spuotspuotspuotspuotspuotspuotspuot%d', 'to': 'q%d' }",
		    i ? "," : "", i, i);
	buf_puts(&b, "] }");
	ck_assert_ptr_null(load_text("t", quoted(buf_text(&b)), b.n, &o, &d));
	ck_assert_uint_gt(d.n_errors, 5000);
	show_nobody(&d);
	diag_free(&d);
	buf_free(&b);
}
END_TEST

int main(void)
{
	const char *build = getenv("TOP_BUILDDIR");
	Suite *s = suite_create("load");
	TCase *c = tcase_create("load");
	char *command, *absolute = realpath(build ? build : ".", NULL);
	SRunner *r;
	int n;

	if (absolute == NULL || mkdtemp(dir) == NULL ||
	    snprintf(fixtures, sizeof fixtures, "%s/test/plugins", absolute) >=
	        (int)sizeof fixtures)
		return EXIT_FAILURE;
	free(absolute);
	tcase_add_loop_test(
	    c, each_mistake_has_its_message_at_its_place, 0, sizeof cases / sizeof *cases);
	tcase_add_test(c, a_good_file_becomes_a_topology);
	tcase_add_test(c, relative_paths_begin_where_they_were_written);
	tcase_add_test(c, a_relative_default_path_begins_at_the_callers_directory);
	tcase_add_test(c, substitution_prefers_definitions_to_the_environment_to_defaults);
	tcase_add_test(c, a_definition_that_nothing_asks_for_is_an_error);
	tcase_add_test(c, without_plugins_nothing_is_loaded_and_the_rest_is_checked);
	tcase_add_test(c, all_errors_of_a_file_come_at_once);
	tcase_add_test(c, files_that_are_no_topology_have_a_located_error);
	tcase_add_test(c, what_is_no_file_is_not_read);
	tcase_add_test(c, a_fifo_is_read_to_its_end);
	tcase_add_test(c, a_good_file_cut_or_changed_anywhere_is_refused_or_harmless);
	tcase_add_test(c, very_many_mistakes_take_little_time);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	command = xasprintf("rm -rf %s", dir);
	if (system(command) != 0)
		n = 1;
	free(command);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
