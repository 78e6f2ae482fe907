/* What a program may ask of this service: the appraisal of an attested certificate against the
 * operator's policy. Pure. The certificate's chain was verified before; what it claims is the
 * authority's word. */
#ifndef IDEVS_GATEWAY_POLICY_H
#define IDEVS_GATEWAY_POLICY_H

#include "base/error.h"
#include "base/limits.h"
#include "wire/eat.h"
#include "wire/http.h"
#include "wire/tier.h"

/* Paths below this are the gateway's own (docs/interfaces.md). */
#define STATE_PATH "/.well-known/idevs/state/"

struct policy_program {
    const char *name;                          /* SPIFFE ID */
    const char *methods[LIMIT_POLICY_METHODS]; /* none: all */
    size_t n_methods;
    const char *paths[LIMIT_POLICY_PATHS]; /* exact, or ends in "/" and "*"; none: all */
    size_t n_paths;
};

struct policy {
    bool names_programs; /* false: every program whose certificate is accepted */
    struct policy_program *programs;
    size_t n_programs;
    const char *tiers[TIERS]; /* none: those of the anchors */
    size_t n_tiers;
    const char *back_ends[LIMIT_BACK_ENDS]; /* none: all */
    size_t n_back_ends;
};

/* What a certificate says as far as policy asks: kept for each cached certificate. */
struct program {
    char id[LIMIT_PROGRAM_URI]; /* SPIFFE ID */
    char tier[LIMIT_EAT_TEXT];
    char back_end[LIMIT_EAT_TEXT];
    bool reads; /* its attested manifest names our authority under reads, writes */
    bool writes;
};

/* The claims of a certificate, as seen from the service `authority`. */
void program_from_claims(const char *id, const struct eat_claims *claims, const char *authority,
                         struct program *ret);

bool method_is_read(struct bytes method) _must_check_; /* GET, HEAD */
bool path_is_state(struct bytes path) _must_check_;

/* Refuses `policy.program`, `policy.tier`, `policy.back-end`, `policy.reads`, `policy.writes`,
 * `policy.method`, `policy.path`, in this order. The gateway's own state needs a program that may
 * read or write here, and neither method nor path. `request->path` is valid (path_is_valid). */
bool policy_permits(const struct policy *policy, const struct program *program,
                    const struct http_message *request, struct idevs_error *ret_err) _must_check_;

#endif
