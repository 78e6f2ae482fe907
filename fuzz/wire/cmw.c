#include "wire/cmw.h"
#include "base/limits.h"

#include "fuzz.h"

/* What is accepted lies within the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct bytes type;
    struct bytes value;

    if (cmw_decode(in, &type, &value) &&
        (type.data < data || value.data < type.data || value.data + value.len != data + size))
        abort();
    return 0;
}
