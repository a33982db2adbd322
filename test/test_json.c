/* test_json.c - strict JSON with positions. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "json.h"
#include "memory.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* parse reads N bytes; D keeps what was wrong. */
static struct json *parse_n(struct diagnostics *d, const char *text, size_t n)
{
	*d = (struct diagnostics){ 0 };
	diag_source(d, "t.json", xstrndup(text, n), n);
	return json_parse(d, 0);
}

static struct json *parse(struct diagnostics *d, const char *text)
{
	return parse_n(d, text, strlen(text));
}

static const struct {
	const char *text;
	size_t line, column;
	const char *message;	/* part of it */
} bad[] = {
	{ "", 1, 1, "empty" },
	{ " \n ", 2, 2, "empty" },
	{ "{", 1, 2, "ends before this object" },
	{ "[1,", 1, 4, "ends before this array" },
	{ "{\"a\":", 1, 6, "ends before this object" },
	{ "{\n  \"a\": 1\n  \"b\": 2\n}", 3, 3, "expected , or }, found a string" },
	{ "{\n  \"a\": 1,\n}", 2, 9, "comma before }" },
	{ "[1, 2, ]", 1, 6, "comma before ]" },
	{ "{ // no\n}", 1, 3, "no comments" },
	{ "[1 /* no */]", 1, 4, "no comments" },
	{ "# no\n{}", 1, 1, "no comments" },
	{ "{ a: 1 }", 1, 3, "key in double quotes" },
	{ "{ 'a': 1 }", 1, 3, "single quote" },
	{ "{ \"a\" 1 }", 1, 7, "expected : after the key" },
	{ "[\"abc\n\"]", 1, 2, "never closed" },
	{ "[\"abc", 1, 2, "never closed" },
	{ "[\"a\tb\"]", 1, 4, "control character" },
	{ "[\"\x01\"]", 1, 3, "control character" },
	{ "[\"\\x\"]", 1, 3, "escape" },
	{ "[\"\\u12G4\"]", 1, 3, "four hexadecimal" },
	{ "[\"\\u0000\"]", 1, 3, "\\u0000" },
	{ "[\"\\uD800\"]", 1, 3, "first half" },
	{ "[\"\\uD800\\u0041\"]", 1, 3, "first half" },
	{ "[\"\\uDC00\"]", 1, 3, "second half" },
	{ "[007]", 1, 2, "begin with 0" },
	{ "[-01]", 1, 2, "begin with 0" },
	{ "[1.]", 1, 2, "after the point" },
	{ "[.5]", 1, 2, "expected a value" },
	{ "[+1]", 1, 2, "expected a value" },
	{ "[1e]", 1, 2, "exponent" },
	{ "[1e+]", 1, 2, "exponent" },
	{ "[0x10]", 1, 2, "no number" },
	{ "[-]", 1, 2, "digit after the sign" },
	{ "[9223372036854775808]", 1, 2, "64 bits" },
	{ "[-9223372036854775809]", 1, 2, "64 bits" },
	{ "[1e400]", 1, 2, "too large" },
	{ "[True]", 1, 2, "found True" },
	{ "[NaN]", 1, 2, "found NaN" },
	{ "[nul]", 1, 2, "found nul" },
	{ "{} {}", 1, 4, "after the end" },
	{ "[] x", 1, 4, "after the end" },
	{ "{\"a\":1,\n \"b\":2,\n \"a\":3}", 3, 2, "\"a\" is here twice" },
	{ "{\"a\":1, \"\\u0061\":3}", 1, 9, "\"a\" is here twice" },
	{ "[\"\xC0\xAF\"]", 1, 3, "no UTF-8" },
	{ "[\"\xED\xA0\x80\"]", 1, 3, "no UTF-8" },
	{ "[\"\xC3\xA4\", \"\xFF\"]", 1, 8, "no UTF-8" },
	{ "[\"\xC3\xA4\xE2\x82\xAC\", x]", 1, 8, "found x" },
	{ "\xEF\xBB\xBF[x]", 1, 2, "found x" },
	{ "]", 1, 1, "expected a value" },
	{ "[}", 1, 2, "expected a value" },
	{ "{]", 1, 2, "expected a key" },
	{ "[1}", 1, 3, "expected , or ]" },
};

START_TEST(bad_text_has_one_error_at_its_place)
{
	struct diagnostics d;
	struct json *j = parse(&d, bad[_i].text);
	size_t line, column;

	ck_assert_msg(j == NULL, "accepted: %s", bad[_i].text);
	ck_assert_uint_eq(d.n_errors, 1);
	diag_position(&d, d.items[0].start, &line, &column);
	ck_assert_msg(line == bad[_i].line && column == bad[_i].column, "%s: %zu:%zu %s",
	    bad[_i].text, line, column, d.items[0].text);
	ck_assert_msg(strstr(d.items[0].text, bad[_i].message) != NULL, "%s: %s", bad[_i].text,
	    d.items[0].text);
	diag_free(&d);
}
END_TEST

static const char *const good[] = {
	"{}",
	"[]",
	" [ ] ",
	"0",
	"-0",
	"\"\"",
	"null",
	"true",
	"[false]",
	"\xEF\xBB\xBF{}",
	"{\"\":1}",
	"[1,2.5,-3e2,1E-5,0.0,-0.5e+10]",
	"[\"\\u00e4\\uD83D\\uDE00\\n\\/\"]",
	"{\"a\":{\"b\":[{},[],{\"c\":[1]}]}}",
	"[9223372036854775807,-9223372036854775808]",
	"{\"a\":1,\"A\":2}",
	"[\"\x7F\"]",
	"[1e-400]",
	"\r\n\t[\r\n]\t",
};

START_TEST(good_text_is_accepted)
{
	struct diagnostics d;
	struct json *j = parse(&d, good[_i]);

	ck_assert_msg(j != NULL, "%s: %s", good[_i], d.n_items ? d.items[0].text : "");
	json_free(j);
	diag_free(&d);
}
END_TEST

START_TEST(nodes_know_where_they_stand)
{
	static const char text[] = "{ \"a\": [1, \"two\"],\n  \"b\": { \"c\": null } }";
	struct diagnostics d;
	struct json *j = parse(&d, text);
	const struct json_node *top = &j->nodes[0], *a = json_member(top, "a"),
	                       *b = json_member(top, "b");
	const struct json_node *two = json_next(a, json_first(a)), *c = json_member(b, "c");

	ck_assert_uint_eq(j->n, 6);
	ck_assert_uint_eq(top->size, 6);
	ck_assert_uint_eq(top->n, 2);
	ck_assert_uint_eq(top->end, sizeof text - 1);
	ck_assert_uint_eq(a->key_start, 2);
	ck_assert_uint_eq(a->key_end, 5);
	ck_assert_uint_eq(a->start, 7);
	ck_assert_uint_eq(a->end, 17);
	ck_assert_str_eq(two->text, "two");
	ck_assert_ptr_null(json_next(a, two));
	ck_assert_int_eq(memcmp(text + two->start, "\"two\"", two->end - two->start), 0);
	ck_assert_int_eq(c->type, JSON_NULL);
	ck_assert_ptr_null(json_member(top, "A"));
	json_free(j);
	diag_free(&d);
}
END_TEST

START_TEST(integers_keep_all_64_bits)
{
	struct diagnostics d;
	struct json *j =
	    parse(&d, "[9007199254740993, -9223372036854775808, 9223372036854775807, 3.7]");

	ck_assert_int_eq(j->nodes[1].i, 9007199254740993);
	ck_assert_int_eq(j->nodes[2].i, INT64_MIN);
	ck_assert_int_eq(j->nodes[3].i, INT64_MAX);
	ck_assert_int_eq(j->nodes[4].type, JSON_FLOAT);
	ck_assert(j->nodes[4].f == 3.7);
	json_free(j);
	diag_free(&d);
}
END_TEST

START_TEST(a_duplicate_key_names_the_first)
{
	struct diagnostics d;
	struct json *j = parse(&d, "{\"x\":1,\"a\":1,\"x\":2,\"x\":3,\"a\":4}");

	ck_assert_ptr_null(j);
	ck_assert_uint_eq(d.n_errors, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(d.items[i].note_at, strstr(d.items[i].text, "\"x\"") ? 1 : 7);
	diag_free(&d);
}
END_TEST

START_TEST(depth_is_limited)
{
	char text[2 * JSON_MAX_DEPTH + 3];
	struct diagnostics d;
	struct json *j;

	memset(text, '[', JSON_MAX_DEPTH);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	text[2 * JSON_MAX_DEPTH] = '\0';
	j = parse(&d, text);
	ck_assert_ptr_nonnull(j);
	json_free(j);
	diag_free(&d);
	memset(text, '[', JSON_MAX_DEPTH + 1);
	j = parse(&d, text);
	ck_assert_ptr_null(j);
	ck_assert_uint_eq(d.items[0].start, JSON_MAX_DEPTH);
	diag_free(&d);
}
END_TEST

START_TEST(the_number_of_values_is_limited)
{
	struct diagnostics d = { 0 };

	diag_source(&d, "t.json", xstrdup("[1,2,3]"), 7);
	ck_assert_ptr_null(json_parse(&d, 3));
	ck_assert_uint_eq(d.items[0].start, 5);
	diag_free(&d);
}
END_TEST

START_TEST(no_truncation_and_no_changed_byte_does_harm)
{
	static const char text[] = "{\"a\\u00e4\":[1,-2.5e3,true,null,\"\\uD83D\\uDE00\xC3\xA4\"],"
	                           "\"b\":{\"c\":\"d\"}}";
	struct diagnostics d;
	char changed[sizeof text];

	for (size_t n = 0; n < sizeof text - 1; n++) {
		ck_assert_ptr_null(parse_n(&d, text, n));
		ck_assert_uint_gt(d.n_errors, 0);
		diag_free(&d);
	}
	for (size_t i = 0; i < sizeof text - 1; i++)
		for (int byte = 0; byte < 256; byte++) {
			struct json *j;

			memcpy(changed, text, sizeof text);
			changed[i] = (char)byte;
			j = parse_n(&d, changed, sizeof text - 1);
			ck_assert((j == NULL) == (d.n_errors > 0));
			json_free(j);
			diag_free(&d);
		}
}
END_TEST

START_TEST(replaced_text_takes_the_type_of_what_it_is)
{
	static const struct { const char *text; enum json_type type;
	} cases[] = {
		{ "3", JSON_INT },
		{ "-9223372036854775808", JSON_INT },
		{ "9223372036854775808", JSON_STRING },
		{ "3.5", JSON_FLOAT },
		{ "true", JSON_BOOL },
		{ "null", JSON_NULL },
		{ "007", JSON_STRING },
		{ "", JSON_STRING },
		{ "3 ", JSON_STRING },
		{ "x", JSON_STRING },
		{ "0x10", JSON_STRING },
	};
	struct diagnostics d;
	struct json *j;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		j = parse(&d, "[\"${N}\"]");
		json_replace(j, &j->nodes[1], xstrdup(cases[i].text), true);
		ck_assert_int_eq(j->nodes[1].type, cases[i].type);
		ck_assert_str_eq(json_text(&j->nodes[1]), cases[i].text);
		json_free(j);
		diag_free(&d);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *c = tcase_create("json");
	SRunner *r;
	int n;

	tcase_add_loop_test(c, bad_text_has_one_error_at_its_place, 0, sizeof bad / sizeof *bad);
	tcase_add_loop_test(c, good_text_is_accepted, 0, sizeof good / sizeof *good);
	tcase_add_test(c, nodes_know_where_they_stand);
	tcase_add_test(c, integers_keep_all_64_bits);
	tcase_add_test(c, a_duplicate_key_names_the_first);
	tcase_add_test(c, depth_is_limited);
	tcase_add_test(c, the_number_of_values_is_limited);
	tcase_add_test(c, no_truncation_and_no_changed_byte_does_harm);
	tcase_add_test(c, replaced_text_takes_the_type_of_what_it_is);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
