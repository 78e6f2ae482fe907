#include "crypto/hpke.h"
#include "crypto/aead.h"
#include "crypto/algorithms.h"
#include "crypto/handles.h"
#include "crypto/hkdf.h"

#define LABELED_ROOM 256 /* suite, label, contexts: our longest is the 65-byte key schedule's */
#define MODE_BASE    0

/* RFC 9180, 4.1: "KEM" || I2OSP(kem_id, 2). */
static const uint8_t KEM_SUITE[] = {'K', 'E', 'M', 0x00, 0x20};
/* 5.1: "HPKE" || kem_id || kdf_id || aead_id. */
static const uint8_t HPKE_SUITE[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x01};

struct suite {
    struct bytes id;
};
#define SUITE(a) ((struct suite){{(a), sizeof(a)}})

/* 4: LabeledExtract(salt, label, ikm). */
static bool labeled_extract(struct suite suite, struct bytes salt, const char *label,
                            struct bytes ikm, uint8_t ret[SHA256_LEN])
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(ikm.len + LABELED_ROOM);

    return buffer_append_text(&b, "HPKE-v1") && buffer_append_bytes(&b, suite.id) &&
           buffer_append_text(&b, label) && buffer_append_bytes(&b, ikm) &&
           hkdf_extract(salt, buffer_bytes(&b), ret);
}

/* 4: LabeledExpand(prk, label, info, L). */
static bool labeled_expand(struct suite suite, const uint8_t prk[SHA256_LEN], const char *label,
                           struct bytes info, uint8_t *ret, size_t len)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(info.len + LABELED_ROOM);

    return len <= UINT16_MAX && buffer_append_u16(&b, (uint16_t)len) &&
           buffer_append_text(&b, "HPKE-v1") && buffer_append_bytes(&b, suite.id) &&
           buffer_append_text(&b, label) && buffer_append_bytes(&b, info) &&
           hkdf_expand(prk, buffer_bytes(&b), ret, len);
}

/* 4.1: ExtractAndExpand(dh, enc || pkR). */
static bool kem_secret(const uint8_t dh[X25519_LEN], const uint8_t enc[HPKE_ENC_LEN],
                       const uint8_t recipient[X25519_LEN], uint8_t ret[SHA256_LEN])
{
    uint8_t context[HPKE_ENC_LEN + X25519_LEN];
    uint8_t prk[SHA256_LEN];

    memcpy(context, enc, HPKE_ENC_LEN);
    memcpy(context + HPKE_ENC_LEN, recipient, X25519_LEN);
    bool ok = labeled_extract(SUITE(KEM_SUITE), bytes_of("", 0), "eae_prk",
                              bytes_of(dh, X25519_LEN), prk) &&
              labeled_expand(SUITE(KEM_SUITE), prk, "shared_secret",
                             bytes_of(context, sizeof(context)), ret, SHA256_LEN);
    wipe(prk, sizeof(prk));
    return ok;
}

/* mode || psk_id_hash || info_hash */
static bool schedule_context(struct bytes info, uint8_t ret[1 + 2 * SHA256_LEN])
{
    ret[0] = MODE_BASE;
    return labeled_extract(SUITE(HPKE_SUITE), bytes_of("", 0), "psk_id_hash", bytes_of("", 0),
                           ret + 1) &&
           labeled_extract(SUITE(HPKE_SUITE), bytes_of("", 0), "info_hash", info,
                           ret + 1 + SHA256_LEN);
}

/* 5.1: KeySchedule in mode base. */
static bool key_schedule(const uint8_t shared[SHA256_LEN], struct bytes info, struct hpke *ret)
{
    uint8_t context[1 + 2 * SHA256_LEN];
    uint8_t secret[SHA256_LEN];
    struct bytes c = bytes_of(context, sizeof(context));
    struct suite suite = SUITE(HPKE_SUITE);

    *ret = (struct hpke){0};
    bool ok =
        schedule_context(info, context) &&
        labeled_extract(suite, bytes_of(shared, SHA256_LEN), "secret", bytes_of("", 0), secret) &&
        labeled_expand(suite, secret, "key", c, ret->key, sizeof(ret->key)) &&
        labeled_expand(suite, secret, "base_nonce", c, ret->base_nonce, sizeof(ret->base_nonce)) &&
        labeled_expand(suite, secret, "exp", c, ret->exporter, sizeof(ret->exporter));
    wipe(secret, sizeof(secret));
    return ok;
}

static bool setup(const struct x25519_key *own, const uint8_t peer[X25519_LEN],
                  const uint8_t enc[HPKE_ENC_LEN], const uint8_t recipient[X25519_LEN],
                  struct bytes info, struct hpke *ret)
{
    uint8_t dh[X25519_LEN];
    uint8_t shared[SHA256_LEN];
    struct hpke made;

    bool ok = x25519_shared(own, peer, dh) && kem_secret(dh, enc, recipient, shared) &&
              key_schedule(shared, info, &made);
    wipe(dh, sizeof(dh));
    wipe(shared, sizeof(shared));
    if (ok)
        *ret = made;
    hpke_wipe(&made);
    return ok;
}

void hpke_wipe(struct hpke *h)
{
    wipe(h, sizeof(*h));
}

bool hpke_setup_sender(const uint8_t recipient[X25519_LEN], struct bytes info,
                       const struct x25519_key *ephemeral, uint8_t ret_enc[HPKE_ENC_LEN],
                       struct hpke *ret)
{
    uint8_t enc[HPKE_ENC_LEN];
    _cleanup_x25519_ struct x25519_key *fresh = ephemeral ? NULL : x25519_generate();
    const struct x25519_key *own = ephemeral ? ephemeral : fresh;

    x25519_public(own, enc);
    if (!setup(own, recipient, enc, recipient, info, ret))
        return false;
    memcpy(ret_enc, enc, sizeof(enc));
    return true;
}

bool hpke_setup_receiver(const uint8_t enc[HPKE_ENC_LEN], const struct x25519_key *recipient,
                         struct bytes info, struct hpke *ret)
{
    uint8_t public[X25519_LEN];

    x25519_public(recipient, public);
    return setup(recipient, enc, enc, public, info, ret);
}

/* 5.2: base_nonce XOR I2OSP(seq, Nn). */
static void nonce_of(const struct hpke *h, uint8_t ret[HPKE_NONCE_LEN])
{
    memcpy(ret, h->base_nonce, HPKE_NONCE_LEN);
    for (size_t i = 0; i < 8; i++)
        ret[HPKE_NONCE_LEN - 1 - i] ^= (uint8_t)(h->sequence >> (8 * i));
}

bool hpke_seal(struct hpke *h, struct bytes aad, struct bytes plaintext, struct buffer *b)
{
    uint8_t nonce[HPKE_NONCE_LEN];
    struct gcm g = {algorithms()->aes_128_gcm, h->key, nonce};

    nonce_of(h, nonce);
    if (h->sequence == UINT64_MAX || !gcm_seal(&g, aad, plaintext, b))
        return false;
    h->sequence++;
    return true;
}

bool hpke_open(struct hpke *h, struct bytes aad, struct bytes ciphertext, struct buffer *b)
{
    uint8_t nonce[HPKE_NONCE_LEN];
    struct gcm g = {algorithms()->aes_128_gcm, h->key, nonce};

    nonce_of(h, nonce);
    if (h->sequence == UINT64_MAX || !gcm_open(&g, aad, ciphertext, b))
        return false;
    h->sequence++;
    return true;
}

bool hpke_export(const struct hpke *h, struct bytes context, uint8_t *ret, size_t len)
{
    return labeled_expand(SUITE(HPKE_SUITE), h->exporter, "sec", context, ret, len);
}

/* RFC 9458, 4.4: salt = enc || response_nonce; prk = Extract(salt, secret); key and nonce by
 * Expand.
 */
bool ohttp_response_aead(const struct hpke *h, const uint8_t enc[HPKE_ENC_LEN],
                         const uint8_t response_nonce[16], struct aead *ret)
{
    uint8_t secret[HPKE_KEY_LEN];
    uint8_t salt[HPKE_ENC_LEN + 16];
    uint8_t prk[SHA256_LEN];

    memcpy(salt, enc, HPKE_ENC_LEN);
    memcpy(salt + HPKE_ENC_LEN, response_nonce, 16);
    bool ok = hpke_export(h, bytes_of_text("message/bhttp response"), secret, sizeof(secret)) &&
              hkdf_extract(bytes_of(salt, sizeof(salt)), bytes_of(secret, sizeof(secret)), prk) &&
              hkdf_expand(prk, bytes_of_text("key"), ret->key, sizeof(ret->key)) &&
              hkdf_expand(prk, bytes_of_text("nonce"), ret->nonce, sizeof(ret->nonce));
    wipe(secret, sizeof(secret));
    wipe(prk, sizeof(prk));
    return ok;
}
