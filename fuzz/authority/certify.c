/* A certificate request as it arrives, with a live challenge put into its place, so that what
 * stands behind the challenge is reached. Nobody is enrolled, so nothing is ever certified. */
#include "authority/issuer.h"
#include "wire/certificate_request.h"

#include "empty.h"
#include "issuers.h"

static const struct issuer *issuer(void)
{
    static struct issuer made = {.signer = {-1}};

    if (made.root)
        return &made;
    _cleanup_buffer_ struct buffer key = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(8));
    made.root = fuzz_issuer(&key, &pem);
    made.registry = fuzz_registry();
    made.challenges = challenges_new();
    return &made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST + 1);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct certificate_request r;
    struct idevs_error err;
    uint8_t challenge[CHALLENGE_LEN];

    if (!buffer_append(&body, data, size))
        return 0;
    if (certificate_request_decode(buffer_bytes(&body), &r)) {
        challenge_make(issuer()->challenges, 1, challenge);
        memcpy(body.data + (r.challenge.data - body.data), challenge, CHALLENGE_LEN);
    }
    if (issuer_certify(issuer(), buffer_bytes(&body), FUZZ_NOW, 1, &pem, &err))
        abort();
    return 0;
}
