/* One launcher's connection: requests in, answers and events out. */
#ifndef IDEVS_WARDEN_CONNECTION_H
#define IDEVS_WARDEN_CONNECTION_H

#include "warden/warden.h"

/* Takes the socket. A peer that is not the configured launcher, or one too many, is turned away. */
void connection_accept(struct warden *w, int socket);
/* Sends, now or when there is room; a connection that takes nothing for too long is broken. Takes
 * `fd` (or -1). */
void connection_send(struct connection *c, struct bytes message, int fd);
void connection_refuse(struct connection *c, const struct request *request,
                       const struct idevs_error *err);
/* With everything that it had begun. */
void connection_close(struct connection *c);

#endif
