#include "wire/tpm.h"
#include "wire/cbor.h"

#define ALG_ECC        0x0023
#define ALG_SHA256     0x000b
#define ALG_NULL       0x0010
#define ALG_ECDSA      0x0018
#define CURVE_P256     0x0003
#define COORDINATE_LEN (TPM_POINT_LEN / 2)

static bool take_u16(struct reader *r, uint16_t wanted)
{
    uint16_t v;

    return reader_u16(r, &v) && v == wanted;
}

static bool take_u32(struct reader *r, uint32_t wanted)
{
    uint32_t v;

    return reader_u32(r, &v) && v == wanted;
}

static bool take_sized(struct reader *r, struct bytes *ret)
{
    uint16_t len;

    return reader_u16(r, &len) && reader_bytes(r, len, ret);
}

/* A TPM may leave leading zeros out. */
static bool take_coordinate(struct reader *r, uint8_t ret[COORDINATE_LEN])
{
    struct bytes v;

    if (!take_sized(r, &v) || v.len == 0 || v.len > COORDINATE_LEN)
        return false;
    memset(ret, 0, COORDINATE_LEN);
    memcpy(ret + COORDINATE_LEN - v.len, v.data, v.len);
    return true;
}

bool tpm_ak_decode(struct bytes in, uint8_t ret_point[TPM_POINT_LEN])
{
    struct reader r = reader_of(in);
    uint8_t point[TPM_POINT_LEN];

    if (!take_u16(&r, ALG_ECC) || !take_u16(&r, ALG_SHA256) || !take_u32(&r, TPM_AK_ATTRIBUTES) ||
        !take_u16(&r, 0) || /* authPolicy */
        !take_u16(&r, ALG_NULL) || !take_u16(&r, ALG_ECDSA) || !take_u16(&r, ALG_SHA256) ||
        !take_u16(&r, CURVE_P256) || !take_u16(&r, ALG_NULL) || !take_coordinate(&r, point) ||
        !take_coordinate(&r, point + COORDINATE_LEN) || reader_left(&r) != 0)
        return false;
    memcpy(ret_point, point, sizeof(point));
    return true;
}

bool tpm_credential_decode(struct bytes in, struct tpm_credential *ret)
{
    struct reader r = reader_of(in);
    struct tpm_credential made;

    if (in.len > LIMIT_TPM_CREDENTIAL || !take_sized(&r, &made.id_object) ||
        !take_sized(&r, &made.secret) || made.id_object.len == 0 || made.secret.len == 0 ||
        reader_left(&r) != 0)
        return false;
    *ret = made;
    return true;
}

/* An array of so many byte strings, and no byte more. */
static bool put_array(const struct bytes *items, size_t n, struct buffer *b)
{
    if (!cbor_put_array(b, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!cbor_put_bytes(b, items[i]))
            return false;
    return true;
}

static bool get_array(struct bytes in, struct bytes *ret, size_t wanted)
{
    struct reader r = reader_of(in);
    size_t n;

    if (!cbor_get_array(&r, &n) || n != wanted)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!cbor_get_bytes(&r, &ret[i]))
            return false;
    return reader_left(&r) == 0;
}

bool tpm_platform_request_encode(const struct tpm_platform_request *r, struct buffer *b)
{
    const struct bytes items[] = {r->platform, r->endorsement, r->key, r->quote};

    return put_array(items, ARRAY_LEN(items), b);
}

bool tpm_platform_request_decode(struct bytes in, struct tpm_platform_request *ret)
{
    struct bytes items[4];

    if (in.len > LIMIT_TPM_PLATFORM || !get_array(in, items, ARRAY_LEN(items)) ||
        items[3].len > LIMIT_TPM_QUOTE)
        return false;
    *ret = (struct tpm_platform_request){items[0], items[1], items[2], items[3]};
    return true;
}

bool tpm_evidence_encode(const struct tpm_evidence *e, struct buffer *b)
{
    const struct bytes items[] = {e->claims, e->quote};

    return put_array(items, ARRAY_LEN(items), b);
}

bool tpm_evidence_decode(struct bytes in, struct tpm_evidence *ret)
{
    struct bytes items[2];

    if (!get_array(in, items, ARRAY_LEN(items)) || items[1].len > LIMIT_TPM_QUOTE)
        return false;
    *ret = (struct tpm_evidence){items[0], items[1]};
    return true;
}
