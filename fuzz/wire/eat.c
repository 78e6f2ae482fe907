#include "wire/eat.h"

#include "fuzz.h"

/* What is accepted has one encoding: writing it again gives the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct eat_claims claims;
    _cleanup_buffer_ struct buffer again = buffer_up_to(KIB(80));

    if (eat_decode(in, &claims) &&
        (!eat_encode(&claims, &again) || !bytes_equal(buffer_bytes(&again), in)))
        abort();
    return 0;
}
