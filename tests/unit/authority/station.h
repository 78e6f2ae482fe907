/* An authority in a folder of its own with a real signer process, an owner, an enrolled platform
 * and an approved program. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_AUTHORITY_STATION_H
#define IDEVS_TESTS_UNIT_AUTHORITY_STATION_H

#include "authority/folder.h"
#include "authority/issuer.h"
#include "authority/submissions.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "exchange/attestation.h"
#include "wire/certificate_request.h"

#include "../evidence/example.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#define OWNER_KEY(e) bytes_of((e)->manifest.owner_spki, SPKI_LEN)

struct station {
    char folder[64];
    struct issuer issuer;
    struct example e;
};

static inline void station_sign_approval(const struct example *e, const struct approval *approval,
                                         struct buffer *b)
{
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(4));

    assert_true(approval_encode(approval, &payload));
    assert_true(cose_sign(e->owner, APPROVAL_TYPE, buffer_bytes(&payload), b));
}

static inline void station_approve(struct station *s)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    struct approval got;
    struct idevs_error err;

    station_sign_approval(&s->e, &s->e.approval, &b);
    assert_true(submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
}

/* A platform request of `key` with the token whose text is `token`. */
static inline void station_platform_request(const struct key *key, const char *token,
                                            struct buffer *b)
{
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct platform_request r = {.back_ends = {"process"}, .n_back_ends = 1};
    uint8_t token_sha256[SHA256_LEN];

    key_spki(key, r.spki);
    digest_of(token, token_sha256);
    platform_token_proof(token_sha256, r.spki, r.proof);
    assert_true(platform_request_encode(&r, &payload));
    assert_true(cose_sign(key, PLATFORM_REQUEST_TYPE, buffer_bytes(&payload), b));
}

static inline void station_token(struct station *s, const char *token, enum tier tier,
                                 int64_t expires)
{
    uint8_t digest[SHA256_LEN];
    struct idevs_error err;

    digest_of(token, digest);
    assert_true(registry_add_token(s->issuer.registry, digest, tier, expires, &err));
}

static inline void station_enrol(struct station *s, enum tier tier)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct idevs_error err;
    enum tier got;

    station_token(s, "token", tier, clock_unix() + 60);
    station_platform_request(s->e.platform_key, "token", &b);
    assert_true(submit_platform(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
    assert_int_equal(got, tier);
}

static inline void station_open(struct station *s)
{
    _cleanup_text_ char *database = folder_database(s->folder);
    struct idevs_error err;
    const char *signer = getenv("IDEVS_SIGNER");

    assert_non_null(signer);
    assert_true(issuer_load(&s->issuer, s->folder, &err));
    s->issuer.registry = registry_open(database, &err);
    s->issuer.challenges = challenges_new();
    assert_non_null(s->issuer.registry);
    assert_true(signer_start(signer, s->folder, &s->issuer.signer, &err));
}

static inline void station_make(struct station *s)
{
    struct idevs_error err;

    *s = (struct station){.folder = "/tmp/idevs-authority-XXXXXX", .issuer = {.signer = {-1}}};
    assert_non_null(mkdtemp(s->folder));
    if (!folder_init(s->folder, "example.org", &err))
        fail_msg("%s: %s", err.code, err.found);
    station_open(s);
    example_make(&s->e, certificate_der(s->issuer.root));
    s->e.approval.issued_at = clock_unix();
    assert_true(registry_add_owner(s->issuer.registry, "owner", s->e.manifest.owner_spki, &err));
    station_enrol(s, TIER_ISOLATED);
    station_approve(s);
}

static inline int station_remove_file(const char *path, const struct stat *st, int what,
                                      struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path);
}

static inline void station_free(struct station *s)
{
    issuer_free(&s->issuer);
    example_free(&s->e);
    assert_int_equal(nftw(s->folder, station_remove_file, 8, FTW_DEPTH | FTW_PHYS), 0);
}
#define _cleanup_station_ _cleanup_(station_free)

/* The body of POST /v1/certificates with this evidence, for the challenge that e holds. */
static inline void station_body_of(const struct station *s, struct bytes cmw, struct buffer *b)
{
    _cleanup_buffer_ struct buffer csr = buffer_up_to(LIMIT_CSR);
    struct certificate_request r;

    assert_true(csr_make(s->e.program, "free-ride", cmw, &csr));
    r.challenge = bytes_of(s->e.challenge, sizeof(s->e.challenge));
    r.csr = buffer_bytes(&csr);
    r.manifest = buffer_bytes(&s->e.manifest_cbor);
    assert_true(certificate_request_encode(&r, b));
}

/* With evidence as the example stands. */
static inline void station_body(const struct station *s, struct buffer *b)
{
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);

    example_evidence(&s->e, s->e.platform_key, &cmw);
    station_body_of(s, buffer_bytes(&cmw), b);
}

/* A fresh challenge for the example. */
static inline void station_challenge(struct station *s)
{
    challenge_make(s->issuer.challenges, clock_monotonic_ns(), s->e.challenge);
    example_nonce(&s->e);
}

static inline void station_fresh_body(struct station *s, struct buffer *b)
{
    station_challenge(s);
    station_body(s, b);
}

static inline bool station_certify(const struct station *s, struct bytes body, struct buffer *pem,
                                   struct idevs_error *err)
{
    return issuer_certify(&s->issuer, body, clock_unix(), clock_monotonic_ns(), pem, err);
}

#endif
