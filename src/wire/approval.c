#include "wire/approval.h"
#include "base/text.h"
#include "wire/cbor.h"

#define DIGEST_LEN 32

enum key {
    KEY_PROGRAM = 1,
    KEY_MANIFEST = 2,
    KEY_SOURCE = 3, /* these two together */
    KEY_TOOLCHAINS = 4,
    KEY_EXECUTABLE = 5,
    KEY_ISSUED_AT = 6,
};

static bool is_valid(const struct approval *a)
{
    if (!name_is_valid(a->program, LIMIT_PROGRAM_NAME) || a->issued_at < 0 ||
        a->n_toolchains > LIMIT_TOOLCHAINS)
        return false;
    return a->has_source == (a->n_toolchains > 0) && (a->has_source || a->has_executable);
}

static bool put_digest(struct buffer *b, enum key key, const uint8_t digest[DIGEST_LEN])
{
    return cbor_put_uint(b, key) && cbor_put_bytes(b, bytes_of(digest, DIGEST_LEN));
}

static bool put_toolchains(const struct approval *a, struct buffer *b)
{
    if (!cbor_put_uint(b, KEY_TOOLCHAINS) || !cbor_put_array(b, a->n_toolchains))
        return false;
    for (size_t i = 0; i < a->n_toolchains; i++)
        if (!cbor_put_bytes(b, bytes_of(a->toolchains[i], DIGEST_LEN)))
            return false;
    return true;
}

bool approval_encode(const struct approval *a, struct buffer *b)
{
    if (!is_valid(a) ||
        !cbor_put_map(b, 3 + (a->has_source ? 2U : 0U) + (a->has_executable ? 1U : 0U)) ||
        !cbor_put_uint(b, KEY_PROGRAM) || !cbor_put_text(b, bytes_of_text(a->program)) ||
        !put_digest(b, KEY_MANIFEST, a->manifest))
        return false;
    if (a->has_source && (!put_digest(b, KEY_SOURCE, a->source) || !put_toolchains(a, b)))
        return false;
    if (a->has_executable && !put_digest(b, KEY_EXECUTABLE, a->executable))
        return false;
    return cbor_put_uint(b, KEY_ISSUED_AT) && cbor_put_int(b, a->issued_at);
}

static bool get_digest(struct reader *r, uint8_t ret[DIGEST_LEN])
{
    struct bytes in;

    if (!cbor_get_bytes(r, &in) || in.len != DIGEST_LEN)
        return false;
    memcpy(ret, in.data, DIGEST_LEN);
    return true;
}

static bool get_program(struct reader *r, struct approval *ret)
{
    struct bytes name;

    if (!cbor_get_text(r, &name) || name.len > LIMIT_PROGRAM_NAME ||
        (name.len && memchr(name.data, 0, name.len)))
        return false;
    memcpy(ret->program, name.data, name.len);
    return true;
}

static bool get_toolchains(struct reader *r, struct approval *ret)
{
    if (!cbor_get_array(r, &ret->n_toolchains) || ret->n_toolchains > LIMIT_TOOLCHAINS)
        return false;
    for (size_t i = 0; i < ret->n_toolchains; i++)
        if (!get_digest(r, ret->toolchains[i]))
            return false;
    return true;
}

static bool get_value(struct reader *r, int64_t key, struct approval *ret)
{
    switch (key) {
    case KEY_PROGRAM:
        return get_program(r, ret);
    case KEY_MANIFEST:
        return get_digest(r, ret->manifest);
    case KEY_SOURCE:
        ret->has_source = true;
        return get_digest(r, ret->source);
    case KEY_TOOLCHAINS:
        return get_toolchains(r, ret);
    case KEY_EXECUTABLE:
        ret->has_executable = true;
        return get_digest(r, ret->executable);
    case KEY_ISSUED_AT:
        return cbor_get_int(r, &ret->issued_at);
    default:
        return false;
    }
}

bool approval_decode(struct bytes in, struct approval *ret)
{
    struct reader r = reader_of(in);
    struct cbor_map map;
    int64_t key;
    unsigned seen = 0;
    const unsigned required = 1U << KEY_PROGRAM | 1U << KEY_MANIFEST | 1U << KEY_ISSUED_AT;

    *ret = (struct approval){0};
    if (!cbor_map_begin(&r, &map))
        return false;
    while (cbor_map_next(&map, &key)) {
        if (!get_value(&r, key, ret))
            return false;
        seen |= 1U << key;
    }
    return cbor_map_done(&map) && reader_left(&r) == 0 && (seen & required) == required &&
           is_valid(ret);
}
