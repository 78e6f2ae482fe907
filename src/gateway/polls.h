/* Fetches the lists of revoked certificates of a gateway's configuration, again and again, on the
 * event loop, beside the exchanges: none of them waits. */
#ifndef IDEVS_GATEWAY_POLLS_H
#define IDEVS_GATEWAY_POLLS_H

#include "gateway/config.h"
#include "gateway/revocations.h"

struct event_base;
struct polls;

/* Opens what it needs, before a sandbox is entered; both must outlive it. Refuses `file.*`. */
struct polls *polls_new(struct event_base *base, const struct gateway_revocation *config,
                        struct revocations *revocations, struct idevs_error *ret_err);
/* The first look at each is now; after that every `every` seconds, and every LIMIT_LIST_RETRY after
 * one that brought no list. */
bool polls_start(struct polls *polls, struct idevs_error *ret_err) _must_check_;
void polls_free(struct polls *polls); /* takes NULL */

#endif
