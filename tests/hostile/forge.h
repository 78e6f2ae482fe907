/* A request as a malicious program with a genuine certificate makes it. Between the steps anything
 * may be spoiled: before forge_sign() what is signed, after it what is not. */
#ifndef IDEVS_TESTS_HOSTILE_FORGE_H
#define IDEVS_TESTS_HOSTILE_FORGE_H

#include "stage.h"
#include "wire/httpsig.h"

struct forge {
    struct exchange x;
    struct http_message m; /* views into what follows, or into static text */
    struct httpsig_params params;
    char date[HTTP_DATE_LEN + 1];
    struct buffer digest;
    struct buffer input;
    struct buffer signature;
    struct buffer plain;  /* Binary HTTP */
    struct buffer sealed; /* message/ohttp-req */
};
/* To the store: an encapsulation, its nonce, a life of 60 s, the digest and the date. */
void forge_begin(struct forge *f, const struct http_message *m);
void forge_sign(struct forge *f);  /* adds both signature fields, by the store's program */
void forge_write(struct forge *f); /* Binary HTTP without any check, padded */
void forge_seal(struct forge *f);
void forge_free(struct forge *f);
#define _cleanup_forge_ _cleanup_(forge_free)

/* Writes, seals and sends it: the gateway refuses, and the service hears nothing. */
void forged_is_refused(const struct attack *this, struct forge *f);

/* A write with every field that may be there: POST /count?x=1, a key, a type, {}. */
struct http_message forge_full_write(void);
/* forge_begin() and forge_sign() of that. */
void forge_signed(struct forge *f);
/* It is carried out as long as nothing was spoiled. */
void forge_control(void);

/* Of the message's fields: the value of one that is there; the same as text for a new value; takes
 * one out; adds one. */
struct bytes *forge_field(struct forge *f, const char *name);
void forge_set(struct forge *f, const char *name, const char *value);
void forge_drop(struct forge *f, const char *name);
void forge_add(struct forge *f, const char *name, const char *value);

#endif
