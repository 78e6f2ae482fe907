#include "gateway/steps.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const NAMES[N_TIMED] = {
    [TIMED_VERIFY_CERTIFICATE] = "verifyCertificate",
    [TIMED_DECRYPT] = "decrypt",
    [TIMED_VERIFY] = "verify",
    [TIMED_CLAIM] = "claim",
    [TIMED_REMEMBER] = "remember",
    [TIMED_FORWARD] = "forward",
    [TIMED_ENCRYPT] = "encrypt",
};

uint64_t steps_add(struct steps *steps, enum timed name, uint64_t since_ns)
{
    uint64_t now = clock_monotonic_ns();

    steps->n[name]++;
    steps->ns[name] += now - since_ns;
    return now;
}

void steps_log(const struct steps *steps)
{
    char line[512];
    size_t n = 0;

    for (unsigned i = 0; i < N_TIMED && n < sizeof(line); i++)
        if (steps->n[i])
            n += (size_t)snprintf(line + n, sizeof(line) - n, " %s=%" PRIu64 "x%.1fus", NAMES[i],
                                  steps->n[i], (double)steps->ns[i] / (double)steps->n[i] / 1000);
    log_info("steps%s", n ? line : " none");
}
