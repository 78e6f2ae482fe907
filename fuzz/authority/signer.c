/* The signer's whole answer to anything: a certificate within the profile, or a refusal. */
#include "signer/signer.h"
#include "wire/signer_request.h"

#include "issuers.h"

#include "fuzz.h"

static const struct signer *signer(void)
{
    static struct signer made;

    for (unsigned i = 0; i < TIERS && !made.keys[i]; i++) {
        _cleanup_buffer_ struct buffer key = buffer_up_to(KIB(4));
        _cleanup_buffer_ struct buffer issuer = buffer_up_to(KIB(8));
        certificate_free(fuzz_issuer(&key, &issuer));
        if (!signer_add(&made, (enum tier)i, buffer_bytes(&key), buffer_bytes(&issuer), NULL))
            abort();
    }
    return &made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    struct idevs_error err;
    struct bytes der;

    signer_answer(signer(), bytes_of(data, size), FUZZ_NOW, &answer);
    if (!signer_answer_decode(buffer_bytes(&answer), &der, &err))
        return 0;
    _cleanup_certificate_ struct certificate *c = certificate_parse(der, NULL);
    if (!c || certificate_not_after(c) - certificate_not_before(c) > LIMIT_CERTIFICATE_LIFE ||
        certificate_not_after(c) <= FUZZ_NOW - LIMIT_CLOCK_SKEW)
        abort();
    return 0;
}
