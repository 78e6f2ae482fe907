#include "crypto/digest.h"
#include "crypto/algorithms.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

static void digest(const EVP_MD *md, struct bytes in, uint8_t *ret)
{
    if (!EVP_Digest(in.data, in.len, ret, NULL, md, NULL))
        crypto_is_broken();
}

void sha256(struct bytes in, uint8_t ret[SHA256_LEN])
{
    digest(algorithms()->sha256, in, ret);
}

void sha384(struct bytes in, uint8_t ret[SHA384_LEN])
{
    digest(algorithms()->sha384, in, ret);
}

void sha512(struct bytes in, uint8_t ret[SHA512_LEN])
{
    digest(algorithms()->sha512, in, ret);
}

/* A struct sha256_run is an EVP_MD_CTX under a name of ours. */
static EVP_MD_CTX *context_of(struct sha256_run *run)
{
    return (EVP_MD_CTX *)run;
}

struct sha256_run *sha256_begin(void)
{
    const EVP_MD *md = algorithms()->sha256;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx || !EVP_DigestInit_ex2(ctx, md, NULL))
        crypto_is_broken();
    return (struct sha256_run *)ctx;
}

void sha256_add(struct sha256_run *run, struct bytes in)
{
    if (!EVP_DigestUpdate(context_of(run), in.data, in.len))
        crypto_is_broken();
}

void sha256_end(struct sha256_run *run, uint8_t ret[SHA256_LEN])
{
    if (!EVP_DigestFinal_ex(context_of(run), ret, NULL))
        crypto_is_broken();
    EVP_MD_CTX_free(context_of(run));
}

static bool add_file(struct sha256_run *run, int fd)
{
    uint8_t piece[PIECE];

    for (off_t at = 0;;) {
        ssize_t n = pread(fd, piece, sizeof(piece), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        sha256_add(run, bytes_of(piece, (size_t)n));
        at += n;
    }
}

bool sha256_fd(int fd, uint8_t ret[SHA256_LEN])
{
    struct stat st;
    uint8_t out[SHA256_LEN];

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    struct sha256_run *run = sha256_begin();
    bool whole = add_file(run, fd);
    sha256_end(run, out);
    if (whole)
        memcpy(ret, out, sizeof(out));
    return whole;
}

void random_bytes(void *ret, size_t len)
{
    uint8_t *at = ret;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            crypto_is_broken();
        at += n;
        len -= (size_t)n;
    }
}

bool equal_in_constant_time(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void wipe(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}
