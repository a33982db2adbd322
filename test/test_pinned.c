/* test_pinned.c - the plugins of a run stay what they were.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "pinned.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static char dir[64];
static char *library;
static struct pinned pinned;
static struct error e;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* install puts TEXT at the library's path as packages do: another file, by rename. */
static void install(const char *text)
{
	char *new = xasprintf("%s/new", dir);

	put(new, text);
	ck_assert_int_eq(rename(new, library), 0);
	free(new);
}

static void has(const char *path, const char *text)
{
	char got[16] = "";
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, got, sizeof got - 1), 0);
	ck_assert_str_eq(got, text);
	close(fd);
}

static int take(void)
{
	struct component components[] = {
		{ .part.library = library }, { .part.library = NULL }, { .part.library = library }
	};
	struct topology t = { .components = components, .n_components = 3 };

	return pinned_take(&pinned, dir, &t, &e);
}

static void setup(void)
{
	strcpy(dir, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	library = xasprintf("%s/mine.so", dir);
	put(library, "old");
}

static void teardown(void)
{
	char *command = xasprintf("rm -rf %s", dir);

	pinned_drop(&pinned);
	ck_assert_int_eq(system(command), 0);
	free(command);
	free(library);
}

/* is_kept: what a worker opens is not the path of the library, and has the text "old". */
static void is_kept(void)
{
	char *path = pinned_path(dir, library);

	ck_assert_str_ne(path, library);
	has(path, "old");
	free(path);
}

START_TEST(a_plugin_that_is_as_it_was_is_opened_at_its_path)
{
	char *path;

	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(pinned.n, 1);	/* two components, one library */
	path = pinned_path(dir, library);
	ck_assert_str_eq(path, library);
	free(path);
}
END_TEST

START_TEST(one_that_is_installed_anew_stays_the_old_one)
{
	ck_assert_int_eq(take(), 0);
	install("new");
	is_kept();
	has(library, "new");
}
END_TEST

START_TEST(one_that_is_removed_is_still_there)
{
	ck_assert_int_eq(take(), 0);
	ck_assert_int_eq(unlink(library), 0);
	is_kept();
}
END_TEST

START_TEST(without_a_link_the_path_is_what_counts)
{
	char *path = pinned_path(dir, library);

	ck_assert_str_eq(path, library);
	free(path);
}
END_TEST

START_TEST(one_that_cannot_be_opened_is_named)
{
	ck_assert_int_eq(unlink(library), 0);
	ck_assert_int_eq(take(), -1);
	ck_assert_ptr_nonnull(strstr(e.text, library));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pinned");
	TCase *t = tcase_create("pinned");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_plugin_that_is_as_it_was_is_opened_at_its_path);
	tcase_add_test(t, one_that_is_installed_anew_stays_the_old_one);
	tcase_add_test(t, one_that_is_removed_is_still_there);
	tcase_add_test(t, without_a_link_the_path_is_what_counts);
	tcase_add_test(t, one_that_cannot_be_opened_is_named);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
