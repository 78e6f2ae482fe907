#include "wire/revocation.h"
#include "wire/cbor.h"

enum {
    KEY_WHAT = 1,
    KEY_ID = 2,
    KEY_REASON = 3,
    KEY_ISSUED_AT = 4,
    KEY_NONCE = 5,
    N_KEYS = 5,
};

static const struct {
    uint8_t reason;
    const char *name;
} REASONS[] = {
    {0, "unspecified"}, {1, "key-compromise"},         {3, "affiliation-changed"},
    {4, "superseded"},  {5, "cessation-of-operation"}, {9, "privilege-withdrawn"},
};

const char *revocation_reason_name(unsigned reason)
{
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++)
        if (REASONS[i].reason == reason)
            return REASONS[i].name;
    return NULL;
}

bool revocation_reason_from_name(const char *name, uint8_t *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++)
        if (strcmp(REASONS[i].name, name) == 0) {
            *ret = REASONS[i].reason;
            return true;
        }
    return false;
}

size_t revocation_id_len(enum revoke what)
{
    switch (what) {
    case REVOKE_CERTIFICATE:
        return 20;
    case REVOKE_EXECUTABLE:
    case REVOKE_PLATFORM:
        return 32;
    default:
        return 0;
    }
}

bool revocation_encode(const struct revocation *r, struct buffer *b)
{
    return r->what >= REVOKE_CERTIFICATE && r->what <= REVOKE_EVERYTHING && r->issued_at >= 0 &&
           revocation_reason_name(r->reason) && cbor_put_map(b, N_KEYS) &&
           cbor_put_uint(b, KEY_WHAT) && cbor_put_uint(b, (uint64_t)r->what) &&
           cbor_put_uint(b, KEY_ID) &&
           cbor_put_bytes(b, bytes_of(r->id, revocation_id_len(r->what))) &&
           cbor_put_uint(b, KEY_REASON) && cbor_put_uint(b, r->reason) &&
           cbor_put_uint(b, KEY_ISSUED_AT) && cbor_put_int(b, r->issued_at) &&
           cbor_put_uint(b, KEY_NONCE) && cbor_put_bytes(b, bytes_of(r->nonce, sizeof(r->nonce)));
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
    if (len)
        memcpy(ret, v.data, len);
    return true;
}

bool revocation_decode(struct bytes in, struct revocation *ret)
{
    struct reader r = reader_of(in);
    struct revocation made = {0};
    uint64_t what;
    uint64_t reason;
    size_t n;

    if (in.len > LIMIT_REVOCATION || !cbor_get_map(&r, &n) || n != N_KEYS ||
        !get_key(&r, KEY_WHAT) || !cbor_get_uint(&r, &what) || what < REVOKE_CERTIFICATE ||
        what > REVOKE_EVERYTHING || !get_key(&r, KEY_ID) ||
        !get_exactly(&r, made.id, revocation_id_len((enum revoke)what)) ||
        !get_key(&r, KEY_REASON) || !cbor_get_uint(&r, &reason) || reason > UINT8_MAX ||
        !revocation_reason_name((unsigned)reason) || !get_key(&r, KEY_ISSUED_AT) ||
        !cbor_get_int(&r, &made.issued_at) || made.issued_at < 0 || !get_key(&r, KEY_NONCE) ||
        !get_exactly(&r, made.nonce, sizeof(made.nonce)) || reader_left(&r) != 0)
        return false;
    made.what = (enum revoke)what;
    made.reason = (uint8_t)reason;
    *ret = made;
    return true;
}
