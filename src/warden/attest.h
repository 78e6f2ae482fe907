/* The attester's end of a run's second stream (docs/interfaces.md): frames of the program, answered
 * with its manifest and with evidence about itself. No I/O. */
#ifndef IDEVS_WARDEN_ATTEST_H
#define IDEVS_WARDEN_ATTEST_H

#include "base/limits.h"
#include "wire/eat.h"
#include "wire/frame.h"

/* What a run's requests are answered with. */
struct attest_source {
    struct bytes manifest;
    /* Appends evidence over the report data; false when there is none now. */
    bool (*evidence)(void *arg, const uint8_t report_data[REPORT_DATA_LEN], struct buffer *b);
    void *arg;
};

/* How much a program may still ask. */
struct attest_budget {
    uint32_t left;
    uint64_t since; /* clock_monotonic_ns() of the last refill */
};
bool attest_allow(struct attest_budget *budget, uint64_t now);

/* Answers the first frame of `in`, when it is whole, into `out`, and takes it off. False: not a
 * request as described, close the stream. `*ret_answered`: one was answered. */
bool attest_step(const struct attest_source *source, struct attest_budget *budget, uint64_t now,
                 struct buffer *in, struct buffer *out, bool *ret_answered) _must_check_;

#endif
