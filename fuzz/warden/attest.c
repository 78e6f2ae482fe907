#include "warden/attest.h"

#include "fuzz.h"

static bool evidence(void *arg, const uint8_t report_data[REPORT_DATA_LEN], struct buffer *b)
{
    (void)arg;
    return buffer_append(b, report_data, REPORT_DATA_LEN);
}

/* A program's stream, as it comes: every answer is a whole frame, and the stream shrinks. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct attest_source source = {.manifest = bytes_of_text("manifest"),
                                         .evidence = evidence};
    struct attest_budget budget = {0};
    _cleanup_buffer_ struct buffer in = buffer_up_to(LIMIT_ATTEST_IN);
    bool answered = true;

    if (!buffer_append(&in, data, size))
        return 0;
    while (answered) {
        _cleanup_buffer_ struct buffer out = buffer_up_to(LIMIT_ATTEST_OUT);
        size_t before = in.len;
        struct frame f;
        size_t used;
        if (!attest_step(&source, &budget, 1, &in, &out, &answered))
            return 0;
        if (answered && (in.len >= before || frame_decode(buffer_bytes(&out), LIMIT_ATTEST_OUT, &f,
                                                          &used) != FRAME_DONE))
            abort();
    }
    return 0;
}
