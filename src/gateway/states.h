/* The small state that a program keeps at this service: named values with a
 * version each, changed by compare-and-swap, encrypted by the vault. On the store's thread; the
 * caller holds the transaction. */
#ifndef IDEVS_GATEWAY_STATES_H
#define IDEVS_GATEWAY_STATES_H

#include "base/limits.h"
#include "gateway/policy.h"
#include "gateway/vault.h"
#include "store/store.h"

struct state_request {
    char name[LIMIT_STATE_NAME + 1];
    bool is_put;
    int64_t version;      /* of a PUT: the one that it replaces, 0 to create */
    struct bytes content; /* of a PUT */
};

/* Reads a request below STATE_PATH. Refuses `api.method`, `api.field`, `state.full`. */
bool state_request_parse(const struct http_message *m, struct state_request *ret,
                         struct idevs_error *ret_err) _must_check_;

enum state_verdict {
    STATE_REFUSED = 0, /* the error says why */
    STATE_ABSENT,      /* a GET of what was never saved */
    STATE_VALUE,       /* `ret_value` and its version */
    STATE_SAVED,       /* the new version */
};

/* Carries it out. Refusals of the verdict: `state.conflict`, `state.full`. A PUT whose answer was
 * lost and that comes again (the same value is there as version + 1) is STATE_SAVED too. False: the
 * store itself failed. */
bool state_request_run(const struct state_request *request, struct store *store,
                       const struct vault *vault, const char *program, enum state_verdict *ret,
                       int64_t *ret_version, struct buffer *ret_value,
                       struct idevs_error *ret_err) _must_check_;

#endif
