/* Where an exchange's time goes: running totals of its steps, under the paper's names. For the
 * benchmark and for whoever sends SIGUSR1. */
#ifndef IDEVS_GATEWAY_STEPS_H
#define IDEVS_GATEWAY_STEPS_H

#include <stdint.h>

enum timed {
    TIMED_VERIFY_CERTIFICATE,
    TIMED_DECRYPT,
    TIMED_VERIFY,
    TIMED_CLAIM,
    TIMED_REMEMBER, /* intent, result or state, until durable */
    TIMED_FORWARD,
    TIMED_ENCRYPT,
    N_TIMED,
};

struct steps {
    uint64_t n[N_TIMED];
    uint64_t ns[N_TIMED];
};

/* Adds the time since `since_ns` (clock_monotonic_ns) and returns now. */
uint64_t steps_add(struct steps *steps, enum timed name, uint64_t since_ns);
/* One log line: name, count and mean of each step that was taken. */
void steps_log(const struct steps *steps);

#endif
