/* What the gateway keeps for programs is encrypted at rest under a random key of its own. That key
 * lies in the state folder, itself encrypted under the service's private key: a copy of the folder
 * alone (a backup, a discarded disk) says nothing, and a service that changes its key pair goes on
 * with its state by naming the old key once as `previous_key`. */
#ifndef IDEVS_GATEWAY_VAULT_H
#define IDEVS_GATEWAY_VAULT_H

#include "crypto/key.h"

#define VAULT_KEY_LEN 32

struct vault {
    uint8_t secret[VAULT_KEY_LEN];
};

/* Opens FOLDER/vault.key, or makes it. `previous` may be NULL; what only it opens is encrypted
 * again under `key`. Refuses `state.unusable` when neither opens it, `file.*`, `disk.full`. */
bool vault_open(const char *folder, const struct key *key, const struct key *previous,
                struct vault *ret, struct idevs_error *ret_err) _must_check_;
void vault_wipe(struct vault *vault);
#define _cleanup_vault_ _cleanup_(vault_wipe)

/* Encrypts `plain` for the place `kind`, `program`, `name`, `version`: what is moved to another
 * place in the database does not open there. Appends. */
struct vault_place {
    const char *kind;
    const char *program;
    const char *name;
    int64_t version;
};
bool vault_seal(const struct vault *vault, const struct vault_place *place, struct bytes plain,
                struct buffer *b) _must_check_;
bool vault_unseal(const struct vault *vault, const struct vault_place *place, struct bytes sealed,
                  struct buffer *b) _must_check_;

#endif
