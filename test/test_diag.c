/* test_diag.c - showing what is wrong in a file. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "memory.h"
#include "nearest.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static void source(struct diagnostics *d, const char *text)
{
	*d = (struct diagnostics){ 0 };
	diag_source(d, "t.json", xstrdup(text), strlen(text));
}

/* printed gives what diag_print writes; the caller frees it. */
static char *printed(struct diagnostics *d)
{
	static char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	diag_print(d, f);
	fclose(f);
	return text;
}

static void assert_printed(struct diagnostics *d, const char *wanted)
{
	char *text = printed(d);

	ck_assert_str_eq(text, wanted);
	free(text);
	diag_free(d);
}

START_TEST(an_error_shows_its_line_carets_help_and_note)
{
	struct diagnostics d;

	source(&d, "{\n  \"from\": \"splt\"\n}\n");
	diag_error(&d, 12, 18, "no component \"%s\"", "splt");
	diag_help(&d, "did you mean \"split\"?");
	diag_note(&d, 4, "first here");
	assert_printed(&d,
	    "t.json:2:11: error: no component \"splt\"\n"
	    "     2 |   \"from\": \"splt\"\n"
	    "       |           ^^^^^^\n"
	    "       = help: did you mean \"split\"?\n"
	    "       = note: first here: t.json:2:3\n"
	    "t.json: 1 error, 0 warnings\n");
}
END_TEST

START_TEST(they_come_in_the_order_of_the_file)
{
	struct diagnostics d;

	source(&d, "a\nb\n");
	diag_error(&d, 2, 3, "second");
	diag_warning(&d, 0, 1, "first");
	diag_error(&d, 2, 3, "third");
	assert_printed(&d,
	    "t.json:1:1: warning: first\n     1 | a\n       | ^\n"
	    "t.json:2:1: error: second\n     2 | b\n       | ^\n"
	    "t.json:2:1: error: third\n     2 | b\n       | ^\n"
	    "t.json: 2 errors, 1 warning\n");
}
END_TEST

START_TEST(columns_count_characters_and_carets_count_cells)
{
	struct diagnostics d;

	source(&d, "\"\xC3\xA4\xE4\xB8\xAD\", x");	/* ä and a wide one */
	diag_error(&d, 9, 10, "here");
	assert_printed(&d,
	    "t.json:1:7: error: here\n     1 | \"\xC3\xA4\xE4\xB8\xAD\", x\n       |        ^\n"
	    "t.json: 1 error, 0 warnings\n");
}
END_TEST

START_TEST(tabs_are_one_space_and_control_characters_are_visible)
{
	struct diagnostics d;

	source(&d, "\t\"a\x1b[31m\" x");
	diag_error(&d, 10, 11, "found \"%s\"", "\x1b[0m\n");
	assert_printed(&d,
	    "t.json:1:11: error: found \"\\u001b[0m\\u000a\"\n"
	    "     1 |  \"a\\u001b[31m\" x\n"
	    "       |                ^\n"
	    "t.json: 1 error, 0 warnings\n");
}
END_TEST

START_TEST(a_long_line_is_cut_around_the_token)
{
	char text[1001];
	struct diagnostics d;
	char *out, *caret, *line;

	memset(text, 'a', 1000);
	text[1000] = '\0';
	text[500] = 'X';
	source(&d, text);
	diag_error(&d, 500, 501, "here");
	out = printed(&d);
	ck_assert_ptr_nonnull(strstr(out, "t.json:1:501: "));
	line = strchr(out, '\n') + 1;
	caret = strchr(strchr(line, '\n') + 1, '^');
	ck_assert_int_eq(line[caret - strchr(line, '\n') - 1], 'X');
	ck_assert_int_lt(strchr(line, '\n') - line, 120);
	free(out);
	diag_free(&d);
}
END_TEST

START_TEST(a_token_of_several_lines_is_marked_on_its_first)
{
	struct diagnostics d;

	source(&d, "{\n{ \"a\":\n1 }}");
	diag_error(&d, 2, 12, "here");
	assert_printed(&d,
	    "t.json:2:1: error: here\n     2 | { \"a\":\n       | ^^^^^^\n"
	    "t.json: 1 error, 0 warnings\n");
}
END_TEST

START_TEST(the_end_of_the_file_is_a_place)
{
	struct diagnostics d;

	source(&d, "{\n");
	diag_error(&d, 2, 2, "here");
	assert_printed(
	    &d, "t.json:2:1: error: here\n     2 | \n       | ^\nt.json: 1 error, 0 warnings\n");
}
END_TEST

START_TEST(a_file_without_text_has_errors_at_its_beginning)
{
	struct diagnostics d = { 0 };

	diag_source(&d, "t.json", NULL, 0);
	diag_error(&d, 0, 0, "cannot read this file");
	assert_printed(
	    &d, "t.json:1:1: error: cannot read this file\nt.json: 1 error, 0 warnings\n");
}
END_TEST

START_TEST(no_more_than_twenty_are_shown)
{
	struct diagnostics d;
	char *out;

	source(&d, "x");
	for (int i = 0; i < 1000; i++) {
		diag_error(&d, 0, 1, "error %d", i);
		diag_help(&d, "help %d", i);
	}
	out = printed(&d);
	ck_assert_ptr_nonnull(strstr(out, "error: error 19\n"));
	ck_assert_ptr_null(strstr(out, "error: error 20\n"));
	ck_assert_ptr_nonnull(strstr(out, "and 980 more\nt.json: 1000 errors, 0 warnings\n"));
	free(out);
	diag_free(&d);
}
END_TEST

START_TEST(a_text_of_any_length_is_cut_between_characters)
{
	struct diagnostics d;
	char *huge = xmalloc(1 << 20);
	size_t n;

	source(&d, "x");
	for (size_t i = 0; i + 2 < 1 << 20; i += 2)
		memcpy(huge + i, "\xC3\xA4", 3);
	diag_error(&d, 0, 1, "%s", huge);
	n = strlen(d.items[0].text);
	ck_assert_uint_lt(n, 510);
	for (size_t i = 0; i < n; i += utf8_length(d.items[0].text + i, n - i))
		ck_assert_uint_gt(utf8_length(d.items[0].text + i, n - i), 0);
	free(huge);
	diag_free(&d);
}
END_TEST

START_TEST(json_has_all_of_it)
{
	struct diagnostics d;
	struct buf b = { 0 };

	source(&d, "ab\ncd");
	diag_error(&d, 3, 5, "say \"no\"");
	diag_help(&d, "h");
	diag_note(&d, 0, "n");
	diag_json(&d, &b);
	ck_assert_str_eq(buf_text(&b),
	    "[{\"file\":\"t.json\",\"line\":2,\"column\":1,\"endLine\":2,\"endColumn\":3,"
	    "\"severity\":\"error\",\"message\":\"say "
	    "\\\"no\\\"\",\"help\":\"h\",\"note\":{\"line\":1,\"column\":1,"
	    "\"message\":\"n\"}}]");
	buf_free(&b);
	diag_free(&d);
}
END_TEST

START_TEST(the_nearest_name_is_found)
{
	static const struct { const char *word, *wanted;
	} cases[] = {
		{ "splt", "did you mean \"split\"?" },
		{ "FEILDS", "did you mean \"FIELDS\"?" },
		{ "fields", "did you mean \"FIELDS\"?" },
		{ "cuont", "did you mean \"count\"?" },
		{ "xyz", "there is split, FIELDS and count" },
		{ "ab", "there is split, FIELDS and count" },
		{ "", "there is split, FIELDS and count" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nearest near = nearest_to(cases[i].word);

		nearest_try(&near, "split");
		nearest_try(&near, "FIELDS");
		nearest_try(&near, "count");
		ck_assert_str_eq(nearest_help(&near), cases[i].wanted);
	}
}
END_TEST

START_TEST(many_or_long_names_are_not_listed)
{
	struct nearest near = nearest_to("something");
	char names[9][200];

	for (int i = 0; i < 3; i++) {
		memset(names[i], 'a' + i, 199);
		names[i][199] = '\0';
		nearest_try(&near, names[i]);
	}
	ck_assert_str_eq(nearest_help(&near), "");
	near = nearest_to("something");
	for (int i = 0; i < 9; i++) {
		snprintf(names[i], sizeof names[i], "n%d", i);
		nearest_try(&near, names[i]);
	}
	ck_assert_str_eq(nearest_help(&near), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("diag");
	TCase *c = tcase_create("diag");
	SRunner *r;
	int n;

	tcase_add_test(c, an_error_shows_its_line_carets_help_and_note);
	tcase_add_test(c, they_come_in_the_order_of_the_file);
	tcase_add_test(c, columns_count_characters_and_carets_count_cells);
	tcase_add_test(c, tabs_are_one_space_and_control_characters_are_visible);
	tcase_add_test(c, a_long_line_is_cut_around_the_token);
	tcase_add_test(c, a_token_of_several_lines_is_marked_on_its_first);
	tcase_add_test(c, the_end_of_the_file_is_a_place);
	tcase_add_test(c, a_file_without_text_has_errors_at_its_beginning);
	tcase_add_test(c, no_more_than_twenty_are_shown);
	tcase_add_test(c, a_text_of_any_length_is_cut_between_characters);
	tcase_add_test(c, json_has_all_of_it);
	tcase_add_test(c, the_nearest_name_is_found);
	tcase_add_test(c, many_or_long_names_are_not_listed);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
