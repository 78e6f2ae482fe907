/* The authority's end of the socket to its signer: starts it with the tiers' keys as descriptors,
 * asks it for certificates. The keys never pass through this process's memory. */
#ifndef IDEVS_AUTHORITY_SIGNER_CLIENT_H
#define IDEVS_AUTHORITY_SIGNER_CLIENT_H

#include "wire/signer_request.h"

struct signer_client {
    int socket; /* readable when nothing was asked: the signer is gone */
};

/* Starts `program` (path) for the state directory and waits until it answers, confined. Before the
 * sandbox: afterwards there is no exec. Refuses `file.unreadable`, `signer.unreachable`. */
bool signer_start(const char *program, const char *state, struct signer_client *ret,
                  struct idevs_error *ret_err) _must_check_;
void signer_stop(struct signer_client *c); /* closes the socket: the signer ends by itself */

/* One certificate, waiting at most five seconds; DER appended. Refuses what the signer refuses, and
 * `signer.unreachable`, after which the authority ends to be started again. */
bool signer_ask(const struct signer_client *c, const struct signer_request *request,
                struct buffer *der, struct idevs_error *ret_err) _must_check_;
/* The same for a list of revoked certificates. */
bool signer_ask_list(const struct signer_client *c, const struct signer_list *list,
                     struct buffer *der, struct idevs_error *ret_err) _must_check_;

#endif
