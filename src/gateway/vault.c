#include "gateway/vault.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/hpke.h"

#include <inttypes.h>
#include <unistd.h>

#define WRAP_LABEL "idevs gateway vault key v1"
#define DATA_LABEL "idevs gateway vault data v1"

/* The private key's PKCS#8 form is the secret from which the wrapping key is derived (HKDF). */
static bool wrap(const struct key *key, const uint8_t secret[VAULT_KEY_LEN], struct buffer *b)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    return key_save(key, &pem) && rest_seal(buffer_bytes(&pem), WRAP_LABEL, bytes_of(NULL, 0),
                                            bytes_of(secret, VAULT_KEY_LEN), b);
}

static bool unwrap(const struct key *key, struct bytes wrapped, uint8_t ret[VAULT_KEY_LEN])
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);
    _cleanup_buffer_ struct buffer secret = buffer_up_to(LIMIT_PEM_KEY);

    if (!key || !key_save(key, &pem) ||
        !rest_open(buffer_bytes(&pem), WRAP_LABEL, bytes_of(NULL, 0), wrapped, &secret) ||
        secret.len != VAULT_KEY_LEN)
        return false;
    memcpy(ret, secret.data, VAULT_KEY_LEN);
    return true;
}

static bool write_wrapped(const char *path, const struct key *key,
                          const uint8_t secret[VAULT_KEY_LEN], struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer wrapped = buffer_up_to(LIMIT_PEM_KEY);

    if (!wrap(key, secret, &wrapped))
        return refuse(err, "internal", "the vault's key cannot be encrypted");
    return file_write(path, buffer_bytes(&wrapped), 0600, err);
}

static bool read_wrapped(const char *path, const struct key *key, const struct key *previous,
                         struct vault *ret, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer wrapped = buffer_up_to(LIMIT_PEM_KEY);

    if (!file_read(path, &wrapped, err))
        return false;
    if (unwrap(key, buffer_bytes(&wrapped), ret->secret))
        return true;
    if (unwrap(previous, buffer_bytes(&wrapped), ret->secret))
        return write_wrapped(path, key, ret->secret, err);
    return refuse_expecting(err, "state.unusable",
                            "the service's key that the state was made under, or previous_key",
                            "%s: does not open under this key", path);
}

bool vault_open(const char *folder, const struct key *key, const struct key *previous,
                struct vault *ret, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/vault.key", folder);

    if (access(path, F_OK) == 0)
        return read_wrapped(path, key, previous, ret, ret_err);
    random_bytes(ret->secret, sizeof(ret->secret));
    return write_wrapped(path, key, ret->secret, ret_err);
}

void vault_wipe(struct vault *vault)
{
    wipe(vault, sizeof(*vault));
}

/* No part can hold a NUL, so the parts cannot be shifted against each other. */
static bool place_text(const struct vault_place *place, struct buffer *b)
{
    return buffer_append(b, place->kind, strlen(place->kind) + 1) &&
           buffer_append(b, place->program, strlen(place->program) + 1) &&
           buffer_append(b, place->name, strlen(place->name) + 1) &&
           buffer_append_u64(b, (uint64_t)place->version);
}

bool vault_seal(const struct vault *vault, const struct vault_place *place, struct bytes plain,
                struct buffer *b)
{
    _cleanup_buffer_ struct buffer aad = buffer_up_to(LIMIT_VAULT_PLACE);

    return place_text(place, &aad) && rest_seal(bytes_of(vault->secret, VAULT_KEY_LEN), DATA_LABEL,
                                                buffer_bytes(&aad), plain, b);
}

bool vault_unseal(const struct vault *vault, const struct vault_place *place, struct bytes sealed,
                  struct buffer *b)
{
    _cleanup_buffer_ struct buffer aad = buffer_up_to(LIMIT_VAULT_PLACE);

    return place_text(place, &aad) && rest_open(bytes_of(vault->secret, VAULT_KEY_LEN), DATA_LABEL,
                                                buffer_bytes(&aad), sealed, b);
}
