/* What can be wrong with a request, one by one, each with the refusal that it must meet. */
#ifndef IDEVS_FUZZ_GATEWAY_TWISTS_H
#define IDEVS_FUZZ_GATEWAY_TWISTS_H

#include "gateway/verify.h"

#include "draft.h"

#define TWIST_NOW INT64_C(1800000000)
#define TWISTS    3 /* of one request, at most */

/* Who may send: one program in order, and strangers. */
enum sender {
    SENDER_GOOD,
    SENDER_OF_OTHER_CA,
    SENDER_EXPIRED,
    SENDER_EARLY,
    SENDER_JUST_ISSUED, /* by an authority whose clock is ahead */
    SENDER_OF_OTHER_NAME,
    SENDER_OF_OTHER_TIER,
    SENDER_OF_OTHER_BACK_END,
    SENDER_WITHOUT_SERVICE,
    N_SENDERS,
};
struct twist_world {
    struct actor_ca ca;
    struct actor_ca other_ca;
    struct actor_program senders[N_SENDERS];
};
void twist_world_make(struct twist_world *w, int64_t now);

/* What the gateway must answer: the verdict and, refused, one of these codes. */
struct model {
    enum verdict verdict;
    unsigned order; /* of the check that refuses */
    const char *codes[TWISTS];
    size_t n_codes;
};
bool model_permits(const struct model *m, const char *code);

struct twisted {
    struct draft draft; /* draft_free() */
    struct http_message outer;
    struct model model;
    struct buffer cert; /* what `outer` points into when that was twisted */
    uint8_t room[LIMIT_CHAIN_BYTES];
};
/* One request, as the input says. */
void twist_request(const struct twist_world *w, const struct ohttp_key_config *to, struct reader *r,
                   struct twisted *ret);

#endif
