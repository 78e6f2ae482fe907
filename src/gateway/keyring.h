/* The gateway's HPKE key and its key configuration, signed with the service's key.
 *
 * The X25519 key is made here at boot, stays in memory and dies with the process: what was captured
 * before a restart can neither be opened nor accepted after it. */
#ifndef IDEVS_GATEWAY_KEYRING_H
#define IDEVS_GATEWAY_KEYRING_H

#include "exchange/keys.h"

struct keyring {
    const struct chain *service; /* of the caller, like `key` */
    const struct key *key;
    struct x25519_key *x25519;
    struct ohttp_key_config config;
    struct signed_keys answer; /* to GET /.well-known/ohttp-gateway */
    int64_t renew_at;          /* two thirds of the answer's life */
    int64_t expires;
};

/* Refuses `certificate.expired` (the service's), `internal`. */
bool keyring_open(struct keyring *keyring, const struct chain *service, const struct key *key,
                  int64_t now, struct idevs_error *ret_err) _must_check_;
void keyring_close(struct keyring *keyring);

/* The signed answer, valid at `now`, made anew when it is due. NULL refuses as above. */
const struct http_message *keyring_answer(struct keyring *keyring, int64_t now,
                                          struct idevs_error *ret_err);

#endif
