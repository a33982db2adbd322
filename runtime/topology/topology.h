/* topology.h - a topology, checked and resolved: the one structure that everything after
 * the validator works from.
 *
 * It is made by load_topology() from the file that a user wrote, with every plugin
 * consulted, every default filled in and every path absolute. The supervisor writes it
 * into the run directory (topology_write) and each worker reads it back (topology_read),
 * so no two processes can understand a topology differently.
 *
 * Numbers: components are numbered spouts first, then bolts, each in the order of the
 * file. Everything is owned by the topology and lives until topology_free.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPOLOGY_H
#define GALE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "error.h"

struct buf;

/* The kinds of grouping, by Storm's names; topology_grouping_names[kind] is the text. */
enum grouping {
	GROUPING_SHUFFLE,
	GROUPING_FIELDS,
	GROUPING_PARTIAL_KEY,
	GROUPING_ALL,
	GROUPING_GLOBAL,
	GROUPING_DIRECT,
	GROUPING_LOCAL_OR_SHUFFLE,
	GROUPING_NONE,
	GROUPING_CUSTOM,
	N_GROUPINGS
};
extern const char *const topology_grouping_names[N_GROUPINGS];

/* One property or config value, as checked. */
enum setting_type { SETTING_NULL, SETTING_BOOL, SETTING_INT, SETTING_FLOAT, SETTING_STRING };

struct setting {
	char *key;
	enum setting_type type;
	bool b;			/* SETTING_BOOL */
	int64_t i;		/* SETTING_INT */
	double f;		/* SETTING_FLOAT */
	char *s;		/* SETTING_STRING; paths are absolute */
};

struct settings {
	struct setting *items;
	size_t n;
};

/* An output stream as declared by the plugin, or by the file where the plugin leaves it to
 * the file. Every spout also has the stream "dead-letters" (DEAD_LETTER_STREAM), always
 * the last one. */
struct stream {
	char *id;
	bool direct;
	gale_field *fields;	/* n_fields; the array ends with a field without name */
	uint32_t n_fields;
};
#define DEAD_LETTER_STREAM "dead-letters"

/* A component of a plugin library, as the topology uses it. */
struct part {
	char *class_name;	/* as in the file: "lines" or "mine.Splitter" */
	char *library;		/* absolute path of the .so */
	char *component;	/* name inside the library */
	struct settings properties;	/* those the file gives; defaults stay with the plugin */
};

struct component {
	char *id;
	gale_kind kind;		/* GALE_SPOUT or GALE_BOLT */
	struct part part;
	uint32_t parallelism;	/* worker processes */
	uint32_t n_tasks;	/* tasks, >= parallelism */
	struct settings config;	/* its own, not the topology's */
	struct stream *outputs;
	uint32_t n_outputs;
	gale_field *inputs;	/* n_inputs; n_inputs 0 with takes_any: no declaration */
	uint32_t n_inputs;
	bool takes_any;
	bool has_finish;	/* the plugin has a finish callback */
	bool has_tick;		/* the plugin has a tick callback */
	bool has_publish;	/* the plugin has a publish callback */
	uint32_t state_version;	/* of what its tasks keep; 0: they keep no state */
	bool combines;		/* a tuple that it takes may stand for several equal ones */
	bool state_by_field;	/* its keys are the values of the field that it is fed by */
};

/* A subscription: one line under "streams". */
struct subscription {
	uint32_t from;		/* component number */
	uint32_t stream;	/* number among from's outputs */
	uint32_t to;		/* component number */
	enum grouping grouping;
	uint32_t *fields;	/* FIELDS, PARTIAL_KEY: field numbers in the stream, in the order of args */
	uint32_t n_fields;
	struct part custom;	/* CUSTOM: the grouping plugin; else all NULL */
};

/* What makes a topology transactional: its tuples are processed in batches, each exactly once. */
struct transaction {
	char *id;		/* names what the record belongs to; NULL: not transactional */
	bool opaque;		/* a batch that is tried again may have other tuples */
};

/* Which neighbouring tasks of a component one worker has, by worker number, once tasks were moved
 * (plan.h). */
struct layout_worker {
	uint32_t component;	/* n_components: gale's own */
	uint32_t first;		/* as the component counts its tasks */
	uint32_t n;		/* 0: there is no such worker any more; its number is kept for another
				 * one of the component */
	uint32_t starts;	/* of its number, before it got these tasks */
};

struct topology {
	char *name;
	char *file;		/* as the user named it, for messages */
	struct transaction transaction;
	struct settings config;
	struct component *components;
	uint32_t n_components;
	uint32_t n_spouts;	/* components 0 .. n_spouts-1 */
	struct subscription *subscriptions;
	uint32_t n_subscriptions;
	struct layout_worker *layout;	/* n_layout; NULL: as the components' parallelism says */
	uint32_t n_layout;
};

/* topology_free frees T and all it owns. NULL is allowed. */
void topology_free(struct topology *t);

/* topology_write saves T at PATH, topology_read reads back what topology_write wrote (its
 * text is trusted: it is our own). Return 0 or -1 with E set; topology_read returns NULL
 * then. topology_text adds what it writes to B. */
void topology_text(struct buf *b, const struct topology *t);
int topology_write(const struct topology *t, const char *path, struct error *e);
struct topology *topology_read(const char *path, struct error *e);

/* topology_lay_out gives T the layout of FROM, a T whose tasks were moved, and its parallelism;
 * that goes from FROM. */
void topology_lay_out(struct topology *t, struct topology *from);

/* topology_find gives the number of the component ID, or -1. */
int topology_find(const struct topology *t, const char *id);

/* topology_library gives where T says its library number I, of a component or then of a CUSTOM
 * grouping; what stands there is NULL for another grouping. NULL: there are no more. */
char **topology_library(const struct topology *t, uint32_t i);

/* topology_config gives the value of KEY as component C sees it: its own config, then the
 * topology's, then the default of the key's table (config.h). C may be NULL. NULL when
 * the key is unset and has no default. */
const struct setting *topology_config(const struct topology *t, const struct component *c, const char *key);

/* topology_put_setting adds the value of S to B as JSON; null when there is none. */
void topology_put_setting(struct buf *b, const struct setting *s);

/* topology_int, topology_ms: the same, as a number that is known to be there. topology_ms
 * reads a key in seconds (ending in ".secs", may be a fraction) as milliseconds; -1 when
 * the value is null. */
int64_t topology_int(const struct topology *t, const struct component *c, const char *key);
int64_t topology_ms(const struct topology *t, const struct component *c, const char *key);

/* topology_log_level gives topology.log.level. */
gale_level topology_log_level(const struct topology *t, const struct component *c);

/* For transactional topologies: how many batches may be open (topology.max.spout.pending), and
 * how many times one is tried (topology.max.attempts). Unset, these keys have defaults of their
 * own there. */
enum { TOPOLOGY_MAX_BATCHES = 64 };
uint32_t topology_batches_in_flight(const struct topology *t);
uint32_t topology_batch_attempts(const struct topology *t);

#endif
