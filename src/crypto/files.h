/* Keys and certificates in PEM files. */
#ifndef IDEVS_CRYPTO_FILES_H
#define IDEVS_CRYPTO_FILES_H

#include "crypto/x509.h"

/* Refuse `file.unreadable`, `file.too-large`, `tls.credentials`; a chain also
 * `certificate.malformed`. NULL is a refusal. */
struct key *key_from_file(const char *path, struct idevs_error *ret_err);
bool chain_from_file(const char *path, struct chain *ret, struct idevs_error *ret_err) _must_check_;
/* A key has mode 0600, certificates 0644; what was there is replaced. Refuse `file.unwritable`,
 * `disk.full`. */
bool key_to_file(const char *path, const struct key *key, struct idevs_error *ret_err) _must_check_;
bool chain_to_file(const char *path, const struct chain *chain,
                   struct idevs_error *ret_err) _must_check_;

#endif
