/* net/server.h played: the harness hands requests to the handler and sees what is answered. Link
 * played_server.c. */
#ifndef IDEVS_FUZZ_PLAYED_SERVER_H
#define IDEVS_FUZZ_PLAYED_SERVER_H

#include "net/server.h"

#include "fuzz.h"

struct server_request {
    struct http_message message;
    unsigned n_answers;
    /* the answer */
    int status;
    char type[128];
    struct buffer content;
    char code[48]; /* of a refusal that is not sealed */
};

/* What the last server_start() was told. */
extern struct server_options played_options;

/* `message` from the next parts of the input: "METHOD path", a line end, content type (none when
 * empty), a line end, the content. False: not even that. */
bool played_request(struct bytes in, struct server_request *ret) _must_check_;
/* Carried out by `handler`; must have been answered exactly once. */
void played_serve(struct server_request *request, server_handler handler, void *context);
void played_release(struct server_request *request);
#define _cleanup_played_ _cleanup_(played_release)

#endif
