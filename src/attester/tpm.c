#include "attester/tpm.h"
#include "attester/tpm_stream.h"
#include "base/alloc.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "exchange/attestation.h"
#include "wire/cmw.h"

#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

/* TCG EK Credential Profile, 2.2.1.4 and B.3: where certificates and keys of these templates are.
 */
#define NV_CERTIFICATE_RSA  0x01c00002u
#define NV_CERTIFICATE_P256 0x01c0000au
#define NV_CHUNK            512 /* less than any TPM reads at once */
/* Our attestation key: among those that the owner of a machine gives out. */
#define AK_HANDLE     0x8100a11du
#define EK_ATTRIBUTES 0x000300b2u
#define DER_HEAD      4 /* 30 82, and two bytes of length */

struct tpm {
    struct tpm_stream stream;
    ESYS_CONTEXT *esys;
    ESYS_TR ak; /* ESYS_TR_NONE: not taken yet */
};

static void esys_freep(void *p)
{
    Esys_Free(*(void **)p);
}
#define _cleanup_esys_ _cleanup_(esys_freep)

static bool done(TSS2_RC rc, const char *what, struct idevs_error *ret_err)
{
    return rc == TSS2_RC_SUCCESS ||
           refuse(ret_err, "tpm.unavailable", "%s: response code %08x", what, (unsigned)rc);
}

/* The library writes lines of its own to the standard error unless told otherwise: whoever calls
 * hears by the refusal what went wrong. */
static void keep_library_silent(void)
{
    (void)setenv("TSS2_LOG", "all+none", 0);
}

struct tpm *tpm_open(int fd, struct idevs_error *ret_err)
{
    struct tpm *t = alloc_zero(1, sizeof(*t));
    uint8_t unused[SHA256_LEN];

    keep_library_silent();
    sha256(bytes_of("", 0), unused); /* before the library's first call into OpenSSL */
    t->ak = ESYS_TR_NONE;
    tpm_stream_begin(&t->stream, fd);
    if (done(Esys_Initialize(&t->esys, tpm_stream_tcti(&t->stream), NULL), "opening", ret_err))
        return t;
    tpm_close(t);
    return NULL;
}

void tpm_close(struct tpm *t)
{
    if (!t)
        return;
    Esys_Finalize(&t->esys);
    tpm_stream_end(&t->stream);
    free(t);
}

/* Asked first, because the library complains on the standard error of what is not there. */
static bool has_handle(struct tpm *t, TPM2_HANDLE handle, bool *ret, struct idevs_error *ret_err)
{
    _cleanup_esys_ TPMS_CAPABILITY_DATA *data = NULL;
    TPMI_YES_NO more;

    if (!done(Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 TPM2_CAP_HANDLES, handle, 1, &more, &data),
              "its handles", ret_err))
        return false;
    *ret = data->data.handles.count > 0 && data->data.handles.handle[0] == handle;
    return true;
}

static bool load(struct tpm *t, TPM2_HANDLE handle, ESYS_TR *ret, struct idevs_error *ret_err)
{
    return done(
        Esys_TR_FromTPMPublic(t->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ret),
        "loading", ret_err);
}

/* ---- the endorsement certificate ---- */

static bool read_nv(struct tpm *t, ESYS_TR index, struct buffer *b, struct idevs_error *ret_err)
{
    _cleanup_esys_ TPM2B_NV_PUBLIC *public = NULL;

    if (!done(Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public,
                                 NULL),
              "its memory", ret_err))
        return false;
    for (uint16_t at = 0, step; at < public->nvPublic.dataSize; at = (uint16_t)(at + step)) {
        _cleanup_esys_ TPM2B_MAX_NV_BUFFER *data = NULL;
        uint16_t left = (uint16_t)(public->nvPublic.dataSize - at);
        step = left < NV_CHUNK ? left : NV_CHUNK;
        if (!done(Esys_NV_Read(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                               step, at, &data),
                  "its memory", ret_err))
            return false;
        if (data->size != step || !buffer_append(b, data->buffer, step))
            return refuse(ret_err, "tpm.unavailable", "a certificate that is too long");
    }
    return true;
}

/* Some makers fill the rest of the place: the certificate ends where its own length says. */
static bool append_certificate(struct bytes found, struct buffer *b)
{
    if (found.len < DER_HEAD || found.data[0] != 0x30 || found.data[1] != 0x82)
        return false;
    size_t len = DER_HEAD + ((size_t)found.data[2] << 8 | found.data[3]);
    return len <= found.len && buffer_append(b, found.data, len);
}

bool tpm_read_endorsement(struct tpm *t, struct buffer *b, struct idevs_error *ret_err)
{
    static const TPM2_HANDLE PLACES[] = {NV_CERTIFICATE_RSA, NV_CERTIFICATE_P256};

    for (size_t i = 0; i < ARRAY_LEN(PLACES); i++) {
        _cleanup_buffer_ struct buffer found = buffer_up_to(LIMIT_CERTIFICATE);
        ESYS_TR index = ESYS_TR_NONE;
        bool there = false;
        if (!has_handle(t, PLACES[i], &there, ret_err))
            return false;
        if (!there)
            continue;
        if (!load(t, PLACES[i], &index, ret_err) || !read_nv(t, index, &found, ret_err))
            return false;
        return append_certificate(buffer_bytes(&found), b) ||
               refuse(ret_err, "tpm.unavailable", "%zu bytes that are no certificate", found.len);
    }
    return refuse_expecting(ret_err, "tpm.unavailable", "an endorsement certificate in the TPM",
                            "none for RSA of 2048 bits or P-256");
}

/* ---- keys ---- */

static bool make_primary(struct tpm *t, ESYS_TR hierarchy, const TPM2B_PUBLIC *template,
                         ESYS_TR *ret, struct idevs_error *ret_err)
{
    const TPM2B_SENSITIVE_CREATE sensitive = {0};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION creation = {0};

    return done(Esys_CreatePrimary(t->esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                   &sensitive, template, &outside, &creation, ret, NULL, NULL, NULL,
                                   NULL),
                "making a key", ret_err);
}

static const TPM2B_PUBLIC AK_TEMPLATE = {
    .publicArea = {.type = TPM2_ALG_ECC,
                   .nameAlg = TPM2_ALG_SHA256,
                   .objectAttributes = TPM_AK_ATTRIBUTES,
                   .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
                                            .scheme = {.scheme = TPM2_ALG_ECDSA,
                                                       .details.ecdsa.hashAlg = TPM2_ALG_SHA256},
                                            .curveID = TPM2_ECC_NIST_P256,
                                            .kdf.scheme = TPM2_ALG_NULL}}};

/* In the storage hierarchy, so that clearing the machine's TPM for another owner ends it. */
static bool make_ak(struct tpm *t, struct idevs_error *ret_err)
{
    ESYS_TR made = ESYS_TR_NONE;

    if (!make_primary(t, ESYS_TR_RH_OWNER, &AK_TEMPLATE, &made, ret_err))
        return false;
    bool kept = done(Esys_EvictControl(t->esys, ESYS_TR_RH_OWNER, made, ESYS_TR_PASSWORD,
                                       ESYS_TR_NONE, ESYS_TR_NONE, AK_HANDLE, &t->ak),
                     "keeping a key", ret_err);
    Esys_FlushContext(t->esys, made);
    return kept;
}

bool tpm_take_key(struct tpm *t, struct buffer *b, struct idevs_error *ret_err)
{
    _cleanup_esys_ TPM2B_PUBLIC *public = NULL;
    uint8_t area[sizeof(TPMT_PUBLIC)];
    uint8_t point[TPM_POINT_LEN];
    size_t len = 0;
    bool there = false;

    if (!has_handle(t, AK_HANDLE, &there, ret_err) ||
        !(there ? load(t, AK_HANDLE, &t->ak, ret_err) : make_ak(t, ret_err)) ||
        !done(Esys_ReadPublic(t->esys, t->ak, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public,
                              NULL, NULL),
              "its attestation key", ret_err) ||
        !done(Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, area, sizeof(area), &len),
              "its attestation key", ret_err))
        return false;
    if (!tpm_ak_decode(bytes_of(area, len), point))
        return refuse_expecting(ret_err, "tpm.unavailable", "an attestation key of idevs-warden",
                                "another kind of key at handle %08x", AK_HANDLE);
    return buffer_append(b, area, len) || refuse(ret_err, "internal", "a long public area");
}

/* TCG's templates L-1 and L-2; the policy is PolicySecret(TPM_RH_ENDORSEMENT). */
static bool make_ek(struct tpm *t, bool on_p256, ESYS_TR *ret, struct idevs_error *ret_err)
{
    static const uint8_t POLICY[SHA256_LEN] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,
                                               0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
                                               0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
                                               0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
    const TPMT_SYM_DEF_OBJECT aes = {
        .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};
    TPM2B_PUBLIC template = {.publicArea = {.type = on_p256 ? TPM2_ALG_ECC : TPM2_ALG_RSA,
                                            .nameAlg = TPM2_ALG_SHA256,
                                            .objectAttributes = EK_ATTRIBUTES}};
    TPMT_PUBLIC *area = &template.publicArea;

    area->authPolicy.size = sizeof(POLICY);
    memcpy(area->authPolicy.buffer, POLICY, sizeof(POLICY));
    if (on_p256) {
        area->parameters.eccDetail = (TPMS_ECC_PARMS){.symmetric = aes,
                                                      .scheme.scheme = TPM2_ALG_NULL,
                                                      .curveID = TPM2_ECC_NIST_P256,
                                                      .kdf.scheme = TPM2_ALG_NULL};
        area->unique.ecc.x.size = area->unique.ecc.y.size = 32;
    } else {
        area->parameters.rsaDetail =
            (TPMS_RSA_PARMS){.symmetric = aes, .scheme.scheme = TPM2_ALG_NULL, .keyBits = 2048};
        area->unique.rsa.size = 256;
    }
    return make_primary(t, ESYS_TR_RH_ENDORSEMENT, &template, ret, ret_err);
}

/* ---- quotes ---- */

bool tpm_parse_registers(const char *text, uint32_t *ret)
{
    struct reader r = reader_of(bytes_of_text(text));
    uint32_t found = 0;

    while (reader_left(&r)) {
        const uint8_t *comma = memchr(r.at, ',', reader_left(&r));
        size_t len = comma ? (size_t)(comma - r.at) : reader_left(&r);
        uint64_t n;
        if (!parse_u64(bytes_of(r.at, len), TPM_REGISTERS - 1, &n) || found >> n != 0)
            return false;
        found |= UINT32_C(1) << n;
        r.at += len;
        if (comma && ++r.at == r.end)
            return false;
    }
    if (found == 0)
        return false;
    *ret = found;
    return true;
}

static bool append_quote(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature,
                         struct buffer *b, struct idevs_error *ret_err)
{
    uint8_t bytes[sizeof(*attest) + sizeof(*signature)];
    size_t len = 0;

    return done(Tss2_MU_TPM2B_ATTEST_Marshal(attest, bytes, sizeof(bytes), &len), "a quote",
                ret_err) &&
           done(Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof(bytes), &len), "a quote",
                ret_err) &&
           (buffer_append(b, bytes, len) || refuse(ret_err, "internal", "a long quote"));
}

bool tpm_quote(struct tpm *t, uint32_t registers, const uint8_t nonce[TPM_DIGEST_LEN],
               struct buffer *b, struct idevs_error *ret_err)
{
    const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL}; /* the key's own */
    const TPML_PCR_SELECTION selection = {
        .count = 1,
        .pcrSelections = {
            {.hash = TPM2_ALG_SHA256,
             .sizeofSelect = 3,
             .pcrSelect = {registers & 0xff, registers >> 8 & 0xff, registers >> 16 & 0xff}}}};
    TPM2B_DATA data = {.size = TPM_DIGEST_LEN};
    _cleanup_esys_ TPM2B_ATTEST *attest = NULL;
    _cleanup_esys_ TPMT_SIGNATURE *signature = NULL;

    memcpy(data.buffer, nonce, TPM_DIGEST_LEN);
    return done(Esys_Quote(t->esys, t->ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data,
                           &scheme, &selection, &attest, &signature),
                "a quote", ret_err) &&
           append_quote(attest, signature, b, ret_err);
}

bool attest_tpm(struct tpm *t, uint32_t registers, const struct key *platform,
                const struct attester_host *host, const struct attester_run *run,
                const uint8_t report_data[REPORT_DATA_LEN], int64_t now, struct buffer *b)
{
    uint8_t nonce[TPM_DIGEST_LEN];
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer quote = buffer_up_to(LIMIT_TPM_QUOTE);
    _cleanup_buffer_ struct buffer both = buffer_up_to(LIMIT_EVIDENCE);

    if (!attest_sign_claims(platform, host, run, report_data, now, &claims))
        return false;
    tpm_evidence_nonce(buffer_bytes(&claims), nonce);
    if (!tpm_quote(t, registers, nonce, &quote, NULL))
        return false;
    const struct tpm_evidence whole = {buffer_bytes(&claims), buffer_bytes(&quote)};
    return tpm_evidence_encode(&whole, &both) &&
           cmw_encode(TPM_EVIDENCE_TYPE, buffer_bytes(&both), b);
}

/* ---- activation ---- */

static bool read_credential(struct bytes in, TPM2B_ID_OBJECT *id, TPM2B_ENCRYPTED_SECRET *secret)
{
    struct tpm_credential c;

    if (!tpm_credential_decode(in, &c) || c.id_object.len > sizeof(id->credential) ||
        c.secret.len > sizeof(secret->secret))
        return false;
    id->size = (uint16_t)c.id_object.len;
    memcpy(id->credential, c.id_object.data, c.id_object.len);
    secret->size = (uint16_t)c.secret.len;
    memcpy(secret->secret, c.secret.data, c.secret.len);
    return true;
}

/* A session in which the endorsement hierarchy's (empty) password was given. */
static bool permit_ek(struct tpm *t, ESYS_TR *ret, struct idevs_error *ret_err)
{
    const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};

    return done(Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &none,
                                      TPM2_ALG_SHA256, ret),
                "a session", ret_err) &&
           done(Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *ret, ESYS_TR_PASSWORD,
                                  ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL),
                "its endorsement hierarchy", ret_err);
}

static bool activate(struct tpm *t, ESYS_TR ek, ESYS_TR session, struct bytes credential,
                     uint8_t ret_secret[TPM_SECRET_LEN], struct idevs_error *ret_err)
{
    TPM2B_ID_OBJECT id = {0};
    TPM2B_ENCRYPTED_SECRET encrypted = {0};
    _cleanup_esys_ TPM2B_DIGEST *secret = NULL;

    if (!read_credential(credential, &id, &encrypted))
        return refuse(ret_err, "tpm.credential", "%zu bytes that are no credential",
                      credential.len);
    TSS2_RC rc = Esys_ActivateCredential(t->esys, t->ak, ek, ESYS_TR_PASSWORD, session,
                                         ESYS_TR_NONE, &id, &encrypted, &secret);
    if (rc != TSS2_RC_SUCCESS || secret->size != TPM_SECRET_LEN)
        return refuse(ret_err, "tpm.credential", "response code %08x", (unsigned)rc);
    memcpy(ret_secret, secret->buffer, TPM_SECRET_LEN);
    wipe(secret->buffer, sizeof(secret->buffer));
    return true;
}

bool tpm_activate(struct tpm *t, bool on_p256, struct bytes credential,
                  uint8_t ret_secret[TPM_SECRET_LEN], struct idevs_error *ret_err)
{
    ESYS_TR ek = ESYS_TR_NONE;
    ESYS_TR session = ESYS_TR_NONE;

    bool ok = make_ek(t, on_p256, &ek, ret_err) && permit_ek(t, &session, ret_err) &&
              activate(t, ek, session, credential, ret_secret, ret_err);
    if (session != ESYS_TR_NONE)
        Esys_FlushContext(t->esys, session);
    if (ek != ESYS_TR_NONE)
        Esys_FlushContext(t->esys, ek);
    return ok;
}
