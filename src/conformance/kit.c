#include "conformance/kit.h"

int64_t kit_now(const struct kit *k)
{
    return clock_unix() + k->ahead;
}

struct context kit_context(const struct kit *k)
{
    return (struct context){.programs = k->programs,
                            .keys = &k->keys,
                            .name = k->target.name,
                            .path = k->options->path ? k->options->path : "/",
                            .now = kit_now(k)};
}

void kit_ask(struct kit *k, const struct request *r, struct built *ret_built, struct answer *ret)
{
    const struct context context = kit_context(k);

    if (request_build(&context, r, ret_built)) {
        answer_ask(&k->target, buffer_bytes(&ret_built->wire), &ret_built->exchange, ret);
        return;
    }
    *ret = (struct answer){.found = "a mistake of the kit"};
}
