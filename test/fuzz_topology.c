/* fuzz_topology.c - a fuzz target (libFuzzer) for all that reads a topology file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each input is
 *   - read by the strict scanner and by cJSON: what the first accepts the second must
 *     accept too, with as many values;
 *   - validated as with --no-plugins, and its diagnostics shown in both forms;
 *   - if it is good, written for the workers and read back: both writings must be equal.
 *
 *     clang -g -fsanitize=fuzzer,address,undefined ... && ./fuzz_topology test/corpus/topology
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "json.h"
#include "load.h"
#include "memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_topology: %s\n", what);
	abort();
}

static size_t count(const cJSON *item)
{
	size_t n = 0;

	for (; item != NULL; item = item->next)
		n += 1 + count(item->child);
	return n;
}

/* differ compares the scanner's opinion of TEXT with cJSON's. */
static void differ(const char *text, size_t n)
{
	struct diagnostics d = { 0 };
	struct json *j;
	cJSON *tree;

	diag_source(&d, "t", xstrndup(text, n), n);
	j = json_parse(&d, 0);
	must(
	    (j == NULL) == (d.n_errors > 0), "an error without a message, or the other way round");
	if (j != NULL) {
		tree = cJSON_ParseWithLengthOpts(d.text, d.n + 1, NULL, 1);
		must(tree != NULL, "cJSON refuses what the scanner accepts");
		must(count(tree) == j->n, "cJSON counts other values");
		cJSON_Delete(tree);
	} else {
		must(
		    strcmp(d.items[0].text, "cJSON reads this file in another way than gale") != 0,
		    "the scanner and cJSON do not agree");
	}
	json_free(j);
	diag_free(&d);
}

/* saved gives what topology_write makes of T; the caller frees it. */
static char *saved(const struct topology *t, struct topology **back)
{
	char path[64], *text;
	int fd = memfd_create("topology", 0);
	off_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(fd >= 0 && topology_write(t, path, NULL) == 0, "cannot write");
	if (back != NULL)
		*back = topology_read(path, NULL);
	n = lseek(fd, 0, SEEK_END);
	text = xcalloc(1, (size_t)n + 1);
	must(pread(fd, text, (size_t)n, 0) == n, "cannot read");
	close(fd);
	return text;
}

/* is_whole tells whether T's streams are all known: without plugins they rarely are. */
static int is_whole(const struct topology *t)
{
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		if (t->subscriptions[i].stream >=
		    t->components[t->subscriptions[i].from].n_outputs)
			return 0;
	return 1;
}

static void round_trip(const struct topology *t)
{
	struct topology *back;
	char *a = saved(t, &back), *b;

	must(back != NULL, "a topology that was written can't be read");
	b = saved(back, NULL);
	must(strcmp(a, b) == 0, "a topology changes on its way to the workers");
	free(a);
	free(b);
	topology_free(back);
}

static void validate(const char *text, size_t n)
{
	struct load_options o = { .no_plugins = true };
	struct diagnostics d = { 0 };
	struct topology *t = load_text("t.json", xstrndup(text, n), n, &o, &d);
	static FILE *null;
	struct buf b = { 0 };

	must((t == NULL) == (d.n_errors > 0), "errors and no topology do not go together");
	if (null == NULL)
		null = fopen("/dev/null", "w");
	diag_print(&d, null);
	diag_json(&d, &b);
	if (t != NULL && is_whole(t))
		round_trip(t);
	topology_free(t);
	buf_free(&b);
	diag_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	differ((const char *)data, n);
	validate((const char *)data, n);
	return 0;
}
