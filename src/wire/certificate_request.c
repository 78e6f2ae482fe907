#include "wire/certificate_request.h"
#include "wire/cbor.h"

enum {
    KEY_CHALLENGE = 1,
    KEY_CSR = 2,
    KEY_MANIFEST = 3,
};

static bool lengths_are_valid(const struct certificate_request *r)
{
    return r->challenge.len == CHALLENGE_LEN && r->csr.len >= 1 && r->csr.len <= LIMIT_CSR &&
           r->manifest.len >= 1 && r->manifest.len <= LIMIT_MANIFEST;
}

bool certificate_request_encode(const struct certificate_request *r, struct buffer *b)
{
    return lengths_are_valid(r) && cbor_put_map(b, 3) && cbor_put_uint(b, KEY_CHALLENGE) &&
           cbor_put_bytes(b, r->challenge) && cbor_put_uint(b, KEY_CSR) &&
           cbor_put_bytes(b, r->csr) && cbor_put_uint(b, KEY_MANIFEST) &&
           cbor_put_bytes(b, r->manifest);
}

/* Exactly the key `wanted` and a byte string. */
static bool get_entry(struct reader *r, uint64_t wanted, struct bytes *ret)
{
    uint64_t key;

    return cbor_get_uint(r, &key) && key == wanted && cbor_get_bytes(r, ret);
}

bool certificate_request_decode(struct bytes in, struct certificate_request *ret)
{
    struct reader r = reader_of(in);
    struct certificate_request made;
    size_t n;

    if (in.len > LIMIT_CERTIFICATE_REQUEST || !cbor_get_map(&r, &n) || n != 3 ||
        !get_entry(&r, KEY_CHALLENGE, &made.challenge) || !get_entry(&r, KEY_CSR, &made.csr) ||
        !get_entry(&r, KEY_MANIFEST, &made.manifest) || reader_left(&r) != 0 ||
        !lengths_are_valid(&made))
        return false;
    *ret = made;
    return true;
}
