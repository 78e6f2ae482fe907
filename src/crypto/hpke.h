/* HPKE, RFC 9180, base mode, in the one suite DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM;
 * and the key schedule of an OHTTP response (RFC 9458, 4.4), which is HKDF and AEAD too. */
#ifndef IDEVS_CRYPTO_HPKE_H
#define IDEVS_CRYPTO_HPKE_H

#include "crypto/key.h"

#define HPKE_ENC_LEN   32
#define HPKE_TAG_LEN   16
#define HPKE_KEY_LEN   16
#define HPKE_NONCE_LEN 12

/* Secrets inside: hpke_wipe() when done. */
struct hpke {
    uint8_t key[HPKE_KEY_LEN];
    uint8_t base_nonce[HPKE_NONCE_LEN];
    uint8_t exporter[32];
    uint64_t sequence;
};
void hpke_wipe(struct hpke *h);
#define _cleanup_hpke_ _cleanup_(hpke_wipe)

/* SetupBaseS with a fresh ephemeral key, or with `ephemeral` when not NULL (vectors only). */
bool hpke_setup_sender(const uint8_t recipient[X25519_LEN], struct bytes info,
                       const struct x25519_key *ephemeral, uint8_t ret_enc[HPKE_ENC_LEN],
                       struct hpke *ret) _must_check_;
/* SetupBaseR. False also for a low-order enc (all-zero shared secret). */
bool hpke_setup_receiver(const uint8_t enc[HPKE_ENC_LEN], const struct x25519_key *recipient,
                         struct bytes info, struct hpke *ret) _must_check_;
/* Appends ciphertext and tag; the sequence number moves on. */
bool hpke_seal(struct hpke *h, struct bytes aad, struct bytes plaintext,
               struct buffer *b) _must_check_;
/* Appends the plaintext; on failure `b` is unchanged and the sequence number stays. */
bool hpke_open(struct hpke *h, struct bytes aad, struct bytes ciphertext,
               struct buffer *b) _must_check_;
/* `context` at most 900 bytes, `len` at most 8160. */
bool hpke_export(const struct hpke *h, struct bytes context, uint8_t *ret, size_t len) _must_check_;

/* AES-128-GCM key and nonce of an encapsulated response: from the 16-byte export "message/bhttp
 * response", enc and the response nonce. */
struct aead {
    uint8_t key[HPKE_KEY_LEN];
    uint8_t nonce[HPKE_NONCE_LEN];
};
bool ohttp_response_aead(const struct hpke *h, const uint8_t enc[HPKE_ENC_LEN],
                         const uint8_t response_nonce[16], struct aead *ret) _must_check_;
bool aead_seal(const struct aead *a, struct bytes aad, struct bytes plaintext,
               struct buffer *b) _must_check_;
bool aead_open(const struct aead *a, struct bytes aad, struct bytes ciphertext,
               struct buffer *b) _must_check_;

/* Data at rest: AES-256-GCM; key and nonce derived (HKDF) from `secret` (not empty), `label` and a
 * random salt of 32 bytes, which stands in front; `aad` bound. 48 bytes longer than the plaintext.
 */
bool rest_seal(struct bytes secret, const char *label, struct bytes aad, struct bytes plaintext,
               struct buffer *b) _must_check_;
bool rest_open(struct bytes secret, const char *label, struct bytes aad, struct bytes sealed,
               struct buffer *b) _must_check_;

#endif
