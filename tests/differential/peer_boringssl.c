/* BoringSSL, EVP_HPKE. */
#include "peer.h"

#include <openssl/hpke.h>

static EVP_HPKE_KEY key;
static EVP_HPKE_CTX ctx;

bool peer_start(void)
{
    return true;
}

static bool set_up_sender(const struct round *round, struct result *ret)
{
    size_t len;
    const EVP_HPKE_KEM *kem = EVP_hpke_x25519_hkdf_sha256();
    const EVP_HPKE_KDF *kdf = EVP_hpke_hkdf_sha256();
    const EVP_HPKE_AEAD *aead = EVP_hpke_aes_128_gcm();

    if (!round->has_ephemeral)
        return EVP_HPKE_CTX_setup_sender(&ctx, ret->enc, &len, KEY_LEN, kem, kdf, aead, ret->public,
                                         KEY_LEN, round->info.data, round->info.len) &&
               len == KEY_LEN;
    return EVP_HPKE_CTX_setup_sender_with_seed_for_testing(
               &ctx, ret->enc, &len, KEY_LEN, kem, kdf, aead, ret->public, KEY_LEN,
               round->info.data, round->info.len, round->ephemeral, KEY_LEN) &&
           len == KEY_LEN;
}

bool peer_set_up(const struct round *round, struct result *ret)
{
    size_t len;

    EVP_HPKE_KEY_zero(&key);
    EVP_HPKE_CTX_zero(&ctx);
    if (!EVP_HPKE_KEY_init(&key, EVP_hpke_x25519_hkdf_sha256(), round->key, KEY_LEN) ||
        !EVP_HPKE_KEY_public_key(&key, ret->public, &len, KEY_LEN) || len != KEY_LEN)
        return false;
    if (round->role == ROLE_SENDER)
        return set_up_sender(round, ret);
    return EVP_HPKE_CTX_setup_recipient(&ctx, &key, EVP_hpke_hkdf_sha256(), EVP_hpke_aes_128_gcm(),
                                        round->enc, KEY_LEN, round->info.data, round->info.len);
}

bool peer_seal(const struct message *message, struct buffer *b)
{
    size_t room = message->text.len + EVP_HPKE_MAX_OVERHEAD;
    uint8_t *out = buffer_extend(b, room);

    return out && EVP_HPKE_CTX_seal(&ctx, out, &b->len, room, message->text.data, message->text.len,
                                    message->aad.data, message->aad.len);
}

bool peer_open(const struct message *message, struct buffer *b)
{
    uint8_t *out = buffer_extend(b, message->text.len);

    if (out && EVP_HPKE_CTX_open(&ctx, out, &b->len, message->text.len, message->text.data,
                                 message->text.len, message->aad.data, message->aad.len))
        return true;
    buffer_clear(b);
    return false;
}

bool peer_export(const struct export *export, struct buffer *b)
{
    uint8_t *out = buffer_extend(b, export->len);

    return out &&
           EVP_HPKE_CTX_export(&ctx, out, export->len, export->context.data, export->context.len);
}

void peer_end(void)
{
    EVP_HPKE_CTX_cleanup(&ctx);
    EVP_HPKE_KEY_cleanup(&key);
}
