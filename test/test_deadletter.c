/* test_deadletter.c - the file of messages given up. SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "deadletter.h"
#include "faults.h"
#include "memory.h"
#include "values.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static uint64_t seed;
static char directory[512], path[600];

static void begin(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(directory, sizeof directory, "%s/gale-deadletter-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/letters", directory);
}

static void end(void)
{
	unlink(path);
	rmdir(directory);
}

static struct dead_letter letter(const gale_value *values, uint32_t n)
{
	return (struct dead_letter){ .topology = "wc", .component = "lines", .stream = "default",
		.reason = "no such user", .id = 17, .attempts = 3,
		.values = values, .n_values = n };
}

static void write_letter(const struct dead_letter *d)
{
	struct deadletters f;
	struct error e;

	deadletter_init(&f, path);
	ck_assert_msg(deadletter_write(&f, d, &e) == 0, "%s", e.text);
	ck_assert_msg(deadletter_sync(&f, &e) == 0, "%s", e.text);
	ck_assert_int_eq(f.fd, -1);
}

/* file gives all of the file, to be freed. */
static char *file(void)
{
	struct buf text = { 0 };
	FILE *f = fopen(path, "r");
	char block[4096];
	size_t n;

	ck_assert_ptr_nonnull(f);
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(&text, block, n);
	fclose(f);
	return buf_text(&text);
}

/* ---- reading values back, as another program would with a library ---- */

static uint32_t digit(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(digits, c);

	ck_assert(c != '\0' && at != NULL);
	return (uint32_t)(at - digits);
}

static gale_value from_base64(struct values *made, const char *s)
{
	size_t n = strlen(s), used = 0;
	char *bytes = values_block(made, n);
	uint32_t bits = 0;

	ck_assert_uint_eq(n % 4, 0);
	for (size_t i = 0; i < n && s[i] != '='; i++) {
		bits = bits << 6 | digit(s[i]);
		if (i % 4 != 0)
			bytes[used++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	return gale_string(bytes, used);
}

static gale_value from_json(struct values *made, const cJSON *json);

static gale_value from_pairs(struct values *made, const cJSON *json)
{
	size_t n_pairs = (size_t)cJSON_GetArraySize(json);
	gale_value *items = values_block(made, 2 * n_pairs * sizeof *items);
	const cJSON *pair;
	uint32_t n = 0;

	cJSON_ArrayForEach(pair, json) {
		ck_assert_int_eq(cJSON_GetArraySize(pair), 2);
		items[2 * n] = from_json(made, pair->child);
		items[2 * n++ + 1] = from_json(made, pair->child->next);
	}
	return gale_map(items, n);
}

static gale_value from_list(struct values *made, const cJSON *json)
{
	gale_value *items = values_block(made, (size_t)cJSON_GetArraySize(json) * sizeof *items);
	const cJSON *item;
	uint32_t n = 0;

	cJSON_ArrayForEach(item, json)
		items[n++] = from_json(made, item);
	return gale_list(items, n);
}

static gale_value from_json(struct values *made, const cJSON *json)
{
	gale_value v;

	if (cJSON_IsNull(json))
		return gale_null();
	if (cJSON_IsBool(json))
		return gale_bool(cJSON_IsTrue(json));
	if (cJSON_IsNumber(json))
		return gale_float(json->valuedouble);
	if (cJSON_IsString(json))
		return gale_text(json->valuestring);
	if (cJSON_IsArray(json))
		return from_list(made, json);
	ck_assert_int_eq(cJSON_GetArraySize(json), 1);
	if (strcmp(json->child->string, "$map") == 0)
		return from_pairs(made, json->child);
	v = from_base64(made, json->child->valuestring);
	if (strcmp(json->child->string, "$bytes") == 0)
		v.type = GALE_BYTES;
	else
		ck_assert_str_eq(json->child->string, "$string");
	return v;
}

/* no_nul puts blanks for what ends a string in C, to which cJSON keeps. */
static void no_nul(const gale_value *v)
{
	uint32_t items = v->type == GALE_MAP ? 2 * v->n : v->n;

	if (v->type == GALE_STRING)
		for (uint32_t i = 0; i < v->n; i++)
			if (v->u.s[i] == '\0')
				((char *)(uintptr_t)v->u.s)[i] = ' ';
	if (v->type >= GALE_LIST)
		for (uint32_t i = 0; i < items; i++)
			no_nul(&v->u.items[i]);
}

/* like_json gives V as cJSON has it: numbers are doubles, and what is no number is null. */
static gale_value like_json(struct values *made, const gale_value *v)
{
	uint32_t items = v->type == GALE_MAP ? 2 * v->n : v->n;
	gale_value like = *v, *copies;

	if (v->type == GALE_INT)
		return gale_float((double)v->u.i);
	if (v->type == GALE_FLOAT)
		return isnan(v->u.f) ? gale_null() : *v;
	if (v->type < GALE_LIST)
		return like;
	copies = values_block(made, items * sizeof *copies);
	for (uint32_t i = 0; i < items; i++)
		copies[i] = like_json(made, &v->u.items[i]);
	like.u.items = copies;
	return like;
}

/* ---- tests ---- */

START_TEST(a_letter_is_a_line_of_json_that_says_everything)
{
	gale_value line = gale_text("a line");
	struct dead_letter d = letter(&line, 1);
	char *text;
	int year, month, day, hour, minute, second, used = 0;

	write_letter(&d);
	text = file();
	ck_assert_int_eq(sscanf(text, "{\"time\":\"%4d-%2d-%2dT%2d:%2d:%2dZ\",%n", &year, &month,
	    &day, &hour, &minute, &second, &used), 6);
	ck_assert_int_eq(used, 31);
	ck_assert_str_eq(text + used, "\"topology\":\"wc\",\"component\":\"lines\","
	    "\"stream\":\"default\",\"id\":17,\"attempts\":3,\"reason\":\"no such user\","
	    "\"values\":[\"a line\"]}\n");
	free(text);
}
END_TEST

START_TEST(letters_are_added_behind_each_other)
{
	char *text, *line, *rest;
	int n = 0;	/* lines */

	for (uint64_t i = 0; i < 10; i++) {
		gale_value values[] = { gale_int((int64_t)i), gale_text("new\nline") };
		struct dead_letter d = letter(values, (uint32_t)i % 3);

		d.id = i;
		write_letter(&d);
	}
	text = file();
	line = strtok_r(text, "\n", &rest);
	for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		cJSON *json = cJSON_ParseWithOpts(line, NULL, true);

		ck_assert_ptr_nonnull(json);
		ck_assert_int_eq(cJSON_GetObjectItem(json, "id")->valueint, n);
		ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "values")), n % 3);
		cJSON_Delete(json);
		n++;
	}
	ck_assert_int_eq(n, 10);
	free(text);
}
END_TEST

START_TEST(texts_of_any_kind_stay_one_valid_line)
{
	gale_value odd = gale_string("\0\r\n\x1b\x7f", 5);
	struct dead_letter d = letter(&odd, 1);
	char *text;
	cJSON *json;

	d.topology = "quote\" back\\slash";
	d.component = "tab\tnew\nline";
	d.stream = "\xc3\xa4\xff";
	d.reason = "";
	d.id = UINT64_MAX - 1;
	d.attempts = UINT32_MAX;
	write_letter(&d);
	text = file();
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_ptr_nonnull(strstr(text,
	    "\"id\":18446744073709551614,\"attempts\":4294967295,"));
	ck_assert_ptr_nonnull(strstr(text, "[\"\\u0000\\u000d\\n\\u001b\\u007f\"]"));
	json = cJSON_Parse(text);
	ck_assert_str_eq(cJSON_GetObjectItem(json, "topology")->valuestring, d.topology);
	ck_assert_str_eq(cJSON_GetObjectItem(json, "component")->valuestring, d.component);
	ck_assert_str_eq(cJSON_GetObjectItem(json, "stream")->valuestring, "\xc3\xa4\xef\xbf\xbd");
	ck_assert_str_eq(cJSON_GetObjectItem(json, "reason")->valuestring, "");
	cJSON_Delete(json);
	free(text);
}
END_TEST

START_TEST(values_come_back)
{
	struct values made = { .state = seed };

	for (int i = 0; i < (getenv("GALE_QUICK") ? 50 : 1000); i++) {
		gale_value values[4], list = gale_list(values, 4), like, back;
		struct dead_letter d = letter(values, 4);
		cJSON *json;
		char *text;

		for (int k = 0; k < 4; k++) {
			values[k] = random_value(&made, 5);
			no_nul(&values[k]);
		}
		write_letter(&d);
		text = file();
		json = cJSON_ParseWithOpts(text, NULL, true);
		ck_assert_msg(json != NULL, "%s", text);
		back = from_json(&made, cJSON_GetObjectItem(json, "values"));
		like = like_json(&made, &list);
		ck_assert_msg(values_equal(&back, &like), "%s", text);
		cJSON_Delete(json);
		free(text);
		unlink(path);
		values_free(&made);
	}
}
END_TEST

START_TEST(a_value_of_16_mib_is_written_whole)
{
	char *s = xmalloc(GALE_MAX_VALUE), *text;
	gale_value v = gale_string(s, GALE_MAX_VALUE);
	struct dead_letter d = letter(&v, 1);

	memset(s, 'x', GALE_MAX_VALUE);
	write_letter(&d);
	write_letter(&d);
	text = file();
	ck_assert_uint_gt(strlen(text), 2u * GALE_MAX_VALUE);
	ck_assert_uint_eq(strspn(strstr(text, "[\"") + 2, "x"), GALE_MAX_VALUE);
	free(text);
	free(s);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_an_error_that_names_it)
{
	struct dead_letter d = letter(NULL, 0);
	struct deadletters f;
	struct error e;

	deadletter_init(&f, directory);
	ck_assert_int_eq(deadletter_write(&f, &d, &e), -1);
	ck_assert_ptr_eq(strstr(e.text, "cannot open the dead-letter file "), e.text);
	ck_assert_ptr_nonnull(strstr(e.text, directory));
	deadletter_init(&f, "/nowhere/letters");
	ck_assert_int_eq(deadletter_write(&f, &d, &e), -1);
	ck_assert_str_eq(e.text,
	    "cannot open the dead-letter file /nowhere/letters: No such file or directory");
	deadletter_init(&f, "/dev/full");
	ck_assert_int_eq(deadletter_write(&f, &d, &e), -1);
	ck_assert_str_eq(e.text,
	    "cannot write to the dead-letter file /dev/full: No space left on device");
	ck_assert_int_eq(deadletter_sync(&f, &e), 0);
}
END_TEST

/* A limit of the file's size does what a full disk does: the first part is written. */
START_TEST(a_letter_that_does_not_fit_leaves_no_half_line)
{
	gale_value line = gale_text("a line that makes the letter longer than what is left");
	struct dead_letter d = letter(&line, 1);
	struct rlimit limit, none;
	struct deadletters f;
	struct error e;
	char *before, *after;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &none), 0);
	write_letter(&d);
	before = file();
	limit = none;
	limit.rlim_cur = strlen(before) + 50;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	deadletter_init(&f, path);
	ck_assert_int_eq(deadletter_write(&f, &d, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "cannot write to the dead-letter file "));
	ck_assert_ptr_nonnull(strstr(e.text, "File too large"));
	after = file();
	ck_assert_str_eq(after, before);
	free(after);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(deadletter_write(&f, &d, &e), 0);
	ck_assert_int_eq(deadletter_sync(&f, &e), 0);
	after = file();
	ck_assert_uint_eq(strlen(after), 2 * strlen(before));
	ck_assert_int_eq(memcmp(after, before, strlen(before)), 0);
	free(before);
	free(after);
}
END_TEST

START_TEST(many_letters_share_one_sync_and_a_pipe_needs_none)
{
	struct dead_letter d = letter(NULL, 0);
	struct deadletters f;
	struct error e;
	int ends[2];

	deadletter_init(&f, path);
	ck_assert_int_eq(deadletter_sync(&f, &e), 0);	/* nothing written, no file made */
	ck_assert_int_ne(access(path, F_OK), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(deadletter_write(&f, &d, &e), 0);
	ck_assert_int_eq(deadletter_sync(&f, &e), 0);
	ck_assert_int_eq(pipe(ends), 0);
	deadletter_init(&f, "/dev/stdout");
	f.fd = ends[1];
	ck_assert_int_eq(deadletter_write(&f, &d, &e), 0);
	ck_assert_int_eq(deadletter_sync(&f, &e), 0);
	close(ends[0]);
}
END_TEST

/* ---- faults ---- */

enum { FAULT_LETTERS = 5 };

static void write_some(void)
{
	struct deadletters f;
	struct error e;

	deadletter_init(&f, path);
	for (uint32_t i = 0; i < FAULT_LETTERS; i++) {
		struct dead_letter d = letter(NULL, 0);

		d.id = i;
		if (deadletter_write(&f, &d, &e) != 0 || deadletter_sync(&f, &e) != 0)
			fault_told();
		*fault_done = i + 1;
	}
}

/* Whole lines, those that were synced, and one more at most. */
static void check_some(void)
{
	uint32_t n = 0;
	char *text = file(), *rest = text;

	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL; n++) {
		cJSON *json = cJSON_Parse(line);

		ck_assert_ptr_nonnull(json);
		ck_assert(cJSON_GetObjectItem(json, "id")->valuedouble == n);
		cJSON_Delete(json);
	}
	ck_assert_uint_ge(n, *fault_done);
	ck_assert_uint_le(n, *fault_done + 1);
	free(text);
}

START_TEST(whatever_fails_what_was_synced_is_there)
{
	static const char *const points[] = { "deadletter.write", "deadletter.sync", "alloc" };
	int n_faults = 0;

	for (size_t point = 0; point < sizeof points / sizeof *points; point++) {
		for (int n = 1; fault_struck(points[point], fault_whats[_i], n, write_some); n++) {
			if (access(path, F_OK) == 0)
				check_some();
			else
				ck_assert_uint_eq(*fault_done, 0);
			unlink(path);
			n_faults++;
		}
		unlink(path);
	}
	ck_assert_int_gt(n_faults, 2 * FAULT_LETTERS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("deadletter");
	TCase *c = tcase_create("deadletter");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(c, 300);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, a_letter_is_a_line_of_json_that_says_everything);
	tcase_add_test(c, letters_are_added_behind_each_other);
	tcase_add_test(c, texts_of_any_kind_stay_one_valid_line);
	tcase_add_test(c, values_come_back);
	tcase_add_test(c, a_value_of_16_mib_is_written_whole);
	tcase_add_test(c, a_letter_that_does_not_fit_leaves_no_half_line);
	tcase_add_test(c, many_letters_share_one_sync_and_a_pipe_needs_none);
	tcase_add_loop_test(c, whatever_fails_what_was_synced_is_there, 0, FAULT_WHATS);
	tcase_add_test(c, a_file_that_cannot_be_written_is_an_error_that_names_it);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
