/* What the harnesses share. An input is hostile and every claim about it holds: abort() is how a
 * harness says that one does not. */
#ifndef IDEVS_FUZZ_FUZZ_H
#define IDEVS_FUZZ_FUZZ_H

#include "base/buffer.h"
#include "base/codes.h"
#include "base/error.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds)
{
    if (!holds)
        abort();
}

/* Every refusal has a code with a page, so that its reader can act on it. */
static inline void must_be_refusal(const struct idevs_error *err)
{
    must(code_find(err->code) != NULL && err->remedy[0] && err->expected[0]);
}

/* The next part of the input: u16 length, then so many bytes, or what is left. */
static inline struct bytes next_part(struct reader *r)
{
    uint16_t len = 0;
    struct bytes part;

    if (!reader_u16(r, &len) || len > reader_left(r))
        len = (uint16_t)(reader_left(r) > UINT16_MAX ? UINT16_MAX : reader_left(r));
    must(reader_bytes(r, len, &part));
    return part;
}

static inline struct bytes all_left(struct reader *r)
{
    struct bytes part;

    must(reader_bytes(r, reader_left(r), &part));
    return part;
}

/* The next byte, 0 when there is none. */
static inline uint8_t next_u8(struct reader *r)
{
    uint8_t v = 0;

    return reader_u8(r, &v) ? v : 0;
}

/* `in` as text: up to its first NUL, cut to `size`. */
static inline void text_from(struct bytes in, char *ret, size_t size)
{
    size_t n = in.len < size ? in.len : size - 1;

    if (n)
        memcpy(ret, in.data, n);
    ret[n] = 0;
}

#endif
