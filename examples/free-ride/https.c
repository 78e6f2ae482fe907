#include "https.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>

SSL_CTX *https_context(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
        SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(context) == 1)
        return context;
    ERR_print_errors_fp(stderr);
    SSL_CTX_free(context);
    return NULL;
}

/* evhttp would serve plain HTTP if this returned NULL. */
static struct bufferevent *new_connection(struct event_base *base, void *context)
{
    SSL *ssl = SSL_new(context);
    struct bufferevent *connection =
        ssl ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE)
            : NULL;

    if (!connection)
        abort(); /* memory */
    return connection;
}

void https_enable(struct evhttp *http, SSL_CTX *context)
{
    evhttp_set_bevcb(http, new_connection, context);
}
