/* The programs whose certificates were verified lately: a bounded cache of validated chains. A hit
 * costs one SHA-256; expiry and revocation are looked at on every use, and the path is verified
 * again from time to time (an anchor can expire too). One thread. Trusts the configured anchors
 * only. */
#ifndef IDEVS_GATEWAY_CERTIFICATES_H
#define IDEVS_GATEWAY_CERTIFICATES_H

#include "crypto/x509.h"
#include "gateway/policy.h"
#include "gateway/revocations.h"

/* A validated chain and what its leaf says. Shared: released by whoever got it. */
struct caller {
    struct chain chain; /* leaf and what the path to the anchor needed; nothing unverified */
    struct program program;
    struct buffer cert;       /* the same chain in RFC 9440 syntax, for the service */
    struct buffer cert_chain; /* empty: no field */
};

struct certificates;

/* `authority` is ours, as it stands in the claims `reads` and `writes`; it and the anchors (DER)
 * must outlive the cache. */
struct certificates *certificates_new(const char *authority, const struct bytes *anchors,
                                      size_t n_anchors);
void certificates_free(struct certificates *certificates); /* takes NULL */
DEFINE_CLEANUP(struct certificates *, certificates_free)
#define _cleanup_certificates_ _cleanup_(certificates_freep)

/* From now on every caller's certificate is looked up in these, which must outlive the cache. */
void certificates_heed(struct certificates *certificates, const struct revocations *revocations);

/* The caller of the outer Client-Cert and Client-Cert-Chain values (the latter may be empty), valid
 * at `now`; release it with caller_release(). NULL refuses `certificate.*`,
 * `crl.stale`. */
struct caller *certificates_find(struct certificates *certificates, struct bytes cert,
                                 struct bytes cert_chain, int64_t now, struct idevs_error *ret_err);
void caller_release(struct caller *caller); /* takes NULL */
size_t certificates_count(const struct certificates *certificates);

#endif
