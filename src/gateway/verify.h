/* From the bytes of a sealed request to a verified one, in the order of docs/service-owners.md. No
 * I/O: the fuzzer drives it too. */
#ifndef IDEVS_GATEWAY_VERIFY_H
#define IDEVS_GATEWAY_VERIFY_H

#include "exchange/request.h"
#include "gateway/certificates.h"
#include "gateway/claims.h"
#include "gateway/keyring.h"
#include "gateway/steps.h"

struct verifier {
    const char *authority;
    size_t max_body;
    const struct keyring *keyring;
    const struct policy *policy;
    struct certificates *certificates;
    struct claims *claims;
    struct steps *steps;
};

/* A request on its way through. Released by verified_release(). */
struct verified {
    struct caller *caller; /* whose certificate came along; NULL before it was accepted */
    struct exchange exchange;
    struct buffer plain;         /* what `message` points into */
    struct http_message message; /* method, path, content, and signed fields only */
    /* Certain: this request, however often and with whatever around it the relay delivers it, did
     * not and will not reach the service, unless we send it now. It is not said of a refusal that a
     * second delivery could get: the relay would give the program that answer instead of the one to
     * the first delivery, and a write would be repeated. So not of `exchange.claimed` or
     * `exchange.full`, nor of a window that was or will be right, nor of a signature by the key of
     * a certificate that the relay may have swapped. */
    bool unprocessed;
};
void verified_release(struct verified *v);

enum verdict {
    VERDICT_PLAIN = 0, /* refused, before anything could be sealed */
    VERDICT_SEALED,    /* refused, and `exchange` can seal the answer */
    VERDICT_ACCEPTED,
};

/* Media type, certificate, key id, open, and everything that the signature says; then policy, then
 * the claim. `outer` is the HTTP request of the relay. */
enum verdict verify_request(const struct verifier *verifier, const struct http_message *outer,
                            int64_t now, struct verified *ret, struct idevs_error *ret_err);

#endif
