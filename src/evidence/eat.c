/* Provider-signed evidence as anybody can check it who has the platform's public key: an EAT in a
 * COSE_Sign1 with ES256, alone or in its CMW record. The authority verifies the same evidence
 * against enrolled platforms (provider_signed.c). */
#include "wire/eat.h"
#include "evidence/trust.h"
#include "wire/cmw.h"
#include "wire/cose.h"

static bool unwrap(struct bytes in, struct cose_sign1 *ret)
{
    struct bytes type;
    struct bytes value;

    if (!cmw_decode(in, &type, &value))
        value = in;
    else if (!bytes_equal_text(type, CMW_EAT_CWT))
        return false;
    return cose_decode(value, ret) && bytes_equal_text(ret->type, CMW_EAT_CWT);
}

static bool add_digest(struct claims *c, const char *name, const struct eat_digest *d)
{
    return !d->present || claims_add_bytes(c, name, bytes_of(d->sha256, sizeof(d->sha256)));
}

static bool add_text(struct claims *c, const char *name, const char *text)
{
    return !text[0] || claims_add_text(c, name, text);
}

static bool add_claims(struct claims *c, const struct eat_claims *e)
{
    return claims_add_text(c, "technology", "provider-signed EAT") &&
           add_digest(c, "measurement", &e->executable) &&
           claims_add_bytes(c, "report_data", bytes_of(e->nonce, sizeof(e->nonce))) &&
           claims_add_flag(c, "debug", e->debug != EAT_DEBUG_DISABLED) &&
           claims_add_bytes(c, "chip_id", bytes_of(e->ueid, sizeof(e->ueid))) &&
           add_digest(c, "source", &e->source) && add_digest(c, "manifest", &e->manifest) &&
           add_digest(c, "toolchain", &e->toolchain) && add_text(c, "back_end", e->back_end) &&
           add_text(c, "hwmodel", e->hwmodel) && add_text(c, "hwversion", e->hwversion) &&
           add_text(c, "swname", e->swname) && add_text(c, "swversion", e->swversion) &&
           add_text(c, "kernel", e->kernel) && claims_add_number(c, "cpus", e->n_cpus) &&
           claims_add_number(c, "memory", e->memory) &&
           add_digest(c, "memory_map", &e->measured.memory_map) &&
           add_text(c, "memory_map_summary", e->measured.memory_map_summary) &&
           claims_add_number(c, "issued_at", (uint64_t)e->issued_at);
}

static bool check_signature(const struct endorsements *e, const struct cose_sign1 *m,
                            struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(m->payload.len + 2 * LIMIT_COSE_HEADERS);

    if (e->n_keys == 0)
        return refuse_expecting(ret_err, "evidence.endorsement",
                                "the platform's public key, in PEM, under --roots", "none");
    if (!cose_to_sign(m->protected, bytes_of("", 0), m->payload, &text))
        return refuse(ret_err, "evidence.malformed", "a header of %zu bytes", m->protected.len);
    for (size_t i = 0; i < e->n_keys; i++)
        if (vendor_key_verify(e->keys[i], VENDOR_ES256, buffer_bytes(&text), m->signature))
            return true;
    return refuse(ret_err, "evidence.signature", "evidence that none of these keys signed");
}

static bool verify(const struct verification *v, struct claims *ret, struct buffer *ret_chain,
                   struct idevs_error *ret_err)
{
    struct cose_sign1 m;
    struct eat_claims claims;

    (void)ret_chain; /* the platform's key is trusted by name */
    if (v->evidence.len > LIMIT_EVIDENCE || !unwrap(v->evidence, &m))
        return refuse_expecting(ret_err, "evidence.format", "an EAT in a COSE_Sign1 with ES256",
                                "%zu bytes", v->evidence.len);
    if (!check_signature(v->endorsements, &m, ret_err))
        return false;
    if (!eat_decode(m.payload, &claims))
        return refuse(ret_err, "evidence.malformed", "%zu bytes that are no EAT of this project",
                      m.payload.len);
    if (!bytes_equal(m.kid, bytes_of(claims.ueid + 1, sizeof(claims.ueid) - 1)))
        return refuse(ret_err, "evidence.platform", "a platform key that speaks for another");
    if (!add_claims(ret, &claims))
        return refuse(ret_err, "internal", "too many claims");
    if (claims.debug != EAT_DEBUG_DISABLED && !v->allow_debug)
        return refuse(ret_err, "policy.debug", "a compartment that its host may debug");
    return trust_nonce(v->nonce, bytes_of(claims.nonce, sizeof(claims.nonce)), ret_err);
}

const struct hardware_verifier hardware_eat = {"eat", verify};
