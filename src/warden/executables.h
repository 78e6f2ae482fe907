/* Executables that were measured, kept in sealed memory: who starts a program again, or many at
 * once, neither copies nor measures it again, and all of them share its pages. */
#ifndef IDEVS_WARDEN_EXECUTABLES_H
#define IDEVS_WARDEN_EXECUTABLES_H

#include "base/error.h"
#include "base/limits.h"
#include "crypto/digest.h"

/* At most LIMIT_KEPT_EXECUTABLES of them and LIMIT_KEPT_BYTES in all; the one whose last use is
 * longest ago goes first. Zero is an empty one. */
struct executables {
    struct kept_executable {
        int fd; /* sealed; valid when size is not 0 */
        uint8_t digest[SHA256_LEN];
        uint64_t size;
        uint64_t used; /* of `uses` */
    } at[LIMIT_KEPT_EXECUTABLES];
    uint64_t uses;
};

/* A sealed copy of the regular file behind `fd`, and its digest. `said` (may be NULL) is what the
 * launcher calls it: that serves to find one that is kept, and is not believed of anything else.
 * The result is the caller's to close. -1: refused with `code`. */
int executables_take(struct executables *kept, int fd, const uint8_t *said, const char *code,
                     uint8_t ret[SHA256_LEN], struct idevs_error *ret_err);
void executables_close(struct executables *kept);

#endif
