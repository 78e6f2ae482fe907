/* What a program may ask of this service: the appraisal of an attested certificate against the
 * operator's policy. Pure. The certificate's chain was verified before; what it claims is the
 * authority's word. */
#ifndef IDEVS_GATEWAY_POLICY_H
#define IDEVS_GATEWAY_POLICY_H

#include "base/error.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "wire/eat.h"
#include "wire/http.h"
#include "wire/tier.h"

/* Paths below this are the gateway's own (docs/interfaces.md). */
#define STATE_PATH "/.well-known/idevs/state/"

/* What a certificate must say. Each list narrows; an empty one asks for nothing. */
struct policy_terms {
    const char *tiers[TIERS];
    size_t n_tiers;
    const char *back_ends[LIMIT_BACK_ENDS];
    size_t n_back_ends;
    const char *code[LIMIT_POLICY_CODE]; /* hex SHA-256: the program's source or its executable */
    size_t n_code;
    const char *owners[LIMIT_POLICY_OWNERS]; /* hex SHA-256 of the owner's SPKI */
    size_t n_owners;
    /* Authorities. The attested manifest names no service but these and our own: under `writes`,
     * nor under `reads`, for a GET carries data in its path and query. */
    const char *reaches_only[LIMIT_SERVICES];
    size_t n_reaches_only;
};

struct policy_program {
    const char *name;    /* SPIFFE ID */
    const char *purpose; /* what it is let in for, in words; or NULL */
    struct policy_terms terms;
    const char *methods[LIMIT_POLICY_METHODS]; /* none: all */
    size_t n_methods;
    const char *paths[LIMIT_POLICY_PATHS]; /* exact, or ends in "/" and "*"; none: all */
    size_t n_paths;
};

struct policy {
    bool names_programs; /* false: every program whose certificate is accepted */
    struct policy_program *programs;
    size_t n_programs;
    struct policy_terms terms; /* of all programs, beside those of each */
};

/* What a certificate says as far as policy asks: kept for each cached certificate. */
struct program {
    char id[LIMIT_PROGRAM_URI]; /* SPIFFE ID */
    char tier[LIMIT_EAT_TEXT];
    char back_end[LIMIT_EAT_TEXT];
    char source[2 * SHA256_LEN + 1]; /* hex, or "" */
    char executable[2 * SHA256_LEN + 1];
    char owner[2 * SHA256_LEN + 1];
    bool reads; /* its attested manifest names our authority under reads, writes */
    bool writes;
    char (*reaches)[LIMIT_AUTHORITY + 1]; /* all others that it names, some perhaps twice */
    size_t n_reaches;
};

/* The claims of a certificate, as seen from the service `authority`. */
void program_from_claims(const char *id, const struct eat_claims *claims, const char *authority,
                         struct program *ret);
void program_free(struct program *program); /* what it points to */

bool method_is_read(struct bytes method) _must_check_; /* GET, HEAD */
bool path_is_state(struct bytes path) _must_check_;

/* Refuses `policy.program`; by the terms of all, then by its own, `policy.tier`, `policy.back-end`,
 * `policy.owner`, `policy.code`, `policy.reaches`; then `policy.reads`, `policy.writes`,
 * `policy.method`, `policy.path`, in this order. The gateway's own state needs a program that may
 * read or write here, and neither method nor path. `request->path` is valid (path_is_valid). */
bool policy_permits(const struct policy *policy, const struct program *program,
                    const struct http_message *request, struct idevs_error *ret_err) _must_check_;

#endif
