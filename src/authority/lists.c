#include "authority/lists.h"
#include "base/clock.h"

static bool make(const struct issuer *issuer, enum tier tier, int64_t now, struct buffer *der,
                 struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer entries = buffer_up_to((size_t)LIMIT_REVOKED * SIGNER_ENTRY_LEN);
    struct signer_list list;

    return registry_next_list(issuer->registry, tier, now, &list, &entries, ret_err) &&
           signer_ask_list(&issuer->signer, &list, der, ret_err);
}

bool lists_get(struct lists *lists, const struct issuer *issuer, enum tier tier, int64_t now,
               uint64_t now_ns, struct bytes *ret, struct idevs_error *ret_err)
{
    struct buffer *der = &lists->of[tier].der;

    if (der->len == 0 || now_ns - lists->of[tier].made_ns >= LIMIT_LIST_KEPT * NS_PER_SECOND) {
        buffer_free(der);
        *der = buffer_up_to(LIMIT_REVOCATION_LIST);
        if (!make(issuer, tier, now, der, ret_err))
            return false;
        lists->of[tier].made_ns = now_ns;
    }
    *ret = buffer_bytes(der);
    return true;
}

void lists_spoil(struct lists *lists)
{
    lists_free(lists);
}

void lists_free(struct lists *lists)
{
    for (unsigned i = 0; i < TIERS; i++)
        buffer_free(&lists->of[i].der);
}
