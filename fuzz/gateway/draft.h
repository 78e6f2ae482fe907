/* A sealed and signed request written by hand from docs/interfaces.md, RFC 9421, 9292 and 9458,
 * with nothing of src/exchange or src/wire: what the gateway accepts is compared with this. Between
 * any two steps its writer may change what is there. */
#ifndef IDEVS_FUZZ_GATEWAY_DRAFT_H
#define IDEVS_FUZZ_GATEWAY_DRAFT_H

#include "actors.h"

#define DRAFT_FIELDS 12

struct draft_field {
    char name[32];
    char value[1024];
};

struct draft {
    /* before signing */
    const struct actor_program *sender; /* whose certificate comes along */
    const struct key *key;
    int64_t created;
    int64_t expires;
    int64_t date;
    char method[16];
    char scheme[8];
    char authority[32];
    char path[64];
    char type[64]; /* empty: no such field */
    char once[64]; /* idempotency key; empty: no such field */
    char nonce[64];
    char keyid[64];
    char label[16];
    char alg[32];
    char tag[48];
    struct buffer content;
    /* signed */
    struct draft_field fields[DRAFT_FIELDS];
    size_t n_fields;
    bool wide;      /* lengths in four bytes where one would do */
    size_t padding; /* zeros behind it */
    /* sealed */
    struct exchange exchange;
    struct buffer plain; /* Binary HTTP */
    struct buffer sealed;
};

/* A request in order: of `sender` to the gateway with these keys, at time `now`. */
void draft_begin(struct draft *d, const struct actor_program *sender,
                 const struct ohttp_key_config *to, int64_t now);
/* From what stands in `d`: fills `fields`, then `plain`, then `sealed`. */
void draft_sign(struct draft *d);
void draft_encode(struct draft *d);
void draft_seal(struct draft *d, const struct ohttp_key_config *to);
void draft_free(struct draft *d);

#endif
