/* One exchange with a service, repeated where that does no harm:
 *
 *   Nothing but a sealed answer is believed. After silence, or an answer without a seal, what may
 * be repeated (a read, a write_once, a save) is sent again under a new encapsulation; a plain write
 *   is not, and ends as `outcome.unknown`.
 *
 * Who delivers a request may deliver it twice, and show us the second answer. So of a plain write
 * even a sealed refusal counts as "not carried out" only where the first delivery cannot have fared
 * better: where the gateway says `idevs-processed: no`. Every other refusal of a write, also of a
 * write_once after some repeats, ends as `outcome.unknown`. */
#ifndef IDEVS_RUNTIME_CALL_H
#define IDEVS_RUNTIME_CALL_H

#include "runtime/runtime.h"

struct call {
    struct service *service;
    const char *method;
    const char *path;
    const char *idempotency_key; /* or NULL */
    const char *content_type;    /* or NULL */
    struct bytes content;
    bool repeatable;
    unsigned n_unknown;     /* how often a refusal left open whether it was done */
    bool maybe_done;        /* a sending may have been carried out */
    uint64_t first_sent_ns; /* progress, of the first that may have been */
};

/* A sealed answer. Owns the bytes that `message` points into; call_answer_free(). */
struct call_answer {
    struct http_message message;
    struct bytes refusal; /* idevs-error: the gateway's own code; empty: the service's answer */
    bool not_processed;   /* idevs-processed: no, of this refusal */
    struct buffer plain;
};
void call_answer_free(struct call_answer *a);
#define _cleanup_call_answer_ _cleanup_(call_answer_free)

/* True: a sealed answer, the service's or a refusal of the gateway that no repeating mends. Refuses
 * `outcome.unknown` (writes), `service.unreachable`, `authority.unreachable`, `run.limit`,
 * `run.stopped`, `launcher.unreachable`, `http.body-too-large`. `ret` must be empty. */
bool call_carry_out(struct idevs *ip, struct call *call, struct call_answer *ret,
                    struct idevs_error *ret_err) _must_check_;
/* Refuses with the gateway's own code when the answer is one; a write that may have been carried
 * out all the same with `outcome.unknown`. */
bool call_accept(const struct call *call, const struct call_answer *answer,
                 struct idevs_error *ret_err) _must_check_;

#endif
