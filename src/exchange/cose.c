#include "exchange/cose.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "wire/cose.h"

bool cose_sign(const struct key *key, const char *type, struct bytes payload, struct buffer *b)
{
    uint8_t spki[SPKI_LEN];
    uint8_t kid[SHA256_LEN];
    uint8_t signature[ES256_LEN];
    _cleanup_buffer_ struct buffer protected = buffer_up_to(LIMIT_COSE_HEADERS);
    _cleanup_buffer_ struct buffer to_sign = buffer_up_to(payload.len + 2 * LIMIT_COSE_HEADERS);

    key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), kid);
    if (!cose_protected(type, &protected) ||
        !cose_to_sign(buffer_bytes(&protected), bytes_of("", 0), payload, &to_sign) ||
        !key_sign(key, buffer_bytes(&to_sign), signature))
        return false;
    struct cose_sign1 m = {.protected = buffer_bytes(&protected),
                           .type = bytes_of_text(type),
                           .kid = bytes_of(kid, sizeof(kid)),
                           .payload = payload,
                           .signature = bytes_of(signature, sizeof(signature))};
    return cose_encode(&m, b);
}

bool cose_verify(const struct public_key *key, const char *type, struct bytes in,
                 struct bytes *ret_payload)
{
    struct cose_sign1 m;
    _cleanup_buffer_ struct buffer signed_text = buffer_up_to(in.len + LIMIT_COSE_HEADERS);

    if (!cose_decode(in, &m) || !bytes_equal_text(m.type, type) || m.signature.len != ES256_LEN ||
        !cose_to_sign(m.protected, bytes_of("", 0), m.payload, &signed_text) ||
        !public_key_verify(key, buffer_bytes(&signed_text), m.signature.data))
        return false;
    *ret_payload = m.payload;
    return true;
}
