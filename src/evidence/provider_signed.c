/* Provider-signed evidence: an EAT as COSE_Sign1 with ES256 (RFC 9711, RFC 9052), signed by the key
 * of a platform that is enrolled at this authority. Whoever holds that key can sign anything. */
#include "base/text.h"
#include "crypto/digest.h"
#include "evidence/technology.h"
#include "exchange/cose.h"
#include "wire/cmw.h"
#include "wire/cose.h"

/* The key that signed and the platform that is spoken of must be one. */
static bool ueid_is(const struct eat_claims *claims, const uint8_t id[SHA256_LEN])
{
    return claims->ueid[0] == EAT_UEID_RANDOM &&
           memcmp(evidence_platform_id(claims), id, SHA256_LEN) == 0;
}

static struct public_key *find_key(struct bytes kid, const struct evidence_context *context,
                                   struct idevs_error *ret_err)
{
    uint8_t spki[SPKI_LEN];

    if (kid.len != SHA256_LEN) {
        refuse(ret_err, "evidence.malformed", "a key id of %zu bytes", kid.len);
        return NULL;
    }
    if (!context->find_platform_key(context->arg, kid.data, spki)) {
        char hex[2 * SHA256_LEN + 1];
        hex_text(kid.data, kid.len, hex);
        refuse(ret_err, "evidence.platform", "platform key %s", hex);
        return NULL;
    }
    struct public_key *key = public_key_from_spki(bytes_of(spki, sizeof(spki)));
    if (!key)
        refuse(ret_err, "internal", "an enrolled platform key that is none");
    return key;
}

bool evidence_read_signed(struct bytes value, const struct evidence_context *context,
                          struct eat_claims *ret, struct idevs_error *ret_err)
{
    struct cose_sign1 m;
    struct bytes payload;

    if (!cose_decode(value, &m))
        return refuse(ret_err, "evidence.malformed", "%zu bytes that are no COSE_Sign1", value.len);
    _cleanup_public_key_ struct public_key *key = find_key(m.kid, context, ret_err);
    if (!key)
        return false;
    if (!cose_verify(key, CMW_EAT_CWT, value, &payload))
        return refuse(ret_err, "evidence.signature", "a signature of another key or text");
    if (!eat_decode(payload, ret))
        return refuse(ret_err, "evidence.malformed", "%zu bytes that are no EAT", payload.len);
    if (!ueid_is(ret, m.kid.data))
        return refuse(ret_err, "evidence.platform", "a platform key that speaks for another");
    if (eat_component_text(&ret->measured, EAT_TPM))
        return refuse(ret_err, "evidence.malformed", "claims that only an authority may make");
    return true;
}

/* Whoever has a copy of the platform key alone does not speak for a platform with a TPM. */
static bool verify(struct bytes value, const struct evidence_context *context,
                   struct eat_claims *ret, struct idevs_error *ret_err)
{
    struct tpm_platform tpm;

    if (!evidence_read_signed(value, context, ret, ret_err))
        return false;
    if (evidence_find_tpm(context, ret, &tpm))
        return refuse_expecting(ret_err, "evidence.platform",
                                "a quote by the TPM that the platform was enrolled with",
                                "evidence without it");
    return true;
}

const struct evidence_technology evidence_provider_signed = {CMW_EAT_CWT, verify};
