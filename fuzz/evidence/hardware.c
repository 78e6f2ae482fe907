/* Hardware evidence and the files that come with it, all of them made by somebody who has no key of
 * any maker: nothing ever verifies.
 *
 *   u8 technology and number of files | part: nonce | parts: files | evidence */
#include "evidence/hardware.h"

#include "fuzz.h"

#define NOW INT64_C(1700000000)

static void add_files(struct reader *r, size_t n, struct endorsements *e)
{
    static const char *const NAMES[] = {"tcb.json", "identity.json", "chain.pem", "file"};
    struct idevs_error err = {0};

    for (size_t i = 0; i < n; i++)
        if (!endorsements_add(e, NAMES[i % ARRAY_LEN(NAMES)], next_part(r), &err))
            must_be_refusal(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const FORMATS[] = {"snp", "tdx", "nitro", "tpm", "eat"};
    _cleanup_endorsements_ struct endorsements e = {.n_roots = 0};
    _cleanup_buffer_ struct buffer chain = buffer_up_to(KIB(16));
    struct reader r = reader_of(bytes_of(data, size));
    struct claims claims = {.n = 0};
    struct idevs_error err = {0};
    uint8_t first = next_u8(&r);
    const struct hardware_verifier *verifier =
        hardware_verifier(FORMATS[first % ARRAY_LEN(FORMATS)]);
    struct verification v = {.endorsements = &e, .at = NOW, .allow_debug = first & 4};

    v.nonce = next_part(&r);
    add_files(&r, first >> 3 & 3, &e);
    v.evidence = all_left(&r);
    if (!verifier)
        return 0;
    must(!verifier->verify(&v, &claims, &chain, &err));
    must_be_refusal(&err);
    must(claims.n <= LIMIT_EVIDENCE_CLAIMS);
    return 0;
}
