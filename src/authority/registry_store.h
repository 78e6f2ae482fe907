/* What the files of the registry share; nobody else includes it. */
#ifndef IDEVS_AUTHORITY_REGISTRY_STORE_H
#define IDEVS_AUTHORITY_REGISTRY_STORE_H

#include "authority/registry.h"
#include "store/store.h"

struct registry {
    struct store *store;
};

/* Runs a statement that returns no row of interest. */
bool registry_run(struct statement *s, struct idevs_error *ret_err) _must_check_;
/* Ends a transaction: commits when `done`, else (or when that fails) rolls back. */
bool registry_commit(struct registry *r, bool done, struct idevs_error *ret_err) _must_check_;
/* A DELETE or UPDATE ... RETURNING 1 by one key, `text` or `blob`. Refuses `api.not-found`. */
bool registry_remove(struct registry *r, const char *sql, struct bytes blob, const char *text,
                     struct idevs_error *ret_err) _must_check_;

/* Takes the token that the request proves out, within a transaction: whoever comes second finds
 * none. Refuses `platform.token`. */
bool registry_spend_token(struct registry *r, const struct platform_request *request, int64_t now,
                          enum tier *ret_tier, struct idevs_error *ret_err) _must_check_;
/* Within a transaction: the platform, and what is still awaited of it, so that it does not come
 * back by a late answer of its TPM. Refuses `api.not-found` when it was not enrolled. */
bool registry_drop_platform(struct registry *r, const uint8_t id[SHA256_LEN],
                            struct idevs_error *ret_err) _must_check_;
/* Values 1 to 5 of a row: id, SPKI, tier, back ends, description. */
bool registry_bind_platform(struct statement *s, const struct platform_request *request,
                            enum tier tier, struct idevs_error *ret_err) _must_check_;

#endif
