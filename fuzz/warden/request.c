#include "warden/request.h"
#include "wire/cbor.h"

#include "fuzz.h"

/* The first byte is the number of descriptors and the state. What is accepted is deterministic CBOR
 * with a kind, an id, and a back end that ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request q;

    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    enum connection_state state = data[0] & 0x80 ? CONNECTION_ENDING : CONNECTION_OPEN;
    if (request_decode(in, data[0] & 0x07, state, &q) &&
        (!cbor_is_valid(in) || q.kind < WARDEN_STATUS || q.kind > WARDEN_KILL || q.id == 0 ||
         strnlen(q.back_end, sizeof(q.back_end)) == sizeof(q.back_end) ||
         (state == CONNECTION_ENDING && q.kind == WARDEN_RUN)))
        abort();
    return 0;
}
