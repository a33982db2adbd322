// modern.cc - a bolt in C++17: the tuple's key, backwards. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <new>
#include <string>

#include <gale/gale.h>

namespace {

struct Backwards {
	std::string last;
};

int prepare(void *self, gale_ctx *)
{
	new (self) Backwards();
	return GALE_OK;
}

void cleanup(void *self, gale_ctx *)
{
	static_cast<Backwards *>(self)->~Backwards();
}

int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	std::string &s = static_cast<Backwards *>(self)->last;
	const gale_value *key = gale_in(t, 1);

	s.assign(key->u.s, key->n);
	std::reverse(s.begin(), s.end());
	return gale_emit(ctx, 0, *gale_in(t, 0), gale_string(s.data(), s.size()));
}

const gale_field inputs[] = { { "n", GALE_INT }, { "key", GALE_STRING }, { nullptr, GALE_NULL } };
const gale_stream outputs[] = { { "default", inputs, false }, { nullptr, nullptr, false } };

gale_component describe()
{
	gale_component c{};

	c.name = "Backwards";
	c.doc = "Turns keys round.";
	c.kind = GALE_BOLT;
	c.self_size = sizeof (Backwards);
	c.inputs = inputs;
	c.outputs = outputs;
	c.prepare = prepare;
	c.cleanup = cleanup;
	c.execute = execute;
	return c;
}

const gale_component backwards = describe();
const gale_component *const components[] = { &backwards, nullptr };

} // namespace

extern "C" GALE_EXPORT const gale_plugin_info gale_plugin = { GALE_ABI, sizeof (gale_component), components };
