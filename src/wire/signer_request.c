#include "wire/signer_request.h"
#include "base/codes.h"
#include "base/text.h"
#include "wire/cbor.h"

#include <stdio.h>

enum {
    KEY_KIND = 0,
    KEY_TIER = 1,
    KEY_PROGRAM = 2,
    KEY_SPKI = 3,
    KEY_NOT_BEFORE = 4,
    KEY_NOT_AFTER = 5,
    KEY_CLAIMS = 6,
    N_KEYS = 7,

    KEY_DER = 1,
    KEY_CODE = 10,
    KEY_FOUND = 11,

    KIND_CERTIFICATE = 1,
};

bool signer_request_encode(const struct signer_request *r, struct buffer *b)
{
    return r->claims.len <= LIMIT_SIGNER_CLAIMS && cbor_put_map(b, N_KEYS) &&
           cbor_put_uint(b, KEY_KIND) && cbor_put_uint(b, KIND_CERTIFICATE) &&
           cbor_put_uint(b, KEY_TIER) && cbor_put_uint(b, (uint64_t)r->tier) &&
           cbor_put_uint(b, KEY_PROGRAM) && cbor_put_text(b, bytes_of_text(r->program)) &&
           cbor_put_uint(b, KEY_SPKI) && cbor_put_bytes(b, r->spki) &&
           cbor_put_uint(b, KEY_NOT_BEFORE) && cbor_put_int(b, r->not_before) &&
           cbor_put_uint(b, KEY_NOT_AFTER) && cbor_put_int(b, r->not_after) &&
           cbor_put_uint(b, KEY_CLAIMS) && cbor_put_bytes(b, r->claims);
}

static bool get_key(struct reader *r, uint64_t wanted)
{
    uint64_t key;

    return cbor_get_uint(r, &key) && key == wanted;
}

static bool get_tier(struct reader *r, enum tier *ret)
{
    uint64_t tier;

    if (!cbor_get_uint(r, &tier) || tier >= TIERS)
        return false;
    *ret = (enum tier)tier;
    return true;
}

static bool get_text(struct reader *r, char *ret, size_t size)
{
    struct bytes v;

    if (!cbor_get_text(r, &v) || v.len >= size || (v.len && memchr(v.data, 0, v.len)))
        return false;
    if (v.len)
        memcpy(ret, v.data, v.len);
    ret[v.len] = 0;
    return true;
}

bool signer_request_decode(struct bytes in, struct signer_request *ret)
{
    struct reader r = reader_of(in);
    struct signer_request made = {0};
    uint64_t kind;
    size_t n;

    if (in.len > LIMIT_SIGNER_MESSAGE || !cbor_get_map(&r, &n) || n != N_KEYS ||
        !get_key(&r, KEY_KIND) || !cbor_get_uint(&r, &kind) || kind != KIND_CERTIFICATE ||
        !get_key(&r, KEY_TIER) || !get_tier(&r, &made.tier) || !get_key(&r, KEY_PROGRAM) ||
        !get_text(&r, made.program, sizeof(made.program)) || !get_key(&r, KEY_SPKI) ||
        !cbor_get_bytes(&r, &made.spki) || !get_key(&r, KEY_NOT_BEFORE) ||
        !cbor_get_int(&r, &made.not_before) || !get_key(&r, KEY_NOT_AFTER) ||
        !cbor_get_int(&r, &made.not_after) || !get_key(&r, KEY_CLAIMS) ||
        !cbor_get_bytes(&r, &made.claims) || made.claims.len == 0 ||
        made.claims.len > LIMIT_SIGNER_CLAIMS || reader_left(&r) != 0)
        return false;
    *ret = made;
    return true;
}

bool signer_answer_encode(struct bytes der, struct buffer *b)
{
    return cbor_put_map(b, 2) && cbor_put_uint(b, KEY_KIND) && cbor_put_uint(b, KIND_CERTIFICATE) &&
           cbor_put_uint(b, KEY_DER) && cbor_put_bytes(b, der);
}

bool signer_refusal_encode(const struct idevs_error *err, struct buffer *b)
{
    return cbor_put_map(b, 2) && cbor_put_uint(b, KEY_CODE) &&
           cbor_put_text(b, bytes_of_text(err->code)) && cbor_put_uint(b, KEY_FOUND) &&
           cbor_put_text(b, bytes_of_text(err->found));
}

/* A refusal with a code of the catalogue. */
static bool decode_refusal(struct reader r, struct idevs_error *ret)
{
    struct idevs_error told = {0};
    size_t n;

    if (!cbor_get_map(&r, &n) || n != 2 || !get_key(&r, KEY_CODE) ||
        !get_text(&r, told.code, sizeof(told.code)) || !code_find(told.code) ||
        !get_key(&r, KEY_FOUND) || !get_text(&r, told.found, sizeof(told.found)) ||
        reader_left(&r) != 0)
        return false;
    *ret = told;
    return true;
}

bool signer_answer_decode(struct bytes in, struct bytes *ret_der, struct idevs_error *ret_err)
{
    struct reader r = reader_of(in);
    struct idevs_error refusal;
    struct bytes der;
    uint64_t kind;
    size_t n;

    if (decode_refusal(r, &refusal))
        return refuse(ret_err, refusal.code, "%s", refusal.found);
    if (!cbor_get_map(&r, &n) || n != 2 || !get_key(&r, KEY_KIND) || !cbor_get_uint(&r, &kind) ||
        kind != KIND_CERTIFICATE || !get_key(&r, KEY_DER) || !cbor_get_bytes(&r, &der) ||
        der.len == 0 || der.len > LIMIT_CERTIFICATE || reader_left(&r) != 0)
        return refuse(ret_err, "signer.answer", "%zu bytes that are no answer", in.len);
    *ret_der = der;
    return true;
}
