/* Requests to a gateway: one in order, and how each of the others differs from it. A difference is
 * made where it counts, and all around it is in order: the signature, for example, is valid over
 * what was changed before it. So a gateway that forgets one check accepts. */
#ifndef IDEVS_CONFORMANCE_REQUEST_H
#define IDEVS_CONFORMANCE_REQUEST_H

#include "conformance/program.h"
#include "exchange/request.h"

/* The same text at each place; NULL ends a list. */
struct edit {
    const char *from;
    const char *to;
};

/* What happens to the fields of a message, in this order; NULL: nothing. */
struct change {
    const char *drop;
    const char *repeat; /* stands there twice */
    const char *set;    /* gets `value`, also when it was not there */
    const char *value;
    const char *extend; /* gets `value` behind its own */
};

/* Zeros stand for what is in order. */
struct request {
    enum who who;      /* signs, and shows its certificate */
    enum who attached; /* shows its certificate instead; WHO_PROGRAM: nobody */

    const char *method; /* NULL: GET */
    const char *path;   /* NULL: the path of the test */
    const char *scheme;
    const char *authority;
    const char *type;
    const char *key; /* idempotency-key */
    const char *content;

    int64_t created; /* seconds from now */
    int64_t life;    /* 0: LIMIT_SIGNATURE_LIFE; AT_ONCE: expires when created */
    int64_t dated;   /* the date field, seconds after `created` */
    enum who keyid;  /* of whose certificate; WHO_PROGRAM: its own */
    enum who signer; /* whose key signs; WHO_PROGRAM: its own */
    bool other_nonce;
    bool other_digest;
    struct edit signed_text[3]; /* in the parameters and in the signature base alike */

    struct change fields;              /* after signing */
    struct edit binary;                /* in the Binary HTTP; `to` is as long as `from` */
    void (*rewrite)(struct buffer *b); /* the Binary HTTP before it is padded */
    void (*padded)(struct buffer *b);  /* and after */
    const char *instead;               /* of all Binary HTTP */

    bool other_key;                   /* sealed to a key that is not the gateway's */
    void (*sealed)(struct buffer *b); /* message/ohttp-req */
    bool cut;
    int cut_to; /* bytes of the sealed message that are sent; negative: fewer than all */

    struct change outer; /* of the HTTP request around it */
};
#define AT_ONCE (-1)

/* Whom and what it is about. */
struct context {
    const struct program *programs; /* WHO_COUNT of them */
    const struct ohttp_key_config *keys;
    const char *name; /* of the gateway, host[:port] */
    const char *path; /* that TEST_PROGRAM may GET */
    int64_t now;      /* on the gateway's clock */
};

struct built {
    struct exchange exchange; /* opens the answer */
    struct buffer sealed;     /* message/ohttp-req */
    struct buffer wire;       /* the HTTP/1.1 request with it */
};
void built_release(struct built *b);
#define _cleanup_built_ _cleanup_(built_release)

/* False: it cannot be made, which is a mistake of the kit's own tables. */
bool request_build(const struct context *c, const struct request *r,
                   struct built *ret) _must_check_;
/* Writes `wire` again around the same sealed message, by the outer part of `r`. */
bool request_wrap(const struct context *c, const struct request *r, struct built *b) _must_check_;

/* Appends an HTTP/1.1 request that asks for the connection to be closed after its answer. */
bool http_write(const struct http_message *m, const char *host, struct buffer *b) _must_check_;

#define GATEWAY_PATH "/.well-known/ohttp-gateway"
#define HEALTH_PATH  "/.well-known/idevs/health"

#endif
