/* What the launcher hands over in descriptors, taken into memory that it cannot change. */
#ifndef IDEVS_WARDEN_INTAKE_H
#define IDEVS_WARDEN_INTAKE_H

#include "base/buffer.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "wire/manifest.h"

/* Copies the regular file behind `fd` (1 byte to the buffer's max). Refuses `code`. */
bool intake_bytes(int fd, const char *code, struct buffer *b,
                  struct idevs_error *ret_err) _must_check_;
/* Copies it into a sealed memory file and digests that. -1: refused with `code`. */
int intake_sealed(int fd, const char *code, size_t max, uint8_t ret[SHA256_LEN],
                  struct idevs_error *ret_err);
/* The manifest with its bytes and digest. `ret` points into `b`. Refuses `manifest.*`. */
bool intake_manifest(int fd, struct buffer *b, struct manifest *ret, uint8_t digest[SHA256_LEN],
                     struct idevs_error *ret_err) _must_check_;

#endif
