/* test_tap.c - which tuples a tap shows, how many, and as what.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "diag.h"
#include "faketopology.h"
#include "json.h"
#include "tap.h"
#include "wire.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

static struct topology *t;
static struct tap tap;
static struct buf out;
static uint32_t component;
static const struct timespec when = { 1769903999, 123456789 };

/* A spout with the streams default (word), dead-letters (why), and a bolt whose only stream has
 * fields of all types. */
static void set_up(void)
{
	static const gale_field all[] = { { "word", GALE_STRING }, { "n", GALE_INT }, { "f", GALE_FLOAT },
		{ "b", GALE_BOOL }, { "any", GALE_ANY } };
	struct stream *s;

	t = fake_topology("taps", 1);
	fake_component(t, GALE_SPOUT, "lines", 1, 1);
	fake_component(t, GALE_BOLT, "split", 1, 1);
	s = &t->components[1].outputs[0];
	free((void *)(uintptr_t)s->fields[0].name);
	free(s->fields);
	s->fields = xcalloc(6, sizeof *s->fields);
	s->n_fields = 5;
	for (int i = 0; i < 5; i++)
		s->fields[i] = (gale_field){ xstrdup(all[i].name), all[i].type };
	out = (struct buf){ 0 };
	tap = (struct tap){ 0 };
}

static void tear_down(void)
{
	tap_free(&tap);
	buf_free(&out);
	topology_free(t);
}

static void open_tap(const char *text)
{
	ck_assert_msg(tap_parse(&tap, t, text, &component), "\"%s\"", text);
}

/* ---- what is wanted ---- */

START_TEST(what_is_wanted_is_read)
{
	open_tap("1 *");
	ck_assert_uint_eq(component, 1);
	ck_assert_uint_eq(tap.stream, TAP_ALL_STREAMS);
	ck_assert(!tap.where);
	open_tap("0 1");
	ck_assert_uint_eq(tap.stream, 1);
	open_tap("0 * why=it = is so");
	ck_assert(tap.where && tap.field[0] == -1 && tap.field[1] == 0);
	ck_assert_str_eq(tap.value.text, "it = is so");
}
END_TEST

static const char *const nonsense[] = { "", "x", "2 *", "0", "0 ", "0 2", "0 -1", "0 *x", "0 * why", " 0 *",
	"99999999999999999999 *", "0 *  " };

START_TEST(nonsense_is_refused)
{
	ck_assert_msg(!tap_parse(&tap, t, nonsense[_i], &component), "\"%s\"", nonsense[_i]);
}
END_TEST

/* ---- which of them ---- */

static const struct { const char *where; int of; gale_type type; bool equal; } values_of[] = {
	{ "word=the", 0, GALE_STRING, true }, { "word=th", 0, GALE_STRING, false },
	{ "word=them", 0, GALE_STRING, false }, { "n=-17", 1, GALE_INT, true }, { "n=-17.0", 1, GALE_INT, false },
	{ "n=17", 1, GALE_INT, false }, { "n=", 1, GALE_INT, false }, { "f=2.5", 2, GALE_FLOAT, true },
	{ "f=25e-1", 2, GALE_FLOAT, true }, { "f=2", 2, GALE_FLOAT, false }, { "b=true", 3, GALE_BOOL, true },
	{ "b=false", 3, GALE_BOOL, false }, { "b=1", 3, GALE_BOOL, false }, { "any=null", 4, GALE_ANY, true },
	{ "any=0", 4, GALE_ANY, false }, { "nowhere=the", 0, GALE_STRING, false },
};

START_TEST(a_field_equals_what_was_typed)
{
	gale_value values[] = { gale_text("the"), gale_int(-17), gale_float(2.5), gale_bool(true), gale_null() };
	char text[64];

	snprintf(text, sizeof text, "1 * %s", values_of[_i].where);
	open_tap(text);
	ck_assert_msg(tap_sees(&tap, 0, values, 1) == values_of[_i].equal, "%s", text);
	ck_assert_uint_eq(tap.unsampled, 0);
	if (values_of[_i].equal)
		ck_assert(tap_value_fits(&tap.value, (uint8_t)values_of[_i].type));
}
END_TEST

START_TEST(what_can_never_be_equal_is_known_beforehand)
{
	open_tap("1 * n=seventeen");
	ck_assert(!tap_value_fits(&tap.value, GALE_INT));
	ck_assert(!tap_value_fits(&tap.value, GALE_FLOAT));
	ck_assert(!tap_value_fits(&tap.value, GALE_BOOL));
	ck_assert(!tap_value_fits(&tap.value, GALE_LIST));
	ck_assert(tap_value_fits(&tap.value, GALE_STRING));
	ck_assert(tap_value_fits(&tap.value, GALE_ANY));
}
END_TEST

START_TEST(other_streams_are_not_shown)
{
	gale_value why = gale_text("so");

	open_tap("0 1");
	ck_assert(!tap_sees(&tap, 0, &why, 1));
	ck_assert(tap_sees(&tap, 1, &why, 1));
}
END_TEST

START_TEST(no_more_than_the_rate_are_shown_and_the_others_counted)
{
	gale_value word = gale_text("the");
	uint64_t now = 77 * (uint64_t)NS_PER_S, shown = 0, asked = 0;

	open_tap("0 0");
	for (int ms = 0; ms < 10000; ms++, now += NS_PER_MS)
		for (int i = 0; i < 50; i++, asked++)
			shown += tap_sees(&tap, 0, &word, now);
	ck_assert_uint_ge(shown, 10 * TAP_RATE);
	ck_assert_uint_le(shown, 10 * TAP_RATE + TAP_BURST);
	ck_assert_uint_eq(tap.unsampled, asked - shown);
	shown = 0;
	for (int i = 0; i < 10 * TAP_BURST; i++)	/* a rest is not worth more than a burst */
		shown += tap_sees(&tap, 0, &word, now + 3600 * (uint64_t)NS_PER_S);
	ck_assert_uint_eq(shown, TAP_BURST);
}
END_TEST

/* ---- as what ---- */

static struct json *parsed(struct diagnostics *d, const char *text)
{
	struct json *j;

	*d = (struct diagnostics){ 0 };
	diag_source(d, "tap", xstrdup(text), strlen(text));
	j = json_parse(d, 0);
	ck_assert_msg(j != NULL, "no JSON: %s", text);
	return j;
}

/* is_json: TEXT is JSON, and one line of it. */
static void is_json(const char *text)
{
	struct diagnostics d;
	struct json *j = parsed(&d, text);

	ck_assert_ptr_null(strpbrk(text, "\n\r\t"));
	json_free(j);
	diag_free(&d);
}

START_TEST(a_tuple_is_one_object)
{
	gale_value items[] = { gale_int(1), gale_text("a\tb") };
	gale_value values[] = { gale_text("the \"q\"\n"), gale_int(INT64_MIN), gale_float(3), gale_bool(false),
		gale_list(items, 2) };

	tap_describe(&out, &t->components[1], 0, 2, values, when);
	ck_assert_str_eq(buf_text(&out), "{\"time\":\"2026-01-31T23:59:59.123Z\",\"component\":\"split\","
	    "\"task\":2,\"stream\":\"default\",\"values\":{\"word\":\"the \\\"q\\\"\\n\",\"n\":-9223372036854775808,"
	    "\"f\":3.0,\"b\":false,\"any\":[1,\"a\\tb\"]}}");
	is_json(buf_text(&out));
}
END_TEST

/* with_any describes a tuple whose field "any" is V, whose others are null. */
static const char *with_any(gale_value v)
{
	gale_value values[] = { gale_null(), gale_null(), gale_null(), gale_null(), v };

	out.n = 0;
	tap_describe(&out, &t->components[1], 0, 0, values, when);
	is_json(buf_text(&out));
	return strstr(buf_text(&out), "\"any\":") + 6;
}

START_TEST(values_of_all_types_are_json)
{
	gale_value pair[] = { gale_text("k"), gale_bool(true) };
	gale_value map = gale_map(pair, 1), list = gale_list(&map, 1);
	uint8_t packed[64];
	gale_value read[1];

	ck_assert_str_eq(with_any(gale_null()), "null}}");
	ck_assert_str_eq(with_any(gale_bytes("\x00\xff", 2)), "{\"$bytes\":\"AP8=\"}}}");
	ck_assert_str_eq(with_any(gale_string("\xff", 1)), "{\"$string\":\"/w==\"}}}");
	ck_assert_str_eq(with_any(list), "[{\"$map\":[[\"k\",true]]}]}}");
	ck_assert_int_eq(wire_read_values(packed, (size_t)(wire_put_values(packed, &list, 1) - packed), read), 1);
	ck_assert_str_eq(with_any(read[0]), "[{\"$map\":[[\"k\",true]]}]}}");
}
END_TEST

START_TEST(what_is_long_is_cut)
{
	static char text[3 * TAP_VALUE], expected[TAP_VALUE + 64];
	static gale_value many[2 * TAP_VALUE];

	memset(text, 'x', sizeof text);
	snprintf(expected, sizeof expected, "\"%.*s\"},\"cut\":true}", TAP_VALUE, text);
	ck_assert_str_eq(with_any(gale_string(text, TAP_VALUE + 1)), expected);
	snprintf(expected, sizeof expected, "\"%.*s\"}}", TAP_VALUE, text);
	ck_assert_str_eq(with_any(gale_string(text, TAP_VALUE)), expected);
	memcpy(text + TAP_VALUE - 1, "\xc3\xa4", 2);	/* ends before the character */
	snprintf(expected, sizeof expected, "\"%.*s\"},\"cut\":true}", TAP_VALUE - 1, text);
	ck_assert_str_eq(with_any(gale_string(text, sizeof text)), expected);
	memset(text, 0xbf, sizeof text);		/* no characters at all */
	ck_assert_ptr_nonnull(strstr(with_any(gale_string(text, sizeof text)), "\"cut\":true"));
	for (int i = 0; i < 2 * TAP_VALUE; i++)
		many[i] = gale_text("ab");
	ck_assert_ptr_nonnull(strstr(with_any(gale_list(many, 2 * TAP_VALUE)), "\"\"]},\"cut\":true"));
	ck_assert_ptr_nonnull(strstr(with_any(gale_map(many, TAP_VALUE)), "]]}},\"cut\":true"));
	ck_assert_uint_lt(out.n, TAP_LINE);
}
END_TEST

/* A list may be a tree of lists of which one is shown whole. */
START_TEST(what_is_deep_is_cut)
{
	static gale_value level[GALE_MAX_DEPTH - 1][200];

	for (int i = 0; i < 200; i++)
		level[0][i] = gale_text("leaf");
	for (int d = 1; d < GALE_MAX_DEPTH - 1; d++)
		for (int i = 0; i < 200; i++)
			level[d][i] = gale_list(level[d - 1], 200);
	ck_assert_ptr_nonnull(strstr(with_any(gale_list(level[GALE_MAX_DEPTH - 2], 200)), "\"cut\":true"));
	ck_assert_uint_lt(out.n, TAP_LINE);
}
END_TEST

START_TEST(what_waits_fits_messages)
{
	static char text[TAP_VALUE];
	gale_value word = gale_string(text, sizeof text);
	uint32_t unsampled, lost, shown, tuples = 0, messages = 0;

	memset(text, 'x', sizeof text);
	open_tap("0 *");
	tap.unsampled = 7;
	for (int i = 0; i < 1000; i++)
		tap_add(&tap, 0, 0, &word, when);
	for (; tap_message(&tap, &out); messages++, out.n = 0) {
		char *at = buf_text(&out);

		ck_assert_uint_le(out.n, TAP_MESSAGE + 64);
		ck_assert_int_eq(sscanf(at, "%u %u %u", &unsampled, &lost, &shown), 3);
		ck_assert_uint_eq(unsampled, messages == 0 ? 7 : 0);
		tuples += shown + lost;
		ck_assert_uint_gt(shown, 0);
		for (at = strtok(at, "\t"); (at = strtok(NULL, "\t")) != NULL; shown--)
			is_json(at);
		ck_assert_uint_eq(shown, 0);
	}
	ck_assert_uint_eq(tuples, 1000);
	ck_assert_uint_gt(messages, 2);
	ck_assert(!tap_message(&tap, &out));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tap");
	TCase *c = tcase_create("tap");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, what_is_wanted_is_read);
	tcase_add_loop_test(c, nonsense_is_refused, 0, sizeof nonsense / sizeof *nonsense);
	tcase_add_loop_test(c, a_field_equals_what_was_typed, 0, sizeof values_of / sizeof *values_of);
	tcase_add_test(c, what_can_never_be_equal_is_known_beforehand);
	tcase_add_test(c, other_streams_are_not_shown);
	tcase_add_test(c, no_more_than_the_rate_are_shown_and_the_others_counted);
	tcase_add_test(c, a_tuple_is_one_object);
	tcase_add_test(c, values_of_all_types_are_json);
	tcase_add_test(c, what_is_long_is_cut);
	tcase_add_test(c, what_is_deep_is_cut);
	tcase_add_test(c, what_waits_fits_messages);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
