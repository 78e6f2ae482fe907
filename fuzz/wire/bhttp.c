#include "wire/bhttp.h"

#include "fuzz.h"

/* What is accepted can be written, and read again as the same content. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct http_message m;
    struct http_message back;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_MESSAGE);

    if (bhttp_decode_request(in, &m) &&
        (!bhttp_encode_request(&m, &again) || !bhttp_pad(&again) ||
         !bhttp_decode_request(buffer_bytes(&again), &back) ||
         !bytes_equal(m.content, back.content) || m.n_fields != back.n_fields))
        abort();
    buffer_clear(&again);
    if (bhttp_decode_response(in, &m) &&
        (!bhttp_encode_response(&m, &again) || !bhttp_pad(&again) ||
         !bhttp_decode_response(buffer_bytes(&again), &back) ||
         !bytes_equal(m.content, back.content) || m.n_fields != back.n_fields))
        abort();
    return 0;
}
