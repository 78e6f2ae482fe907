#include "wire/cbor.h"

#include "fuzz.h"

/* A valid item is skipped whole, and is not a prefix of itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct reader r = reader_of(in);
    struct bytes item;

    if (cbor_is_valid(in) && (!cbor_skip(&r, &item) || !bytes_equal(item, in)))
        abort();
    if (size > 0 && cbor_is_valid(in) && cbor_is_valid(bytes_of(data, size - 1)))
        abort();
    return 0;
}
