/* One build for an auditor, on any machine: no state, no launcher, no manifest but its digest. What
 * it gives is what a warden's build of the same source, manifest and toolchain gives (build.h). */
#ifndef IDEVS_WARDEN_REBUILD_H
#define IDEVS_WARDEN_REBUILD_H

#include "base/buffer.h"
#include "base/error.h"
#include "crypto/digest.h"
#include <sys/types.h>

struct rebuild_options {
    const char *toolchain; /* folder made by toolchain_make() */
    const char *source;    /* file, at most LIMIT_SOURCE */
    const char *manifest;  /* 64 hex digits: SHA-256 of its canonical CBOR */
    const char *back_end;  /* that it is for: as the certificate names it */
    uid_t uid;             /* of the compiler; no other compartment has it meanwhile */
};

struct rebuilt {
    uint8_t executable[SHA256_LEN];
    uint8_t toolchain[SHA256_LEN];
};

/* `text` gets what the compiler said, also when it refuses. As root. Refuses `build.*`,
 * `compartment.*`, `file.*`, `usage`. */
bool rebuild(const struct rebuild_options *options, struct rebuilt *ret, struct buffer *text,
             struct idevs_error *ret_err) _must_check_;

#endif
