#include "gateway/keyring.h"

static bool sign(struct keyring *k, int64_t now, struct idevs_error *err)
{
    int64_t left = certificate_not_after(k->service->at[0]) - now;
    const int64_t most = (int64_t)(LIMIT_KEYS_LIFE);
    int64_t life = left < most ? left : most;
    struct signed_keys made = {0};

    if (life <= 0 || now < certificate_not_before(k->service->at[0]))
        return refuse(err, "certificate.expired", "the service's own certificate");
    if (!signed_keys_make(&k->config, k->service, k->key, now, life, &made))
        return refuse(err, "internal", "the key configuration cannot be signed");
    signed_keys_free(&k->answer);
    k->answer = made;
    k->renew_at = now + life * 2 / 3;
    k->expires = now + life;
    return true;
}

bool keyring_open(struct keyring *keyring, const struct chain *service, const struct key *key,
                  int64_t now, struct idevs_error *ret_err)
{
    *keyring = (struct keyring){.service = service, .key = key, .x25519 = x25519_generate()};
    /* A random identifier tells a client of an earlier boot at once that its key is gone. */
    random_bytes(&keyring->config.key_id, sizeof(keyring->config.key_id));
    x25519_public(keyring->x25519, keyring->config.public_key);
    if (sign(keyring, now, ret_err))
        return true;
    keyring_close(keyring);
    return false;
}

void keyring_close(struct keyring *keyring)
{
    signed_keys_free(&keyring->answer);
    x25519_free(keyring->x25519);
    *keyring = (struct keyring){0};
}

const struct http_message *keyring_answer(struct keyring *keyring, int64_t now,
                                          struct idevs_error *ret_err)
{
    if (now < keyring->renew_at || sign(keyring, now, ret_err))
        return &keyring->answer.message;
    return now < keyring->expires ? &keyring->answer.message : NULL;
}
