/* `idevs-authority serve`: signer, sandbox, HTTPS, until SIGTERM. */
#ifndef IDEVS_AUTHORITY_SERVE_H
#define IDEVS_AUTHORITY_SERVE_H

#include "base/error.h"

/* Returns when drained after SIGTERM or SIGINT. Refuses what stopped it, among that
 * `signer.unreachable` when the signer is gone: whoever supervises starts it again. */
bool serve(const char *config_path, struct idevs_error *ret_err) _must_check_;

#endif
