/* Builds: a few at a time, the rest wait their turn. */
#ifndef IDEVS_WARDEN_BUILD_H
#define IDEVS_WARDEN_BUILD_H

#include "warden/warden.h"

/* Takes copies of source and manifest; answers at once from the cache, or when compiled. Refuses
 * `build.*`, `manifest.*`. */
bool build_begin(struct warden *w, struct connection *c, const struct request *request, int source,
                 int manifest, struct idevs_error *ret_err) _must_check_;
/* Gives up every build of the connection, or, with NULL, of all. */
void builds_end_of(struct warden *w, const struct connection *c);

#endif
