/* AMD SEV-SNP attestation reports (AMD 56860, ATTESTATION_REPORT; AMD 57230 for the certificates):
 * Milan, Genoa and Turin, signed by the chip's key (VCEK) or a cloud's loaded one (VLEK). */
#include "base/little_endian.h"
#include "base/text.h"
#include "evidence/trust.h"

#include <stdio.h>

/* The report: little endian, of fixed length. */
#define REPORT_LEN     1184
#define SIGNED_LEN     0x2a0
#define AT_VERSION     0x00
#define AT_GUEST_SVN   0x04
#define AT_POLICY      0x08
#define AT_VMPL        0x30
#define AT_SIG_ALGO    0x34
#define AT_CURRENT_TCB 0x38
#define AT_PLATFORM    0x40
#define AT_KEY_INFO    0x48
#define AT_REPORT_DATA 0x50
#define AT_MEASUREMENT 0x90
#define AT_HOST_DATA   0xc0
#define AT_ID_KEY      0xe0
#define AT_AUTHOR_KEY  0x110
#define AT_REPORTED    0x180
#define AT_CPUID       0x188 /* family, model, stepping; from version 3 on */
#define AT_CHIP_ID     0x1a0
#define AT_COMMITTED   0x1e0
#define AT_LAUNCH_TCB  0x1f0
#define AT_R           0x2a0 /* 72 bytes each, the upper 24 zero */
#define AT_S           0x2e8
#define AT_PADDING     0x330
#define HALF_FIELD     72
#define HALF           48
#define CHIP_ID_LEN    64
#define TURIN_ID_LEN   8
#define TCB_LEN        8

#define ECDSA_P384_SHA384 1
#define POLICY_RESERVED   (UINT64_C(1) << 17) /* must be one */
#define POLICY_DEBUG      (UINT64_C(1) << 19)
#define KEY_VCEK          0
#define KEY_VLEK          1
#define KEY_NONE          7

/* 1.3.6.1.4.1.3704.1, and what stands below it. */
#define AMD_OID     0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01
#define OID(...)    ((const uint8_t[]){AMD_OID, __VA_ARGS__})
#define OID_PRODUCT OID(2)
#define OID_HWID    OID(4)
#define OID_CSP     OID(5)

struct product {
    const char *name;
    uint8_t family;
    uint8_t first_model;
    uint8_t last_model;
    bool has_fmc; /* its TCB begins with the FMC's version */
};

/* Siena and Bergamo are certified as Genoa. */
static const struct product PRODUCTS[] = {
    {"Milan", 0x19, 0x00, 0x0f, false},   {"Genoa", 0x19, 0x10, 0x1f, false},
    {"Genoa", 0x19, 0xa0, 0xaf, false},   {"Siena", 0x19, 0xa0, 0xaf, false},
    {"Bergamo", 0x19, 0xa0, 0xaf, false}, {"Turin", 0x1a, 0x00, 0x1f, true},
};

/* Which byte of a TCB version is certified by which extension. */
struct tcb_part {
    const char *claim;
    uint8_t oid; /* below 1.3.6.1.4.1.3704.1.3 */
    uint8_t at;
};
#define TCB_PARTS 5
static const struct tcb_part TCB[TCB_PARTS] = {
    {"tcb_bootloader", 1, 0}, {"tcb_tee", 2, 1}, {"tcb_snp", 3, 6}, {"tcb_microcode", 8, 7}, {0}};
static const struct tcb_part TCB_TURIN[TCB_PARTS] = {{"tcb_fmc", 9, 0},
                                                     {"tcb_bootloader", 1, 1},
                                                     {"tcb_tee", 2, 2},
                                                     {"tcb_snp", 3, 3},
                                                     {"tcb_microcode", 8, 7}};

/* ---- the report ---- */

static bool is_zero(const uint8_t *p, size_t len)
{
    uint8_t all = 0;

    for (size_t i = 0; i < len; i++)
        all |= p[i];
    return all == 0;
}

static unsigned key_kind(const uint8_t *report)
{
    return le32(report + AT_KEY_INFO) >> 2 & 7;
}

/* What the signature does not cover. */
static bool check_form(struct bytes evidence, struct idevs_error *ret_err)
{
    const uint8_t *r = evidence.data;

    if (evidence.len != REPORT_LEN)
        return refuse_expecting(ret_err, "evidence.format", "a report of 1184 bytes", "%zu bytes",
                                evidence.len);
    if (!is_zero(r + AT_R + HALF, HALF_FIELD - HALF) ||
        !is_zero(r + AT_S + HALF, HALF_FIELD - HALF) ||
        !is_zero(r + AT_PADDING, REPORT_LEN - AT_PADDING))
        return refuse(ret_err, "evidence.malformed", "bytes around the signature");
    return true;
}

/* What it does, once it is known who wrote it. */
static bool check_content(const uint8_t *r, unsigned kind, struct idevs_error *ret_err)
{
    if (le32(r + AT_VERSION) < 2 || le32(r + AT_VERSION) > 5)
        return refuse_expecting(ret_err, "evidence.malformed", "a report of version 2 to 5",
                                "version %u", le32(r + AT_VERSION));
    if (le32(r + AT_SIG_ALGO) != ECDSA_P384_SHA384)
        return refuse(ret_err, "evidence.malformed", "signature algorithm %u",
                      le32(r + AT_SIG_ALGO));
    if (key_kind(r) != kind)
        return refuse(ret_err, "evidence.malformed", "a key of another kind (%u) than it says (%u)",
                      kind, key_kind(r));
    if (!(le64(r + AT_POLICY) & POLICY_RESERVED))
        return refuse(ret_err, "evidence.malformed", "a guest policy without its fixed bit");
    return true;
}

static bool add_field(struct claims *c, const char *name, const uint8_t *report, size_t at,
                      size_t len)
{
    return claims_add_bytes(c, name, bytes_of(report + at, len));
}

static bool add_policy(struct claims *c, uint64_t policy)
{
    static const struct {
        const char *name;
        int bit;
    } BITS[] = {{"policy_smt", 16},          {"policy_migrate_ma", 18},
                {"policy_debug", 19},        {"policy_single_socket", 20},
                {"policy_cxl", 21},          {"policy_aes_256_xts", 22},
                {"policy_rapl_dis", 23},     {"policy_ciphertext_hiding", 24},
                {"policy_page_swap_dis", 25}};
    bool ok = claims_add_flag(c, "debug", policy & POLICY_DEBUG) &&
              claims_add_number(c, "policy", policy) &&
              claims_add_number(c, "policy_abi_minor", policy & 0xff) &&
              claims_add_number(c, "policy_abi_major", policy >> 8 & 0xff);

    for (size_t i = 0; i < ARRAY_LEN(BITS); i++)
        ok = ok && claims_add_flag(c, BITS[i].name, policy >> BITS[i].bit & 1);
    return ok;
}

static bool add_report(struct claims *c, const uint8_t *r)
{
    return claims_add_text(c, "technology", "AMD SEV-SNP") &&
           claims_add_number(c, "version", le32(r + AT_VERSION)) &&
           add_field(c, "measurement", r, AT_MEASUREMENT, 48) &&
           add_field(c, "report_data", r, AT_REPORT_DATA, 64) &&
           add_policy(c, le64(r + AT_POLICY)) &&
           add_field(c, "chip_id", r, AT_CHIP_ID, CHIP_ID_LEN) &&
           add_field(c, "host_data", r, AT_HOST_DATA, 32) &&
           add_field(c, "id_key_digest", r, AT_ID_KEY, 48) &&
           add_field(c, "author_key_digest", r, AT_AUTHOR_KEY, 48) &&
           claims_add_number(c, "guest_svn", le32(r + AT_GUEST_SVN)) &&
           claims_add_number(c, "vmpl", le32(r + AT_VMPL)) &&
           claims_add_number(c, "platform_info", le64(r + AT_PLATFORM)) &&
           add_field(c, "tcb", r, AT_REPORTED, TCB_LEN) &&
           add_field(c, "current_tcb", r, AT_CURRENT_TCB, TCB_LEN) &&
           add_field(c, "committed_tcb", r, AT_COMMITTED, TCB_LEN) &&
           add_field(c, "launch_tcb", r, AT_LAUNCH_TCB, TCB_LEN);
}

/* ---- the certificate ---- */

/* DER of a small INTEGER (two bytes when its highest bit is set) or an IA5String. */
static bool der_value(struct bytes der, uint8_t tag, struct bytes *ret)
{
    if (der.len < 3 || der.data[0] != tag || der.data[1] != der.len - 2)
        return false;
    *ret = bytes_of(der.data + 2, der.len - 2);
    return true;
}

static bool certified_byte(const struct certificate *c, uint8_t below, uint8_t *ret)
{
    struct bytes der;
    struct bytes value;

    if (!certificate_extension(c, bytes_of(OID(3, below), 10), &der) ||
        !der_value(der, 0x02, &value))
        return false;
    if (value.len == 2 && value.data[0] == 0 && value.data[1] >= 0x80)
        value = bytes_of(value.data + 1, 1);
    if (value.len != 1)
        return false;
    *ret = value.data[0];
    return true;
}

/* "Milan-B0" is of Milan: the stepping does not matter. */
static const struct product *product_of(const struct certificate *c)
{
    struct bytes der;
    struct bytes name;

    if (!certificate_extension(c, bytes_of(OID_PRODUCT, 9), &der) || !der_value(der, 0x16, &name))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(PRODUCTS); i++) {
        size_t len = strlen(PRODUCTS[i].name);
        if (name.len >= len && memcmp(name.data, PRODUCTS[i].name, len) == 0 &&
            (name.len == len || name.data[len] == '-'))
            return &PRODUCTS[i];
    }
    return NULL;
}

static bool check_product(const uint8_t *r, const struct product *p, struct idevs_error *ret_err)
{
    const uint8_t *cpuid = r + AT_CPUID;

    if (le32(r + AT_VERSION) < 3)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(PRODUCTS); i++)
        if (strcmp(PRODUCTS[i].name, p->name) == 0 && cpuid[0] == PRODUCTS[i].family &&
            cpuid[1] >= PRODUCTS[i].first_model && cpuid[1] <= PRODUCTS[i].last_model)
            return true;
    return refuse(ret_err, "evidence.endorsement",
                  "a certificate of %s, a processor of family %02x, model %02x", p->name, cpuid[0],
                  cpuid[1]);
}

/* The chip's certificate is for one firmware: every version in it equals the reported one. */
static bool check_tcb(const uint8_t *r, const struct certificate *c, const struct product *p,
                      struct claims *claims, struct idevs_error *ret_err)
{
    const struct tcb_part *parts = p->has_fmc ? TCB_TURIN : TCB;

    for (size_t i = 0; i < TCB_PARTS && parts[i].claim; i++) {
        uint8_t certified;
        uint8_t reported = r[AT_REPORTED + parts[i].at];
        if (!certified_byte(c, parts[i].oid, &certified))
            return refuse(ret_err, "evidence.endorsement", "a certificate without %s",
                          parts[i].claim);
        if (certified != reported)
            return refuse(ret_err, "evidence.tcb", "%s %u, certified is %u", parts[i].claim,
                          reported, certified);
        if (!claims_add_number(claims, parts[i].claim, reported))
            return refuse(ret_err, "internal", "too many claims");
    }
    return true;
}

/* KEY_VCEK, KEY_VLEK, or KEY_NONE for another certificate. */
static unsigned kind_of(const struct certificate *c)
{
    char name[64];

    if (!certificate_common_name(c, name, sizeof(name)))
        return KEY_NONE;
    if (strcmp(name, "SEV-VCEK") == 0)
        return KEY_VCEK;
    return strcmp(name, "SEV-VLEK") == 0 ? KEY_VLEK : KEY_NONE;
}

/* A VCEK is one chip's; a VLEK is a cloud's, and says which. */
static bool check_chip(const uint8_t *r, const struct certificate *c, const struct product *p,
                       struct claims *claims, struct idevs_error *ret_err)
{
    struct bytes id;
    struct bytes text;
    char csp[64];
    size_t len = p->has_fmc ? TURIN_ID_LEN : CHIP_ID_LEN;

    if (kind_of(c) == KEY_VLEK) {
        if (!certificate_extension(c, bytes_of(OID_CSP, 9), &id) || !der_value(id, 0x16, &text))
            return refuse(ret_err, "evidence.endorsement", "a VLEK of no cloud");
        snprintf(csp, sizeof(csp), "%.*s", (int)text.len, (const char *)text.data);
        return claims_add_text(claims, "cloud", csp) ||
               refuse(ret_err, "internal", "too many claims");
    }
    if (!certificate_extension(c, bytes_of(OID_HWID, 9), &id) || id.len != len)
        return refuse(ret_err, "evidence.endorsement", "a VCEK without the id of a chip");
    if (memcmp(id.data, r + AT_CHIP_ID, len) != 0 ||
        !is_zero(r + AT_CHIP_ID + len, CHIP_ID_LEN - len))
        return refuse(ret_err, "evidence.endorsement", "the certificate of another chip");
    return true;
}

/* ---- the signature ---- */

static void reverse(const uint8_t *little, uint8_t *ret_big)
{
    for (size_t i = 0; i < HALF; i++)
        ret_big[i] = little[HALF - 1 - i];
}

static bool check_signature(const uint8_t *r, const struct certificate *c,
                            struct idevs_error *ret_err)
{
    uint8_t signature[2 * HALF];
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_of(c);

    reverse(r + AT_R, signature);
    reverse(r + AT_S, signature + HALF);
    if (key && vendor_key_verify(key, VENDOR_ES384, bytes_of(r, SIGNED_LEN),
                                 bytes_of(signature, sizeof(signature))))
        return true;
    return refuse(ret_err, "evidence.signature", "a report that this key did not sign");
}

/* ---- all of it ---- */

/* Of several chip certificates (one for each firmware) the one for the reported firmware and this
 * chip, so that a stranger's does not stand in the way. */
static const struct certificate *find_leaf(const struct endorsements *e, const uint8_t *r)
{
    const struct certificate *found = NULL;

    for (size_t i = 0; i < e->n_certificates; i++) {
        const struct certificate *c = e->certificates[i];
        const struct product *p = product_of(c);
        struct claims unused = {.n = 0};
        if (kind_of(c) == KEY_NONE)
            continue;
        if (p && check_chip(r, c, p, &unused, NULL) && check_tcb(r, c, p, &unused, NULL))
            return c;
        found = found ? found : c;
    }
    return found;
}

static bool check_debug(const struct verification *v, struct idevs_error *ret_err)
{
    if (v->allow_debug || !(le64(v->evidence.data + AT_POLICY) & POLICY_DEBUG))
        return true;
    return refuse(ret_err, "policy.debug", "a guest that its host may debug");
}

static bool verify(const struct verification *v, struct claims *ret, struct buffer *ret_chain,
                   struct idevs_error *ret_err)
{
    const uint8_t *r = v->evidence.data;

    if (!check_form(v->evidence, ret_err))
        return false;
    if (!add_report(ret, r))
        return refuse(ret_err, "internal", "too many claims");
    const struct signer signer = {
        .leaf = find_leaf(v->endorsements, r),
        .maker = MAKER_AMD,
        .leaf_is_unlisted = true, /* AMD's lists name its intermediates */
        .at = v->at,
    };
    if (!signer.leaf)
        return refuse(ret_err, "evidence.endorsement", "no VCEK or VLEK certificate");
    if (!trust_signer(v->endorsements, &signer, ret_chain, ret_err) ||
        !check_signature(r, signer.leaf, ret_err) ||
        !check_content(r, kind_of(signer.leaf), ret_err))
        return false;
    const struct product *p = product_of(signer.leaf);
    if (!p)
        return refuse(ret_err, "evidence.endorsement", "a certificate of an unknown product");
    return claims_add_text(ret, "product", p->name) && check_product(r, p, ret_err) &&
           check_chip(r, signer.leaf, p, ret, ret_err) &&
           check_tcb(r, signer.leaf, p, ret, ret_err) && check_debug(v, ret_err) &&
           trust_nonce(v->nonce, bytes_of(r + AT_REPORT_DATA, 64), ret_err);
}

const struct hardware_verifier hardware_snp = {"snp", verify};
