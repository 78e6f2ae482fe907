#include "derived.h"

#include "base/limits.h"
#include "crypto/handles.h"
#include "crypto/hkdf.h"

#include <stdlib.h>

static void must(bool ok)
{
    if (!ok)
        abort();
}

void derived_add(struct derived *d, const char *name, const void *bytes, size_t len)
{
    must(d->n < ARRAY_LEN(d->at) && len <= sizeof(d->at[0].bytes));
    d->at[d->n].name = name;
    d->at[d->n].len = len;
    memcpy(d->at[d->n++].bytes, bytes, len);
}

/* "HPKE-v1" and the suite of RFC 9180: 4.1, 5.1. */
static const char KEM[] = "HPKE-v1KEM\0\x20";
static const char SCHEDULE[] = "HPKE-v1HPKE\0\x20\0\1\0\1";

static void extract(struct bytes salt, struct bytes prefix, const char *label, struct bytes ikm,
                    uint8_t ret[SHA256_LEN])
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(4));

    must(buffer_append_bytes(&b, prefix) && buffer_append_text(&b, label) &&
         buffer_append_bytes(&b, ikm) && hkdf_extract(salt, buffer_bytes(&b), ret));
}

static void kem(const struct x25519_key *receiver, const uint8_t enc[HPKE_ENC_LEN],
                struct derived *ret, uint8_t ret_shared[SHA256_LEN])
{
    const struct bytes prefix = bytes_of(KEM, sizeof(KEM) - 1);
    uint8_t dh[X25519_LEN];
    uint8_t prk[SHA256_LEN];
    uint8_t public[X25519_LEN];
    _cleanup_buffer_ struct buffer info = buffer_up_to(KIB(1));

    must(x25519_shared(receiver, enc, dh));
    extract(bytes_of("", 0), prefix, "eae_prk", bytes_of(dh, sizeof(dh)), prk);
    x25519_public(receiver, public);
    must(buffer_append_u16(&info, SHA256_LEN) && buffer_append_bytes(&info, prefix) &&
         buffer_append_text(&info, "shared_secret") && buffer_append(&info, enc, HPKE_ENC_LEN) &&
         buffer_append(&info, public, sizeof(public)) &&
         hkdf_expand(prk, buffer_bytes(&info), ret_shared, SHA256_LEN));
    derived_add(ret, "dh", dh, sizeof(dh));
    derived_add(ret, "eae_prk", prk, sizeof(prk));
    derived_add(ret, "shared_secret", ret_shared, SHA256_LEN);
}

void derived_of_encapsulation(const struct x25519_key *receiver, const uint8_t enc[HPKE_ENC_LEN],
                              struct bytes info, struct derived *ret)
{
    uint8_t shared[SHA256_LEN];
    uint8_t secret[SHA256_LEN];
    _cleanup_hpke_ struct hpke h;

    kem(receiver, enc, ret, shared);
    extract(bytes_of(shared, sizeof(shared)), bytes_of(SCHEDULE, sizeof(SCHEDULE) - 1), "secret",
            bytes_of("", 0), secret);
    derived_add(ret, "secret", secret, sizeof(secret));
    must(hpke_setup_receiver(enc, receiver, info, &h));
    derived_add(ret, "key", h.key, sizeof(h.key));
    derived_add(ret, "base_nonce", h.base_nonce, sizeof(h.base_nonce));
    derived_add(ret, "exporter_secret", h.exporter, sizeof(h.exporter));
}

void derived_of_response(const struct hpke *h, const uint8_t enc[HPKE_ENC_LEN], struct bytes nonce,
                         struct derived *ret)
{
    uint8_t secret[HPKE_KEY_LEN];
    uint8_t prk[SHA256_LEN];
    struct aead a;
    _cleanup_buffer_ struct buffer salt = buffer_up_to(KIB(1));

    must(nonce.len == OHTTP_NONCE_LEN && buffer_append(&salt, enc, HPKE_ENC_LEN) &&
         buffer_append_bytes(&salt, nonce) &&
         hpke_export(h, bytes_of_text("message/bhttp response"), secret, sizeof(secret)) &&
         hkdf_extract(buffer_bytes(&salt), bytes_of(secret, sizeof(secret)), prk) &&
         ohttp_response_aead(h, enc, nonce.data, &a));
    derived_add(ret, "response_secret", secret, sizeof(secret));
    derived_add(ret, "response_prk", prk, sizeof(prk));
    derived_add(ret, "response_key", a.key, sizeof(a.key));
    derived_add(ret, "response_nonce", a.nonce, sizeof(a.nonce));
}

void derived_of_rest(struct bytes secret, const char *label, struct bytes salt, struct derived *ret)
{
    uint8_t prk[SHA256_LEN];
    uint8_t keys[32 + HPKE_NONCE_LEN];

    must(hkdf_extract(salt, secret, prk) &&
         hkdf_expand(prk, bytes_of_text(label), keys, sizeof(keys)));
    derived_add(ret, "rest_prk", prk, sizeof(prk));
    derived_add(ret, "rest_key", keys, 32);
    derived_add(ret, "rest_nonce", keys + 32, HPKE_NONCE_LEN);
}
