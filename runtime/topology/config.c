/* config.c - see config.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "cpus.h"

const char *const config_log_levels[N_LOG_LEVELS] = { "error", "warn", "info", "debug" };

enum { BOTH = CONFIG_TOPOLOGY | CONFIG_COMPONENT };

/* Thirty years: beyond it milliseconds lose their meaning before they overflow. */
#define MAX_SECS 1000000000

const struct config_key config_keys[] = {
	{ "topology.max.spout.pending", CONFIG_INT, "1000", 1, 10000000, BOTH,
	  "How many messages of one spout task may be open before it is asked for no more." },
	{ "topology.message.timeout.secs", CONFIG_NUMBER, "30", 0, MAX_SECS, CONFIG_TOPOLOGY,
	  "How many seconds a message has to be acked completely before it fails." },
	{ "topology.progress.timeout.secs", CONFIG_NUMBER, NULL, 0, MAX_SECS, CONFIG_TOPOLOGY,
	  "How many seconds may pass without any ack for a message before it fails." },
	{ "topology.enable.message.timeouts", CONFIG_BOOL, "true", 0, 0, CONFIG_TOPOLOGY,
	  "Whether messages fail by time at all." },
	{ "topology.acker.executors", CONFIG_INT, "1", 0, 64, CONFIG_TOPOLOGY,
	  "How many acker processes there are; 0: nothing is tracked or replayed." },
	{ "topology.max.attempts", CONFIG_INT, NULL, 1, INT32_MAX, BOTH,
	  "How many times a message is tried before it goes to the dead letters." },
	{ "topology.dead.letter.file", CONFIG_PATH, NULL, 0, 0, CONFIG_TOPOLOGY,
	  "Where dead letters go, as JSON lines, when nobody subscribes to them." },
	{ "topology.tick.tuple.freq.secs", CONFIG_NUMBER, NULL, 0, MAX_SECS, BOTH,
	  "How many seconds lie between two ticks of a task." },
	{ "topology.tick.tuple.freq.ms", CONFIG_INT, NULL, 1, INT32_MAX, BOTH,
	  "How many milliseconds lie between two ticks of a task; goes before secs." },
	{ "topology.chaining", CONFIG_AUTO, "off", 0, 0, BOTH,
	  "Whether bolts run in the process of those that feed them, where that is possible." },
	{ "topology.combining", CONFIG_AUTO, "auto", 0, 0, BOTH,
	  "Whether equal tuples on their way to a bolt that takes them together may become one." },
	{ "topology.worker.timeout.secs", CONFIG_NUMBER, "30", 0, MAX_SECS, CONFIG_TOPOLOGY,
	  "How many seconds a worker may take to become ready before it counts as lost." },
	{ "topology.transaction.batch.interval.ms", CONFIG_INT, "10", 1, INT32_MAX, CONFIG_TOPOLOGY,
	  "How many milliseconds lie between the ends of two batches, at least." },
	{ "topology.transaction.batch.tuples", CONFIG_INT, "100000", 1, INT32_MAX, CONFIG_TOPOLOGY,
	  "How many tuples a spout's process puts into one batch at most." },
	{ "topology.transaction.batch.bytes", CONFIG_INT, "4194304", 1, INT32_MAX, CONFIG_TOPOLOGY,
	  "How many bytes a spout's process puts into one batch at most." },
	{ "topology.held.bytes", CONFIG_INT, "67108864", 1, 1099511627776, CONFIG_TOPOLOGY,
	  "How many bytes of batches that are not committed a process may hold." },
	{ "topology.log.level", CONFIG_LEVEL, "info", 0, 0, BOTH,
	  "Which lines of plugins get into the log: those of this level and worse." },
	{ "topology.log.max.bytes", CONFIG_INT, "10485760", 65536, 1099511627776, CONFIG_TOPOLOGY,
	  "How large the log of a submitted topology grows before a new one is begun." },
	{ "topology.log.files", CONFIG_INT, "5", 1, 1000, CONFIG_TOPOLOGY,
	  "How many files of its log are kept, the one that grows counted." },
	{ "topology.worker.memory.mb", CONFIG_INT, NULL, 1, 1073741824, BOTH,
	  "How many MiB of memory a worker may use before it is started anew." },
	{ "topology.worker.nice", CONFIG_INT, NULL, 0, 19, BOTH,
	  "How much nicer than its supervisor a worker is to other processes." },
	{ "topology.worker.cpus", CONFIG_CPUS, NULL, 0, 0, BOTH,
	  "Which processors a worker may use, as in 0-1,3." },
	{ .name = NULL },
};

_Static_assert(sizeof config_keys / sizeof *config_keys == CONFIG_N_KEYS + 1, "CONFIG_N_KEYS");

static const struct {
	const char *name;
	const char *instead;
} missing[] = {
	{ "topology.workers",
	    "every executor is a process of its own: set \"parallelism\" of the components" },
	{ "topology.tasks", "set \"numTasks\" of the component" },
	{ "topology.acker.tasks", "set \"topology.acker.executors\"" },
	{ "topology.max.task.parallelism", "set \"parallelism\" of the components" },
	{ "topology.debug", "a bolt that logs (\"log\") shows what passes" },
	{ "topology.worker.childopts",
	    "gale's workers are no Java machines and take no such options" },
	{ "topology.worker.max.heap.size.mb",
	    "gale's workers are no Java machines and have no heap limit" },
	{ "topology.executor.receive.buffer.size",
	    "buffers adapt by themselves; bound what is open with "
	    "\"topology.max.spout.pending\"" },
	{ "topology.transfer.buffer.size",
	    "buffers adapt by themselves; bound what is open with "
	    "\"topology.max.spout.pending\"" },
	{ "topology.producer.batch.size", "batches adapt by themselves" },
	{ "topology.stats.sample.rate", "gale counts every tuple" },
	{ "topology.fall.back.on.java.serialization",
	    "tuples are typed values; nothing is serialized by class" },
	{ "topology.kryo.register", "tuples are typed values; nothing is serialized by class" },
	{ "topology.sleep.spout.wait.strategy.time.ms",
	    "a spout that has nothing returns GALE_IDLE and costs nothing" },
	{ "topology.spout.wait.strategy",
	    "a spout that has nothing returns GALE_IDLE and costs nothing" },
};

const struct config_key *config_find(const char *name)
{
	for (const struct config_key *k = config_keys; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

bool config_free_key(const char *name)
{
	return strncmp(name, "user.", 5) == 0 && name[5] != '\0';
}

const char *config_missing(const char *name)
{
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		if (strcmp(missing[i].name, name) == 0)
			return missing[i].instead;
	return NULL;
}

static int wants(
    const struct config_key *key, const struct json_node *v, const char *what, struct error *e)
{
	return error_set(e, "\"%s\" wants %s, found %s", key->name, what, json_type_name(v->type));
}

static int check_int(const struct config_key *key, const struct json_node *v, struct error *e)
{
	if (v->type != JSON_INT)
		return wants(key, v, "an integer", e);
	if (v->i >= key->min && v->i <= key->max)
		return 0;
	return error_set(e, "\"%s\" wants an integer from %lld to %lld, found %lld", key->name,
	    (long long)key->min, (long long)key->max, (long long)v->i);
}

static int check_number(const struct config_key *key, const struct json_node *v, struct error *e)
{
	if (v->type != JSON_INT && v->type != JSON_FLOAT)
		return wants(key, v, "a number", e);
	if (v->f > (double)key->min && v->f <= (double)key->max)
		return 0;
	return error_set(e, "\"%s\" wants a number above %lld, at most %lld, found %g", key->name,
	    (long long)key->min, (long long)key->max, v->f);
}

static int check_auto(const struct config_key *key, const struct json_node *v, struct error *e)
{
	const char *word = json_text(v);

	if (word == NULL)
		return wants(key, v, "\"auto\" or \"off\"", e);
	if (strcmp(word, "auto") == 0 || strcmp(word, "off") == 0)
		return 0;
	return error_set(e, "\"%s\" wants \"auto\" or \"off\", found \"%s\"", key->name, word);
}

static int check_level(const struct config_key *key, const struct json_node *v, struct error *e)
{
	const char *word = json_text(v);

	if (word == NULL)
		return wants(key, v, "\"error\", \"warn\", \"info\" or \"debug\"", e);
	for (int i = 0; i < N_LOG_LEVELS; i++)
		if (strcmp(word, config_log_levels[i]) == 0)
			return 0;
	return error_set(e, "\"%s\" wants \"error\", \"warn\", \"info\" or \"debug\", found \"%s\"", key->name, word);
}

static int check_cpus(const struct config_key *key, const struct json_node *v, struct error *e)
{
	cpu_set_t set;

	if (json_text(v) == NULL)
		return wants(key, v, "a list of processors such as \"0-1,3\"", e);
	if (cpus_parse(json_text(v), &set))
		return 0;
	return error_set(e, "\"%s\" wants a list of processors such as \"0-1,3\", found \"%s\"", key->name,
	    json_text(v));
}

int config_check(const struct config_key *key, const struct json_node *value, struct error *e)
{
	switch (key->type) {
	case CONFIG_BOOL:
		return value->type == JSON_BOOL ? 0 : wants(key, value, "true or false", e);
	case CONFIG_INT:
		return check_int(key, value, e);
	case CONFIG_NUMBER:
		return check_number(key, value, e);
	case CONFIG_AUTO:
		return check_auto(key, value, e);
	case CONFIG_LEVEL:
		return check_level(key, value, e);
	case CONFIG_CPUS:
		return check_cpus(key, value, e);
	case CONFIG_PATH:
		if (json_text(value) == NULL)
			return wants(key, value, "a path", e);
		return json_text(value)[0] != '\0'
		    ? 0
		    : error_set(e, "\"%s\" wants a path, found none", key->name);
	}
	return 0;
}
