/* dot.c - see dot.h. SPDX-License-Identifier: Apache-2.0 */
#include "dot.h"

#include <string.h>

void dot_quote(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_puts(out, "\\");
		buf_add(out, text, 1);
	}
	buf_puts(out, "\"");
}

void dot_edge(struct buf *out, const struct topology *t, const struct subscription *s)
{
	const struct stream *from = &t->components[s->from].outputs[s->stream];

	buf_puts(out, topology_grouping_names[s->grouping]);
	for (uint32_t i = 0; i < s->n_fields; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "(", from->fields[s->fields[i]].name);
	if (s->n_fields > 0)
		buf_puts(out, ")");
	if (s->grouping == GROUPING_CUSTOM)
		buf_printf(out, "(%s)", s->custom.class_name);
	if (strcmp(from->id, "default") != 0)
		buf_printf(out, " of %s", from->id);
}

bool dot_is_call(const struct plan *p, const struct subscription *s)
{
	return p->chained_to[s->to] == s->from;
}

void dot_marks(struct buf *out, const struct plan *p, const struct subscription *s)
{
	if (dot_is_call(p, s))
		buf_puts(out, ", call");
	else if (plan_combines(p->topology, s))
		buf_puts(out, ", combined");
}
