/* A ring in the order of birth, so the oldest are dropped first, and a hash table into it. A
 * challenge is random, so its first bytes are its hash. */
#include "authority/challenges.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

#define N_BUCKETS 65536u
#define NONE      UINT32_MAX

_Static_assert((LIMIT_CHALLENGES & (LIMIT_CHALLENGES - 1)) == 0, "ring positions wrap by masking");

struct slot {
    uint8_t challenge[CHALLENGE_LEN];
    uint64_t born_ns;
    uint32_t next; /* in its bucket */
    bool is_alive;
};

struct challenges {
    struct slot ring[LIMIT_CHALLENGES];
    uint32_t buckets[N_BUCKETS];
    uint64_t first; /* oldest that was not dropped */
    uint64_t end;   /* next to be born */
};

struct challenges *challenges_new(void)
{
    struct challenges *c = alloc_zero(1, sizeof(*c));

    memset(c->buckets, 0xff, sizeof(c->buckets));
    return c;
}

void challenges_free(struct challenges *c)
{
    free(c);
}

static uint32_t *bucket_of(struct challenges *c, const uint8_t challenge[CHALLENGE_LEN])
{
    return &c->buckets[(uint32_t)challenge[0] << 8 | challenge[1]];
}

/* Out of its bucket; its place in the ring is free once it is the oldest. */
static void unlink_slot(struct challenges *c, uint32_t at)
{
    struct slot *slot = &c->ring[at];
    uint32_t *link = bucket_of(c, slot->challenge);

    while (*link != at)
        link = &c->ring[*link].next;
    *link = slot->next;
    slot->is_alive = false;
}

static void drop_old(struct challenges *c, uint64_t now_ns)
{
    while (c->first < c->end) {
        uint32_t at = (uint32_t)(c->first & (LIMIT_CHALLENGES - 1));
        struct slot *slot = &c->ring[at];
        if (slot->is_alive &&
            now_ns - slot->born_ns < (uint64_t)LIMIT_CHALLENGE_LIFE * NS_PER_SECOND)
            return;
        if (slot->is_alive)
            unlink_slot(c, at);
        c->first++;
    }
}

void challenge_make(struct challenges *c, uint64_t now_ns, uint8_t ret[CHALLENGE_LEN])
{
    drop_old(c, now_ns);
    if (c->end - c->first == LIMIT_CHALLENGES)
        unlink_slot(c, (uint32_t)(c->first++ & (LIMIT_CHALLENGES - 1)));
    uint32_t at = (uint32_t)(c->end++ & (LIMIT_CHALLENGES - 1));
    struct slot *slot = &c->ring[at];
    random_bytes(slot->challenge, CHALLENGE_LEN);
    uint32_t *bucket = bucket_of(c, slot->challenge);
    slot->born_ns = now_ns;
    slot->is_alive = true;
    slot->next = *bucket;
    *bucket = at;
    memcpy(ret, slot->challenge, CHALLENGE_LEN);
}

bool challenge_use(struct challenges *c, uint64_t now_ns, const uint8_t challenge[CHALLENGE_LEN],
                   struct idevs_error *ret_err)
{
    drop_old(c, now_ns);
    for (uint32_t at = *bucket_of(c, challenge); at != NONE; at = c->ring[at].next)
        if (memcmp(c->ring[at].challenge, challenge, CHALLENGE_LEN) == 0) {
            unlink_slot(c, at);
            return true;
        }
    return refuse(ret_err, "challenge.stale", "an unknown, used or old challenge");
}
