/* A second way into a service: HTTPS, for programs that talk to it directly. TLS 1.3 by libevent
 * and OpenSSL. */
#ifndef FREE_RIDE_HTTPS_H
#define FREE_RIDE_HTTPS_H

#include <event2/http.h>
#include <openssl/ssl.h>

/* Files in PEM, the chain from the leaf on; NULL after a message to stderr. */
SSL_CTX *https_context(const char *certificate, const char *key);
/* Every connection of `http` that comes from now on speaks TLS. `context` stays the caller's. */
void https_enable(struct evhttp *http, SSL_CTX *context);

#endif
