/* What verified evidence says: names and values, in the order in which a verifier found them. One
 * list for all technologies, so that policy, people and machines read them the same way.
 *
 * The same names mean the same everywhere: "technology", "measurement", "report_data" (what the
 * evidence is over), "debug", "tcb", "tcb_status", "chip_id"; others are a technology's own. */
#ifndef IDEVS_EVIDENCE_CLAIMS_H
#define IDEVS_EVIDENCE_CLAIMS_H

#include "base/buffer.h"
#include "base/limits.h"

enum claim_kind {
    CLAIM_BYTES = 1,
    CLAIM_TEXT,
    CLAIM_NUMBER,
    CLAIM_FLAG,
};

struct claim {
    const char *name; /* static text */
    enum claim_kind kind;
    size_t len;                     /* of CLAIM_BYTES */
    uint8_t bytes[LIMIT_CLAIM_LEN]; /* CLAIM_BYTES; CLAIM_TEXT: with its NUL, printable */
    uint64_t number;                /* CLAIM_NUMBER; CLAIM_FLAG: 0 or 1 */
};

struct claims {
    struct claim at[LIMIT_EVIDENCE_CLAIMS];
    size_t n;
};

/* Each adds one; `name` is static text. False: no room, or a value that is too long. */
bool claims_add_bytes(struct claims *c, const char *name, struct bytes value) _must_check_;
/* Unprintable bytes become '?'. */
bool claims_add_text(struct claims *c, const char *name, const char *value) _must_check_;
bool claims_add_number(struct claims *c, const char *name, uint64_t value) _must_check_;
bool claims_add_flag(struct claims *c, const char *name, bool value) _must_check_;

/* The first of that name; NULL: there is none. */
const struct claim *claims_find(const struct claims *c, const char *name);

#endif
