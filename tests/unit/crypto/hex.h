/* Bytes written as hex in tests. */
#ifndef IDEVS_TESTS_UNIT_CRYPTO_HEX_H
#define IDEVS_TESTS_UNIT_CRYPTO_HEX_H

#include "base/text.h"

static inline struct buffer from_hex(const char *hex)
{
    struct buffer b = buffer_up_to(1 << 20);

    assert_true(hex_decode(bytes_of_text(hex), &b));
    return b;
}

/* Hex of a length that is known. */
static inline void to_array(const char *hex, uint8_t *ret, size_t len)
{
    assert_true(hex_exactly(bytes_of_text(hex), ret, len));
}

#define assert_bytes_are_hex(bytes, hex)                                                           \
    do {                                                                                           \
        _cleanup_buffer_ struct buffer wanted_ = from_hex(hex);                                    \
        assert_true(bytes_equal((bytes), buffer_bytes(&wanted_)));                                 \
    } while (0)

#endif
