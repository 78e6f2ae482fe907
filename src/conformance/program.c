#include "conformance/program.h"
#include "exchange/keys.h"
#include "wire/cmw.h"
#include "wire/eat.h"

#include <stdio.h>

#define ELSEWHERE "elsewhere.invalid"

struct kind {
    const char *uri;  /* NULL: TEST_PROGRAM; "": none */
    const char *host; /* a second name */
    int64_t from;     /* seconds from now; `to` 0: from a minute ago for half an hour */
    int64_t to;
    const char *result; /* instead of an attestation result; "": none */
    enum {
        ISSUED_BY_TIER = 0,
        ISSUED_BY_OTHER_TIER,
        ISSUED_BY_FOREIGN,
    } issuer;
    unsigned key_usage; /* as in struct certificate_fields */
    bool elsewhere_reads;
    bool elsewhere_writes;
    bool is_ca;
    bool is_server;
    bool forged;
};

static const struct kind KINDS[WHO_COUNT] = {
    [WHO_READER] = {.elsewhere_writes = true},
    [WHO_WRITER] = {.elsewhere_reads = true},
    [WHO_STRANGER] = {.uri = "spiffe://" TEST_DOMAIN "/program/stranger"},
    [WHO_OTHER_DOMAIN] = {.uri = "spiffe://other.invalid/program/conformance"},
    [WHO_EXPIRED] = {.from = -LIMIT_TEST_LIFE, .to = -60},
    [WHO_EARLY] = {.from = 60, .to = LIMIT_TEST_LIFE},
    [WHO_FOREIGN] = {.issuer = ISSUED_BY_FOREIGN},
    [WHO_OTHER_TIER] = {.issuer = ISSUED_BY_OTHER_TIER},
    [WHO_FORGED] = {.forged = true},
    [WHO_CA] = {.is_ca = true},
    [WHO_OTHER_USAGE] = {.key_usage = 4}, /* keyAgreement */
    [WHO_SERVER] = {.is_server = true},
    [WHO_UNATTESTED] = {.result = ""},
    [WHO_GARBLED] = {.result = "no record of CBOR"},
    [WHO_NAMELESS] = {.uri = ""},
    [WHO_TWO_NAMES] = {.host = ELSEWHERE},
};

/* What an authority would have found out, here in plain words: nothing. */
static bool write_claims(const struct kind *kind, const char *name, int64_t now, struct buffer *b)
{
    _cleanup_buffer_ struct buffer eat = buffer_up_to(LIMIT_CERTIFICATE);
    struct eat_claims c = {.issued_at = now,
                           .ueid = {1},
                           .debug = EAT_DEBUG_ENABLED,
                           .executable = {.present = true},
                           .manifest = {.present = true},
                           .back_end = "conformance",
                           .tier = "development",
                           .policy = "conformance",
                           .breakers = "whoever has the test authority's folder: nothing runs",
                           .n_reads = 1,
                           .n_writes = 1};

    if (kind->result)
        return buffer_append_text(b, kind->result);
    snprintf(c.reads[0], sizeof(c.reads[0]), "%s", kind->elsewhere_reads ? ELSEWHERE : name);
    snprintf(c.writes[0], sizeof(c.writes[0]), "%s", kind->elsewhere_writes ? ELSEWHERE : name);
    return eat_encode(&c, &eat) && cmw_encode(CMW_EAT_UCS, buffer_bytes(&eat), b);
}

static const struct test_ca *issuer_of(const struct test_authority *a, const struct kind *kind)
{
    switch (kind->issuer) {
    case ISSUED_BY_OTHER_TIER:
        return &a->other_tier;
    case ISSUED_BY_FOREIGN:
        return &a->foreign;
    default:
        return &a->tier;
    }
}

static struct certificate *make_leaf(const struct test_ca *issuer, const struct kind *kind,
                                     const struct key *key, struct bytes cmw, int64_t now)
{
    uint8_t spki[SPKI_LEN];
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    const char *uri = kind->uri ? kind->uri : TEST_PROGRAM;

    key_spki(key, spki);
    const struct certificate_fields fields = {
        .subject = "conformance",
        .spki = spki,
        .not_before = now + (kind->to ? kind->from : -LIMIT_TEST_BACKDATE),
        .not_after = now + (kind->to ? kind->to : LIMIT_TEST_LIFE),
        .is_ca = kind->is_ca,
        .key_usage = kind->key_usage,
        .client_auth = !kind->is_server,
        .server_auth = kind->is_server,
        .uri = uri[0] ? uri : NULL,
        .host = kind->host,
        .cmw = cmw};
    if (!certificate_make(&fields, issuer->certificate, issuer->key, &der))
        return NULL;
    if (kind->forged)
        der.data[der.len - 1] ^= 1; /* the last byte of the signature */
    return certificate_parse(buffer_bytes(&der), NULL);
}

bool program_make(const struct test_authority *a, enum who who, const char *name, int64_t now,
                  struct program *ret, struct idevs_error *ret_err)
{
    const struct kind *kind = &KINDS[who];
    const struct test_ca *issuer = issuer_of(a, kind);
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_CERTIFICATE);

    *ret = (struct program){.key = key_generate(),
                            .cert = buffer_up_to(LIMIT_FIELD_BYTES),
                            .cas = buffer_up_to(LIMIT_FIELD_BYTES)};
    if (write_claims(kind, name, now, &cmw)) {
        ret->chain.at[0] = make_leaf(issuer, kind, ret->key, buffer_bytes(&cmw), now);
        ret->chain.at[1] = certificate_parse(certificate_der(issuer->certificate), NULL);
        ret->chain.n = 2;
    }
    if (ret->chain.n == 0 || !ret->chain.at[0] || !ret->chain.at[1] ||
        !client_cert_encode(&ret->chain, &ret->cert, &ret->cas))
        return refuse(ret_err, "internal", "a test certificate that cannot be made");
    certificate_sha256(ret->chain.at[0], ret->keyid);
    return true;
}

void program_release(struct program *p)
{
    key_free(p->key);
    chain_free(&p->chain);
    buffer_free(&p->cert);
    buffer_free(&p->cas);
    *p = (struct program){0};
}
