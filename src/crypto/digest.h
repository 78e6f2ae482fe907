/* Digests, random bytes, constant-time comparison, wiping. */
#ifndef IDEVS_CRYPTO_DIGEST_H
#define IDEVS_CRYPTO_DIGEST_H

#include "base/buffer.h"

#define SHA256_LEN 32
#define SHA384_LEN 48
#define SHA512_LEN 64

void sha256(struct bytes in, uint8_t ret[SHA256_LEN]);
void sha384(struct bytes in, uint8_t ret[SHA384_LEN]);
void sha512(struct bytes in, uint8_t ret[SHA512_LEN]);

/* SHA-256 over what comes in pieces. */
struct sha256_run;
struct sha256_run *sha256_begin(void);
void sha256_add(struct sha256_run *run, struct bytes in);
void sha256_end(struct sha256_run *run, uint8_t ret[SHA256_LEN]); /* frees run */
/* The regular file behind `fd` from its beginning (pread); false on a read error. */
bool sha256_fd(int fd, uint8_t ret[SHA256_LEN]) _must_check_;

/* From the kernel; aborts when there are none. */
void random_bytes(void *ret, size_t len);
bool equal_in_constant_time(const void *a, const void *b, size_t len) _must_check_;
void wipe(void *p, size_t len);

#endif
