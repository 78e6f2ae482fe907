/* What every decoder is put through: each prefix of a good message, and each single byte of it
 * changed, always against a guard page. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_WIRE_MUTATE_H
#define IDEVS_TESTS_UNIT_WIRE_MUTATE_H

#include "../guard.h"

/* True when `in` was accepted. */
typedef bool (*decoder)(struct bytes in);

static inline void assert_no_prefix_is_accepted(struct bytes good, decoder accepts)
{
    _cleanup_guard_ struct guard g = guard_for(good.len);

    for (size_t n = 0; n < good.len; n++)
        if (accepts(guard_place(&g, bytes_of(good.data, n))))
            fail_msg("accepted the first %zu of %zu bytes", n, good.len);
    assert_true(accepts(guard_place(&g, good)));
}

/* The decoder itself asserts what must hold of what it accepts. */
static inline void try_every_single_byte(struct bytes good, decoder accepts)
{
    _cleanup_guard_ struct guard g = guard_for(good.len);

    for (size_t i = 0; i < good.len; i++) {
        uint8_t *at = (uint8_t *)(uintptr_t)guard_place(&g, good).data;
        for (unsigned v = 0; v < 256; v++) {
            at[i] = (uint8_t)v;
            (void)accepts(bytes_of(at, good.len));
        }
    }
}

static inline void assert_no_trailing_byte_is_accepted(struct bytes good, decoder accepts)
{
    _cleanup_buffer_ struct buffer longer = buffer_up_to(good.len + 1);

    assert_true(buffer_append_bytes(&longer, good));
    assert_true(buffer_append_u8(&longer, 0));
    assert_false(accepts(buffer_bytes(&longer)));
}

#endif
