#include "wire/cmw.h"
#include "base/limits.h"
#include "wire/cbor.h"

/* type "/" subtype in visible ASCII; parameters have no place in our records. */
static bool is_media_type(struct bytes type)
{
    const uint8_t *slash = type.len ? memchr(type.data, '/', type.len) : NULL;

    if (!slash || slash == type.data || slash + 1 == type.data + type.len ||
        type.len >= LIMIT_FRAME_TYPE)
        return false;
    for (size_t i = 0; i < type.len; i++)
        if (type.data[i] <= 0x20 || type.data[i] > 0x7e)
            return false;
    return true;
}

bool cmw_encode(const char *media_type, struct bytes value, struct buffer *b)
{
    struct bytes type = bytes_of_text(media_type);

    return is_media_type(type) && cbor_put_array(b, 2) && cbor_put_text(b, type) &&
           cbor_put_bytes(b, value);
}

bool cmw_decode(struct bytes in, struct bytes *ret_media_type, struct bytes *ret_value)
{
    struct reader r = reader_of(in);
    struct bytes type;
    struct bytes value;
    size_t n;

    if (!cbor_get_array(&r, &n) || n != 2 || !cbor_get_text(&r, &type) ||
        !cbor_get_bytes(&r, &value) || reader_left(&r) != 0 || !is_media_type(type))
        return false;
    *ret_media_type = type;
    *ret_value = value;
    return true;
}
