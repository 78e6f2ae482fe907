/* What comes of a TPM or for one. The first byte says which: 0 an attestation key, 1 a credential,
 * 2 evidence, else a request to be enrolled. What is accepted of the last two has one encoding. */
#include "wire/tpm.h"

#include "fuzz.h"

static void decode_evidence(struct bytes in)
{
    struct tpm_evidence e;
    _cleanup_buffer_ struct buffer again = buffer_up_to(in.len);

    if (tpm_evidence_decode(in, &e))
        must(tpm_evidence_encode(&e, &again) && bytes_equal(buffer_bytes(&again), in));
}

static void decode_request(struct bytes in)
{
    struct tpm_platform_request r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(in.len);

    if (tpm_platform_request_decode(in, &r))
        must(tpm_platform_request_encode(&r, &again) && bytes_equal(buffer_bytes(&again), in));
}

static void decode_credential(struct bytes in)
{
    struct tpm_credential c;

    if (tpm_credential_decode(in, &c))
        must(c.id_object.len + c.secret.len + 4 == in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    uint8_t point[TPM_POINT_LEN];
    uint8_t kind = next_u8(&r);
    struct bytes in = all_left(&r);

    if (kind == 0)
        (void)!tpm_ak_decode(in, point);
    else if (kind == 1)
        decode_credential(in);
    else if (kind == 2)
        decode_evidence(in);
    else
        decode_request(in);
    return 0;
}
