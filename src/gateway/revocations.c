#include "gateway/revocations.h"
#include "base/alloc.h"
#include "crypto/revocation.h"

#include <stdlib.h>

struct issuer {
    struct certificate *certificate;
    struct revocation_list *list; /* NULL: none yet */
};

struct revocations {
    unsigned max_age;
    size_t n;
    struct issuer *issuers;
};

struct revocations *revocations_new(const struct bytes *anchors, size_t n_anchors, unsigned max_age,
                                    struct idevs_error *ret_err)
{
    struct revocations *r = alloc_zero(1, sizeof(*r));

    r->max_age = max_age;
    r->n = n_anchors;
    r->issuers = alloc_zero(n_anchors + 1, sizeof(*r->issuers));
    for (size_t i = 0; i < n_anchors; i++) {
        r->issuers[i].certificate = certificate_parse(anchors[i], ret_err);
        if (!r->issuers[i].certificate) {
            revocations_free(r);
            return NULL;
        }
    }
    return r;
}

void revocations_free(struct revocations *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++) {
        certificate_free(r->issuers[i].certificate);
        revocation_list_free(r->issuers[i].list);
    }
    free(r->issuers);
    free(r);
}

static struct issuer *issuer_of(struct revocations *r, const struct revocation_list *list,
                                struct idevs_error *ret_err)
{
    for (size_t i = 0; i < r->n; i++)
        if (revocation_list_is_by(list, r->issuers[i].certificate))
            return &r->issuers[i];
    refuse(ret_err, "crl.issuer", "a list by none of %zu CAs", r->n);
    return NULL;
}

static bool is_of_now(const struct revocation_list *list, int64_t now, struct idevs_error *ret_err)
{
    int64_t from = revocation_list_this_update(list);
    int64_t to = revocation_list_next_update(list);

    if (from > now + LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "crl.time", "thisUpdate in %lld s", (long long)(from - now));
    return to >= now || refuse(ret_err, "crl.time", "nextUpdate %lld s ago", (long long)(now - to));
}

/* A list that was true once is not true again. */
static bool follows(const struct revocation_list *list, const struct revocation_list *last,
                    struct idevs_error *ret_err)
{
    if (!last)
        return true;
    uint64_t number = revocation_list_number(list);
    uint64_t before = revocation_list_number(last);
    if (number == before)
        return bytes_equal(revocation_list_der(list), revocation_list_der(last)) ||
               refuse(ret_err, "crl.number", "another list %llu", (unsigned long long)number);
    if (number < before)
        return refuse(ret_err, "crl.number", "list %llu after list %llu",
                      (unsigned long long)number, (unsigned long long)before);
    return revocation_list_this_update(list) >= revocation_list_this_update(last) ||
           refuse(ret_err, "crl.number", "list %llu of before list %llu",
                  (unsigned long long)number, (unsigned long long)before);
}

static bool is_news(const struct revocation_list *list, const struct revocation_list *last)
{
    return !last || revocation_list_through(list) != revocation_list_through(last) ||
           revocation_list_count(list) != revocation_list_count(last);
}

bool revocations_take(struct revocations *r, struct bytes der, int64_t now, bool *ret_news,
                      struct idevs_error *ret_err)
{
    _cleanup_revocation_list_ struct revocation_list *list = revocation_list_parse(der, ret_err);

    if (!list || !is_of_now(list, now, ret_err))
        return false;
    struct issuer *issuer = issuer_of(r, list, ret_err);
    if (!issuer || !follows(list, issuer->list, ret_err))
        return false;
    if (ret_news)
        *ret_news = is_news(list, issuer->list);
    revocation_list_free(issuer->list);
    issuer->list = list;
    list = NULL;
    return true;
}

bool revocations_find_issuer(const struct revocations *r, const struct certificate *leaf,
                             size_t *ret, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < r->n; i++)
        if (certificate_is_by(leaf, r->issuers[i].certificate)) {
            *ret = i;
            return true;
        }
    return refuse(ret_err, "crl.stale", "an issuer that is no anchor, so without a list");
}

bool revocations_check(const struct revocations *r, size_t issuer, const struct certificate *leaf,
                       int64_t now, struct idevs_error *ret_err)
{
    const struct revocation_list *list = r->issuers[issuer].list;

    if (!list)
        return refuse(ret_err, "crl.stale", "no list yet");
    int64_t age = now - revocation_list_this_update(list);
    if (age > (int64_t)r->max_age || now > revocation_list_next_update(list))
        return refuse(ret_err, "crl.stale", "a list %lld s old", (long long)age);
    return !revocation_list_revokes(list, leaf) ||
           refuse(ret_err, "certificate.revoked", "list %llu",
                  (unsigned long long)revocation_list_number(list));
}

size_t revocations_count(const struct revocations *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += r->issuers[i].list ? revocation_list_count(r->issuers[i].list) : 0;
    return n;
}
