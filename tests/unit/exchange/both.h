/* A program with its certificate and a gateway with its key, and one exchange between them. */
#ifndef IDEVS_TESTS_UNIT_EXCHANGE_BOTH_H
#define IDEVS_TESTS_UNIT_EXCHANGE_BOTH_H

#include "base/limits.h"
#include "exchange/request.h"
#include "test.h"

#include "ca.h"

#define AUTHORITY "store.example:8443"

extern struct ca ca;
extern struct certificate *leaf;
extern struct x25519_key *gateway;
extern struct ohttp_key_config config;
extern struct exchange_signer signer;

/* Make and free all of these. */
int set_up(void **state);
int tear_down(void **state);

/* One exchange as both sides see it. */
struct both {
    struct exchange program;
    struct exchange gateway;
    struct buffer sealed;
    struct buffer plain;
    struct http_message m; /* as the gateway opened it; points into plain */
};
void both_free(struct both *b);
#define _cleanup_both_ _cleanup_(both_free)

/* A write with all the fields that are signed. */
struct http_message post(void);
/* Seals `m` at `now`, and opens it at the gateway. */
void begin(struct both *b, const struct http_message *m, int64_t now);
void begin_post(struct both *b);
bool verifies(const struct both *b, struct idevs_error *err);
void assert_unverified(const struct both *b, const char *code);
/* Of the field `name`; fails the test when there is none. */
struct bytes *value_of(struct http_message *m, const char *name);

#endif
