/* The toolchain: the read-only root folder that the compiler sees, and its digest. The warden
 * trusts it for what it says of executables; owners approve it by digest. */
#ifndef IDEVS_WARDEN_TOOLCHAIN_H
#define IDEVS_WARDEN_TOOLCHAIN_H

#include "base/error.h"
#include "crypto/digest.h"

/* SHA-256 over, for every file and symbolic link below `folder`, sorted bytewise by path:
 * path 00 SHA-256(content), for a link SHA-256(target). Folders count by their files only. Refuses
 * `build.toolchain`: a file that others than its owner may write, anything that is neither file,
 * link nor folder, or more than 100,000 entries. */
bool toolchain_digest(const char *folder, uint8_t ret[SHA256_LEN],
                      struct idevs_error *ret_err) _must_check_;

/* Digests `folder` and compares with FOLDER.digest (hex and a line feed), which toolchain_make()
 * wrote. Refuses `build.toolchain`. */
bool toolchain_verify(const char *folder, uint8_t ret[SHA256_LEN],
                      struct idevs_error *ret_err) _must_check_;

struct toolchain_options {
    const char *out;     /* must not exist; OUT.digest is written beside it */
    const char *include; /* folder of idevs.h */
    const char *lib;     /* libidevs.a */
    const char *gcc;     /* the compiler's driver: "gcc-12" */
};

/* Copies the compiler, assembler, linker, C library, headers and libraries of this host, and
 * nothing else, into `out`. Not privileged. Refuses `build.toolchain`, `file.*`. */
bool toolchain_make(const struct toolchain_options *options, uint8_t ret[SHA256_LEN],
                    struct idevs_error *ret_err) _must_check_;

#endif
