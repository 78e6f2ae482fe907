/* The owners' HTTPS API (docs/api.md). */
#ifndef IDEVS_LAUNCHER_API_H
#define IDEVS_LAUNCHER_API_H

#include "launcher/launcher_private.h"

struct server_request;
struct http_message;

/* The handler of the server; `context` is the struct launcher. */
void api_handle(struct server_request *request, void *context);

#endif
