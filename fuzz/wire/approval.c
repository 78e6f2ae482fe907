#include "wire/approval.h"

#include "fuzz.h"

/* What is accepted has one encoding: writing it again gives the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct approval a;
    _cleanup_buffer_ struct buffer again = buffer_up_to(KIB(80));

    if (approval_decode(in, &a) &&
        (!approval_encode(&a, &again) || !bytes_equal(buffer_bytes(&again), in)))
        abort();
    return 0;
}
