/* Paths of hardware makers' certificates, with revocation. */
#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/vendor.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#define SECURITY_LEVEL 2 /* 112 bits: no SHA-1, no RSA below 2048 */

struct crl {
    X509_CRL *x509;
    int64_t this_update;
    int64_t next_update;
};

/* ---- revocation lists ---- */

struct crl *crl_parse(struct bytes der, struct idevs_error *ret_err)
{
    X509_CRL *parsed = NULL;
    struct crl *crl = alloc_zero(1, sizeof(*crl));

    (void)algorithms();
    if (der.len > 0 && der.len <= LIMIT_CRL)
        parsed = x509_crl_exactly(der);
    crl->x509 = parsed;
    if (parsed && asn1_time_of(X509_CRL_get0_lastUpdate(parsed), &crl->this_update) &&
        asn1_time_of(X509_CRL_get0_nextUpdate(parsed), &crl->next_update))
        return crl;
    crl_free(crl);
    (void)refuse(ret_err, "certificate.malformed", "%zu bytes that are not one DER CRL", der.len);
    return NULL;
}

void crl_free(struct crl *crl)
{
    if (!crl)
        return;
    X509_CRL_free(crl->x509);
    free(crl);
}

int64_t crl_this_update(const struct crl *crl)
{
    return crl->this_update;
}

int64_t crl_next_update(const struct crl *crl)
{
    return crl->next_update;
}

/* ---- paths ---- */

struct search {
    X509_STORE *roots;
    X509_STORE_CTX *ctx;
    STACK_OF(X509) * others;
    STACK_OF(X509_CRL) * crls;
};

static void search_free(struct search *s)
{
    X509_STORE_CTX_free(s->ctx);
    sk_X509_free(s->others);
    sk_X509_CRL_free(s->crls);
    X509_STORE_free(s->roots);
}

static void fill(struct search *s, const struct vendor_path *path)
{
    bool ok = true;

    for (size_t i = 0; i < path->n_roots; i++)
        ok = ok && X509_STORE_add_cert(s->roots, path->roots[i]->x509);
    for (size_t i = 0; i < path->n_others; i++)
        ok = ok && sk_X509_push(s->others, path->others[i]->x509);
    for (size_t i = 0; i < path->n_crls; i++)
        ok = ok && sk_X509_CRL_push(s->crls, path->crls[i]->x509);
    ok = ok && X509_STORE_CTX_init(s->ctx, s->roots, path->leaf->x509, s->others);
    if (!ok)
        crypto_is_broken();
}

/* A list that is missing for the leaf alone, where its maker keeps none. */
static int allow_unlisted_leaf(int ok, X509_STORE_CTX *ctx)
{
    return ok || (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNABLE_TO_GET_CRL &&
                  X509_STORE_CTX_get_error_depth(ctx) == 0);
}

static void set_conditions(struct search *s, const struct vendor_path *path)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(s->ctx);
    unsigned long revocation = path->n_crls ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0;

    X509_VERIFY_PARAM_set_time(param, (time_t)path->at);
    X509_VERIFY_PARAM_set_depth(param, LIMIT_CBOR_DEPTH);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    /* A root too must be signed by itself as its bytes say: it may have come from a file. */
    if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE | revocation))
        crypto_is_broken();
    if (path->n_crls)
        X509_STORE_CTX_set0_crls(s->ctx, s->crls);
    if (path->leaf_is_unlisted)
        X509_STORE_CTX_set_verify_cb(s->ctx, allow_unlisted_leaf);
}

static const char *code_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return "certificate.expired";
    case X509_V_ERR_CERT_REVOKED:
        return "certificate.revoked";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        return "evidence.endorsement";
    default:
        return "certificate.chain";
    }
}

static bool refuse_path(const struct search *s, struct idevs_error *ret_err)
{
    int error = X509_STORE_CTX_get_error(s->ctx);

    return refuse(ret_err, code_of(error), "%s (certificate %d above the leaf)",
                  X509_verify_cert_error_string(error), X509_STORE_CTX_get_error_depth(s->ctx));
}

static bool holds(const struct search *s, const struct certificate *c)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(s->ctx);

    for (int i = 0; i < sk_X509_num(chain); i++)
        if (X509_cmp(sk_X509_value(chain, i), c->x509) == 0)
            return true;
    return false;
}

static bool holds_required(const struct search *s, const struct vendor_path *path,
                           struct idevs_error *ret_err)
{
    for (size_t i = 0; i < path->n_required; i++)
        if (!holds(s, path->others[i]))
            return refuse(ret_err, "certificate.chain",
                          "a certificate that is no part of the path");
    return true;
}

static bool describe(const struct search *s, struct buffer *b)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(s->ctx);

    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *x509 = sk_X509_value(chain, i);
        char name[256];
        char date[HTTP_DATE_LEN + 1];
        int64_t until;
        X509_NAME_oneline(X509_get_subject_name(x509), name, sizeof(name));
        if (!asn1_time_of(X509_get0_notAfter(x509), &until))
            return false;
        http_date_format(until, date);
        if (!buffer_append_format(b, "%s, valid until %s\n", name, date))
            return false;
    }
    return true;
}

bool vendor_path_verify(const struct vendor_path *path, struct buffer *ret_chain,
                        struct idevs_error *ret_err)
{
    __attribute__((cleanup(search_free))) struct search s = {
        X509_STORE_new(), X509_STORE_CTX_new(), sk_X509_new_null(), sk_X509_CRL_new_null()};

    if (!s.roots || !s.ctx || !s.others || !s.crls)
        crypto_is_broken();
    fill(&s, path);
    set_conditions(&s, path);
    bool ok = X509_verify_cert(s.ctx) == 1;
    ERR_clear_error();
    if (!ok)
        return refuse_path(&s, ret_err);
    if (!holds_required(&s, path, ret_err))
        return false;
    if (ret_chain && !describe(&s, ret_chain))
        return refuse(ret_err, "certificate.chain", "a chain with too long names");
    return true;
}
