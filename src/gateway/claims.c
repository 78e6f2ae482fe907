/* A chained hash table over one array of entries; each entry hangs in a second chain, the wheel,
 * under the second in which it ends. Slots are indices into the array, 0 is none. */
#include "gateway/claims.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

/* More seconds than a pair can live: created <= now + skew, expires <= created + life. */
#define WHEEL 128
_Static_assert(WHEEL > LIMIT_SIGNATURE_LIFE + 2 * LIMIT_CLOCK_SKEW + 1, "a slot has one meaning");

struct claim {
    uint8_t digest[SHA256_LEN];
    uint32_t next_in_table;
    uint32_t next_in_wheel; /* or in the list of free entries */
};

struct claims {
    struct claim *at; /* 1 to capacity; at[0] is not used */
    uint32_t capacity;
    uint32_t touched; /* entries that were ever used: what lies beyond costs no memory yet */
    uint32_t *table;  /* a power of two of chains */
    uint32_t mask;
    uint32_t wheel[WHEEL]; /* what ends in second t hangs under t % WHEEL */
    uint32_t free;
    size_t n;
    int64_t now;        /* the latest seen; everything up to now - 1 is forgotten */
    uint8_t secret[32]; /* so that no program can choose pairs that share a chain */
};

struct claims *claims_new(size_t capacity)
{
    struct claims *c = alloc_zero(1, sizeof(*c));
    uint32_t n_chains = 1;

    if (capacity > LIMIT_CLAIMS)
        capacity = LIMIT_CLAIMS;
    while (n_chains < capacity)
        n_chains <<= 1;
    c->at = alloc_zero(capacity + 1, sizeof(*c->at));
    c->table = alloc_zero(n_chains, sizeof(*c->table));
    c->mask = n_chains - 1;
    c->capacity = (uint32_t)capacity;
    random_bytes(c->secret, sizeof(c->secret));
    return c;
}

void claims_free(struct claims *claims)
{
    if (!claims)
        return;
    wipe(claims->secret, sizeof(claims->secret));
    free(claims->table);
    free(claims->at);
    free(claims);
}

static uint32_t *chain_of(struct claims *c, const uint8_t digest[SHA256_LEN])
{
    uint32_t h;

    memcpy(&h, digest, sizeof(h));
    return &c->table[h & c->mask];
}

static void forget(struct claims *c, uint32_t i)
{
    uint32_t *link = chain_of(c, c->at[i].digest);

    while (*link != i)
        link = &c->at[*link].next_in_table;
    *link = c->at[i].next_in_table;
    c->at[i].next_in_wheel = c->free;
    c->free = i;
    c->n--;
}

/* A free entry, or 0. */
static uint32_t take_free(struct claims *c)
{
    uint32_t i = c->free;

    if (i)
        c->free = c->at[i].next_in_wheel;
    else if (c->touched < c->capacity)
        i = ++c->touched;
    return i;
}

static void forget_slot(struct claims *c, int64_t second)
{
    uint32_t *slot = &c->wheel[second % WHEEL];

    while (*slot) {
        uint32_t i = *slot;
        *slot = c->at[i].next_in_wheel;
        forget(c, i);
    }
}

/* Forgets what ended before `now`. */
static void advance(struct claims *c, int64_t now)
{
    if (now - c->now > WHEEL) /* the first call, or a long silence: every slot has passed */
        c->now = now - WHEEL;
    for (; c->now < now; c->now++)
        forget_slot(c, c->now);
}

static void digest_of(const struct claims *c, const uint8_t *keyid, const uint8_t *enc,
                      uint8_t ret[SHA256_LEN])
{
    uint8_t all[sizeof(c->secret) + CLAIM_PART_LEN + CLAIM_PART_LEN];

    memcpy(all, c->secret, sizeof(c->secret));
    memcpy(all + sizeof(c->secret), keyid, CLAIM_PART_LEN);
    memcpy(all + sizeof(c->secret) + CLAIM_PART_LEN, enc, CLAIM_PART_LEN);
    sha256(bytes_of(all, sizeof(all)), ret);
    wipe(all, sizeof(c->secret));
}

bool claims_take(struct claims *c, const uint8_t keyid[CLAIM_PART_LEN],
                 const uint8_t enc[CLAIM_PART_LEN], int64_t until, int64_t now,
                 struct idevs_error *ret_err)
{
    uint8_t digest[SHA256_LEN];

    advance(c, now);
    if (until < c->now)
        return refuse(ret_err, "request.date",
                      "a request that ended before the clock stepped back");
    if (until >= c->now + WHEEL)
        return refuse(ret_err, "request.date", "a request that lives too long");
    digest_of(c, keyid, enc, digest);
    uint32_t *chain = chain_of(c, digest);
    for (uint32_t i = *chain; i; i = c->at[i].next_in_table)
        if (memcmp(c->at[i].digest, digest, sizeof(digest)) == 0)
            return refuse(ret_err, "exchange.claimed", "the same key and encapsulation as before");
    uint32_t i = take_free(c);
    if (!i)
        return refuse(ret_err, "exchange.full", "%zu live requests", c->n);
    struct claim *claim = &c->at[i];
    memcpy(claim->digest, digest, sizeof(digest));
    claim->next_in_table = *chain;
    *chain = i;
    claim->next_in_wheel = c->wheel[until % WHEEL];
    c->wheel[until % WHEEL] = i;
    c->n++;
    return true;
}

size_t claims_count(const struct claims *claims)
{
    return claims->n;
}
