#include "evidence/tpm_platform.h"
#include "base/alloc.h"
#include "base/text.h"
#include "evidence/hardware.h"
#include "evidence/trust.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the endorsement certificate ---- */

/* tcg-kp-EKCertificate: a CA of TPMs may certify other things, too. */
static bool is_for_endorsement(const struct certificate *c)
{
    static const uint8_t EXTENDED_KEY_USAGE[] = {0x55, 0x1d, 0x25};
    static const uint8_t PURPOSE[] = {0x06, 0x05, 0x67, 0x81, 0x05, 0x08, 0x01};
    struct bytes value;

    return certificate_extension(c, bytes_of(EXTENDED_KEY_USAGE, sizeof(EXTENDED_KEY_USAGE)),
                                 &value) &&
           memmem(value.data, value.len, PURPOSE, sizeof(PURPOSE));
}

struct vendor_key *tpm_endorsement_key(struct bytes der, const struct endorsements *trust,
                                       int64_t now, struct idevs_error *ret_err)
{
    if (trust->n_roots == 0) {
        refuse(ret_err, "platform.tpm", "a TPM, and no `tpm_roots` in this authority");
        return NULL;
    }
    _cleanup_certificate_ struct certificate *c = certificate_parse(der, ret_err);
    const struct signer signer = {.leaf = c, .at = now};
    if (!c || !trust_signer(trust, &signer, NULL, ret_err))
        return NULL;
    struct vendor_key *key = is_for_endorsement(c) ? vendor_key_of(c) : NULL;
    if (!key)
        refuse(ret_err, "platform.tpm", "a certificate that is not of an endorsement key");
    return key;
}

/* ---- quotes ---- */

static bool take_claims(const struct claims *claims, struct tpm_platform *p,
                        struct idevs_error *ret_err)
{
    const struct claim *bank = claims_find(claims, "pcr_bank");
    const struct claim *registers = claims_find(claims, "pcr_selection");
    const struct claim *digest = claims_find(claims, "measurement");

    if (!bank || strcmp((const char *)bank->bytes, "sha256") != 0 || !registers || !digest ||
        digest->len != sizeof(p->digest))
        return refuse(ret_err, "evidence.malformed", "a quote of registers other than SHA-256's");
    size_t len = strlen((const char *)registers->bytes);
    if (len >= sizeof(p->registers))
        return refuse(ret_err, "internal", "more registers than there are");
    memcpy(p->registers, registers->bytes, len + 1);
    memcpy(p->digest, digest->bytes, sizeof(p->digest));
    return true;
}

bool tpm_take_quote(struct bytes quote, const uint8_t nonce[TPM_DIGEST_LEN], struct tpm_platform *p,
                    struct idevs_error *ret_err)
{
    _cleanup_endorsements_ struct endorsements key = {
        .keys = {vendor_key_from_point(VENDOR_P256, bytes_of(p->key, sizeof(p->key)))},
        .n_keys = 1};
    const struct verification v = {
        .evidence = quote, .endorsements = &key, .nonce = bytes_of(nonce, TPM_DIGEST_LEN)};

    if (!key.keys[0])
        return refuse(ret_err, "platform.tpm", "an attestation key that is not on its curve");
    struct claims *claims = alloc_zero(1, sizeof(*claims));
    bool ok = hardware_tpm.verify(&v, claims, NULL, ret_err) && take_claims(claims, p, ret_err);
    free(claims);
    return ok;
}

bool tpm_check_quote(struct bytes quote, const uint8_t nonce[TPM_DIGEST_LEN],
                     const struct tpm_platform *enrolled, struct idevs_error *ret_err)
{
    struct tpm_platform found = *enrolled;
    char hex[2 * TPM_DIGEST_LEN + 1];
    char expected[sizeof(ret_err->expected)];

    if (!tpm_take_quote(quote, nonce, &found, ret_err))
        return false;
    if (strcmp(found.registers, enrolled->registers) == 0 &&
        memcmp(found.digest, enrolled->digest, sizeof(found.digest)) == 0)
        return true;
    hex_text(enrolled->digest, sizeof(enrolled->digest), hex);
    snprintf(expected, sizeof(expected), "registers %s of digest %s", enrolled->registers, hex);
    hex_text(found.digest, sizeof(found.digest), hex);
    return refuse_expecting(ret_err, "evidence.measurement", expected, "registers %s of digest %s",
                            found.registers, hex);
}

bool tpm_registers_are_empty(const struct tpm_platform *p)
{
    static const uint8_t zeros[TPM_REGISTERS * TPM_DIGEST_LEN];
    uint8_t digest[TPM_DIGEST_LEN];
    size_t n = 1;

    for (const char *c = p->registers; *c; c++)
        n += *c == ',';
    if (n > TPM_REGISTERS)
        return false;
    sha256(bytes_of(zeros, n * TPM_DIGEST_LEN), digest);
    return memcmp(digest, p->digest, sizeof(digest)) == 0;
}
