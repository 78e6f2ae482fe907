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

    KEY_NUMBER = 2, /* of a list */
    KEY_THIS_UPDATE = 3,
    KEY_NEXT_UPDATE = 4,
    KEY_THROUGH = 5,
    KEY_ENTRIES = 6,

    KIND_CERTIFICATE = 1,
    KIND_LIST = 2,
};

#define SERIAL_ROOM 20

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

/* ---- lists ---- */

bool signer_list_encode(const struct signer_list *l, struct buffer *b)
{
    return cbor_put_map(b, N_KEYS) && cbor_put_uint(b, KEY_KIND) && cbor_put_uint(b, KIND_LIST) &&
           cbor_put_uint(b, KEY_TIER) && cbor_put_uint(b, (uint64_t)l->tier) &&
           cbor_put_uint(b, KEY_NUMBER) && cbor_put_uint(b, l->number) &&
           cbor_put_uint(b, KEY_THIS_UPDATE) && cbor_put_int(b, l->this_update) &&
           cbor_put_uint(b, KEY_NEXT_UPDATE) && cbor_put_int(b, l->next_update) &&
           cbor_put_uint(b, KEY_THROUGH) && cbor_put_int(b, l->through) &&
           cbor_put_uint(b, KEY_ENTRIES) && cbor_put_bytes(b, l->entries);
}

static bool entries_fit(struct bytes entries)
{
    return entries.len % SIGNER_ENTRY_LEN == 0 && entries.len / SIGNER_ENTRY_LEN <= LIMIT_REVOKED;
}

bool signer_list_decode(struct bytes in, struct signer_list *ret)
{
    struct reader r = reader_of(in);
    struct signer_list made = {0};
    uint64_t kind;
    size_t n;

    if (in.len > LIMIT_SIGNER_LIST || !cbor_get_map(&r, &n) || n != N_KEYS ||
        !get_key(&r, KEY_KIND) || !cbor_get_uint(&r, &kind) || kind != KIND_LIST ||
        !get_key(&r, KEY_TIER) || !get_tier(&r, &made.tier) || !get_key(&r, KEY_NUMBER) ||
        !cbor_get_uint(&r, &made.number) || !get_key(&r, KEY_THIS_UPDATE) ||
        !cbor_get_int(&r, &made.this_update) || !get_key(&r, KEY_NEXT_UPDATE) ||
        !cbor_get_int(&r, &made.next_update) || !get_key(&r, KEY_THROUGH) ||
        !cbor_get_int(&r, &made.through) || !get_key(&r, KEY_ENTRIES) ||
        !cbor_get_bytes(&r, &made.entries) || !entries_fit(made.entries) || reader_left(&r) != 0)
        return false;
    *ret = made;
    return true;
}

bool signer_entry_put(const struct signer_entry *e, struct buffer *entries)
{
    return e->serial.len == SERIAL_ROOM && e->at >= 0 && buffer_append_bytes(entries, e->serial) &&
           buffer_append_u64(entries, (uint64_t)e->at) && buffer_append_u8(entries, e->reason);
}

bool signer_entry_next(struct reader *entries, struct signer_entry *ret)
{
    uint64_t at;

    if (!reader_bytes(entries, SERIAL_ROOM, &ret->serial) || !reader_u64(entries, &at) ||
        !reader_u8(entries, &ret->reason))
        return false;
    ret->at = at > INT64_MAX ? -1 : (int64_t)at;
    return true;
}

/* ---- answers ---- */

static bool put_answer(uint64_t kind, struct bytes der, struct buffer *b)
{
    return cbor_put_map(b, 2) && cbor_put_uint(b, KEY_KIND) && cbor_put_uint(b, kind) &&
           cbor_put_uint(b, KEY_DER) && cbor_put_bytes(b, der);
}

bool signer_answer_encode(struct bytes der, struct buffer *b)
{
    return put_answer(KIND_CERTIFICATE, der, b);
}

bool signer_list_answer_encode(struct bytes der, struct buffer *b)
{
    return put_answer(KIND_LIST, der, b);
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

static bool get_answer(struct bytes in, uint64_t wanted, size_t max, struct bytes *ret_der,
                       struct idevs_error *ret_err)
{
    struct reader r = reader_of(in);
    struct idevs_error refusal;
    struct bytes der;
    uint64_t kind;
    size_t n;

    if (decode_refusal(r, &refusal))
        return refuse(ret_err, refusal.code, "%s", refusal.found);
    if (!cbor_get_map(&r, &n) || n != 2 || !get_key(&r, KEY_KIND) || !cbor_get_uint(&r, &kind) ||
        kind != wanted || !get_key(&r, KEY_DER) || !cbor_get_bytes(&r, &der) || der.len == 0 ||
        der.len > max || reader_left(&r) != 0)
        return refuse(ret_err, "signer.answer", "%zu bytes that are no answer", in.len);
    *ret_der = der;
    return true;
}

bool signer_answer_decode(struct bytes in, struct bytes *ret_der, struct idevs_error *ret_err)
{
    return get_answer(in, KIND_CERTIFICATE, LIMIT_CERTIFICATE, ret_der, ret_err);
}

bool signer_list_answer_decode(struct bytes in, struct bytes *ret_der, struct idevs_error *ret_err)
{
    return get_answer(in, KIND_LIST, LIMIT_REVOCATION_LIST, ret_der, ret_err);
}
