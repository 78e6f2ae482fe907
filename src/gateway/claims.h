/* Which requests were accepted already: the set of live (key id, enc) pairs. A request is accepted
 * once, at the moment its pair gets in here.
 *
 * The set lives in memory only, and that is enough: the X25519 key that opens a request is made at
 * boot and never written, so a request captured before a restart cannot be opened after it.
 *
 * Bounded: a full set refuses, it never forgets a live pair. Taking and forgetting are O(1). One
 * thread. Trusts nobody's clock but the caller's, and that only forwards. */
#ifndef IDEVS_GATEWAY_CLAIMS_H
#define IDEVS_GATEWAY_CLAIMS_H

#include "base/attr.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CLAIM_PART_LEN 32

struct claims;

/* Room for `capacity` pairs, at most LIMIT_CLAIMS. */
struct claims *claims_new(size_t capacity);
void claims_free(struct claims *claims); /* takes NULL */
DEFINE_CLEANUP(struct claims *, claims_free)
#define _cleanup_claims_ _cleanup_(claims_freep)

/* Takes the pair, which is remembered up to and including second `until`. Refuses
 * `exchange.claimed`, `exchange.full`, and `request.date` when `until` has passed on the latest
 * clock seen here: after a clock that stepped back, a pair forgotten meanwhile must not come in
 * again. */
bool claims_take(struct claims *claims, const uint8_t keyid[CLAIM_PART_LEN],
                 const uint8_t enc[CLAIM_PART_LEN], int64_t until, int64_t now,
                 struct idevs_error *ret_err) _must_check_;
size_t claims_count(const struct claims *claims);

#endif
