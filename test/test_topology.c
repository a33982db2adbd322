/* test_topology.c - looking up in a topology, saving and reading it back.
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "config.h"
#include "memory.h"
#include "topology.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static char dir[] = "/tmp/test-topology-XXXXXX";

static void add(struct settings *all, const char *key, struct setting v)
{
	all->items = xrealloc(all->items, (all->n + 1) * sizeof *all->items);
	all->items[all->n] = v;
	all->items[all->n++].key = xstrdup(key);
}

/* every_setting adds one of each type, with the values that are hardest to keep. */
static void every_setting(struct settings *all)
{
	static const double floats[] = { 0.1 + 0.2, 1e300, DBL_MIN, 5e-324, 3.0, -0.0, 1.0 / 3 };
	static const char *const strings[] = {
		"",
		"plain",
		"q\"b\\s/\n\t\x01\x7F",
		"\xC3\xA4\xF0\x9F\x98\x80",
		"\xFFno\xC3utf8",
		"${x}",
		"{\"hex\":1}",
	};
	char key[8];

	add(all, "null", (struct setting){ .type = SETTING_NULL });
	add(all, "true", (struct setting){ .type = SETTING_BOOL, .b = true });
	add(all, "false", (struct setting){ .type = SETTING_BOOL });
	add(all, "big", (struct setting){ .type = SETTING_INT, .i = 9007199254740993 });
	add(all, "max", (struct setting){ .type = SETTING_INT, .i = INT64_MAX });
	add(all, "min", (struct setting){ .type = SETTING_INT, .i = INT64_MIN });
	for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
		snprintf(key, sizeof key, "f%zu", i);
		add(all, key, (struct setting){ .type = SETTING_FLOAT, .f = floats[i] });
	}
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		snprintf(key, sizeof key, "s%zu", i);
		add(all, key,
		    (struct setting){ .type = SETTING_STRING, .s = xstrdup(strings[i]) });
	}
}

static gale_field *fields(uint32_t n)
{
	gale_field *all = xcalloc(n + 1, sizeof *all);

	for (uint32_t i = 0; i < n; i++)
		all[i] = (gale_field){ xasprintf("field %u", i), (gale_type)(i % (GALE_ANY + 1)) };
	return all;
}

static void outputs(struct component *c, uint32_t n)
{
	c->outputs = xcalloc(n, sizeof *c->outputs);
	for (uint32_t i = 0; i < n; i++)
		c->outputs[i] = (struct stream){ xasprintf("s%u", i), i == 1, fields(i), i };
	c->n_outputs = n;
}

static struct topology *make(void)
{
	struct topology *t = xcalloc(1, sizeof *t);

	t->name = xstrdup("words");
	t->file = xstrdup("a \"file\".json");
	t->transaction = (struct transaction){ xstrdup("wc-1"), true };
	every_setting(&t->config);
	t->n_components = 2;
	t->n_spouts = 1;
	t->components = xcalloc(2, sizeof *t->components);
	t->components[0] = (struct component){
		.id = xstrdup("lines"),
		.kind = GALE_SPOUT,
		.parallelism = 1,
		.n_tasks = 1,
		.takes_any = true,
		.part = { xstrdup("lines"), xstrdup("/a/b\xFF/lines.so"), xstrdup("Lines"),
		    { NULL, 0 } },
	};
	outputs(&t->components[0], 10);
	t->components[1] = (struct component){
		.id = xstrdup("count"),
		.kind = GALE_BOLT,
		.parallelism = 3,
		.n_tasks = 7,
		.has_finish = true,
		.has_tick = true,
		.has_publish = true,
		.state_version = UINT32_MAX,
		.inputs = fields(3),
		.n_inputs = 3,
		.part = { xstrdup("mine.Count"), xstrdup("/mine.so"), xstrdup("Count"),
		    { NULL, 0 } },
	};
	every_setting(&t->components[1].part.properties);
	every_setting(&t->components[1].config);
	t->layout = xcalloc(3, sizeof *t->layout);
	t->n_layout = 3;
	t->layout[0] = (struct layout_worker){ 1, 0, 4, 0 };
	t->layout[1] = (struct layout_worker){ 1, 0, 0, 3 };
	t->layout[2] = (struct layout_worker){ UINT32_MAX, 7, 1, 2 };
	t->n_subscriptions = 2;
	t->subscriptions = xcalloc(2, sizeof *t->subscriptions);
	t->subscriptions[0] = (struct subscription){
		.stream = 9, .to = 1, .grouping = GROUPING_FIELDS, .n_fields = 2
	};
	t->subscriptions[0].fields = xcalloc(2, sizeof(uint32_t));
	t->subscriptions[0].fields[0] = 8;
	t->subscriptions[1] = (struct subscription){
		.to = 1, .grouping = GROUPING_CUSTOM,
		.custom = { xstrdup("g.G"), xstrdup("/g.so"), xstrdup("G"), { NULL, 0 } },
	};
	every_setting(&t->subscriptions[1].custom.properties);
	return t;
}

static char *text_of(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "r");
	int c;

	ck_assert_ptr_nonnull(f);
	while ((c = getc(f)) != EOF)
		buf_add(&b, &(char){ (char)c }, 1);
	fclose(f);
	return buf_text(&b);
}

static void same_settings(const struct settings *a, const struct settings *b)
{
	ck_assert_uint_eq(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct setting *x = &a->items[i], *y = &b->items[i];

		ck_assert_str_eq(x->key, y->key);
		ck_assert_int_eq(x->type, y->type);
		ck_assert(x->b == y->b && x->i == y->i && memcmp(&x->f, &y->f, sizeof x->f) == 0);
		if (x->type == SETTING_STRING)
			ck_assert_str_eq(x->s, y->s);
	}
}

START_TEST(what_is_read_equals_what_was_written)
{
	char *first = xasprintf("%s/first", dir), *second = xasprintf("%s/second", dir), *a, *b;
	struct topology *t = make(), *back;
	struct error e = { "" };

	ck_assert_int_eq(topology_write(t, first, &e), 0);
	back = topology_read(first, &e);
	ck_assert_msg(back != NULL, "%s", e.text);
	ck_assert_str_eq(back->transaction.id, "wc-1");
	ck_assert(back->transaction.opaque);
	ck_assert(back->components[1].has_publish && !back->components[0].has_publish);
	same_settings(&t->config, &back->config);
	same_settings(&t->components[1].part.properties, &back->components[1].part.properties);
	same_settings(&t->components[1].config, &back->components[1].config);
	same_settings(
	    &t->subscriptions[1].custom.properties, &back->subscriptions[1].custom.properties);
	ck_assert_str_eq(back->components[0].part.library, "/a/b\xFF/lines.so");
	ck_assert_uint_eq(back->components[0].n_outputs, 10);
	ck_assert(back->components[0].outputs[1].direct && !back->components[0].outputs[2].direct);
	ck_assert_str_eq(back->components[0].outputs[9].fields[8].name, "field 8");
	ck_assert_int_eq(back->components[0].outputs[9].fields[8].type, GALE_ANY);
	ck_assert_ptr_null(back->components[0].outputs[9].fields[9].name);
	ck_assert_ptr_null(back->subscriptions[0].custom.library);
	ck_assert_uint_eq(back->subscriptions[0].fields[0], 8);
	ck_assert_uint_eq(back->n_layout, 3);
	ck_assert_uint_eq(back->layout[0].n, 4);
	ck_assert_uint_eq(back->layout[1].starts, 3);
	ck_assert_uint_eq(back->layout[2].component, UINT32_MAX);
	ck_assert_int_eq(topology_write(back, second, &e), 0);	/* and all the rest of it */
	a = text_of(first);
	b = text_of(second);
	ck_assert_str_eq(a, b);
	free(a);
	free(b);
	topology_free(t);
	topology_free(back);
	free(first);
	free(second);
}
END_TEST

static void put_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	fclose(f);
}

START_TEST(a_file_that_is_cut_or_changed_is_refused_or_harmless)
{
	char *path = xasprintf("%s/cut", dir), *text;
	struct topology *t = make(), *back;
	struct error e = { "" };
	size_t n;

	ck_assert_int_eq(topology_write(t, path, &e), 0);
	text = text_of(path);
	n = strlen(text);
	for (size_t i = 0; i + 1 < n; i += 7) {
		put_file(path, text, i);
		ck_assert_ptr_null(topology_read(path, &e));
	}
	for (size_t i = 0; i < n; i++) {
		char was = text[i];

		text[i] = was == '1' ? '9' : was == 'a' ? 'b' : was == '[' ? '{' : '1';
		put_file(path, text, n);
		back = topology_read(path, &e);
		topology_free(back);
		text[i] = was;
	}
	free(text);
	topology_free(t);
	free(path);
}
END_TEST

START_TEST(files_that_cannot_be_say_so)
{
	struct topology *t = make();
	struct error e = { "" };

	ck_assert_int_eq(topology_write(t, "/nowhere/t.json", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "cannot write /nowhere/t.json: No such file"));
	ck_assert_ptr_null(topology_read("/nowhere/t.json", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "cannot read /nowhere/t.json: No such file"));
	topology_free(t);
}
END_TEST

START_TEST(config_is_the_components_then_the_topologys_then_the_default)
{
	struct topology *t = make();
	struct component *c = &t->components[1];
	static const char key[] = "topology.max.spout.pending";

	ck_assert_int_eq(topology_int(t, c, key), 1000);
	add(&t->config, key, (struct setting){ .type = SETTING_INT, .i = 5 });
	ck_assert_int_eq(topology_int(t, c, key), 5);
	add(&c->config, key, (struct setting){ .type = SETTING_INT, .i = 7 });
	ck_assert_int_eq(topology_int(t, c, key), 7);
	ck_assert_int_eq(topology_int(t, NULL, key), 5);
	ck_assert_ptr_null(topology_config(t, c, "topology.max.attempts"));
	ck_assert_ptr_null(topology_config(t, c, "user.nothing"));
	ck_assert_ptr_null(topology_config(t, c, "null"));
	ck_assert_ptr_nonnull(topology_config(t, c, "true"));
	ck_assert(topology_config(t, c, "topology.enable.message.timeouts")->b);
	topology_free(t);
}
END_TEST

START_TEST(batches_have_defaults_of_their_own)
{
	struct topology *t = make();

	ck_assert_uint_eq(topology_batches_in_flight(t), 8);
	ck_assert_uint_eq(topology_batch_attempts(t), 3);
	add(&t->config, "topology.max.spout.pending", (struct setting){ .type = SETTING_INT, .i = 1 });
	add(&t->config, "topology.max.attempts", (struct setting){ .type = SETTING_INT, .i = 7 });
	ck_assert_uint_eq(topology_batches_in_flight(t), 1);
	ck_assert_uint_eq(topology_batch_attempts(t), 7);
	ck_assert_int_eq(topology_int(t, NULL, "topology.transaction.batch.interval.ms"), 10);
	ck_assert_int_eq(topology_int(t, NULL, "topology.transaction.batch.tuples"), 100000);
	ck_assert_int_eq(topology_int(t, NULL, "topology.transaction.batch.bytes"), 4 << 20);
	ck_assert_int_eq(topology_int(t, NULL, "topology.held.bytes"), 64 << 20);
	topology_free(t);
}
END_TEST

START_TEST(a_topology_without_transactions_is_read_back_as_one)
{
	char *path = xasprintf("%s/plain", dir);
	struct topology *t = make(), *back;
	struct error e = { "" };

	free(t->transaction.id);
	t->transaction = (struct transaction){ NULL, false };
	ck_assert_int_eq(topology_write(t, path, &e), 0);
	back = topology_read(path, &e);
	ck_assert_msg(back != NULL, "%s", e.text);
	ck_assert_ptr_null(back->transaction.id);
	ck_assert(!back->transaction.opaque);
	topology_free(t);
	topology_free(back);
	free(path);
}
END_TEST

START_TEST(seconds_are_read_as_milliseconds)
{
	struct topology *t = make();
	struct component *c = &t->components[1];
	static const char key[] = "topology.tick.tuple.freq.secs";

	ck_assert_int_eq(topology_ms(t, c, "topology.message.timeout.secs"), 30000);
	ck_assert_int_eq(topology_ms(t, c, key), -1);
	add(&t->config, key, (struct setting){ .type = SETTING_INT, .i = 2 });
	ck_assert_int_eq(topology_ms(t, c, key), 2000);
	add(&c->config, key, (struct setting){ .type = SETTING_FLOAT, .f = 0.0001 });
	ck_assert_int_eq(topology_ms(t, c, key), 1);
	topology_free(t);
}
END_TEST

START_TEST(every_config_key_is_sound)
{
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		ck_assert_ptr_eq(config_find(k->name), k);
		ck_assert_ptr_nonnull(k->doc);
		ck_assert_uint_ne(k->scope & CONFIG_TOPOLOGY, 0);
		ck_assert_ptr_null(config_missing(k->name));
	}
	ck_assert_ptr_null(config_find("topology.workers"));
	ck_assert_ptr_nonnull(config_missing("topology.workers"));
	ck_assert(
	    config_free_key("user.x") && !config_free_key("user.") && !config_free_key("users.x"));
}
END_TEST

START_TEST(components_are_found_by_id)
{
	struct topology *t = make();

	ck_assert_int_eq(topology_find(t, "lines"), 0);
	ck_assert_int_eq(topology_find(t, "count"), 1);
	ck_assert_int_eq(topology_find(t, "Count"), -1);
	topology_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topology");
	TCase *c = tcase_create("topology");
	char *command;
	SRunner *r;
	int n;

	if (mkdtemp(dir) == NULL)
		return EXIT_FAILURE;
	tcase_add_test(c, what_is_read_equals_what_was_written);
	tcase_add_test(c, a_file_that_is_cut_or_changed_is_refused_or_harmless);
	tcase_add_test(c, files_that_cannot_be_say_so);
	tcase_add_test(c, config_is_the_components_then_the_topologys_then_the_default);
	tcase_add_test(c, batches_have_defaults_of_their_own);
	tcase_add_test(c, a_topology_without_transactions_is_read_back_as_one);
	tcase_add_test(c, seconds_are_read_as_milliseconds);
	tcase_add_test(c, every_config_key_is_sound);
	tcase_add_test(c, components_are_found_by_id);
	tcase_set_timeout(c, 120);
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
