/* chaos_oracle.c - what should be there, compared with what is. SPDX-License-Identifier: Apache-2.0
 *
 * The spout emits the ids below the journal's end, and may have emitted some above. Each one
 * that it heard to be acked must be in the files of `disk`, and in the counts. When the run
 * has ended, so must all those below the end, and each word has one line. When it has not,
 * for it hangs or has failed, what is still open is lost.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"
#include "test/chaos_parts.h"

static void read_ids(FILE *f, uint8_t *seen, struct verdict *v)
{
	uint64_t ids[4096];
	size_t n;

	/* A killed process may have left a piece of an id at the end. */
	while ((n = fread(ids, sizeof *ids, 4096, f)) > 0)
		for (size_t i = 0; i < n; i++) {
			if (ids[i] >= CHAOS_IDS)
				die("there is no id %llu", (unsigned long long)ids[i]);
			v->duplicates += seen[ids[i]];
			seen[ids[i]] = 1;
		}
}

/* read_disk marks all ids that are on disk. */
static void read_disk(uint8_t *seen, struct verdict *v)
{
	DIR *dir = opendir("disk");
	struct dirent *entry;

	if (dir == NULL)
		die("can't read the directory disk: %s", strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		char path[300];
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "disk/%s", entry->d_name);
		if ((f = fopen(path, "r")) == NULL)
			die("can't read %s: %s", path, strerror(errno));
		read_ids(f, seen, v);
		fclose(f);
	}
	closedir(dir);
}

/* read_counts adds the counts, and the lines, of each word. */
static void read_counts(uint64_t *counts, uint64_t *lines)
{
	FILE *f = fopen("counts", "r");
	unsigned long long count;
	unsigned word;

	if (f == NULL)
		return;		/* then all words are missing */
	while (fscanf(f, "w%u\t%llu\n", &word, &count) == 2 && word < CHAOS_WORDS) {
		counts[word] += count;
		lines[word]++;
	}
	if (!feof(f))
		die("can't read what is in the file counts");
	fclose(f);
}

static void compare_counts(const uint64_t *truth, struct verdict *v)
{
	uint64_t counts[CHAOS_WORDS] = { 0 }, lines[CHAOS_WORDS] = { 0 };

	read_counts(counts, lines);
	for (unsigned w = 0; w < CHAOS_WORDS; w++) {
		if (lines[w] != (truth[w] > 0))
			v->miscounted++;
		if (counts[w] < truth[w])
			v->miscounted += truth[w] - counts[w];
		else
			v->overcounted += counts[w] - truth[w];
	}
}

void oracle_compare(const struct run *r, bool ended, struct verdict *v)
{
	const struct chaos_journal *j = r->journal;
	uint64_t truth[CHAOS_WORDS] = { 0 }, most = 0, end;
	uint8_t *seen = xcalloc(CHAOS_IDS, 1);

	memset(v, 0, sizeof *v);
	for (int i = 0; i < CHAOS_TASKS; i++)
		if (j->tasks[i].emitted > most)
			most = j->tasks[i].emitted;
	end = ended ? j->end : most;
	read_disk(seen, v);
	v->ids = end;
	for (uint64_t id = 0; id < most || id < end; id++) {
		v->false_acks += j->acked[id] && !seen[id];
		v->missing += id < end && !seen[id];
		v->silent += id < end && seen[id] && !j->acked[id];
		truth[chaos_word(id)] += id < end || j->acked[id];
	}
	if (ended)
		compare_counts(truth, v);
	free(seen);
}
