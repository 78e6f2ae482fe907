/* What owners and platforms hand in, each signed by whom it speaks for. */
#ifndef IDEVS_AUTHORITY_SUBMISSIONS_H
#define IDEVS_AUTHORITY_SUBMISSIONS_H

#include "authority/registry.h"

/* A COSE_Sign1 approval by a registered owner is checked and kept. Refuses `approval.*`, `state.*`,
 * `disk.full`. */
bool submit_approval(struct registry *r, struct bytes body, int64_t now, struct approval *ret,
                     struct idevs_error *ret_err) _must_check_;

/* A COSE_Sign1 platform request by the key that it names spends its token. Refuses
 * `platform.request`, `platform.token`. */
bool submit_platform(struct registry *r, struct bytes body, int64_t now, enum tier *ret_tier,
                     struct idevs_error *ret_err) _must_check_;

#endif
