/* The lists of revoked certificates, one a tier: each is signed when somebody asks for it, and then
 * the same for LIMIT_LIST_KEPT seconds or until something is revoked. So gateways always get one
 * whose thisUpdate is fresh, and asking often makes no work for the signer. */
#ifndef IDEVS_AUTHORITY_LISTS_H
#define IDEVS_AUTHORITY_LISTS_H

#include "authority/issuer.h"

struct lists {
    struct {
        struct buffer der; /* empty: to be made */
        uint64_t made_ns;  /* monotonic */
    } of[TIERS];
};

/* At Unix time `now`, monotonic `now_ns`; `ret` is valid until the next call. Refuses `signer.*`,
 * `disk.full`, `state.*`. */
bool lists_get(struct lists *lists, const struct issuer *issuer, enum tier tier, int64_t now,
               uint64_t now_ns, struct bytes *ret, struct idevs_error *ret_err) _must_check_;
/* Something was revoked: the next ones are made anew. */
void lists_spoil(struct lists *lists);
void lists_free(struct lists *lists);

#endif
