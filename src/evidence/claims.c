#include "evidence/claims.h"

static struct claim *add(struct claims *c, const char *name, enum claim_kind kind)
{
    if (c->n == LIMIT_EVIDENCE_CLAIMS)
        return NULL;
    struct claim *claim = &c->at[c->n++];
    *claim = (struct claim){.name = name, .kind = kind};
    return claim;
}

bool claims_add_bytes(struct claims *c, const char *name, struct bytes value)
{
    struct claim *claim = value.len <= LIMIT_CLAIM_LEN ? add(c, name, CLAIM_BYTES) : NULL;

    if (!claim)
        return false;
    if (value.len)
        memcpy(claim->bytes, value.data, value.len);
    claim->len = value.len;
    return true;
}

bool claims_add_text(struct claims *c, const char *name, const char *value)
{
    size_t len = strlen(value);
    struct claim *claim = len < LIMIT_CLAIM_LEN ? add(c, name, CLAIM_TEXT) : NULL;

    if (!claim)
        return false;
    for (size_t i = 0; i < len; i++)
        claim->bytes[i] = (uint8_t)(value[i] >= 0x20 && value[i] < 0x7f ? value[i] : '?');
    claim->len = len;
    return true;
}

bool claims_add_number(struct claims *c, const char *name, uint64_t value)
{
    struct claim *claim = add(c, name, CLAIM_NUMBER);

    if (!claim)
        return false;
    claim->number = value;
    return true;
}

bool claims_add_flag(struct claims *c, const char *name, bool value)
{
    struct claim *claim = add(c, name, CLAIM_FLAG);

    if (!claim)
        return false;
    claim->number = value;
    return true;
}

const struct claim *claims_find(const struct claims *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->at[i].name, name) == 0)
            return &c->at[i];
    return NULL;
}
