/* A run of the kit from inside: what its checks work with, and what a check is. */
#ifndef IDEVS_CONFORMANCE_KIT_H
#define IDEVS_CONFORMANCE_KIT_H

#include "conformance/answer.h"
#include "conformance/conformance.h"

struct kit {
    const struct conformance_options *options;
    struct target target;
    struct test_authority authority;
    struct program programs[WHO_COUNT];
    int64_t ahead;             /* the gateway's clock minus ours */
    uint8_t peer[SHA256_LEN];  /* of its TLS certificate */
    struct answer keys_answer; /* to GET /.well-known/ohttp-gateway */
    bool has_keys;             /* they were verified; else `keys_error` says why not */
    struct ohttp_key_config keys;
    struct idevs_error keys_error;
};

struct check {
    const char *id;       /* group.name, stable */
    const char *source;   /* where it is written that this is refused */
    const char *tried;    /* in words */
    const char *expected; /* what answer.h calls it; " | " between several that will do */
    struct request request;
    const char *raw; /* instead: HTTP/1.1 as it is sent, '@' for the gateway's name; what comes may
                        be "refused" in any way of HTTP */
    /* NULL: sends `raw` or `request` */
    void (*run)(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND]);
    bool writes; /* needs a path to POST to */
};

/* Long texts. */
#define TWENTY_FOUR "AAAAAAAAAAAAAAAAAAAAAAAA"
#define SIXTY       TWENTY_FOUR TWENTY_FOUR "AAAAAAAAAAAA"
#define TIMES_10(s) s s s s s s s s s s

/* A table ends with an entry without id. */
extern const struct check TRANSPORT_CHECKS[];
extern const struct check KEYS_CHECKS[];
extern const struct check HTTP_CHECKS[];
extern const struct check CERTIFICATE_CHECKS[];
extern const struct check SEAL_CHECKS[];
extern const struct check MESSAGE_CHECKS[];
extern const struct check SIGNATURE_CHECKS[];
extern const struct check POLICY_CHECKS[];
extern const struct check OUTCOME_CHECKS[];
extern const struct check SLOW_CHECKS[];

/* What the gateway's clock says now, as far as we know. */
int64_t kit_now(const struct kit *k);
struct context kit_context(const struct kit *k);
/* Builds and asks; both are the caller's to release. */
void kit_ask(struct kit *k, const struct request *r, struct built *ret_built, struct answer *ret);

#endif
