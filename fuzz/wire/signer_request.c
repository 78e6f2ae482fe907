#include "wire/signer_request.h"

#include "fuzz.h"

/* Request and answer; an accepted request has one encoding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct signer_request r;
    struct idevs_error err;
    struct bytes der;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNER_MESSAGE);

    if (signer_request_decode(in, &r) &&
        (!signer_request_encode(&r, &again) || !bytes_equal(buffer_bytes(&again), in)))
        abort();
    if (signer_answer_decode(in, &der, &err) && der.len == 0)
        abort();
    return 0;
}
