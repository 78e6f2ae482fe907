/* What write_once has done so far: a durable intent before a request is
 * forwarded, a durable result after, for each (program, idempotency key). On the store's thread;
 * the caller holds the transaction. Results are encrypted by the vault.
 *
 * An intent belongs to the boot that made it. While that process runs, the request is in progress;
 * an intent of an earlier boot, or one that was given up with lost(), means that nobody knows
 * whether the service did it: it is forwarded again only to a service that honours the key. */
#ifndef IDEVS_GATEWAY_LEDGER_H
#define IDEVS_GATEWAY_LEDGER_H

#include "base/limits.h"
#include "crypto/digest.h"
#include "gateway/vault.h"
#include "store/store.h"
#include "wire/http.h"

#define BOOT_LEN 16

struct ledger {
    const struct vault *vault;
    uint8_t boot[BOOT_LEN]; /* random, of this process */
    bool service_honours;   /* the service itself never carries out a key twice */
};

struct ledger_key {
    const char *program; /* SPIFFE ID */
    const char *key;
};

enum ledger_verdict {
    LEDGER_REFUSED = 0, /* the error says why */
    LEDGER_FORWARD,     /* the intent is there: forward, then one of the calls below */
    LEDGER_REPLAY,      /* `response` has the stored response (Binary HTTP) */
};

/* What the same key must mean: method, path, content type and content digest. */
void ledger_digest(const struct http_message *request, uint8_t ret[SHA256_LEN]);

/* Refusals of the verdict: `idempotency.mismatch`, `idempotency.in-progress`, `outcome.unknown`.
 * False: the store itself failed. */
bool ledger_begin(const struct ledger *ledger, struct store *store, const struct ledger_key *key,
                  const uint8_t digest[SHA256_LEN], int64_t now, enum ledger_verdict *ret,
                  struct buffer *ret_response, struct idevs_error *ret_err) _must_check_;
/* The response is what the key means from now on. */
bool ledger_finish(const struct ledger *ledger, struct store *store, const struct ledger_key *key,
                   struct bytes response, struct idevs_error *ret_err) _must_check_;
/* The service certainly did not do it, or will not do it twice: forget the intent. */
bool ledger_release(struct store *store, const struct ledger_key *key,
                    struct idevs_error *ret_err) _must_check_;
/* Nobody knows whether the service did it. */
bool ledger_lost(struct store *store, const struct ledger_key *key,
                 struct idevs_error *ret_err) _must_check_;
/* Forgets some of what is older than LIMIT_IDEMPOTENCY_LIFE; `*ret_more` when there may be more. */
bool ledger_sweep(struct store *store, int64_t now, bool *ret_more,
                  struct idevs_error *ret_err) _must_check_;

#endif
