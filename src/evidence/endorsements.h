/* What stands behind hardware evidence, as files gave it: makers' certificates, revocation lists,
 * signed documents (TCB information and the like), and the roots that the operator trusts. All but
 * the roots is untrusted until a verifier has followed it to a root. */
#ifndef IDEVS_EVIDENCE_ENDORSEMENTS_H
#define IDEVS_EVIDENCE_ENDORSEMENTS_H

#include "crypto/vendor.h"

/* A file that is neither certificate nor revocation list: JSON, a detached signature, ... */
struct endorsement_document {
    char name[64]; /* of the file, without its folder */
    struct buffer content;
};

/* Zeroed is empty. */
struct endorsements {
    struct certificate *certificates[LIMIT_ENDORSEMENTS];
    size_t n_certificates;
    struct certificate *roots[LIMIT_ENDORSEMENTS];
    size_t n_roots;
    struct vendor_key *keys[LIMIT_ENDORSEMENTS]; /* trusted like the roots, without a certificate */
    size_t n_keys;
    struct crl *crls[LIMIT_ENDORSEMENTS];
    size_t n_crls;
    struct endorsement_document documents[LIMIT_ENDORSEMENTS];
    size_t n_documents;
};
void endorsements_release(struct endorsements *e);
#define _cleanup_endorsements_ _cleanup_(endorsements_release)

/* Sorts one file in by what it holds: DER certificate, DER revocation list, PEM with any number of
 * both, or a document under `name`. Refuses `evidence.endorsement` (no room, or PEM that is
 * malformed), `certificate.malformed`. */
bool endorsements_add(struct endorsements *e, const char *name, struct bytes content,
                      struct idevs_error *ret_err) _must_check_;
/* Trusted self-signed certificates, PEM or DER, and trusted bare keys (PEM "PUBLIC KEY": a TPM's
 * attestation key that no maker certified). Refuses `evidence.endorsement`,
 * `certificate.malformed`.
 */
bool endorsements_add_roots(struct endorsements *e, struct bytes content,
                            struct idevs_error *ret_err) _must_check_;

/* The document of that name; empty when there is none. */
struct bytes endorsements_document(const struct endorsements *e, const char *name);

#endif
