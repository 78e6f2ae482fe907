#include "runtime/runtime.h"
#include "wire/cbor.h"

#include <stdlib.h>

const struct runtime_options RUNTIME_DEFAULTS = {
    .launcher_fd = RUNTIME_LAUNCHER_FD,
    .attester_fd = RUNTIME_ATTESTER_FD,
    .time = &TIME_OF_HOST,
    .attempt_ms = LIMIT_ATTEMPT_MS,
    .backoff_first_ms = LIMIT_ATTEMPT_PAUSE_MS,
    .backoff_max_ms = LIMIT_ATTEMPT_PAUSE_CEILING_MS,
    .refetch_ms = LIMIT_KEYS_PAUSE_MS,
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t runtime_attempt_deadline(const struct idevs *ip)
{
    return earlier(clock_monotonic_ns() + (uint64_t)ip->options.attempt_ms * 1000000,
                   ip->run_ends_ns);
}

bool runtime_may_send(const struct idevs *ip, struct idevs_error *ret_err)
{
    if (ip->launcher.broken) {
        if (ret_err)
            *ret_err = ip->launcher.why;
        return false;
    }
    if (clock_monotonic_ns() >= ip->run_ends_ns)
        return refuse(ret_err, "run.limit", "%u s are over", ip->manifest.run_seconds);
    return true;
}

bool runtime_pause(struct idevs *ip, struct backoff *backoff, const struct idevs_error *why,
                   struct idevs_error *ret_err)
{
    uint64_t until = earlier(clock_monotonic_ns() + backoff_next_ns(backoff), ip->run_ends_ns);

    if (channel_sleep(&ip->launcher, until) && clock_monotonic_ns() < ip->run_ends_ns)
        return true;
    if (ip->launcher.broken) {
        *ret_err = ip->launcher.why;
        return false;
    }
    if (ip->launcher.stopped)
        return refuse(ret_err, "run.stopped", "asked to stop while repeating: %s: %s", why->code,
                      why->found);
    *ret_err = *why;
    return false;
}

/* ---- spans ---- */

void runtime_note_spans(struct idevs *ip, const struct spans *spans)
{
    for (unsigned i = 0; i < spans->n; i++) {
        unsigned at = 0;
        while (at < ip->spans.n && strcmp(ip->spans.at[at].name, spans->at[i].name) != 0)
            at++;
        if (at == LIMIT_SPANS)
            continue;
        ip->spans.at[at] = spans->at[i];
        if (at == ip->spans.n)
            ip->spans.n++;
    }
}

void runtime_span(struct idevs *ip, const char *name, uint64_t since_ns)
{
    struct spans one = {0};

    span_end(&one, name, since_ns);
    runtime_note_spans(ip, &one);
}

static bool encode_spans(struct spans *spans, struct buffer *b)
{
    qsort(spans->at, spans->n, sizeof(spans->at[0]), cbor_compare_keys);
    if (!cbor_put_map(b, spans->n))
        return false;
    for (unsigned i = 0; i < spans->n; i++)
        if (!cbor_put_text(b, bytes_of_text(spans->at[i].name)) ||
            !cbor_put_uint(b, spans->at[i].ns))
            return false;
    return true;
}

void runtime_report(struct idevs *ip)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SPANS_REPORT);
    struct channel_request request = {.target = "report:spans", .type = "application/cbor"};

    if (ip->spans.n == 0 || !encode_spans(&ip->spans, &b))
        return;
    request.body = buffer_bytes(&b);
    /* Measurements are no reason to wait or to fail. */
    if (channel_tell(&ip->launcher, &request, runtime_attempt_deadline(ip), NULL))
        ip->spans.n = 0;
}
