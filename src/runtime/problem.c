#include "runtime/problem.h"
#include "base/codes.h"

#include <string.h>

static bool is_space_or_colon(uint8_t c)
{
    return c == ' ' || c == ':' || c == '\t' || c == '\n' || c == '\r';
}

void problem_text(struct bytes body, const char *member, char *ret, size_t size)
{
    size_t n = 0;
    const uint8_t *end = body.len ? body.data + body.len : NULL;
    const uint8_t *at = end ? memmem(body.data, body.len, member, strlen(member)) : NULL;

    ret[0] = 0;
    if (!at)
        return;
    at += strlen(member);
    while (at < end && is_space_or_colon(*at))
        at++;
    if (at == end || *at++ != '"')
        return;
    for (; at + n < end && at[n] != '"' && n + 1 < size; n++)
        ret[n] = (char)at[n];
    ret[n] = 0;
}

const char *problem_code(const struct frame *frame)
{
    char text[48];

    if (!bytes_equal_text(frame->type, "application/problem+json"))
        return NULL;
    problem_text(frame->body, "\"code\"", text, sizeof(text));
    const struct code *entry = code_find(text);
    return entry ? entry->code : NULL;
}

bool problem_refuse(const struct frame *frame, const char *otherwise, const char *asked,
                    struct idevs_error *ret_err)
{
    const char *code = problem_code(frame);

    return refuse(ret_err, code ? code : otherwise, "status %u from %s, unsigned%s%s",
                  frame->status, asked, code ? ": " : "", code ? code : "");
}
