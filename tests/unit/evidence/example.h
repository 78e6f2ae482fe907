/* A program on an enrolled platform with an approval, as everything that judges it would like to
 * see it; each test spoils one thing. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_EVIDENCE_EXAMPLE_H
#define IDEVS_TESTS_UNIT_EVIDENCE_EXAMPLE_H

#include "base/text.h"
#include "evidence/appraisal.h"
#include "exchange/attestation.h"
#include "exchange/cose.h"
#include "wire/cmw.h"

#include <stdio.h>

struct example {
    struct key *owner, *platform_key, *program;
    struct bytes root; /* DER, or anything that stands for it */
    uint8_t program_spki[SPKI_LEN];
    uint8_t challenge[CHALLENGE_LEN];
    struct manifest manifest;
    struct buffer manifest_cbor;
    struct eat_claims claims;
    struct approval approval;
    struct appraisal_platform platform;
};

static inline void digest_of(const char *text, uint8_t ret[SHA256_LEN])
{
    sha256(bytes_of_text(text), ret);
}

static inline void measure(struct eat_digest *digest, const char *text)
{
    digest->present = true;
    digest_of(text, digest->sha256);
}

/* After a change of manifest: its CBOR and digest in claims and approval. */
static inline void example_manifest(struct example *e)
{
    buffer_clear(&e->manifest_cbor);
    assert_true(manifest_encode(&e->manifest, &e->manifest_cbor));
    e->claims.manifest.present = true;
    sha256(buffer_bytes(&e->manifest_cbor), e->claims.manifest.sha256);
    memcpy(e->approval.manifest, e->claims.manifest.sha256, SHA256_LEN);
}

/* After a change of key, challenge or root. */
static inline void example_nonce(struct example *e)
{
    attestation_report_data(e->program_spki, e->challenge, e->root, e->claims.nonce);
}

static inline void example_make(struct example *e, struct bytes root)
{
    *e = (struct example){.root = root, .manifest_cbor = buffer_up_to(LIMIT_MANIFEST)};
    e->owner = key_generate();
    e->platform_key = key_generate();
    e->program = key_generate();
    key_spki(e->program, e->program_spki);
    memset(e->challenge, 7, sizeof(e->challenge));

    struct manifest *m = &e->manifest;
    strcpy(m->program, "free-ride");
    m->every = 5;
    m->memory = MIB(64);
    m->processes = 1;
    m->run_seconds = 600;
    m->logs = MANIFEST_LOGS_OWNER;
    key_spki(e->owner, m->owner_spki);
    memset(m->owner_seal_key, 9, sizeof(m->owner_seal_key));
    strcpy(m->authority_url, "https://authority.example");
    m->authority_anchors[m->n_authority_anchors++] = root;
    m->n_services = 2;
    strcpy(m->services[0].name, "store");
    strcpy(m->services[0].authority, "store.example:8443");
    m->services[0].anchors[m->services[0].n_anchors++] = bytes_of_text("anchor");
    m->services[0].reads = true;
    strcpy(m->services[1].name, "transport");
    strcpy(m->services[1].authority, "transport.example");
    m->services[1].anchors[m->services[1].n_anchors++] = bytes_of_text("anchor");
    m->services[1].writes = true;

    struct eat_claims *c = &e->claims;
    uint8_t spki[SPKI_LEN];
    key_spki(e->platform_key, spki);
    c->issued_at = 1800000000;
    c->ueid[0] = 1;
    sha256(bytes_of(spki, sizeof(spki)), c->ueid + 1);
    strcpy(c->swname, "idevs-warden");
    strcpy(c->back_end, "process");
    c->debug = EAT_DEBUG_DISABLED;
    c->n_cpus = 2;
    measure(&c->executable, "executable");
    measure(&c->source, "source");
    measure(&c->toolchain, "toolchain");

    struct approval *a = &e->approval;
    strcpy(a->program, "free-ride");
    a->has_source = true;
    digest_of("source", a->source);
    digest_of("toolchain", a->toolchains[a->n_toolchains++]);
    a->issued_at = 1800000000;

    e->platform.tier = TIER_ISOLATED;
    strcpy(e->platform.back_ends[e->platform.n_back_ends++], "process");
    example_manifest(e);
    example_nonce(e);
}

static inline void example_free(struct example *e)
{
    key_free(e->owner);
    key_free(e->platform_key);
    key_free(e->program);
    buffer_free(&e->manifest_cbor);
}
#define _cleanup_example_ _cleanup_(example_free)

/* The claims signed by `key` as evidence. */
static inline void example_evidence(const struct example *e, const struct key *key,
                                    struct buffer *cmw)
{
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer cose = buffer_up_to(LIMIT_EVIDENCE);

    assert_true(eat_encode(&e->claims, &claims));
    assert_true(cose_sign(key, CMW_EAT_CWT, buffer_bytes(&claims), &cose));
    assert_true(cmw_encode(CMW_EAT_CWT, buffer_bytes(&cose), cmw));
}

#endif
