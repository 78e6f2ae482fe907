#include "wire/frame.h"

#include "fuzz.h"

/* A complete frame has one encoding; an incomplete one asks for more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct frame frame;
    size_t used = 0;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_FRAME);

    if (frame_decode(in, LIMIT_MESSAGE, &frame, &used) == FRAME_DONE &&
        (!frame_encode(&frame, &again) || !bytes_equal(buffer_bytes(&again), bytes_of(data, used))))
        abort();
    return 0;
}
