/* An HTTP message as a value: what BHTTP carries and signatures cover. Views only, owns nothing. */
#ifndef IDEVS_WIRE_HTTP_H
#define IDEVS_WIRE_HTTP_H

#include "base/buffer.h"
#include "base/limits.h"

struct http_field {
    struct bytes name; /* lower case */
    struct bytes value;
};

struct http_message {
    /* requests */
    struct bytes method;
    struct bytes scheme;
    struct bytes authority;
    struct bytes path; /* with query, origin form */
    /* responses */
    uint16_t status; /* 0 in requests */
    /* both */
    struct http_field fields[LIMIT_FIELDS];
    size_t n_fields;
    struct bytes content;
};

/* Appends a field that is not copied; false past LIMIT_FIELDS. */
bool http_add(struct http_message *m, const char *name, struct bytes value) _must_check_;
/* The value of the only field of that name; false when absent or repeated. */
bool http_get(const struct http_message *m, const char *name, struct bytes *ret) _must_check_;
/* How often the name occurs. */
size_t http_count(const struct http_message *m, const char *name);

#endif
