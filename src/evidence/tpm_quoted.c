/* Evidence of a warden with a TPM: what provider-signed evidence says, and a quote over its digest
 * by the attestation key that was activated when the platform was enrolled. So the platform key
 * alone is not enough, and the machine started what it had started then. */
#include "evidence/technology.h"
#include "exchange/attestation.h"

#include <stdio.h>

static bool add_component(const struct tpm_platform *tpm, struct eat_claims *claims)
{
    struct eat_component *c = eat_add_component(&claims->measured, EAT_TPM);

    if (!c)
        return false;
    snprintf(c->text, sizeof(c->text), "TPM quote; registers %s of SHA-256 as enrolled%s",
             tpm->registers, tpm_registers_are_empty(tpm) ? ": nothing measured" : "");
    c->digest.present = true;
    memcpy(c->digest.sha256, tpm->digest, sizeof(tpm->digest));
    return true;
}

static bool verify(struct bytes value, const struct evidence_context *context,
                   struct eat_claims *ret, struct idevs_error *ret_err)
{
    struct tpm_evidence e;
    struct tpm_platform tpm;
    uint8_t nonce[TPM_DIGEST_LEN];

    if (!tpm_evidence_decode(value, &e))
        return refuse(ret_err, "evidence.malformed", "%zu bytes that are no claims and quote",
                      value.len);
    if (!evidence_read_signed(e.claims, context, ret, ret_err))
        return false;
    if (!evidence_find_tpm(context, ret, &tpm))
        return refuse(ret_err, "evidence.platform", "a TPM that was not enrolled");
    tpm_evidence_nonce(e.claims, nonce);
    if (!tpm_check_quote(e.quote, nonce, &tpm, ret_err))
        return false;
    return add_component(&tpm, ret) ||
           refuse(ret_err, "evidence.malformed", "%zu components", ret->measured.n_components);
}

const struct evidence_technology evidence_tpm_quoted = {TPM_EVIDENCE_TYPE, verify};
