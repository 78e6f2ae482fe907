/* A root, a tier's CA and leaves for tests. */
#ifndef IDEVS_TESTS_UNIT_CRYPTO_CA_H
#define IDEVS_TESTS_UNIT_CRYPTO_CA_H

#include "crypto/x509.h"

#define NOW   INT64_C(1800000000)
#define EARLY (NOW - 3600)
#define LATE  (NOW + 3600)
#define URI   "spiffe://example.org/program/free-ride"

struct ca {
    struct key *root_key, *tier_key, *leaf_key;
    struct certificate *root, *tier;
    uint8_t leaf_spki[SPKI_LEN];
};

static inline struct certificate *made(const struct certificate_fields *f,
                                       const struct certificate *issuer, const struct key *key)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    assert_true(certificate_make(f, issuer, key, &der));
    struct certificate *c = certificate_parse(buffer_bytes(&der), &err);
    assert_non_null(c);
    return c;
}

static inline struct certificate *made_ca(const char *subject, const struct key *key,
                                          int path_length, const struct certificate *issuer,
                                          const struct key *issuer_key)
{
    uint8_t spki[SPKI_LEN];

    key_spki(key, spki);
    struct certificate_fields f = {.subject = subject,
                                   .spki = spki,
                                   .not_before = EARLY,
                                   .not_after = LATE,
                                   .is_ca = true,
                                   .path_length = path_length};
    return made(&f, issuer, issuer_key);
}

static inline void ca_make(struct ca *ca)
{
    ca->root_key = key_generate();
    ca->tier_key = key_generate();
    ca->leaf_key = key_generate();
    ca->root = made_ca("Root", ca->root_key, 1, NULL, ca->root_key);
    ca->tier = made_ca("Tier", ca->tier_key, 0, ca->root, ca->root_key);
    key_spki(ca->leaf_key, ca->leaf_spki);
}

static inline void ca_free(struct ca *ca)
{
    key_free(ca->root_key);
    key_free(ca->tier_key);
    key_free(ca->leaf_key);
    certificate_free(ca->root);
    certificate_free(ca->tier);
}
#define _cleanup_ca_ _cleanup_(ca_free)

static inline struct certificate_fields program_fields(const struct ca *ca)
{
    return (struct certificate_fields){.subject = "free-ride",
                                       .spki = ca->leaf_spki,
                                       .not_before = EARLY,
                                       .not_after = LATE,
                                       .client_auth = true,
                                       .uri = URI,
                                       .cmw = bytes_of_text("attestation result")};
}

static inline struct certificate_fields service_fields(const struct ca *ca, const char *host)
{
    return (struct certificate_fields){.subject = "service",
                                       .spki = ca->leaf_spki,
                                       .not_before = EARLY,
                                       .not_after = LATE,
                                       .server_auth = true,
                                       .host = host};
}

/* Leaf of `f` issued by the tier's CA, with that CA behind it. */
static inline struct chain chain_of(const struct ca *ca, const struct certificate_fields *f)
{
    struct chain c = {.n = 2};
    struct idevs_error err;

    c.at[0] = made(f, ca->tier, ca->tier_key);
    c.at[1] = certificate_parse(certificate_der(ca->tier), &err);
    return c;
}

static inline bool verify_at(const struct chain *chain, const struct certificate *anchor,
                             enum chain_purpose purpose, int64_t now, struct idevs_error *err)
{
    struct bytes anchors[] = {certificate_der(anchor)};

    return chain_verify(chain, anchors, 1, purpose, now, err);
}

/* The leaf of `f` under the root is refused with `code`. */
#endif
