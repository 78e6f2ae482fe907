#include "wire/ohttp.h"

#define KEM_X25519  0x0020 /* DHKEM(X25519, HKDF-SHA256) */
#define KDF_SHA256  0x0001 /* HKDF-SHA256 */
#define AEAD_AES128 0x0001 /* AES-128-GCM */
#define SUITE_LEN   4      /* one KDF and one AEAD identifier */
#define CONFIG_LEN  (1 + 2 + OHTTP_KEY_LEN + 2 + SUITE_LEN)

bool ohttp_encode_key_config(const struct ohttp_key_config *config, struct buffer *b)
{
    size_t before = b->len;

    if (buffer_append_u8(b, config->key_id) && buffer_append_u16(b, KEM_X25519) &&
        buffer_append(b, config->public_key, OHTTP_KEY_LEN) && buffer_append_u16(b, SUITE_LEN) &&
        buffer_append_u16(b, KDF_SHA256) && buffer_append_u16(b, AEAD_AES128))
        return true;
    b->len = before;
    return false;
}

bool ohttp_encode_keys(const struct ohttp_key_config *config, struct buffer *b)
{
    size_t before = b->len;

    if (buffer_append_u16(b, CONFIG_LEN) && ohttp_encode_key_config(config, b))
        return true;
    b->len = before;
    return false;
}

enum config_verdict {
    CONFIG_BAD = 0,
    CONFIG_OTHER, /* well formed as far as we can tell, but not our suite */
    CONFIG_OURS,
};

/* A list of KDF and AEAD pairs, at least one (RFC 9458, 3.1). */
static enum config_verdict judge_suites(struct bytes suites)
{
    struct reader r = reader_of(suites);
    enum config_verdict verdict = suites.len ? CONFIG_OTHER : CONFIG_BAD;

    while (reader_left(&r) > 0) {
        uint16_t kdf;
        uint16_t aead;
        if (!reader_u16(&r, &kdf) || !reader_u16(&r, &aead))
            return CONFIG_BAD;
        if (kdf == KDF_SHA256 && aead == AEAD_AES128)
            verdict = CONFIG_OURS;
    }
    return verdict;
}

static enum config_verdict decode_config(struct bytes in, struct ohttp_key_config *ret)
{
    struct reader r = reader_of(in);
    uint16_t kem;
    uint16_t suites_len;
    struct bytes key;
    struct bytes suites;

    if (!reader_u8(&r, &ret->key_id) || !reader_u16(&r, &kem))
        return CONFIG_BAD;
    if (kem != KEM_X25519)
        return CONFIG_OTHER; /* the length of its key is not known to us */
    if (!reader_bytes(&r, OHTTP_KEY_LEN, &key) || !reader_u16(&r, &suites_len) ||
        !reader_bytes(&r, suites_len, &suites) || reader_left(&r) != 0)
        return CONFIG_BAD;
    memcpy(ret->public_key, key.data, OHTTP_KEY_LEN);
    return judge_suites(suites);
}

bool ohttp_decode_keys(struct bytes in, struct ohttp_key_config *ret)
{
    struct reader r = reader_of(in);
    bool found = false;

    while (reader_left(&r) > 0) {
        uint16_t len;
        struct bytes config;
        struct ohttp_key_config decoded;
        if (!reader_u16(&r, &len) || !reader_bytes(&r, len, &config))
            return false;
        enum config_verdict verdict = decode_config(config, &decoded);
        if (verdict == CONFIG_BAD)
            return false;
        if (verdict == CONFIG_OURS && !found) {
            *ret = decoded;
            found = true;
        }
    }
    return found;
}

void ohttp_header(uint8_t key_id, uint8_t ret[OHTTP_HEADER_LEN])
{
    const uint8_t header[OHTTP_HEADER_LEN] = {
        key_id, KEM_X25519 >> 8, KEM_X25519 & 255, 0, KDF_SHA256, 0, AEAD_AES128};

    memcpy(ret, header, OHTTP_HEADER_LEN);
}

bool ohttp_decode_request(struct bytes in, struct ohttp_request *ret)
{
    struct reader r = reader_of(in);
    uint8_t wanted[OHTTP_HEADER_LEN];
    struct bytes header;
    struct bytes enc;

    if (!reader_bytes(&r, OHTTP_HEADER_LEN, &header) || !reader_bytes(&r, OHTTP_KEY_LEN, &enc) ||
        reader_left(&r) < OHTTP_TAG_LEN)
        return false;
    ohttp_header(header.data[0], wanted);
    if (memcmp(header.data, wanted, OHTTP_HEADER_LEN) != 0)
        return false;
    ret->key_id = wanted[0];
    memcpy(ret->header, wanted, OHTTP_HEADER_LEN);
    ret->enc = enc;
    ret->ciphertext = bytes_of(r.at, reader_left(&r));
    return true;
}

bool ohttp_decode_response(struct bytes in, struct ohttp_response *ret)
{
    struct reader r = reader_of(in);
    struct bytes nonce;

    if (!reader_bytes(&r, OHTTP_NONCE_LEN, &nonce) || reader_left(&r) < OHTTP_TAG_LEN)
        return false;
    ret->nonce = nonce;
    ret->ciphertext = bytes_of(r.at, reader_left(&r));
    return true;
}
