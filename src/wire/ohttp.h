/* Oblivious HTTP framing, RFC 9458: key configurations and encapsulated messages as bytes. The one
 * suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. The cryptography is in exchange/. */
#ifndef IDEVS_WIRE_OHTTP_H
#define IDEVS_WIRE_OHTTP_H

#include "base/buffer.h"

#define OHTTP_REQUEST_TYPE  "message/ohttp-req"
#define OHTTP_RESPONSE_TYPE "message/ohttp-res"
#define OHTTP_KEYS_TYPE     "application/ohttp-keys"
#define OHTTP_HEADER_LEN    7  /* key id, KEM, KDF, AEAD */
#define OHTTP_KEY_LEN       32 /* X25519 public key, and enc */
#define OHTTP_NONCE_LEN     16 /* response nonce: max(Nn, Nk) */
#define OHTTP_TAG_LEN       16

struct ohttp_key_config {
    uint8_t key_id;
    uint8_t public_key[OHTTP_KEY_LEN];
};

/* One key configuration with the one suite, without a length prefix (RFC 9458, 3.1). */
bool ohttp_encode_key_config(const struct ohttp_key_config *config, struct buffer *b) _must_check_;
/* application/ohttp-keys: a list of 16-bit length-prefixed configurations (RFC 9458, 3.2). */
bool ohttp_encode_keys(const struct ohttp_key_config *config, struct buffer *b) _must_check_;
/* The first configuration of the list that offers our suite; unknown ones are skipped, malformed
 * lists refused. */
bool ohttp_decode_keys(struct bytes in, struct ohttp_key_config *ret) _must_check_;

/* The 7 bytes: key id and suite. */
void ohttp_header(uint8_t key_id, uint8_t ret[OHTTP_HEADER_LEN]);

struct ohttp_request {
    uint8_t key_id;
    uint8_t header[OHTTP_HEADER_LEN];
    struct bytes enc;        /* OHTTP_KEY_LEN */
    struct bytes ciphertext; /* with its tag */
};
/* False for another suite, or when shorter than header, enc and tag. */
bool ohttp_decode_request(struct bytes in, struct ohttp_request *ret) _must_check_;

struct ohttp_response {
    struct bytes nonce; /* OHTTP_NONCE_LEN */
    struct bytes ciphertext;
};
bool ohttp_decode_response(struct bytes in, struct ohttp_response *ret) _must_check_;

#endif
