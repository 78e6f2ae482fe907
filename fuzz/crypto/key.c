#include "crypto/key.h"
#include "base/limits.h"

#include "fuzz.h"

/* An accepted private key signs, and what it signs verifies; public keys survive being written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct bytes message = bytes_of_text("message");
    struct idevs_error err;
    uint8_t signature[ES256_LEN];
    uint8_t raw[X25519_LEN];
    uint8_t again[X25519_LEN];
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    _cleanup_key_ struct key *key = key_load(in, &err);
    _cleanup_x25519_ struct x25519_key *x25519 = x25519_load(in, &err);
    _cleanup_public_key_ struct public_key *public = public_key_from_pem(in);

    if (key) {
        _cleanup_public_key_ struct public_key *own = public_key_of(key);
        if (!key_sign(key, message, signature) || !public_key_verify(own, message, signature))
            abort();
    }
    if (x25519) {
        x25519_public(x25519, raw);
        if (!x25519_public_pem(raw, &pem))
            abort();
    }
    buffer_clear(&pem);
    if (public && !public_key_pem(public, &pem))
        abort();
    buffer_clear(&pem);
    if (x25519_public_from_pem(in, raw) &&
        (!x25519_public_pem(raw, &pem) || !x25519_public_from_pem(buffer_bytes(&pem), again) ||
         memcmp(raw, again, sizeof(raw)) != 0))
        abort();
    return 0;
}
