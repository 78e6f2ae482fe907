/* The program's key and certificate: made, attested and certified at the start, and
 * again at two thirds of each certificate's life. */
#ifndef IDEVS_RUNTIME_CREDENTIALS_H
#define IDEVS_RUNTIME_CREDENTIALS_H

#include "runtime/runtime.h"

void credentials_free(struct credentials *c);
#define _cleanup_credentials_ _cleanup_(credentials_free)

/* The first certificate. Repeated while the authority is silent or out, until the run's end; what
 * it refuses is final. Refuses with the authority's code, `authority.unreachable`,
 * `authority.answer`, `certificate.*`. */
bool credentials_obtain(struct idevs *ip, struct idevs_error *ret_err) _must_check_;

/* Before every request: renews when two thirds of the life have passed. While the old certificate
 * holds, a renewal that fails is put off and the answer is true; after its end it is repeated until
 * the run's end, and then refused as `authority.unreachable`. */
bool credentials_ready(struct idevs *ip, struct idevs_error *ret_err) _must_check_;

/* The next credentials_ready() renews at once: a gateway said that the certificate which came with
 * our request is not the one that signed it. */
void credentials_doubt(struct idevs *ip);

#endif
