/* The gateway: relying party in front of one unmodified service. It opens and
 * verifies sealed requests, appraises the program's certificate against the operator's policy,
 * forwards what passes in plain HTTP, and seals what comes back. It holds the service's private
 * key and the key that opens requests; it is trusted with this one service's data and nothing else.
 *
 * One event loop, one thread for the store. */
#ifndef IDEVS_GATEWAY_GATEWAY_H
#define IDEVS_GATEWAY_GATEWAY_H

#include "gateway/config.h"

struct event_base;
struct gateway;

/* Reads credentials and anchors, opens the state, listens; starts no thread yet, so that the caller
 * can enter a sandbox in between. `config` must outlive it. Refuses `tls.credentials`,
 * `certificate.*`, `file.*`, `state.*`, `disk.full`, `port.in-use`, `config.syntax`. */
struct gateway *gateway_open(struct event_base *base, const struct gateway_config *config,
                             struct idevs_error *ret_err);
/* From here on requests are answered (when the loop runs). Refuses `internal`. */
bool gateway_start(struct gateway *gateway, struct idevs_error *ret_err) _must_check_;
unsigned gateway_port(const struct gateway *gateway);
/* Takes no new connections, finishes what is in flight, then leaves the loop. */
void gateway_drain(struct gateway *gateway);
void gateway_log_steps(const struct gateway *gateway);
void gateway_free(struct gateway *gateway); /* takes NULL */
DEFINE_CLEANUP(struct gateway *, gateway_free)
#define _cleanup_gateway_ _cleanup_(gateway_freep)

#endif
