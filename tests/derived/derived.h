/* Every secret that arises on the way of one encapsulation or of one answer, computed again beside
 * the code under test: needles for searches of memory. */
#ifndef IDEVS_TESTS_DERIVED_H
#define IDEVS_TESTS_DERIVED_H

#include "exchange/request.h"

struct derived {
    struct {
        const char *name;
        uint8_t bytes[32];
        size_t len;
    } at[16];
    size_t n;
};

void derived_add(struct derived *d, const char *name, const void *bytes, size_t len);
/* RFC 9180, 4.1 and 5.1: dh, eae_prk, shared_secret, secret, key, base_nonce, exporter_secret. */
void derived_of_encapsulation(const struct x25519_key *receiver, const uint8_t enc[HPKE_ENC_LEN],
                              struct bytes info, struct derived *ret);
/* RFC 9458, 4.4: response_secret, response_prk, response_key, response_nonce. */
void derived_of_response(const struct hpke *h, const uint8_t enc[HPKE_ENC_LEN], struct bytes nonce,
                         struct derived *ret);

/* Of data at rest (crypto/hpke.h): rest_prk, rest_key, rest_nonce. */
void derived_of_rest(struct bytes secret, const char *label, struct bytes salt,
                     struct derived *ret);

#endif
