/* The algorithms that this folder uses, fetched from OpenSSL's default provider once per process:
 * implicit fetching at every call costs more than hashing a short message. Internal to src/crypto.
 */
#ifndef IDEVS_CRYPTO_ALGORITHMS_H
#define IDEVS_CRYPTO_ALGORITHMS_H

#include "base/attr.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>

struct algorithms {
    EVP_MD *sha256;
    EVP_MD *sha384;
    EVP_MD *sha512;
    EVP_CIPHER *aes_128_gcm;
    EVP_CIPHER *aes_256_gcm;
    EVP_KDF *hkdf;
};

/* OpenSSL's queue of errors is left empty by every function of this folder, also where it refuses:
 * a stale entry would make a later SSL_get_error() of the same thread close a sound connection.
 *
 * Aborts when the library lacks one. The first call readies OpenSSL, with an allocator that wipes
 * what is freed, and without its configuration file, so that this also works in a compartment
 * without files. It comes before any other call into OpenSSL, or aborts. */
const struct algorithms *algorithms(void);

/* For what cannot fail but by a broken library: better no process than a wrong result. */
_noreturn_ void crypto_is_broken(void);

#endif
