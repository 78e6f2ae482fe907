#include "wire/revocation.h"

#include "fuzz.h"

/* What is accepted has one encoding, and a reason with a name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct revocation r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_REVOCATION);

    if (revocation_decode(in, &r) &&
        (!revocation_encode(&r, &again) || !bytes_equal(buffer_bytes(&again), in) ||
         !revocation_reason_name(r.reason)))
        abort();
    return 0;
}
