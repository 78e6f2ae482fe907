/* One compilation in a compartment: source in, executable and the compiler's text out. The source
 * is hostile, and so is what comes out of the compartment. */
#ifndef IDEVS_WARDEN_COMPILE_H
#define IDEVS_WARDEN_COMPILE_H

#include "base/limits.h"
#include "compartment/compartment.h"
#include "crypto/digest.h"

struct compilation;

struct compilation_order {
    int toolchain; /* descriptor of the root folder */
    uid_t uid;
    struct bytes source;
    /* SHA-256 of source, manifest and toolchain: becomes the executable's build id, so that no two
     * of them give the same executable. */
    const uint8_t *identity;
    const char *const *flags; /* of the back end that it is for; NULL-terminated */
};

/* Writes the source as program.c into a fresh folder and starts the compiler on it. Refuses
 * `compartment.*`. */
bool compilation_start(const struct compilation_order *order, struct compilation **ret,
                       struct idevs_error *ret_err) _must_check_;
/* Readable when the compiler said something, or closed it: call compilation_listen(). */
int compilation_output(const struct compilation *c);
/* Readable when it ended: call compilation_finish(). */
int compilation_watch(const struct compilation *c);
/* Takes what was said; false when there will be no more. Never waits. */
bool compilation_listen(struct compilation *c);
/* It took too long. */
void compilation_give_up(struct compilation *c);
/* After watch became readable. `executable` gets the result (at most LIMIT_EXECUTABLE). Refuses
 * `build.compiler`, `build.limit`; false with `compartment.unavailable` too if it still runs. */
bool compilation_finish(struct compilation *c, struct buffer *executable,
                        struct idevs_error *ret_err) _must_check_;
/* The compiler's text so far, UTF-8 without other control characters than tab and line feed. */
struct bytes compilation_text(const struct compilation *c);
void compilation_free(struct compilation *c); /* ends it; takes NULL */

#endif
