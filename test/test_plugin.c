/* test_plugin.c - finding, opening and filling in plugins, and learning what they declare
 * in a child process. SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog.h"
#include "memory.h"
#include "plugin.h"
#include "plugin_check.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static char fixtures[4096];

static char *fixture(const char *name)
{
	return xasprintf("%s/%s.so", fixtures, name);
}

/* ---- opening ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *message;	/* part of it; two parts with a | between */
} refused[] = {
	{ "abi", "version 42 of gale's plugin interface|this gale has version 1" },
	{ "larger", "newer gale|bytes" },
	{ "tiny", "have 8 bytes" },
	{ "nosymbol", "no gale plugin" },
	{ "undefined", "nobody provides|nobody_has_this" },
	{ "not-there", "missing" },
};

static void assert_says(const char *text, const char *parts)
{
	char *copy = xstrdup(parts), *rest = copy, *part;

	while ((part = strsep(&rest, "|")) != NULL)
		ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in: %s", part, text);
	free(copy);
}

START_TEST(what_is_no_sound_plugin_is_refused_with_the_reason)
{
	char *path = fixture(refused[_i].name);
	struct error e = { "" };

	ck_assert_ptr_null(plugin_open(path, &e));
	assert_says(e.text, refused[_i].message);
	assert_says(e.text, path);
	free(path);
}
END_TEST

START_TEST(a_text_file_is_no_shared_object)
{
	char path[] = "/tmp/test-plugin-XXXXXX.so";
	int fd = mkstemps(path, 3);
	struct error e = { "" };

	ck_assert_int_eq(write(fd, "hello\n", 6), 6);
	close(fd);
	ck_assert_ptr_null(plugin_open(path, &e));
	unlink(path);
	assert_says(e.text, "no shared object");
}
END_TEST

START_TEST(a_plugin_of_an_older_minor_lacks_what_came_later)
{
	char *path = fixture("smaller");
	struct error e = { "" };
	struct plugin *p = plugin_open(path, &e);

	ck_assert_msg(p != NULL, "%s", e.text);
	ck_assert_uint_eq(p->n, 1);
	ck_assert_ptr_nonnull((void *)(uintptr_t)p->components[0]->execute);
	ck_assert(p->components[0]->finish == NULL);
	ck_assert(p->components[0]->finish_batch == NULL && p->components[0]->publish == NULL);
	plugin_free(p);
	free(path);
}
END_TEST

START_TEST(components_are_found_by_name_and_the_only_one_without)
{
	char *path = fixture("parts"), *single = fixture("single");
	struct error e = { "" };
	struct plugin *p = plugin_open(path, &e);

	ck_assert_msg(p != NULL, "%s", e.text);
	ck_assert_str_eq(plugin_component(p, "Reader", &e)->name, "Reader");
	ck_assert_ptr_null(plugin_component(p, "Raeder", &e));
	assert_says(e.text, "no component \"Raeder\"|did you mean \"Reader\"");
	ck_assert_ptr_null(plugin_component(p, NULL, &e));
	assert_says(e.text, "has 10 components");
	plugin_free(p);
	p = plugin_open(single, &e);
	ck_assert_str_eq(plugin_component(p, NULL, &e)->name, "Single");
	plugin_free(p);
	free(path);
	free(single);
}
END_TEST

/* ---- finding ---------------------------------------------------------------------- */

START_TEST(libraries_are_found_in_given_places_first)
{
	const char *dirs[] = { "/nowhere", fixtures };
	struct plugin_path path = { dirs, 2 };
	struct error e = { "" };
	char *found;

	unsetenv("GALE_PLUGIN_PATH");
	found = plugin_find("parts", &path, &e);
	ck_assert_msg(found != NULL, "%s", e.text);
	ck_assert_int_eq(found[0], '/');
	free(found);
	ck_assert_ptr_null(plugin_find("prats", &path, &e));
	assert_says(e.text, "no plugin \"prats\"|/nowhere|did you mean \"parts\"");
	ck_assert_ptr_null(plugin_find("parts", NULL, &e));
	setenv("GALE_PLUGIN_PATH", "::/nowhere:", 1);
	ck_assert_ptr_null(plugin_find("parts", NULL, &e));
	setenv("GALE_PLUGIN_PATH", fixtures, 1);
	found = plugin_find("parts", NULL, &e);
	ck_assert_msg(found != NULL, "%s", e.text);
	free(found);
}
END_TEST

/* ---- filling in ------------------------------------------------------------------- */

struct mine {
	bool b;
	int64_t i;
	double f;
	const char *s, *p;
};

static const gale_prop mine_props[] = {
	{ .name = "b",
	    .type = GALE_PROP_BOOL,
	    .offset = offsetof(struct mine, b),
	    .fallback = "true" },
	{ .name = "i",
	    .type = GALE_PROP_INT,
	    .offset = offsetof(struct mine, i),
	    .fallback = "-5",
	    .min = -9,
	    .max = 9 },
	{ .name = "f",
	    .type = GALE_PROP_FLOAT,
	    .offset = offsetof(struct mine, f),
	    .fallback = "2.5" },
	{ .name = "s",
	    .type = GALE_PROP_STRING,
	    .offset = offsetof(struct mine, s),
	    .choices = "up|down" },
	{ .name = "p",
	    .type = GALE_PROP_PATH,
	    .offset = offsetof(struct mine, p),
	    .fallback = "-" },
	{ .name = NULL },
};

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static const gale_component mine = {
	.name = "Mine",
	.kind = GALE_BOLT,
	.execute = execute,
	.self_size = sizeof(struct mine),
	.props = mine_props,
};

START_TEST(fallbacks_come_first_then_the_values_given)
{
	struct setting items[] = {
		{ .key = (char *)"i", .type = SETTING_INT, .i = 9 },
		{ .key = (char *)"f", .type = SETTING_INT, .i = 3 },
		{ .key = (char *)"s", .type = SETTING_STRING, .s = (char *)"down" },
		{ .key = (char *)"p", .type = SETTING_NULL },
	};
	struct settings given = { items, 4 }, none = { NULL, 0 };
	struct mine self = { 0 };
	struct error e = { "" };

	ck_assert_int_eq(plugin_fill(&mine, &none, &self, &e), 0);
	ck_assert(self.b && self.i == -5 && self.f == 2.5 && self.s == NULL);
	ck_assert_str_eq(self.p, "-");
	ck_assert_int_eq(plugin_fill(&mine, &given, &self, &e), 0);
	ck_assert(self.b && self.i == 9 && self.f == 3.0 && self.s == items[2].s);
	ck_assert_str_eq(self.p, "-");
}
END_TEST

START_TEST(values_that_do_not_suit_are_refused)
{
	static const struct { struct setting v; const char *message;
	} cases[] = {
		{ { .key = (char *)"i", .type = SETTING_INT, .i = 10 }, "from -9 to 9, found 10" },
		{ { .key = (char *)"i", .type = SETTING_STRING, .s = (char *)"3" },
		    "an integer, found a string" },
		{ { .key = (char *)"i", .type = SETTING_FLOAT, .f = 1 },
		    "an integer, found a number with" },
		{ { .key = (char *)"b", .type = SETTING_INT, .i = 1 }, "true or false" },
		{ { .key = (char *)"s", .type = SETTING_STRING, .s = (char *)"u" },
		    "one of up|down" },
		{ { .key = (char *)"s", .type = SETTING_STRING, .s = (char *)"" }, "one of" },
		{ { .key = (char *)"p", .type = SETTING_STRING, .s = (char *)"" }, "a path" },
	};
	struct mine self;
	struct error e;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct setting v = cases[i].v;
		struct settings all = { &v, 1 };
		char *copy = xstrdup(cases[i].message);

		e = (struct error){ "" };
		ck_assert_int_eq(plugin_fill(&mine, &all, &self, &e), -1);
		ck_assert_msg(strstr(e.text, copy) != NULL, "%s", e.text);
		free(copy);
	}
}
END_TEST

/* ---- declarations ----------------------------------------------------------------- */

static void assert_unsound(const gale_component *c, const char *message)
{
	struct error e = { "" };

	ck_assert_int_eq(plugin_check(c, &e), -1);
	ck_assert_msg(strstr(e.text, message) != NULL, "%s", e.text);
}

static int persist(void *self, gale_ctx *ctx)
{
	(void)self, (void)ctx;
	return GALE_OK;
}

START_TEST(a_component_without_a_name_or_its_functions_is_refused)
{
	gale_component c = mine;

	ck_assert_int_eq(plugin_check(&c, NULL), 0);
	c.name = "9lives";
	assert_unsound(&c, "can't be the name");
	c.name = NULL;
	assert_unsound(&c, "without a name");
	c = mine;
	c.execute = NULL;
	assert_unsound(&c, "without `execute`");
	c.kind = GALE_SPOUT;
	assert_unsound(&c, "without `next`");
	c.kind = GALE_GROUPING;
	assert_unsound(&c, "without `choose`");
	c.kind = (gale_kind)7;
	assert_unsound(&c, "unknown kind");
}
END_TEST

START_TEST(state_that_cannot_be_kept_is_refused)
{
	gale_component c = mine;

	c.persist = persist;
	c.state_version = 1;
	ck_assert_int_eq(plugin_check(&c, NULL), 0);
	c.state_version = 0;
	assert_unsound(&c, "no state_version");
	c.persist = NULL;
	c.state_by_field = true;
	assert_unsound(&c, "`state_by_field` but no state_version");
	c.state_by_field = false;
	c.state_version = 1;
	c.kind = GALE_SPOUT;
	c.next = persist;
	c.inputs = NULL;
	assert_unsound(&c, "only bolts have state");
	c.state_version = 0;
	c.finish_batch = persist;
	assert_unsound(&c, "`finish_batch`, which only bolts have");
	c.finish_batch = NULL;
	c.publish = persist;
	assert_unsound(&c, "`publish`, which only bolts have");
	c = mine;
	c.finish_batch = c.publish = persist;
	assert_unsound(&c, "`publish` but no state_version");
	c.state_version = 1;
	ck_assert_int_eq(plugin_check(&c, NULL), 0);
}
END_TEST

START_TEST(unsound_inputs_are_refused)
{
	static gale_field many[GALE_MAX_FIELDS + 2];
	static char names[GALE_MAX_FIELDS + 1][16];
	gale_component c = mine;

	c.inputs = GALE_FIELDS({ "a", GALE_INT }, { "a", GALE_INT });
	assert_unsound(&c, "\"a\" twice");
	c.inputs = GALE_FIELDS({ "a", (gale_type)99 });
	assert_unsound(&c, "unknown type 99");
	c.inputs = GALE_FIELDS({ "\xFF", GALE_INT });
	assert_unsound(&c, "no UTF-8");
	for (int i = 0; i <= GALE_MAX_FIELDS; i++) {
		snprintf(names[i], sizeof names[i], "f%d", i);
		many[i] = (gale_field){ names[i], GALE_INT };
	}
	c.inputs = many;
	assert_unsound(&c, "more than 255 fields");
}
END_TEST

START_TEST(unsound_streams_are_refused)
{
	gale_component c = mine;

	c.outputs = GALE_STREAMS(GALE_STREAM("dead-letters", { "a", GALE_INT }));
	assert_unsound(&c, "gale's own");
	c.outputs =
	    GALE_STREAMS(GALE_STREAM("x", { "a", GALE_INT }), GALE_STREAM("x", { "a", GALE_INT }));
	assert_unsound(&c, "\"x\" twice");
	c.outputs = GALE_STREAMS(GALE_STREAM("no way", { "a", GALE_INT }));
	assert_unsound(&c, "id of a stream");
	c.outputs_from_json = true;
	c.outputs = GALE_STREAMS(GALE_STREAM("x", { "a", GALE_INT }));
	assert_unsound(&c, "leaves them to the topology file");
}
END_TEST

START_TEST(unsound_properties_are_refused)
{
	gale_prop props[2] = { mine_props[1], { .name = NULL } };
	gale_component c = mine;

	c.props = props;
	props[0].offset = sizeof(struct mine) - 4;
	assert_unsound(&c, "outside its private memory");
	props[0].offset = SIZE_MAX - 3;
	assert_unsound(&c, "outside its private memory");
	props[0].offset = 4;
	assert_unsound(&c, "not aligned");
	props[0] = mine_props[1];
	props[0].fallback = "7x";
	assert_unsound(&c, "is no int");
	props[0].fallback = "70";
	assert_unsound(&c, "from -9 to 9");
}
END_TEST

/* ---- the catalog ------------------------------------------------------------------ */

static void assert_library(const struct catalog *c, const char *name, const char *message)
{
	char *path = fixture(name);
	const struct catalog_library *l = catalog_find(c, path);

	ck_assert_ptr_nonnull(l);
	if (message == NULL) {
		ck_assert_msg(l->error == NULL, "%s", l->error);
		ck_assert_uint_gt(l->n, 0);
	} else {
		ck_assert_ptr_nonnull(l->error);
		assert_says(l->error, message);
		ck_assert_uint_eq(l->n, 0);
	}
	free(path);
}

START_TEST(libraries_that_crash_hang_or_exit_leave_the_others_alone)
{
	static const char *const names[] = {
		"single", "crash", "parts", "hang", "exits", "abi", "not-there", "noisy", "smaller"
	};
	struct catalog c = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = fixture(names[i]);

		catalog_add(&c, path);
		catalog_add(&c, path);
		free(path);
	}
	ck_assert_uint_eq(c.n, sizeof names / sizeof *names);
	catalog_load(&c, 500);
	assert_library(&c, "single", NULL);
	assert_library(&c, "crash", "crashed while it was loaded: SIGSEGV");
	assert_library(&c, "parts", NULL);
	assert_library(&c, "hang", "did not come back within 0.5 s");
	assert_library(&c, "exits", "ended the process|exit code 3");
	assert_library(&c, "abi", "version 42");
	assert_library(&c, "not-there", "missing");
	assert_library(&c, "noisy", NULL);
	assert_library(&c, "smaller", NULL);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);	/* no child is left */
	catalog_free(&c);
}
END_TEST

START_TEST(a_noisy_library_does_not_reach_standard_output)
{
	char path[] = "/tmp/test-noisy-XXXXXX", text[16];
	char *library = fixture("noisy");
	struct catalog c = { 0 };
	int fd = mkstemp(path), out = dup(STDOUT_FILENO);

	unlink(path);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	catalog_add(&c, library);
	catalog_load(&c, 5000);
	dup2(out, STDOUT_FILENO);
	close(out);
	ck_assert_ptr_null(c.libraries[0].error);
	ck_assert_int_eq(pread(fd, text, sizeof text, 0), 0);
	catalog_free(&c);
	free(library);
	close(fd);
}
END_TEST

START_TEST(a_declaration_passes_through_the_pipe_whole)
{
	char *path = fixture("parts");
	const struct catalog_component *found;
	struct catalog c = { 0 };
	struct error e = { "" };
	const gale_prop *p;

	catalog_add(&c, path);
	catalog_load(&c, 5000);
	found = catalog_component(&c.libraries[0], "Source", &e);
	ck_assert_msg(found != NULL, "%s", e.text);
	ck_assert_int_eq(found->declared.kind, GALE_SPOUT);
	ck_assert_str_eq(found->declared.doc, "Emits words.");
	ck_assert_str_eq(found->declared.outputs[0].fields[1].name, "size");
	ck_assert_int_eq(found->declared.outputs[0].fields[2].type, GALE_ANY);
	ck_assert(!found->declared.outputs[0].direct && found->declared.outputs[1].direct);
	ck_assert_ptr_null(found->declared.outputs[2].id);
	found = catalog_component(&c.libraries[0], "Sink", &e);
	ck_assert(found->has_finish && found->has_tick && found->declared.inputs == NULL);
	ck_assert(!found->has_resume && !found->has_finish_batch && !found->has_publish);
	found = catalog_component(&c.libraries[0], "Kept", &e);
	ck_assert(found->has_finish_batch && found->has_publish && !found->has_tick);
	ck_assert_uint_eq(found->declared.state_version, 3);
	ck_assert(catalog_component(&c.libraries[0], "Plain", &e)->has_resume);
	found = catalog_component(&c.libraries[0], "Script", &e);
	ck_assert(found->declared.outputs_from_json && !found->has_tick);
	p = catalog_component(&c.libraries[0], "Knobs", &e)->declared.props;
	ck_assert_str_eq(p[1].name, "count");
	ck_assert_str_eq(p[1].fallback, "7");
	ck_assert(p[1].min == 1 && p[1].max == 10 && p[1].type == GALE_PROP_INT && !p[1].required);
	ck_assert_str_eq(p[3].choices, "up|down");
	ck_assert(p[4].required && p[4].fallback == NULL && p[4].type == GALE_PROP_PATH);
	ck_assert_ptr_null(p[7].name);
	ck_assert_ptr_null(catalog_component(&c.libraries[0], "Sourec", &e));
	assert_says(e.text, "did you mean \"Source\"");
	catalog_free(&c);
	free(path);
}
END_TEST

int main(void)
{
	const char *build = getenv("TOP_BUILDDIR");
	Suite *s = suite_create("plugin");
	TCase *c = tcase_create("plugin");
	SRunner *r;
	int n;

	if (snprintf(fixtures, sizeof fixtures, "%s/test/plugins", build ? build : ".") >=
	    (int)sizeof fixtures)
		return EXIT_FAILURE;
	tcase_add_loop_test(c, what_is_no_sound_plugin_is_refused_with_the_reason, 0,
	    sizeof refused / sizeof *refused);
	tcase_add_test(c, a_text_file_is_no_shared_object);
	tcase_add_test(c, a_plugin_of_an_older_minor_lacks_what_came_later);
	tcase_add_test(c, components_are_found_by_name_and_the_only_one_without);
	tcase_add_test(c, libraries_are_found_in_given_places_first);
	tcase_add_test(c, fallbacks_come_first_then_the_values_given);
	tcase_add_test(c, values_that_do_not_suit_are_refused);
	tcase_add_test(c, a_component_without_a_name_or_its_functions_is_refused);
	tcase_add_test(c, state_that_cannot_be_kept_is_refused);
	tcase_add_test(c, unsound_inputs_are_refused);
	tcase_add_test(c, unsound_streams_are_refused);
	tcase_add_test(c, unsound_properties_are_refused);
	tcase_add_test(c, libraries_that_crash_hang_or_exit_leave_the_others_alone);
	tcase_add_test(c, a_noisy_library_does_not_reach_standard_output);
	tcase_add_test(c, a_declaration_passes_through_the_pipe_whole);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
