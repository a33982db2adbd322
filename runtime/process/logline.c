/* logline.c - see logline.h. SPDX-License-Identifier: Apache-2.0 */
#include "logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *const logline_levels[LOGLINE_LEVELS] = {
	[GALE_ERROR] = "ERROR",
	[GALE_WARN] = "WARN",
	[GALE_INFO] = "INFO",
	[GALE_DEBUG] = "DEBUG",
};

/* ---- time -------------------------------------------------------------------------- */

void logline_time(char text[LOGLINE_TIME], int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, LOGLINE_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, LOGLINE_TIME - n, ".%03uZ", (unsigned)(time_ms % 1000) % 1000);
}

bool logline_when(const char *text, size_t n, int64_t *time_ms)
{
	static const char pattern[] = "0000-00-00T00:00:00.000Z";
	char whole[] = "0000-01-01T00:00:00.000Z";
	struct tm tm = { 0 };

	if (n < strlen("0000-00-00") || n >= sizeof pattern)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (pattern[i] == '0' ? !digit : text[i] != pattern[i] && !(pattern[i] == 'T' && text[i] == ' '))
			return false;
		whole[i] = text[i];
	}
	tm.tm_year = atoi(whole) - 1900;
	tm.tm_mon = atoi(whole + 5) - 1;
	tm.tm_mday = atoi(whole + 8);
	tm.tm_hour = atoi(whole + 11);
	tm.tm_min = atoi(whole + 14);
	tm.tm_sec = atoi(whole + 17);
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	*time_ms = (int64_t)timegm(&tm) * 1000 + atoi(whole + 20);
	return true;
}

/* ---- levels ------------------------------------------------------------------------ */

bool logline_level(const char *name, size_t n, gale_level *level)
{
	for (int i = 0; i < LOGLINE_LEVELS; i++) {
		if (strlen(logline_levels[i]) != n || strncasecmp(logline_levels[i], name, n) != 0)
			continue;
		*level = (gale_level)i;
		return true;
	}
	return false;
}

size_t logline_prefix(const char *text, size_t n, gale_level *level)
{
	static const char *const prefixes[LOGLINE_LEVELS] = {
		[GALE_ERROR] = "error: ", [GALE_WARN] = "warn: ", [GALE_INFO] = "info: ",
		[GALE_DEBUG] = "debug: ",
	};

	for (int i = 0; i < LOGLINE_LEVELS; i++) {
		size_t length = strlen(prefixes[i]);

		if (n < length || memcmp(text, prefixes[i], length) != 0)
			continue;
		*level = (gale_level)i;
		return length;
	}
	return 0;
}

/* ---- lines ------------------------------------------------------------------------- */

void logline_write(struct buf *out, const struct logline *l)
{
	char time[LOGLINE_TIME];
	size_t from;

	logline_time(time, l->time_ms);
	buf_puts(out, time);
	buf_add(out, " ", 1);
	buf_puts(out, logline_levels[l->level]);
	buf_add(out, " ", 1);
	buf_add(out, l->label, l->n_label);
	buf_add(out, " ", 1);
	from = out->n;
	buf_add(out, l->text, l->n_text);
	for (size_t i = from; i < out->n; i++)
		if (out->data[i] == '\n')
			out->data[i] = ' ';
	buf_add(out, "\n", 1);
}

/* next_word gives the length of the word at *AT, which goes behind it and its blank; 0: none. */
static size_t next_word(const char **at, const char *end, const char **word)
{
	const char *blank = memchr(*at, ' ', (size_t)(end - *at));
	size_t n = blank != NULL ? (size_t)(blank - *at) : 0;

	*word = *at;
	if (n > 0)
		*at = blank + 1;
	return n;
}

bool logline_read(struct logline *l, const char *line, size_t n)
{
	const char *at = line, *end = line + n, *word;
	size_t length = next_word(&at, end, &word);

	*l = (struct logline){ 0 };
	if (length != LOGLINE_TIME - 1 || !logline_when(word, length, &l->time_ms))
		return false;
	length = next_word(&at, end, &word);
	if (!logline_level(word, length, &l->level))
		return false;
	l->n_label = next_word(&at, end, &l->label);
	l->text = at;
	l->n_text = (size_t)(end - at);
	return l->n_label > 0;
}

/* ---- who --------------------------------------------------------------------------- */

/* has_task: the N bytes at TASKS are "[3]" or "[0-3]", and TASK is one of them. */
static bool has_task(const char *tasks, size_t n, uint32_t task)
{
	unsigned first, last;
	char text[32];

	if (n >= sizeof text)
		return false;
	memcpy(text, tasks, n);
	text[n] = '\0';
	switch (sscanf(text, "[%u-%u", &first, &last)) {
	case 1:
		return task == first;
	case 2:
		return task >= first && task <= last;
	default:
		return false;
	}
}

bool logline_is_from(const struct logline *l, const char *component, uint32_t task)
{
	const char *at = l->label, *end = l->label + l->n_label;
	size_t length = strlen(component);

	while (at < end) {
		const char *plus = memchr(at, '+', (size_t)(end - at));
		size_t n = plus != NULL ? (size_t)(plus - at) : (size_t)(end - at);

		if (n >= length && memcmp(at, component, length) == 0 && (n == length || at[length] == '[') &&
		    (task == UINT32_MAX || has_task(at + length, n - length, task)))
			return true;
		at += n + 1;
	}
	return false;
}
