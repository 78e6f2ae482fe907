/* The authority's HTTPS API (docs/interfaces.md). */
#ifndef IDEVS_AUTHORITY_API_H
#define IDEVS_AUTHORITY_API_H

#include "authority/issuer.h"
#include "authority/lists.h"
#include "authority/rate.h"
#include "net/server.h"
#include "wire/certificate_request.h"

struct api {
    struct issuer *issuer;
    struct lists lists;                 /* of revoked certificates */
    struct rate submissions;            /* approvals and enrolments cost a commit each */
    void (*signer_lost)(void *context); /* called after the answer: end, to be started again */
    void *context;
};

/* A server_handler; `context` is a struct api. */
void api_handle(struct server_request *request, void *context);

#endif
