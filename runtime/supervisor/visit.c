/* visit.c - see visit.h. SPDX-License-Identifier: Apache-2.0 */
#include "visit.h"

#include "clock.h"

bool visit_look(struct visit *v, struct desk_client *client, uint64_t now_ns)
{
	if (v->visitor == client)
		return true;
	if (v->visitor != NULL)
		return false;
	v->visitor = client;
	v->deadline_ns = now_ns + VISIT_MS * NS_PER_MS;
	crew_freeze(v->crew, true);
	return true;
}

void visit_done(struct visit *v)
{
	if (v->looks)
		desk_say(v->desk, v->visitor, "thawed");
	if (v->visitor != NULL)
		desk_show_out(v->desk, v->visitor);
}

void visit_gone(struct visit *v, const struct desk_client *client)
{
	if (v->visitor != client)
		return;
	v->visitor = NULL;
	v->looks = false;
	crew_freeze(v->crew, false);
}

void visit_turn(struct visit *v, uint64_t now_ns)
{
	if (v->visitor == NULL)
		return;
	/* The coordinator that had agreed is dead. */
	if (now_ns >= v->deadline_ns || (v->looks && !crew_frozen(v->crew))) {
		desk_show_out(v->desk, v->visitor);
		return;
	}
	if (!v->looks && crew_frozen(v->crew)) {
		v->looks = true;
		desk_say(v->desk, v->visitor, "frozen");
	}
}

uint64_t visit_deadline(const struct visit *v)
{
	return v->visitor != NULL ? v->deadline_ns : 0;
}
