/* The owners' HTTPS API (docs/api.md). */
#ifndef IDEVS_LAUNCHER_API_H
#define IDEVS_LAUNCHER_API_H

#include "launcher/launcher_private.h"

struct server_request;
struct http_message;

/* The server asks with each head: owner, route, and the route's own limit of the body. */
bool api_admit(struct server_request *request, uint64_t content_length, void *context,
               struct idevs_error *ret_err) _must_check_;
/* The handler of the server; `context` is the struct launcher. */
void api_handle(struct server_request *request, void *context);

#endif
