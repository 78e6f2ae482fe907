#include "wire/cose.h"
#include "base/limits.h"

#include "fuzz.h"

/* What is accepted has one encoding: writing it again gives the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct cose_sign1 m;
    _cleanup_buffer_ struct buffer again = buffer_up_to(MIB(2));

    if (cose_decode(in, &m) && (!cose_encode(&m, &again) || !bytes_equal(buffer_bytes(&again), in)))
        abort();
    return 0;
}
