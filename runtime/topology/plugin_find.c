/* plugin_find.c - where plugin libraries are looked for; see plugin_find in plugin.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "memory.h"
#include "nearest.h"
#include "plugin.h"

#ifndef GALE_PLUGINDIR
#error "the build must say where plugins are installed: -DGALE_PLUGINDIR='\"...\"'"
#endif

/* The directories to search, in order. */
struct places {
	char **dirs;
	size_t n, cap;
};

static void add_place(struct places *all, const char *dir, size_t n)
{
	if (n == 0)
		return;
	all->dirs = xgrow(all->dirs, &all->cap, all->n + 1, sizeof *all->dirs);
	all->dirs[all->n++] = xstrndup(dir, n);
}

static bool is_library(const char *file, size_t *n)
{
	size_t length = strlen(file);

	*n = length > 3 ? length - 3 : 0;
	return length > 3 && strcmp(file + length - 3, ".so") == 0;
}

/* names gives the libraries in DIR, at most 1000; NULL ends the list. */
static char **names(const char *dir)
{
	DIR *d = opendir(dir);
	char **found = xcalloc(1001, sizeof *found);
	struct dirent *entry;
	size_t n = 0, length;

	while (d != NULL && n < 1000 && (entry = readdir(d)) != NULL)
		if (is_library(entry->d_name, &length))
			found[n++] = xstrndup(entry->d_name, length);
	if (d != NULL)
		closedir(d);
	return found;
}

static void free_names(char **all)
{
	for (size_t i = 0; all[i] != NULL; i++)
		free(all[i]);
	free(all);
}

static bool has_libraries(const char *dir)
{
	char **found = names(dir);
	bool any = found[0] != NULL;

	free_names(found);
	return any;
}

/* add_own adds gale's own plugins: those of the build tree that the program stands in, else
 * the installed ones. */
static void add_own(struct places *all)
{
	char program[PATH_MAX], *spouts, *bolts, *slash;
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

	program[n > 0 ? n : 0] = '\0';
	slash = strrchr(program, '/');
	if (slash != NULL)
		*slash = '\0';
	spouts = xasprintf("%s/spouts", program);
	bolts = xasprintf("%s/bolts", program);
	if (has_libraries(spouts) && has_libraries(bolts)) {
		add_place(all, spouts, strlen(spouts));
		add_place(all, bolts, strlen(bolts));
	} else {
		add_place(all, GALE_PLUGINDIR, strlen(GALE_PLUGINDIR));
	}
	free(spouts);
	free(bolts);
}

static void add_environment(struct places *all)
{
	const char *p = getenv("GALE_PLUGIN_PATH");

	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, ":");

		add_place(all, p, n);
		p += n + (p[n] == ':');
	}
}

static void fail(const char *library, const struct places *all, struct error *e)
{
	struct nearest near = nearest_to(library);
	char ***found = xcalloc(all->n + 1, sizeof *found);
	struct buf tried = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		buf_printf(&tried, "%s%s", i > 0 ? ", " : "", all->dirs[i]);
		found[i] = names(all->dirs[i]);
		for (size_t k = 0; found[i][k] != NULL; k++)
			nearest_try(&near, found[i][k]);
	}
	error_set(e, "no plugin \"%s\": there is no %s.so in %.600s%s%s", library, library,
	    buf_text(&tried), near.best != NULL ? "; " : "",
	    near.best != NULL ? nearest_help(&near) : "");
	for (size_t i = 0; i < all->n; i++)
		free_names(found[i]);
	free(found);
	buf_free(&tried);
}

char *plugin_find(const char *library, const struct plugin_path *path, struct error *e)
{
	struct places all = { 0 };
	char *found = NULL, *absolute;

	for (size_t i = 0; path != NULL && i < path->n; i++)
		add_place(&all, path->dirs[i], strlen(path->dirs[i]));
	add_environment(&all);
	add_own(&all);
	for (size_t i = 0; i < all.n && found == NULL; i++) {
		found = xasprintf("%s/%s.so", all.dirs[i], library);
		if (access(found, F_OK) != 0) {
			free(found);
			found = NULL;
		}
	}
	if (found == NULL)
		fail(library, &all, e);
	for (size_t i = 0; i < all.n; i++)
		free(all.dirs[i]);
	free(all.dirs);
	if (found == NULL)
		return NULL;
	absolute = realpath(found, NULL);
	if (absolute == NULL) {
		error_errno(e, "cannot read %s", found);
		free(found);
		return NULL;
	}
	free(found);
	return absolute;
}

char **plugin_list(void)
{
	struct places all = { 0 };
	char **paths = NULL;
	size_t n = 0, cap = 0;

	add_environment(&all);
	add_own(&all);
	for (size_t i = 0; i < all.n; i++) {
		char **found = names(all.dirs[i]);

		for (size_t k = 0; found[k] != NULL; k++) {
			paths = xgrow(paths, &cap, n + 2, sizeof *paths);
			paths[n++] = xasprintf("%s/%s.so", all.dirs[i], found[k]);
		}
		free_names(found);
		free(all.dirs[i]);
	}
	free(all.dirs);
	paths = xgrow(paths, &cap, n + 1, sizeof *paths);
	paths[n] = NULL;
	return paths;
}
