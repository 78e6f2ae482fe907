#include "runtime/problem.h"
#include "base/codes.h"

#include <string.h>

#define MEMBER "\"code\""

static bool is_space_or_colon(uint8_t c)
{
    return c == ' ' || c == ':' || c == '\t' || c == '\n' || c == '\r';
}

const char *problem_code(const struct frame *frame)
{
    char text[48];
    size_t n = 0;

    if (!bytes_equal_text(frame->type, "application/problem+json") || frame->body.len == 0)
        return NULL;
    const uint8_t *at = memmem(frame->body.data, frame->body.len, MEMBER, strlen(MEMBER));
    const uint8_t *end = frame->body.data + frame->body.len;
    if (!at)
        return NULL;
    at += strlen(MEMBER);
    while (at < end && is_space_or_colon(*at))
        at++;
    if (at == end || *at++ != '"')
        return NULL;
    while (at + n < end && at[n] != '"' && n + 1 < sizeof(text)) {
        text[n] = (char)at[n];
        n++;
    }
    text[n] = 0;
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
