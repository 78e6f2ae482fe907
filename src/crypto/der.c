#include "crypto/der.h"
#include "base/limits.h"

static bool take_length(struct reader *r, size_t *ret)
{
    uint8_t first;
    size_t len = 0;

    if (!reader_u8(r, &first))
        return false;
    if (first < 0x80) {
        *ret = first;
        return true;
    }
    size_t n = first & 0x7f;
    if (n == 0 || n > LIMIT_DER_LENGTH_BYTES)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte;
        if (!reader_u8(r, &byte) || (i == 0 && byte == 0))
            return false;
        len = len << 8 | byte;
    }
    *ret = len;
    return len >= 0x80; /* else the short form was due */
}

bool der_take(struct reader *r, uint8_t tag, struct bytes *ret)
{
    struct reader in = *r;
    uint8_t found;
    size_t len;

    if (!reader_u8(&in, &found) || found != tag || !take_length(&in, &len) ||
        !reader_bytes(&in, len, ret))
        return false;
    *r = in;
    return true;
}

bool der_take_whole(struct reader *r, uint8_t tag, struct bytes *ret)
{
    const uint8_t *from = r->at;
    struct bytes contents;

    if (!der_take(r, tag, &contents))
        return false;
    *ret = bytes_of(from, (size_t)(r->at - from));
    return true;
}

bool der_take_exactly(struct reader *r, const void *encoded, size_t len)
{
    if (reader_left(r) < len || memcmp(r->at, encoded, len) != 0)
        return false;
    r->at += len;
    return true;
}
