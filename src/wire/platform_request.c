#include "wire/platform_request.h"
#include "base/text.h"
#include "wire/cbor.h"

enum {
    KEY_SPKI = 1,
    KEY_PROOF = 2,
    KEY_BACK_ENDS = 3,
    KEY_DESCRIPTION = 4,
};

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7e)
            return false;
    return true;
}

static bool back_ends_are_valid(const struct platform_request *r)
{
    if (r->n_back_ends == 0 || r->n_back_ends > LIMIT_BACK_ENDS)
        return false;
    for (size_t i = 0; i < r->n_back_ends; i++) {
        if (!name_is_valid(r->back_ends[i], LIMIT_PLATFORM_TEXT - 1))
            return false;
        for (size_t j = 0; j < i; j++)
            if (strcmp(r->back_ends[i], r->back_ends[j]) == 0)
                return false;
    }
    return true;
}

static bool put_back_ends(const struct platform_request *r, struct buffer *b)
{
    if (!cbor_put_array(b, r->n_back_ends))
        return false;
    for (size_t i = 0; i < r->n_back_ends; i++)
        if (!cbor_put_text(b, bytes_of_text(r->back_ends[i])))
            return false;
    return true;
}

bool platform_request_encode(const struct platform_request *r, struct buffer *b)
{
    return back_ends_are_valid(r) && is_printable(r->description) && cbor_put_map(b, 4) &&
           cbor_put_uint(b, KEY_SPKI) && cbor_put_bytes(b, bytes_of(r->spki, sizeof(r->spki))) &&
           cbor_put_uint(b, KEY_PROOF) && cbor_put_bytes(b, bytes_of(r->proof, sizeof(r->proof))) &&
           cbor_put_uint(b, KEY_BACK_ENDS) && put_back_ends(r, b) &&
           cbor_put_uint(b, KEY_DESCRIPTION) && cbor_put_text(b, bytes_of_text(r->description));
}

static bool get_key(struct reader *r, uint64_t wanted)
{
    uint64_t key;

    return cbor_get_uint(r, &key) && key == wanted;
}

static bool get_exactly(struct reader *r, uint8_t *ret, size_t len)
{
    struct bytes v;

    if (!cbor_get_bytes(r, &v) || v.len != len)
        return false;
    memcpy(ret, v.data, len);
    return true;
}

static bool get_text(struct reader *r, char ret[LIMIT_PLATFORM_TEXT])
{
    struct bytes v;

    if (!cbor_get_text(r, &v) || v.len >= LIMIT_PLATFORM_TEXT ||
        (v.len && memchr(v.data, 0, v.len)))
        return false;
    if (v.len)
        memcpy(ret, v.data, v.len);
    ret[v.len] = 0;
    return true;
}

static bool get_back_ends(struct reader *r, struct platform_request *ret)
{
    if (!cbor_get_array(r, &ret->n_back_ends) || ret->n_back_ends > LIMIT_BACK_ENDS)
        return false;
    for (size_t i = 0; i < ret->n_back_ends; i++)
        if (!get_text(r, ret->back_ends[i]))
            return false;
    return back_ends_are_valid(ret);
}

bool platform_request_decode(struct bytes in, struct platform_request *ret)
{
    struct reader r = reader_of(in);
    struct platform_request made = {0};
    size_t n;

    if (in.len > LIMIT_PLATFORM_REQUEST || !cbor_get_map(&r, &n) || n != 4 ||
        !get_key(&r, KEY_SPKI) || !get_exactly(&r, made.spki, sizeof(made.spki)) ||
        !get_key(&r, KEY_PROOF) || !get_exactly(&r, made.proof, sizeof(made.proof)) ||
        !get_key(&r, KEY_BACK_ENDS) || !get_back_ends(&r, &made) || !get_key(&r, KEY_DESCRIPTION) ||
        !get_text(&r, made.description) || !is_printable(made.description) || reader_left(&r) != 0)
        return false;
    *ret = made;
    return true;
}
