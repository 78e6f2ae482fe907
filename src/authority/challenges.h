/* Challenges: 32 random bytes, alive for LIMIT_CHALLENGE_LIFE, used once, at most LIMIT_CHALLENGES
 * of them, in memory. */
#ifndef IDEVS_AUTHORITY_CHALLENGES_H
#define IDEVS_AUTHORITY_CHALLENGES_H

#include "base/error.h"
#include "base/limits.h"
#include "wire/certificate_request.h"

#include <stdint.h>

struct challenges;
struct challenges *challenges_new(void);
void challenges_free(struct challenges *c); /* takes NULL */

/* `now_ns` is monotonic. A full table forgets the oldest: a start uses its challenge within a
 * second or so, and whoever asks for many and uses none must not keep it from getting one. */
void challenge_make(struct challenges *c, uint64_t now_ns, uint8_t ret[CHALLENGE_LEN]);
/* Takes a live one out; refuses `challenge.stale`. */
bool challenge_use(struct challenges *c, uint64_t now_ns, const uint8_t challenge[CHALLENGE_LEN],
                   struct idevs_error *ret_err) _must_check_;

#endif
