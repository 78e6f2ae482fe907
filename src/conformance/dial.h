/* One connection to the gateway under test, with an absolute deadline. The kit speaks TLS and HTTP
 * itself: a client library would not send what is there to be refused. */
#ifndef IDEVS_CONFORMANCE_DIAL_H
#define IDEVS_CONFORMANCE_DIAL_H

#include "crypto/tls_client.h"

struct target {
    char host[LIMIT_AUTHORITY + 1]; /* where it is reached */
    char port[8];
    char name[LIMIT_AUTHORITY + 1]; /* host[:port] under which programs call it */
    struct chain anchors;           /* the CA of its certificate */
};

struct dial {
    int fd;
    struct tls_client *tls; /* NULL: in the clear */
    uint64_t deadline;      /* clock_monotonic_ns() */
    char why[160];          /* the last thing that failed */
};

enum dial_end {
    DIAL_LATE = 0, /* nothing decided when the deadline came */
    DIAL_CLOSED,   /* by the peer */
    DIAL_TOO_LONG, /* more than the buffer takes */
};

/* A TCP connection; everything on it ends `seconds` from now. */
bool dial_connect(const struct target *target, unsigned seconds, struct dial *ret) _must_check_;
/* TLS over it: 1.3, or `only_1_2`. */
bool dial_secure(struct dial *d, const struct target *target, bool only_1_2) _must_check_;
/* Both. */
bool dial_open(const struct target *target, unsigned seconds, struct dial *ret) _must_check_;
void dial_close(struct dial *d);
#define _cleanup_dial_ _cleanup_(dial_close)

bool dial_send(struct dial *d, struct bytes data) _must_check_;
/* Appends what comes, until the peer closes. */
enum dial_end dial_receive(struct dial *d, struct buffer *b);
/* Sends one byte of `data` a second, and nothing when it has run out; true as soon as the peer
 * closes. */
bool dial_drip(struct dial *d, struct bytes data) _must_check_;

#endif
