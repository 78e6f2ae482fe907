/* Intel TDX quotes: the TD's report, signed by the attestation key of a quoting enclave, whose
 * report is signed by the platform's PCK key, which Intel certified. */
#include "evidence/tdx.h"
#include "base/little_endian.h"
#include "base/text.h"
#include "crypto/der.h"
#include "crypto/pem.h"
#include "evidence/trust.h"

/* ---- certificates in the quote ---- */

struct pck_chain {
    struct certificate *at[LIMIT_EVIDENCE_CHAIN];
    size_t n;
};

static void pck_chain_release(struct pck_chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        certificate_free(c->at[i]);
}

static bool add(struct pck_chain *c, struct bytes der, struct idevs_error *ret_err)
{
    if (c->n == LIMIT_EVIDENCE_CHAIN)
        return refuse(ret_err, "evidence.malformed", "more than %d certificates",
                      LIMIT_EVIDENCE_CHAIN);
    c->at[c->n] = certificate_parse(der, ret_err);
    return c->at[c->n++] != NULL;
}

static bool read_chain(struct bytes in, struct pck_chain *ret, struct idevs_error *ret_err)
{
    struct reader r = reader_of(in);
    char label[LIMIT_PEM_LABEL];
    bool prose;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    for (struct bytes one; der_take_whole(&r, DER_SEQUENCE, &one);)
        if (!add(ret, one, ret_err))
            return false;
    while (pem_next(&r, label, &der, &prose)) {
        if (prose || strcmp(label, "CERTIFICATE") != 0)
            return refuse(ret_err, "evidence.malformed", "a PCK chain with other things in it");
        if (!add(ret, buffer_bytes(&der), ret_err))
            return false;
    }
    return (ret->n > 0 && reader_left(&r) == 0) ||
           refuse(ret_err, "evidence.malformed", "a PCK chain that is neither PEM nor DER");
}

/* The one that names a platform comes first, whatever the order was. */
static bool find_pck(struct pck_chain *c, struct tdx_platform *ret, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < c->n; i++) {
        struct certificate *pck = c->at[i];
        if (!tdx_platform_of(pck, ret))
            continue;
        c->at[i] = c->at[0];
        c->at[0] = pck;
        return true;
    }
    return refuse(ret_err, "evidence.endorsement", "no PCK certificate that names a platform");
}

/* ---- signatures ---- */

/* The report of the quoting enclave: by the PCK key, and over the attestation key. */
static bool check_enclave(const struct tdx_quote *q, const struct certificate *pck,
                          struct idevs_error *ret_err)
{
    uint8_t bound[SHA256_LEN];
    uint8_t rest = 0;
    const uint8_t *said = q->qe_report.data + QE_REPORT_DATA;
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_of(pck);

    if (!key || !vendor_key_verify(key, VENDOR_ES256, q->qe_report, q->qe_signature))
        return refuse(ret_err, "evidence.signature", "a quoting enclave that the PCK did not sign");
    struct sha256_run *run = sha256_begin();
    sha256_add(run, q->attestation_key);
    sha256_add(run, q->qe_auth);
    sha256_end(run, bound);
    for (size_t i = SHA256_LEN; i < 64; i++)
        rest |= said[i];
    if (memcmp(said, bound, sizeof(bound)) != 0 || rest)
        return refuse(ret_err, "evidence.signature",
                      "an attestation key that the quoting enclave does not vouch for");
    return true;
}

static bool check_quote(const struct tdx_quote *q, struct idevs_error *ret_err)
{
    _cleanup_vendor_key_ struct vendor_key *key =
        vendor_key_from_point(VENDOR_P256, q->attestation_key);

    if (key && vendor_key_verify(key, VENDOR_ES256, q->to_sign, q->signature))
        return true;
    return refuse(ret_err, "evidence.signature", "a quote that its attestation key did not sign");
}

/* ---- what it says ---- */

static bool is_debug(const struct tdx_quote *q)
{
    return q->body[TDX_TDATTR] & 1;
}

static bool add_fields(struct claims *c, const struct tdx_quote *q)
{
    static const struct {
        const char *name;
        size_t at;
        size_t len;
    } FIELDS[] = {
        {"measurement", TDX_MRTD, TDX_MR_LEN},
        {"report_data", TDX_REPORT_DATA, 64},
        {"tcb", TDX_TEE_TCB_SVN, TDX_SVNS},
        {"mrtd", TDX_MRTD, TDX_MR_LEN},
        {"rtmr0", TDX_RTMR0, TDX_MR_LEN},
        {"rtmr1", TDX_RTMR0 + 1 * TDX_MR_LEN, TDX_MR_LEN},
        {"rtmr2", TDX_RTMR0 + 2 * TDX_MR_LEN, TDX_MR_LEN},
        {"rtmr3", TDX_RTMR0 + 3 * TDX_MR_LEN, TDX_MR_LEN},
        {"mrconfigid", TDX_MRCONFIGID, TDX_MR_LEN},
        {"mrowner", TDX_MROWNER, TDX_MR_LEN},
        {"mrownerconfig", TDX_MROWNERCFG, TDX_MR_LEN},
        {"mrseam", TDX_MRSEAM, TDX_MR_LEN},
        {"mrsignerseam", TDX_MRSIGNERSEAM, TDX_MR_LEN},
        {"seam_attributes", TDX_SEAMATTR, 8},
        {"td_attributes", TDX_TDATTR, 8},
        {"xfam", TDX_XFAM, 8},
    };
    bool ok = claims_add_text(c, "technology", "Intel TDX") &&
              claims_add_number(c, "version", q->version) &&
              claims_add_flag(c, "debug", is_debug(q));

    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++)
        ok = ok &&
             claims_add_bytes(c, FIELDS[i].name, bytes_of(q->body + FIELDS[i].at, FIELDS[i].len));
    if (!q->has_second_svn)
        return ok;
    return ok && claims_add_bytes(c, "tcb2", bytes_of(q->body + TDX_TEE_TCB_SVN2, TDX_SVNS)) &&
           claims_add_bytes(c, "mrservicetd", bytes_of(q->body + TDX_MRSERVICETD, TDX_MR_LEN));
}

static bool add_platform(struct claims *c, const struct tdx_platform *p)
{
    return claims_add_bytes(c, "chip_id", bytes_of(p->ppid, sizeof(p->ppid))) &&
           claims_add_bytes(c, "fmspc", bytes_of(p->fmspc, sizeof(p->fmspc))) &&
           claims_add_bytes(c, "pceid", bytes_of(p->pceid, sizeof(p->pceid))) &&
           claims_add_number(c, "pcesvn", p->pcesvn);
}

/* ---- all of it ---- */

static bool check_chain_and_signatures(const struct verification *v, const struct tdx_quote *q,
                                       struct tdx_platform *ret, struct buffer *ret_chain,
                                       struct idevs_error *ret_err)
{
    __attribute__((cleanup(pck_chain_release))) struct pck_chain chain = {.n = 0};

    if (!read_chain(q->certificates, &chain, ret_err) || !find_pck(&chain, ret, ret_err))
        return false;
    const struct signer signer = {
        .leaf = chain.at[0],
        .inside = (const struct certificate *const *)chain.at + 1,
        .n_inside = chain.n - 1,
        .maker = MAKER_INTEL,
        .at = v->at,
    };
    return trust_signer(v->endorsements, &signer, ret_chain, ret_err) &&
           check_enclave(q, chain.at[0], ret_err) && check_quote(q, ret_err);
}

static bool verify(const struct verification *v, struct claims *ret, struct buffer *ret_chain,
                   struct idevs_error *ret_err)
{
    struct tdx_quote q = {0};
    struct tdx_platform platform;

    if (!tdx_quote_read(v->evidence, &q, ret_err))
        return false;
    if (!add_fields(ret, &q))
        return refuse(ret_err, "internal", "too many claims");
    if (!check_chain_and_signatures(v, &q, &platform, ret_chain, ret_err))
        return false;
    if (!add_platform(ret, &platform))
        return refuse(ret_err, "internal", "too many claims");
    if (!tdx_judge(v, &q, &platform, ret, ret_err))
        return false;
    if (is_debug(&q) && !v->allow_debug)
        return refuse(ret_err, "policy.debug", "a trust domain that its host may debug");
    return trust_nonce(v->nonce, bytes_of(q.body + TDX_REPORT_DATA, 64), ret_err);
}

const struct hardware_verifier hardware_tdx = {"tdx", verify};
