/* A connection to one of the daemons on which bytes are sent as they are: for requests that no HTTP
 * client would write, or that never end. */
#ifndef IDEVS_TESTS_HOSTILE_RAW_H
#define IDEVS_TESTS_HOSTILE_RAW_H

#include "crypto/x509.h"

struct raw {
    int fd; /* -1: there is no connection */
    struct ssl_ctx_st *context;
    struct ssl_st *tls; /* NULL: plain */
};

/* Connects, and with `tls` shakes hands, whoever is there (a launcher that lies asks for no
 * certificate). Asserts that it worked. */
void raw_open(struct raw *r, const char *host, unsigned port, bool tls);
/* TLS as whoever holds `key`, in a certificate that it signed itself. */
void raw_open_as(struct raw *r, const char *host, unsigned port, const struct key *key);
void raw_close(struct raw *r);
#define _cleanup_raw_ _cleanup_(raw_close)

/* False when the connection is gone. */
bool raw_send(struct raw *r, struct bytes data) _must_check_;
/* Everything that comes until the other side closes, at most for `seconds`; false: it did not
 * close. */
bool raw_receive_all(struct raw *r, unsigned seconds, struct buffer *b) _must_check_;
/* The code in the problem document of an HTTP answer, "" when there is none. */
const char *raw_code(const struct buffer *answer);

#endif
