/* What a maker made, as a verifier takes it that trusts one root and nothing else. */
#ifndef TESTS_ATTESTER_ACCEPTED_H
#define TESTS_ATTESTER_ACCEPTED_H

#include "../evidence/fake_amd.h"
#include "attester/hardware_maker.h"
#include "evidence/hardware.h"

static inline bool is_accepted_under(X509 *root, const struct hardware_evidence *made,
                                     const uint8_t *nonce, struct idevs_error *err)
{
    _cleanup_endorsements_ struct endorsements e = {.n_roots = 0};
    const struct verification v = {.evidence = buffer_bytes(&made->evidence),
                                   .endorsements = &e,
                                   .nonce = bytes_of(nonce, REPORT_DATA_LEN),
                                   .at = FAKE_NOW};
    struct claims claims = {.n = 0};

    fake_endorse(&e, root, true);
    return hardware_verifier(made->format)->verify(&v, &claims, NULL, err);
}

#endif
