/* The signer's whole answer to anything: a certificate or a list within the profile, or a refusal.
 */
#include "signer/signer.h"
#include "crypto/revocation.h"
#include "wire/signer_request.h"

#include "issuers.h"

#include "fuzz.h"

static struct signer *signer(void)
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

static void must_be_certificate(struct bytes der)
{
    _cleanup_certificate_ struct certificate *c = certificate_parse(der, NULL);

    if (!c || certificate_not_after(c) - certificate_not_before(c) > LIMIT_CERTIFICATE_LIFE ||
        certificate_not_after(c) <= FUZZ_NOW - LIMIT_CLOCK_SKEW)
        abort();
}

static void must_be_list(struct bytes der)
{
    _cleanup_revocation_list_ struct revocation_list *l = revocation_list_parse(der, NULL);

    if (!l || revocation_list_this_update(l) > FUZZ_NOW + LIMIT_CLOCK_SKEW ||
        revocation_list_next_update(l) > FUZZ_NOW + LIMIT_CLOCK_SKEW + LIMIT_LIST_LIFE ||
        revocation_list_through(l) > FUZZ_NOW + LIMIT_CLOCK_SKEW)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    struct signer *s = signer();
    struct idevs_error err;
    struct bytes der;

    memset(s->numbers, 0, sizeof(s->numbers)); /* each input is the first */
    signer_answer(s, bytes_of(data, size), FUZZ_NOW, &answer);
    if (signer_answer_decode(buffer_bytes(&answer), &der, &err))
        must_be_certificate(der);
    else if (signer_list_answer_decode(buffer_bytes(&answer), &der, &err))
        must_be_list(der);
    return 0;
}
