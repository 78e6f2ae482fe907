/* What the CAs that a gateway accepts have revoked: the newest list of each, checked before it
 * counts. Pure: polls.h fetches them. Trusts the configured anchors only, not the way by which a
 * list came: an old one cannot take the place of a newer, and one that is too old says nothing. */
#ifndef IDEVS_GATEWAY_REVOCATIONS_H
#define IDEVS_GATEWAY_REVOCATIONS_H

#include "crypto/x509.h"

struct revocations;

/* A list counts for `max_age` seconds after its thisUpdate. NULL refuses `certificate.malformed`;
 * `anchors` (DER) are copied. */
struct revocations *revocations_new(const struct bytes *anchors, size_t n_anchors, unsigned max_age,
                                    struct idevs_error *ret_err);
void revocations_free(struct revocations *r); /* takes NULL */
DEFINE_CLEANUP(struct revocations *, revocations_free)
#define _cleanup_revocations_ _cleanup_(revocations_freep)

/* Takes a list (DER) for the anchor that signed it, at time `now`. What is refused changes nothing:
 * `crl.malformed`, `crl.issuer`, `crl.number` (older than the last one), `crl.time`. `ret_news`
 * (may be NULL) is true when it revokes other certificates than the last one. */
bool revocations_take(struct revocations *r, struct bytes der, int64_t now, bool *ret_news,
                      struct idevs_error *ret_err) _must_check_;

/* The anchor that issued `leaf`, for revocations_check(). Refuses `crl.stale` where none of them
 * did (a root as anchor): there is no list for its issuer. */
bool revocations_find_issuer(const struct revocations *r, const struct certificate *leaf,
                             size_t *ret, struct idevs_error *ret_err) _must_check_;
/* Refuses `crl.stale` without a list that counts, `certificate.revoked`. */
bool revocations_check(const struct revocations *r, size_t issuer, const struct certificate *leaf,
                       int64_t now, struct idevs_error *ret_err) _must_check_;
/* How many certificates all lists together name. */
size_t revocations_count(const struct revocations *r);

#endif
