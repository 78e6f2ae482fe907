/* Intel's judgement of a TDX platform: TCB information and QE identity (PCS API, version 4), each a
 * JSON value that Intel's TCB signing key signed byte for byte. */
#include "base/little_endian.h"
#include "base/text.h"
#include "document/json.h"
#include "evidence/tdx.h"
#include "evidence/trust.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define SIGNATURE_LEN 64
#define TCB_SIGNER    "Intel SGX TCB Signing"

/* In the order in which a worse one hides a better one, where they meet. */
enum status {
    UP_TO_DATE = 1,
    SW_HARDENING_NEEDED,
    CONFIGURATION_NEEDED,
    CONFIGURATION_AND_SW_HARDENING_NEEDED,
    TD_RELAUNCH_ADVISED,
    TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    OUT_OF_DATE,
    OUT_OF_DATE_CONFIGURATION_NEEDED,
    REVOKED,
};

static const char *const STATUS_NAMES[] = {
    [UP_TO_DATE] = "UpToDate",
    [SW_HARDENING_NEEDED] = "SWHardeningNeeded",
    [CONFIGURATION_NEEDED] = "ConfigurationNeeded",
    [CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
    [TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
    [TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
    [OUT_OF_DATE] = "OutOfDate",
    [OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
    [REVOKED] = "Revoked",
};

/* 0: no such status. */
static enum status status_named(const char *name)
{
    for (size_t i = UP_TO_DATE; name && i <= REVOKED; i++)
        if (strcmp(STATUS_NAMES[i], name) == 0)
            return (enum status)i;
    return 0;
}

static bool is_out_of_date(enum status s)
{
    return s == OUT_OF_DATE || s == OUT_OF_DATE_CONFIGURATION_NEEDED;
}

static bool needs_configuration(enum status s)
{
    return s == CONFIGURATION_NEEDED || s == CONFIGURATION_AND_SW_HARDENING_NEEDED ||
           s == OUT_OF_DATE_CONFIGURATION_NEEDED;
}

/* The platform's status where a part of it (module, quoting enclave) has one of its own. */
static enum status merge(enum status platform, enum status part)
{
    if (platform == REVOKED || part == REVOKED)
        return REVOKED;
    if (part != OUT_OF_DATE)
        return platform;
    return needs_configuration(platform) ? OUT_OF_DATE_CONFIGURATION_NEEDED : OUT_OF_DATE;
}

/* ---- signed documents ---- */

/* The value and its signature: {"NAME":VALUE,"signature":"HEX"}, as Intel serves it, or VALUE alone
 * with 64 raw bytes beside it under the same name but for ".sig". */
struct signed_value {
    struct bytes value;
    uint8_t signature[SIGNATURE_LEN];
};

static bool starts_with(struct bytes text, const char *start)
{
    size_t n = strlen(start);

    return text.len >= n && memcmp(text.data, start, n) == 0;
}

/* The document ends with ,"signature":"128 hex digits"} and perhaps a line's end. */
static bool split_served(struct bytes text, const char *start, struct signed_value *ret)
{
    static const char TAIL[] = ",\"signature\":\"";
    const size_t tail_len = sizeof(TAIL) - 1;
    const size_t end_len = tail_len + 2 * SIGNATURE_LEN + 2; /* and "} */
    const size_t start_len = strlen(start);

    while (text.len > 0 && isspace(text.data[text.len - 1]))
        text.len--;
    if (!starts_with(text, start) || text.len < start_len + end_len)
        return false;
    const char *tail = (const char *)text.data + text.len - end_len;
    char hex[2 * SIGNATURE_LEN];
    if (memcmp(tail, TAIL, tail_len) != 0 || memcmp(tail + end_len - 2, "\"}", 2) != 0)
        return false;
    for (size_t i = 0; i < 2 * SIGNATURE_LEN; i++)
        hex[i] = (char)tolower((unsigned char)tail[tail_len + i]);
    ret->value = bytes_of(text.data + start_len, text.len - start_len - end_len);
    return hex_exactly(bytes_of(hex, sizeof(hex)), ret->signature, SIGNATURE_LEN);
}

static bool find_detached(const struct endorsements *e, const struct endorsement_document *d,
                          struct signed_value *ret)
{
    char name[sizeof(d->name)];
    size_t stem = strlen(d->name);

    if (stem > 5 && strcmp(d->name + stem - 5, ".json") == 0)
        stem -= 5;
    if (stem + 5 > sizeof(name))
        return false;
    snprintf(name, sizeof(name), "%.*s.sig", (int)stem, d->name);
    struct bytes signature = endorsements_document(e, name);
    if (signature.len != SIGNATURE_LEN)
        return false;
    memcpy(ret->signature, signature.data, SIGNATURE_LEN);
    ret->value = buffer_bytes(&d->content);
    return true;
}

/* A kind of document: what it is served in, and the id that stands in it. */
struct kind {
    const char *served; /* {"tcbInfo": */
    const char *id;     /* {"id":"TDX", */
};
static const struct kind TCB_INFO = {"{\"tcbInfo\":", "{\"id\":\"TDX\","};
static const struct kind QE_IDENTITY = {"{\"enclaveIdentity\":", "{\"id\":\"TD_QE\","};

static bool find_document(const struct endorsements *e, const struct kind *kind,
                          struct signed_value *ret)
{
    for (size_t i = 0; i < e->n_documents; i++) {
        const struct endorsement_document *d = &e->documents[i];
        struct bytes text = buffer_bytes(&d->content);
        bool found = starts_with(text, kind->served) ? split_served(text, kind->served, ret)
                     : starts_with(text, kind->id)   ? find_detached(e, d, ret)
                                                     : false;
        if (found && starts_with(ret->value, kind->id))
            return true;
    }
    return false;
}

static const struct certificate *find_signer(const struct endorsements *e)
{
    for (size_t i = 0; i < e->n_certificates; i++) {
        char name[64];
        if (certificate_common_name(e->certificates[i], name, sizeof(name)) &&
            strcmp(name, TCB_SIGNER) == 0)
            return e->certificates[i];
    }
    return NULL;
}

static bool time_in(const json_t *object, const char *key, int64_t *ret)
{
    struct tm tm = {0};
    const char *text = json_string_value(json_object_get(object, key));
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

    if (!end || *end)
        return false;
    *ret = (int64_t)timegm(&tm);
    return true;
}

/* Parsed, once its signature and time hold; NULL when refused. */
static json_t *open_document(const struct verification *v, const struct kind *kind,
                             const struct vendor_key *key, struct idevs_error *ret_err)
{
    struct signed_value d;
    struct idevs_error ignored;
    int64_t issued;
    int64_t next;

    if (!find_document(v->endorsements, kind, &d)) {
        refuse(ret_err, "evidence.endorsement", "no signed %s", kind->id + 1);
        return NULL;
    }
    if (!vendor_key_verify(key, VENDOR_ES256, d.value, bytes_of(d.signature, SIGNATURE_LEN))) {
        refuse(ret_err, "evidence.endorsement", "%s that Intel did not sign", kind->id + 1);
        return NULL;
    }
    _cleanup_json_ json_t *j = json_object_from(d.value, &ignored);
    if (!j || !time_in(j, "issueDate", &issued) || !time_in(j, "nextUpdate", &next)) {
        refuse(ret_err, "evidence.endorsement", "%s of another form", kind->id + 1);
        return NULL;
    }
    if (v->at < issued || v->at >= next) {
        refuse(ret_err, "evidence.endorsement", "%s from %s, to be replaced by %s", kind->id + 1,
               json_string_value(json_object_get(j, "issueDate")),
               json_string_value(json_object_get(j, "nextUpdate")));
        return NULL;
    }
    return json_incref(j);
}

/* ---- fields of the documents ---- */

/* Hex of either case. */
static bool hex_in(const json_t *object, const char *key, uint8_t *ret, size_t len)
{
    char lower[2 * TDX_MR_LEN];
    const char *text = json_string_value(json_object_get(object, key));

    if (!text || strlen(text) != 2 * len || 2 * len > sizeof(lower))
        return false;
    for (size_t i = 0; i < 2 * len; i++)
        lower[i] = (char)tolower((unsigned char)text[i]);
    return hex_exactly(bytes_of(lower, 2 * len), ret, len);
}

static bool hex_is(const json_t *object, const char *key, const uint8_t *wanted, size_t len)
{
    uint8_t value[TDX_MR_LEN];

    return hex_in(object, key, value, len) && memcmp(value, wanted, len) == 0;
}

/* found & mask == wanted & mask. */
static bool masked_is(const json_t *object, const char *key, const char *mask_key,
                      const uint8_t *found, size_t len)
{
    uint8_t wanted[TDX_MR_LEN];
    uint8_t mask[TDX_MR_LEN];
    uint8_t differs = 0;

    if (!hex_in(object, key, wanted, len) || !hex_in(object, mask_key, mask, len))
        return false;
    for (size_t i = 0; i < len; i++)
        differs |= (uint8_t)((found[i] ^ wanted[i]) & mask[i]);
    return differs == 0;
}

/* -1: no such number. */
static int64_t number_in(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

/* All 16 component versions reach those of the level, from `from` on. */
static bool reaches(const json_t *tcb, const char *key, const uint32_t svns[TDX_SVNS], size_t from)
{
    const json_t *components = json_object_get(tcb, key);

    if (json_array_size(components) != TDX_SVNS)
        return false;
    for (size_t i = from; i < TDX_SVNS; i++) {
        int64_t wanted = number_in(json_array_get(components, i), "svn");
        if (wanted < 0 || (int64_t)svns[i] < wanted)
            return false;
    }
    return true;
}

/* ---- levels ---- */

/* The level of an enclave or module: the first that its version reaches. */
static const json_t *level_for_isvsvn(const json_t *levels, uint64_t isvsvn)
{
    for (size_t i = 0; i < json_array_size(levels); i++) {
        const json_t *level = json_array_get(levels, i);
        int64_t wanted = number_in(json_object_get(level, "tcb"), "isvsvn");
        if (wanted >= 0 && isvsvn >= (uint64_t)wanted)
            return level;
    }
    return NULL;
}

static enum status status_of(const json_t *level)
{
    return status_named(json_string_value(json_object_get(level, "tcbStatus")));
}

/* A module of TDX 1.5 on is judged by its own levels; then its two versions do not count in the
 * platform's. */
static size_t first_tdx_svn(const uint8_t tee_tcb_svn[TDX_SVNS])
{
    return tee_tcb_svn[1] > 0 ? 2 : 0;
}

static const json_t *platform_level(const json_t *info, const struct tdx_platform *p,
                                    const uint8_t tee_tcb_svn[TDX_SVNS])
{
    const json_t *levels = json_object_get(info, "tcbLevels");
    uint32_t tdx[TDX_SVNS];

    for (size_t i = 0; i < TDX_SVNS; i++)
        tdx[i] = tee_tcb_svn[i];
    for (size_t i = 0; i < json_array_size(levels); i++) {
        const json_t *level = json_array_get(levels, i);
        const json_t *tcb = json_object_get(level, "tcb");
        int64_t pcesvn = number_in(tcb, "pcesvn");
        if (pcesvn >= 0 && p->pcesvn >= pcesvn && reaches(tcb, "sgxtcbcomponents", p->svns, 0) &&
            reaches(tcb, "tdxtcbcomponents", tdx, first_tdx_svn(tee_tcb_svn)))
            return level;
    }
    return NULL;
}

static const json_t *module_named(const json_t *info, const char *id)
{
    const json_t *all = json_object_get(info, "tdxModuleIdentities");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(all, i), "id"));
        if (name && strcmp(name, id) == 0)
            return json_array_get(all, i);
    }
    return NULL;
}

/* `*ret` is UP_TO_DATE where the module has no levels of its own (TDX 1.0). */
static bool judge_module(const json_t *info, const struct tdx_quote *q,
                         const uint8_t tee_tcb_svn[TDX_SVNS], enum status *ret,
                         struct idevs_error *ret_err)
{
    char id[16] = "tdxModule";
    const json_t *module = json_object_get(info, id);

    *ret = UP_TO_DATE;
    if (first_tdx_svn(tee_tcb_svn) > 0) {
        snprintf(id, sizeof(id), "TDX_%02X", (unsigned)tee_tcb_svn[1]);
        module = module_named(info, id);
    }
    if (!hex_is(module, "mrsigner", q->body + TDX_MRSIGNERSEAM, TDX_MR_LEN) ||
        !masked_is(module, "attributes", "attributesMask", q->body + TDX_SEAMATTR, 8))
        return refuse(ret_err, "evidence.tcb", "a TDX module that is not Intel's %s", id);
    if (first_tdx_svn(tee_tcb_svn) == 0)
        return true;
    *ret = status_of(level_for_isvsvn(json_object_get(module, "tcbLevels"), tee_tcb_svn[0]));
    return *ret != 0 || refuse(ret_err, "evidence.tcb", "%s of version %u, below every level", id,
                               (unsigned)tee_tcb_svn[0]);
}

/* Platform and module, for one of the two versions that a quote carries. */
static bool judge_platform(const json_t *info, const struct tdx_quote *q,
                           const struct tdx_platform *p, size_t svn_at, const json_t **ret_level,
                           enum status *ret, struct idevs_error *ret_err)
{
    const uint8_t *tee_tcb_svn = q->body + svn_at;
    const json_t *level = platform_level(info, p, tee_tcb_svn);
    enum status platform = status_of(level);
    enum status module;

    if (!platform)
        return refuse(ret_err, "evidence.tcb", "versions that are below every level");
    if (!judge_module(info, q, tee_tcb_svn, &module, ret_err))
        return false;
    *ret = merge(platform, module);
    *ret_level = level;
    return true;
}

/* What was updated beneath a running trust domain: started anew, it would be up to date. */
static enum status consider_relaunch(const json_t *info, const struct tdx_quote *q,
                                     const struct tdx_platform *p, enum status first)
{
    const json_t *level;
    enum status second;
    struct idevs_error ignored;

    if (!q->has_second_svn || !is_out_of_date(first) ||
        !judge_platform(info, q, p, TDX_TEE_TCB_SVN2, &level, &second, &ignored) ||
        is_out_of_date(second) || second == REVOKED)
        return first;
    return needs_configuration(second) ? TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
                                       : TD_RELAUNCH_ADVISED;
}

/* ---- the quoting enclave ---- */

static bool judge_enclave(const json_t *identity, const struct tdx_quote *q, enum status *ret,
                          struct idevs_error *ret_err)
{
    const uint8_t *report = q->qe_report.data;

    if (!hex_is(identity, "mrsigner", report + QE_MRSIGNER, 32) ||
        number_in(identity, "isvprodid") != le16(report + QE_ISVPRODID) ||
        !masked_is(identity, "miscselect", "miscselectMask", report + QE_MISCSELECT, 4) ||
        !masked_is(identity, "attributes", "attributesMask", report + QE_ATTRIBUTES, 16))
        return refuse(ret_err, "evidence.tcb", "a quoting enclave that is not Intel's");
    *ret = status_of(
        level_for_isvsvn(json_object_get(identity, "tcbLevels"), le16(report + QE_ISVSVN)));
    return *ret != 0 ||
           refuse(ret_err, "evidence.tcb", "a quoting enclave of version %u, below every level",
                  le16(report + QE_ISVSVN));
}

/* ---- all of it ---- */

static bool is_of(const json_t *info, const struct tdx_platform *p, struct idevs_error *ret_err)
{
    if (hex_is(info, "fmspc", p->fmspc, sizeof(p->fmspc)) &&
        hex_is(info, "pceId", p->pceid, sizeof(p->pceid)))
        return true;
    return refuse(ret_err, "evidence.endorsement", "TCB information of another kind of platform");
}

static bool add_advisories(struct claims *c, const json_t *level)
{
    char text[LIMIT_CLAIM_LEN] = "";
    size_t used = 0;
    const json_t *ids = json_object_get(level, "advisoryIDs");

    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        int n = id ? snprintf(text + used, sizeof(text) - used, "%s%s", used ? "," : "", id) : 0;
        if (n > 0 && (size_t)n < sizeof(text) - used)
            used += (size_t)n;
    }
    text[used] = 0;
    return claims_add_text(c, "advisories", text);
}

static bool add_judgement(struct claims *c, enum status status, const json_t *level,
                          const json_t *info)
{
    const char *date = json_string_value(json_object_get(level, "tcbDate"));
    int64_t evaluation = number_in(info, "tcbEvaluationDataNumber");

    return claims_add_text(c, "tcb_status", STATUS_NAMES[status]) &&
           claims_add_text(c, "tcb_date", date ? date : "") && add_advisories(c, level) &&
           claims_add_number(c, "tcb_evaluation", evaluation < 0 ? 0 : (uint64_t)evaluation);
}

static bool judge_with(const struct tdx_quote *q, const struct tdx_platform *p, const json_t *info,
                       const json_t *identity, struct claims *claims, struct idevs_error *ret_err)
{
    const json_t *level;
    enum status platform;
    enum status enclave;

    if (!is_of(info, p, ret_err) || !judge_enclave(identity, q, &enclave, ret_err) ||
        !judge_platform(info, q, p, TDX_TEE_TCB_SVN, &level, &platform, ret_err))
        return false;
    enum status all = merge(consider_relaunch(info, q, p, platform), enclave);
    if (!add_judgement(claims, all, level, info))
        return refuse(ret_err, "internal", "too many claims");
    return all != REVOKED || refuse(ret_err, "evidence.tcb", "a platform that Intel revoked");
}

bool tdx_judge(const struct verification *v, const struct tdx_quote *q,
               const struct tdx_platform *platform, struct claims *claims,
               struct idevs_error *ret_err)
{
    const struct endorsements *e = v->endorsements;
    const struct signer signer = {.leaf = find_signer(e), .maker = MAKER_INTEL, .at = v->at};

    if (e->n_documents == 0 && e->n_crls == 0)
        return claims_add_text(claims, "tcb_status", "unknown") ||
               refuse(ret_err, "internal", "too many claims");
    if (!signer.leaf)
        return refuse(ret_err, "evidence.endorsement", "no certificate \"" TCB_SIGNER "\"");
    if (e->n_crls == 0)
        return refuse(ret_err, "evidence.endorsement", "no revocation lists");
    if (!trust_signer(e, &signer, NULL, ret_err))
        return false;
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_of(signer.leaf);
    if (!key)
        return refuse(ret_err, "evidence.endorsement", "a TCB signing key of another kind");
    _cleanup_json_ json_t *info = open_document(v, &TCB_INFO, key, ret_err);
    _cleanup_json_ json_t *identity = info ? open_document(v, &QE_IDENTITY, key, ret_err) : NULL;
    return identity && judge_with(q, platform, info, identity, claims, ret_err);
}
