/* Vectors as they are published: hex in either case. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_VECTORS_H
#define IDEVS_TESTS_UNIT_VECTORS_H

#include <stdlib.h>

#include "base/buffer.h"

/* Appends the bytes of `hex` to `b`. */
static inline void vector_hex(const char *hex, struct buffer *b)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char pair[3] = {hex[0], hex[1], 0};
        assert_true(buffer_append_u8(b, (uint8_t)strtoul(pair, NULL, 16)));
    }
    assert_int_equal(hex[0], 0);
}

#endif
