#include "wire/certificate_request.h"

#include "fuzz.h"

/* What is accepted has one encoding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct certificate_request r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    if (certificate_request_decode(in, &r) &&
        (!certificate_request_encode(&r, &again) || !bytes_equal(buffer_bytes(&again), in)))
        abort();
    return 0;
}
