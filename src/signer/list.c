/* Lists of revoked certificates: every field again, then the list. A list from the future would
 * outlive what is revoked later, and one with an old number would undo a newer: neither is signed,
 * whatever became of the authority that asks. */
#include "base/alloc.h"
#include "crypto/revocation.h"
#include "signer/signer.h"

#include <stdlib.h>

static bool check_times(const struct signer_list *l, int64_t now, struct idevs_error *ret_err)
{
    if (l->this_update < now - LIMIT_CLOCK_SKEW || l->this_update > now + LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "signer.request", "thisUpdate %lld at time %lld",
                      (long long)l->this_update, (long long)now);
    if (l->next_update <= l->this_update || l->next_update > l->this_update + LIMIT_LIST_LIFE)
        return refuse(ret_err, "signer.request", "nextUpdate %lld, thisUpdate %lld",
                      (long long)l->next_update, (long long)l->this_update);
    if (l->through < 0 || l->through > now + LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "signer.request", "all revoked through %lld at time %lld",
                      (long long)l->through, (long long)now);
    return true;
}

static bool check_number(const struct signer *s, const struct signer_list *l,
                         struct idevs_error *ret_err)
{
    if (!s->keys[l->tier])
        return refuse(ret_err, "signer.request", "tier %s, which has no key", tier_name(l->tier));
    return (l->number > s->numbers[l->tier] && l->number <= INT64_MAX) ||
           refuse(ret_err, "signer.request", "list %llu after list %llu",
                  (unsigned long long)l->number, (unsigned long long)s->numbers[l->tier]);
}

static bool is_zero(struct bytes serial)
{
    static const uint8_t ZERO[SERIAL_LEN];

    return bytes_equal(serial, bytes_of(ZERO, sizeof(ZERO)));
}

/* `ret` has room for all of them. Sorted, so each once. */
static bool take_entries(const struct signer_list *l, int64_t now, struct revoked *ret,
                         struct idevs_error *ret_err)
{
    struct reader r = reader_of(l->entries);
    struct signer_entry e;

    for (size_t i = 0; signer_entry_next(&r, &e); i++) {
        if (is_zero(e.serial) || e.at < 0 || e.at > now + LIMIT_CLOCK_SKEW ||
            !revocation_reason_is_valid(e.reason) ||
            (i > 0 && memcmp(ret[i - 1].serial, e.serial.data, SERIAL_LEN) >= 0))
            return refuse(ret_err, "signer.request", "entry %zu of a list", i);
        memcpy(ret[i].serial, e.serial.data, SERIAL_LEN);
        ret[i].at = e.at;
        ret[i].reason = (enum revocation_reason)e.reason;
    }
    return true;
}

bool signer_sign_list(struct signer *s, const struct signer_list *l, int64_t now,
                      struct buffer *der, struct idevs_error *ret_err)
{
    size_t n = l->entries.len / SIGNER_ENTRY_LEN;

    if (!check_number(s, l, ret_err) || !check_times(l, now, ret_err))
        return false;
    struct revoked *revoked = alloc_zero(n + 1, sizeof(*revoked));
    const struct revocation_fields fields = {.number = l->number,
                                             .this_update = l->this_update,
                                             .next_update = l->next_update,
                                             .through = l->through,
                                             .revoked = revoked,
                                             .n_revoked = n};
    bool done = take_entries(l, now, revoked, ret_err) &&
                (revocation_list_make(&fields, s->issuers[l->tier], s->keys[l->tier], der) ||
                 refuse(ret_err, "internal", "the list cannot be made"));
    free(revoked);
    if (done)
        s->numbers[l->tier] = l->number;
    return done;
}
