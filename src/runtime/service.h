/* What the program knows of each service of its manifest: the gateway's signed key and
 * how far its clock is from ours. */
#ifndef IDEVS_RUNTIME_SERVICE_H
#define IDEVS_RUNTIME_SERVICE_H

#include "runtime/runtime.h"

/* The service of that name; NULL and `service.unknown`. */
struct service *service_find(struct idevs *ip, const char *name, struct idevs_error *ret_err);

/* `exchangeKeys`: fetches and verifies the keys of every service, each repeated until the run's
 * end. A key configuration that is not the service's is refused at once: `keys.signature`,
 * `certificate.*`. */
bool services_exchange_keys(struct idevs *ip, struct idevs_error *ret_err) _must_check_;

/* Before every request: fetches keys where there are none, and again where they are old or were
 * called wrong (which anybody may do: so at most once in `refetch_ms`, and the old ones stay until
 * the service signs others). False: there are none that still hold. */
bool service_ready(struct idevs *ip, struct service *s, struct idevs_error *ret_err) _must_check_;

#endif
