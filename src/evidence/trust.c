#include "evidence/trust.h"
#include "base/text.h"

/* A certificate for each of the roots and certificates of the endorsements, and of the evidence. */

static const struct {
    enum maker maker;
    const char *name;
    const char *sha256;
} KNOWN_ROOTS[] = {
    {MAKER_AMD, "ARK-Milan", "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"},
    {MAKER_AMD, "ARK-Genoa", "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"},
    {MAKER_AMD, "ARK-Turin", "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a"},
    {MAKER_INTEL, "Intel SGX Root CA",
     "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"},
    {MAKER_AWS, "aws.nitro-enclaves",
     "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"},
};

static bool is_known_root(const struct certificate *c, enum maker maker)
{
    uint8_t sha256[SHA256_LEN];
    uint8_t known[SHA256_LEN];

    certificate_sha256(c, sha256);
    for (size_t i = 0; i < ARRAY_LEN(KNOWN_ROOTS); i++)
        if (KNOWN_ROOTS[i].maker == maker &&
            hex_exactly(bytes_of_text(KNOWN_ROOTS[i].sha256), known, sizeof(known)) &&
            memcmp(known, sha256, sizeof(known)) == 0)
            return true;
    return false;
}

static bool is_named_root(const struct certificate *c, const struct endorsements *e)
{
    for (size_t i = 0; i < e->n_roots; i++)
        if (bytes_equal(certificate_der(c), certificate_der(e->roots[i])))
            return true;
    return false;
}

struct found {
    const struct certificate *others[LIMIT_PATH_CERTIFICATES];
    size_t n_others;
    size_t n_inside; /* of them, the first: from the evidence itself */
    const struct certificate *roots[LIMIT_PATH_CERTIFICATES];
    size_t n_roots;
};

static bool sort_in(const struct certificate *c, const struct endorsements *e, enum maker maker,
                    struct found *f, struct idevs_error *ret_err)
{
    if (!certificate_is_self_signed(c)) {
        f->others[f->n_others++] = c;
        return true;
    }
    bool known = is_known_root(c, maker);
    if (!known && !is_named_root(c, e))
        return refuse(ret_err, "certificate.chain",
                      "a self-signed certificate that is no trusted root");
    if (known && e->n_roots == 0)
        f->roots[f->n_roots++] = c;
    return true;
}

static bool find(const struct endorsements *e, const struct signer *s, struct found *f,
                 struct idevs_error *ret_err)
{
    if (s->n_inside > LIMIT_ENDORSEMENTS)
        return refuse(ret_err, "evidence.malformed", "%zu certificates", s->n_inside);
    for (size_t i = 0; i < e->n_roots; i++)
        f->roots[f->n_roots++] = e->roots[i];
    for (size_t i = 0; i < s->n_inside; i++)
        if (!sort_in(s->inside[i], e, s->maker, f, ret_err))
            return false;
    f->n_inside = f->n_others;
    for (size_t i = 0; i < e->n_certificates; i++)
        if (!sort_in(e->certificates[i], e, s->maker, f, ret_err))
            return false;
    if (f->n_roots == 0)
        return refuse(ret_err, "evidence.endorsement", "no root: neither named nor sent along");
    return true;
}

bool trust_signer(const struct endorsements *e, const struct signer *signer,
                  struct buffer *ret_chain, struct idevs_error *ret_err)
{
    struct found f = {.n_others = 0};

    if (!find(e, signer, &f, ret_err))
        return false;
    const struct vendor_path path = {
        .leaf = signer->leaf,
        .others = f.others,
        .n_others = f.n_others,
        .n_required = f.n_inside,
        .roots = f.roots,
        .n_roots = f.n_roots,
        .crls = (const struct crl *const *)e->crls,
        .n_crls = e->n_crls,
        .leaf_is_unlisted = signer->leaf_is_unlisted,
        .at = signer->at,
    };
    return vendor_path_verify(&path, ret_chain, ret_err);
}

bool trust_nonce(struct bytes wanted, struct bytes field, struct idevs_error *ret_err)
{
    uint8_t rest = 0;

    if (wanted.len == 0)
        return true;
    for (size_t i = wanted.len; i < field.len; i++)
        rest |= field.data[i];
    if (wanted.len > field.len || rest || memcmp(wanted.data, field.data, wanted.len) != 0)
        return refuse_expecting(ret_err, "evidence.freshness", "evidence over the given nonce",
                                "evidence over something else");
    return true;
}
