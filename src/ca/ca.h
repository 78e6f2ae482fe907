/* A small CA for services: for tests, demonstrations, and operators without one of their own. It
 * makes P-256 keys and certificates in files; whoever holds the CA's key can speak for every
 * service whose manifest names its root. Programs are never certified here: that is the
 * authority's. */
#ifndef IDEVS_CA_CA_H
#define IDEVS_CA_CA_H

#include "ca/options.h"

/* A self-signed root of path length 0: certificate to `out`, private key (mode 0600) to `key`.
 * Existing files are never replaced. Refuses `file.unwritable`, `name.invalid`. */
bool ca_make_root(const struct ca_options *o, int64_t now,
                  struct idevs_error *ret_err) _must_check_;
/* A service's certificate for the host of `host`, followed by the intermediates of `ca`, to `out`;
 * its private key (mode 0600) to `key`. It ends no later than its issuer. Refuses
 * `file.unreadable`, `file.unwritable`, `tls.credentials`, `certificate.*`, `usage`. */
bool ca_make_server(const struct ca_options *o, int64_t now,
                    struct idevs_error *ret_err) _must_check_;

#endif
