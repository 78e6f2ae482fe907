/* The gateway's configuration file (docs/service-owners.md), read strictly. */
#ifndef IDEVS_GATEWAY_CONFIG_H
#define IDEVS_GATEWAY_CONFIG_H

#include "base/limits.h"
#include "document/yaml.h"
#include "gateway/policy.h"

struct gateway_list {
    char origin[LIMIT_URL]; /* scheme://host[:port] */
    const char *path;
};

/* Where the lists of revoked certificates are. */
struct gateway_revocation {
    struct gateway_list lists[LIMIT_GATEWAY_LISTS];
    size_t n_lists;   /* 0: none is asked for, a certificate counts until it expires */
    const char *ca;   /* PEM: who may serve them over TLS; NULL: the system's */
    unsigned every;   /* seconds between two looks */
    unsigned max_age; /* seconds that a list counts */
};

struct gateway_config {
    struct yaml *document;   /* owns every text below */
    const char *listen;      /* host:port */
    const char *upstream;    /* http://host[:port] */
    const char *authority;   /* our name in requests: host[:port] */
    const char *certificate; /* PEM chain and PEM key of the service */
    const char *key;
    const char *previous_key; /* of before a change of keys, or NULL: opens old state once */
    const char *anchors[LIMIT_GATEWAY_ANCHORS]; /* PEM files: CAs of the accepted tiers */
    size_t n_anchors;
    const char *state; /* folder */
    size_t max_body;   /* of a request and of a response */
    bool honours_idempotency_key;
    unsigned upstream_seconds;
    struct gateway_revocation revocation;
    struct policy policy;
};

/* Refuses `config.syntax`, `file.*`. On failure `ret` is empty. */
bool gateway_config_load(const char *path, struct gateway_config *ret,
                         struct idevs_error *ret_err) _must_check_;
bool gateway_config_parse(struct bytes text, const char *path, struct gateway_config *ret,
                          struct idevs_error *ret_err) _must_check_;
void gateway_config_free(struct gateway_config *config);
#define _cleanup_gateway_config_ _cleanup_(gateway_config_free)

#endif
