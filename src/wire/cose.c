#include "wire/cose.h"
#include "wire/cbor.h"

#define TAG_SIGN1     18
#define HEADER_ALG    1
#define HEADER_TYPE   3
#define HEADER_KID    4
#define ALG_ES256     (-7)
#define SIGN1_MEMBERS 4

bool cose_protected(const char *type, struct buffer *b)
{
    bool typed = type[0] != 0;

    if (!cbor_put_map(b, typed ? 2 : 1) || !cbor_put_int(b, HEADER_ALG) ||
        !cbor_put_int(b, ALG_ES256))
        return false;
    return !typed || (cbor_put_int(b, HEADER_TYPE) && cbor_put_text(b, bytes_of_text(type)));
}

/* RFC 9052, 4.4. */
bool cose_to_sign(struct bytes protected, struct bytes external_aad, struct bytes payload,
                  struct buffer *b)
{
    return cbor_put_array(b, SIGN1_MEMBERS) && cbor_put_text(b, bytes_of_text("Signature1")) &&
           cbor_put_bytes(b, protected) && cbor_put_bytes(b, external_aad) &&
           cbor_put_bytes(b, payload);
}

/* {1: -7} or {1: -7, 3: text}, and nothing else. */
static bool read_protected(struct bytes in, struct bytes *ret_type)
{
    struct reader r = reader_of(in);
    struct cbor_map map;
    int64_t key;
    int64_t alg = 0;
    struct bytes type = {0};

    if (!cbor_map_begin(&r, &map))
        return false;
    while (cbor_map_next(&map, &key)) {
        if (key == HEADER_ALG ? !cbor_get_int(&r, &alg)
                              : key != HEADER_TYPE || !cbor_get_text(&r, &type) || type.len == 0)
            return false;
    }
    if (!cbor_map_done(&map) || alg != ALG_ES256 || reader_left(&r) != 0)
        return false;
    *ret_type = type;
    return true;
}

/* {} or {4: bytes}. */
static bool read_unprotected(struct reader *r, struct bytes *ret_kid)
{
    size_t n;
    int64_t key;

    *ret_kid = (struct bytes){0};
    if (!cbor_get_map(r, &n) || n > 1)
        return false;
    return n == 0 || (cbor_get_int(r, &key) && key == HEADER_KID && cbor_get_bytes(r, ret_kid) &&
                      ret_kid->len > 0);
}

bool cose_encode(const struct cose_sign1 *m, struct buffer *b)
{
    struct bytes type;

    if (!read_protected(m->protected, &type) || m->signature.len != COSE_SIG_LEN)
        return false;
    if (!cbor_put_tag(b, TAG_SIGN1) || !cbor_put_array(b, SIGN1_MEMBERS) ||
        !cbor_put_bytes(b, m->protected) || !cbor_put_map(b, m->kid.len ? 1 : 0))
        return false;
    if (m->kid.len && (!cbor_put_int(b, HEADER_KID) || !cbor_put_bytes(b, m->kid)))
        return false;
    return cbor_put_bytes(b, m->payload) && cbor_put_bytes(b, m->signature);
}

bool cose_decode(struct bytes in, struct cose_sign1 *ret)
{
    struct reader r = reader_of(in);
    struct cose_sign1 m = {0};
    uint64_t tag;
    size_t n;

    if (!cbor_get_tag(&r, &tag) || tag != TAG_SIGN1 || !cbor_get_array(&r, &n) ||
        n != SIGN1_MEMBERS)
        return false;
    if (!cbor_get_bytes(&r, &m.protected) || !read_protected(m.protected, &m.type) ||
        !read_unprotected(&r, &m.kid) || !cbor_get_bytes(&r, &m.payload) ||
        !cbor_get_bytes(&r, &m.signature))
        return false;
    if (m.signature.len != COSE_SIG_LEN || reader_left(&r) != 0)
        return false;
    *ret = m;
    return true;
}
