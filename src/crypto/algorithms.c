#include "crypto/algorithms.h"

#include "base/alloc.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct algorithms fetched;

void crypto_is_broken(void)
{
    abort();
}

/* OpenSSL 3.0 wipes its keys, but not all that it read them from: DER of a private key stays in the
 * heap. So it is given functions that wipe whatever it frees. */
static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *reallocate(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return wiping_realloc(p, size);
}

static void release(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    wiping_free(p);
}

static void fetch(void)
{
    if (!CRYPTO_set_mem_functions(allocate, reallocate, release) ||
        !OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return;
    fetched = (struct algorithms){
        .sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
        .sha384 = EVP_MD_fetch(NULL, "SHA384", NULL),
        .sha512 = EVP_MD_fetch(NULL, "SHA512", NULL),
        .aes_128_gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL),
        .aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
        .hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL),
    };
}

const struct algorithms *algorithms(void)
{
    if (!CRYPTO_THREAD_run_once(&once, fetch) || !fetched.sha256 || !fetched.sha384 ||
        !fetched.sha512 || !fetched.aes_128_gcm || !fetched.aes_256_gcm || !fetched.hkdf)
        crypto_is_broken();
    return &fetched;
}
