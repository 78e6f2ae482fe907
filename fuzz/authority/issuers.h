/* Issuing keys for the harnesses, made once a process. */
#ifndef IDEVS_FUZZ_AUTHORITY_ISSUERS_H
#define IDEVS_FUZZ_AUTHORITY_ISSUERS_H

#include "crypto/x509.h"
#include "wire/tier.h"

#include <stdlib.h>

#define FUZZ_NOW INT64_C(1800000000)

/* A self-signed CA of the trust domain example.org; PEM of both appended. */
static inline struct certificate *fuzz_issuer(struct buffer *key_pem, struct buffer *issuer_pem)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    uint8_t spki[SPKI_LEN];
    struct certificate_fields f = {.subject = "fuzz",
                                   .spki = spki,
                                   .not_before = FUZZ_NOW - 10000,
                                   .not_after = FUZZ_NOW + 10000,
                                   .is_ca = true,
                                   .uri = "spiffe://example.org"};

    key_spki(key, spki);
    if (!key_save(key, key_pem) || !certificate_make(&f, NULL, key, &der))
        abort();
    struct certificate *made = certificate_parse(buffer_bytes(&der), NULL);
    struct chain chain = {.at = {made}, .n = 1};
    if (!made || !chain_to_pem(&chain, issuer_pem))
        abort();
    return made;
}

#endif
