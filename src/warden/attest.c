#include "warden/attest.h"
#include "base/clock.h"
#include "wire/manifest.h"

#include <stdio.h>

bool attest_allow(struct attest_budget *budget, uint64_t now)
{
    uint64_t seconds = budget->since ? (now - budget->since) / NS_PER_SECOND : LIMIT_ATTEST_BURST;

    if (seconds > 0) {
        uint64_t left = budget->left + seconds;
        budget->left = left > LIMIT_ATTEST_BURST ? LIMIT_ATTEST_BURST : (uint32_t)left;
        budget->since = now;
    }
    if (budget->left == 0)
        return false;
    budget->left--;
    return true;
}

static bool reply(uint32_t id, uint16_t status, const char *type, struct bytes body,
                  struct buffer *out)
{
    const struct frame frame = {
        .id = id,
        .kind = FRAME_REPLY,
        .status = status,
        .type = bytes_of_text(type),
        .body = body,
    };

    return frame_encode(&frame, out);
}

static bool reply_problem(uint32_t id, uint16_t status, const char *code, struct buffer *out)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "{\"code\":\"%s\",\"status\":%u}", code, status);

    return reply(id, status, "application/problem+json", bytes_of(text, (size_t)n), out);
}

static bool answer(const struct attest_source *source, const struct frame *frame,
                   struct buffer *out)
{
    _cleanup_buffer_ struct buffer evidence = buffer_up_to(LIMIT_EVIDENCE);

    if (bytes_equal_text(frame->target, "manifest") && frame->body.len == 0)
        return reply(frame->id, 200, MANIFEST_TYPE, source->manifest, out);
    if (!bytes_equal_text(frame->target, "attest") || frame->body.len != REPORT_DATA_LEN)
        return reply_problem(frame->id, 404, "api.not-found", out);
    if (!source->evidence(source->arg, frame->body.data, &evidence))
        return reply_problem(frame->id, 503, "compartment.unavailable", out);
    return reply(frame->id, 200, "application/cmw+cbor", buffer_bytes(&evidence), out);
}

bool attest_step(const struct attest_source *source, struct attest_budget *budget, uint64_t now,
                 struct buffer *in, struct buffer *out, bool *ret_answered)
{
    struct frame frame;
    size_t used;

    *ret_answered = false;
    enum frame_verdict verdict = frame_decode(buffer_bytes(in), REPORT_DATA_LEN, &frame, &used);
    if (verdict == FRAME_NEED_MORE)
        return true;
    if (verdict != FRAME_DONE || frame.kind != FRAME_REQUEST)
        return false;
    bool ok = attest_allow(budget, now) ? answer(source, &frame, out)
                                        : reply_problem(frame.id, 429, "compartment.limit", out);
    buffer_consume(in, used);
    *ret_answered = ok;
    return ok;
}
