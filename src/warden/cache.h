/* What was compiled here: executables by (source, manifest, toolchain), and where each came from.
 * The folder is root's alone; everything read from it is checked again all the same. */
#ifndef IDEVS_WARDEN_CACHE_H
#define IDEVS_WARDEN_CACHE_H

#include "base/error.h"
#include "base/limits.h"
#include "crypto/digest.h"

/* What an executable was compiled from. */
struct origin {
    uint8_t source[SHA256_LEN];
    uint8_t manifest[SHA256_LEN];
    uint8_t toolchain[SHA256_LEN];
};

/* SHA-256("idevs build v1" 00 || source || manifest || toolchain): names the build, and is the
 * executable's build id. */
void origin_identity(const struct origin *origin, uint8_t ret[SHA256_LEN]);

struct built {
    uint8_t executable[SHA256_LEN];
    struct buffer bytes; /* of the executable; at most LIMIT_EXECUTABLE */
    struct buffer text;  /* the compiler's; at most LIMIT_COMPILER_TEXT */
};
void built_init(struct built *ret);
void built_free(struct built *built);
#define _cleanup_built_ _cleanup_(built_free)

/* `folder` is made when it is not there. Refuses `state.unusable`. */
bool cache_open(const char *folder, struct idevs_error *ret_err) _must_check_;
/* The executable of `origin`; false when there is none. One that is damaged is removed and there is
 * none: it is built again. */
bool cache_get(const char *folder, const struct origin *origin, struct built *ret) _must_check_;
/* Keeps `built` (digest, bytes, text), durably. Refuses `disk.full`, `file.unwritable`. */
bool cache_put(const char *folder, const struct origin *origin, const struct built *built,
               struct idevs_error *ret_err) _must_check_;
/* What the executable with this digest was compiled from; false: not compiled here, as far as is
 * known and undamaged. */
bool cache_origin(const char *folder, const uint8_t executable[SHA256_LEN],
                  struct origin *ret) _must_check_;

#endif
