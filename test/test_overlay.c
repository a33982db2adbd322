/* test_overlay.c - overlay: what is in memory of a task's state, with a version for each batch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "overlay.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

static struct overlay o;

static void set_up(void)
{
	o = (struct overlay){ 0 };
}

static void tear_down(void)
{
	overlay_free(&o);
}

static struct overlay_entry *entry(const char *key)
{
	struct overlay_entry *x = overlay_find(&o, key, strlen(key));

	return x != NULL ? x : overlay_add(&o, key, strlen(key), NULL, 0);
}

static void put(const char *key, const char *value)
{
	struct overlay_entry *x = overlay_write(&o, entry(key), strlen(value));

	if (*value != '\0')
		memcpy(overlay_value(x), value, strlen(value));
}

static const char *text(gale_slice value)
{
	static char copies[2][64], *copy;

	copy = copy == copies[0] ? copies[1] : copies[0];
	snprintf(copy, sizeof copies[0], "%.*s", value.bytes != NULL ? (int)value.n : 1,
	    value.bytes != NULL ? (const char *)value.bytes : "-");
	return copy;
}

static const char *now(const char *key)
{
	struct overlay_entry *x = entry(key);

	return text(x->there ? (gale_slice){ overlay_value(x), x->n } : (gale_slice){ NULL, 0 });
}

/* changed says what batches up to LAST did to KEY: "before>after", or "" for nothing. */
static const char *changed(const char *key, uint64_t last)
{
	static char words[160];
	struct overlay_change c;

	for (size_t i = 0; i < o.n_dirty; i++)
		if (overlay_changed(&o, i, last, &c) && strcmp(text(c.key), key) == 0) {
			snprintf(words, sizeof words, "%s>%s", text(c.before), text(c.after));
			return words;
		}
	return "";
}

START_TEST(each_batch_has_its_version)
{
	overlay_add(&o, "a", 1, "old", 3);
	o.txid = 11;
	put("a", "eleven");
	put("a", "eleven!");
	put("b", "");
	o.txid = 13;
	overlay_erase(&o, entry("a"));
	put("c", "c");
	ck_assert_str_eq(now("a"), "-");
	ck_assert_str_eq(changed("a", 10), "");
	ck_assert_str_eq(changed("a", 11), "old>eleven!");
	ck_assert_str_eq(changed("a", 12), "old>eleven!");
	ck_assert_str_eq(changed("a", 13), "old>-");
	ck_assert_str_eq(changed("b", 13), "->");
	ck_assert_str_eq(changed("c", 12), "");
	ck_assert_str_eq(changed("c", 13), "->c");
}
END_TEST

START_TEST(what_is_settled_is_what_the_next_round_begins_with)
{
	overlay_add(&o, "a", 1, "0", 1);
	for (uint64_t t = 1; t <= 4; t++) {
		o.txid = t;
		put("a", (char[]){ (char)('0' + t), '\0' });
	}
	put("d", "4");
	overlay_settle(&o, 2);
	ck_assert_str_eq(now("a"), "4");
	ck_assert_str_eq(changed("a", 2), "");
	ck_assert_str_eq(changed("a", 3), "2>3");
	ck_assert_str_eq(changed("a", 9), "2>4");
	ck_assert_str_eq(changed("d", 9), "->4");
	overlay_settle(&o, 4);
	ck_assert_uint_eq(o.n_dirty, 0);
	o.txid = 5;
	put("a", "5");
	ck_assert_str_eq(changed("a", 5), "4>5");
	ck_assert_str_eq(changed("d", 5), "");
}
END_TEST

START_TEST(only_what_open_batches_take_counts_as_dirty)
{
	size_t clean;

	overlay_add(&o, "a", 1, "0123456789", 10);
	overlay_add(&o, "b", 1, NULL, 0);
	ck_assert_uint_eq(o.dirty_bytes, 0);
	o.txid = 1;
	put("a", "a longer one than before, so that the entry moves");
	o.txid = 2;
	put("a", "x");
	put("b", "x");
	clean = o.bytes - o.dirty_bytes;
	ck_assert_uint_eq(clean, 0);
	overlay_trim(&o, 0);
	ck_assert_str_eq(changed("a", 1), "0123456789>a longer one than before, so that the entry moves");
	overlay_settle(&o, 1);
	ck_assert_uint_gt(o.dirty_bytes, 0);
	overlay_settle(&o, 2);
	ck_assert_uint_eq(o.dirty_bytes, 0);
	overlay_trim(&o, 0);
	ck_assert_uint_eq(o.bytes, 0);
}
END_TEST

START_TEST(no_version_is_kept_outside_batches)
{
	overlay_add(&o, "a", 1, "0", 1);
	put("a", "1");
	ck_assert_ptr_null(entry("a")->older);
	overlay_clean(&o);
	put("a", "2");
	ck_assert_ptr_null(entry("a")->older);
}
END_TEST

START_TEST(what_is_dirty_is_walked_in_order_while_it_changes)
{
	const char *expected = "a b d e ";
	char seen[32] = "";
	struct overlay_entry *x;

	o.txid = 1;
	put("d", "1");
	put("a", "1");
	for (x = overlay_after(&o, "", 0, true); x != NULL; x = overlay_after(&o, x->bytes, x->n_key, false)) {
		size_t n = strlen(seen);

		snprintf(seen + n, sizeof seen - n, "%.*s ", (int)x->n_key, x->bytes);
		if (x->bytes[0] == 'a') {
			o.txid = 2;
			put("b", "2");
			put("e", "2");
			overlay_settle(&o, 1);
			ck_assert_uint_eq(o.n_dirty, 2);
			put("d", "2");
		}
		x = overlay_find(&o, x->bytes, x->n_key);
	}
	ck_assert_str_eq(seen, expected);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("overlay");
	TCase *tests = tcase_create("overlay");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, each_batch_has_its_version);
	tcase_add_test(tests, what_is_settled_is_what_the_next_round_begins_with);
	tcase_add_test(tests, only_what_open_batches_take_counts_as_dirty);
	tcase_add_test(tests, no_version_is_kept_outside_batches);
	tcase_add_test(tests, what_is_dirty_is_walked_in_order_while_it_changes);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
