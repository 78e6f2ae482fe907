#include "authority/issuer.h"
#include "authority/folder.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "evidence/evidence.h"
#include "wire/certificate_request.h"

#include <stdio.h>

/* ---- the authority's own certificates ---- */

static struct certificate *load_certificate(char *path, struct idevs_error *ret_err)
{
    _cleanup_text_ char *owned = path;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);
    _cleanup_chain_ struct chain chain = {0};

    if (!file_read(owned, &pem, ret_err) || !chain_from_pem(buffer_bytes(&pem), &chain, ret_err))
        return NULL;
    if (chain.n != 1) {
        refuse(ret_err, "certificate.malformed", "%zu certificates in %s", chain.n, owned);
        return NULL;
    }
    chain.n = 0;
    return chain.at[0];
}

bool issuer_load(struct issuer *issuer, const char *state, struct idevs_error *ret_err)
{
    issuer->root = load_certificate(folder_root(state), ret_err);
    for (unsigned i = 0; i < TIERS && issuer->root; i++) {
        issuer->tiers[i] = load_certificate(folder_tier(state, (enum tier)i), ret_err);
        if (!issuer->tiers[i])
            return false;
    }
    return issuer->root != NULL;
}

void issuer_free(struct issuer *issuer)
{
    registry_close(issuer->registry);
    challenges_free(issuer->challenges);
    signer_stop(&issuer->signer);
    endorsements_release(&issuer->tpm_makers);
    certificate_free(issuer->root);
    for (unsigned i = 0; i < TIERS; i++)
        certificate_free(issuer->tiers[i]);
    *issuer = (struct issuer){.signer = {-1}};
}

/* ---- one request ---- */

struct attempt {
    struct certificate_request request;
    struct csr csr;
    struct manifest manifest;
    struct eat_claims evidence;
    struct appraisal_platform platform;
    struct appraisal_name name;
    struct eat_claims result;
};

/* For the verifier: it asks by key id alone. */
static bool find_platform_key(void *arg, const uint8_t id[SHA256_LEN], uint8_t ret_spki[SPKI_LEN])
{
    struct appraisal_platform platform;

    return registry_find_platform(arg, id, ret_spki, &platform);
}

static bool find_tpm(void *arg, const uint8_t id[SHA256_LEN], struct tpm_platform *ret)
{
    return registry_find_tpm(arg, id, ret);
}

static bool read_request(const struct issuer *issuer, struct bytes body, uint64_t now_ns,
                         struct attempt *a, struct idevs_error *ret_err)
{
    if (!certificate_request_decode(body, &a->request))
        return refuse(ret_err, "api.field", "%zu bytes that are no certificate request", body.len);
    return challenge_use(issuer->challenges, now_ns, a->request.challenge.data, ret_err) &&
           csr_parse(a->request.csr, &a->csr, ret_err) &&
           manifest_decode(a->request.manifest, &a->manifest, ret_err);
}

static bool judge(const struct issuer *issuer, struct attempt *a, int64_t now,
                  struct idevs_error *ret_err)
{
    struct evidence_context context = {find_platform_key, issuer->registry, find_tpm};
    struct appraisal appraisal = {
        .evidence = &a->evidence,
        .platform = &a->platform,
        .manifest = &a->manifest,
        .name = &a->name,
        .spki = a->csr.spki,
        .challenge = a->request.challenge.data,
        .root = certificate_der(issuer->root),
        .now = now,
    };
    uint8_t spki[SPKI_LEN];

    if (!evidence_verify(a->csr.evidence_cmw, &context, &a->evidence, ret_err))
        return false;
    if (!registry_find_platform(issuer->registry, evidence_platform_id(&a->evidence), spki,
                                &a->platform))
        return refuse(ret_err, "evidence.platform", "a platform that was just removed");
    if (!registry_name(issuer->registry, a->manifest.program, &a->name, ret_err))
        return false;
    sha256(a->request.manifest, appraisal.manifest_sha256);
    return appraise(&appraisal, &a->result, ret_err) &&
           registry_check_executable(issuer->registry, a->result.executable.sha256, a->name.owner,
                                     ret_err);
}

/* What comes back must be for the key that asked. */
static bool is_for(const struct certificate *leaf, const uint8_t spki[SPKI_LEN])
{
    uint8_t got[SPKI_LEN];

    if (!certificate_public_key(leaf))
        return false;
    public_key_spki(certificate_public_key(leaf), got);
    return memcmp(got, spki, SPKI_LEN) == 0;
}

/* What was handed out must be there to be revoked, also after a crash. */
static bool note(const struct issuer *issuer, const struct attempt *a,
                 const struct certificate *leaf, int64_t now, struct idevs_error *ret_err)
{
    struct registry_issued issued = {.tier = a->platform.tier,
                                     .program = a->manifest.program,
                                     .not_after = certificate_not_after(leaf)};

    if (!certificate_serial(leaf, issued.serial))
        return refuse(ret_err, "signer.answer", "a serial number out of bounds");
    memcpy(issued.executable, a->result.executable.sha256, SHA256_LEN);
    memcpy(issued.platform, evidence_platform_id(&a->evidence), SHA256_LEN);
    return registry_note_issued(issuer->registry, &issued, now, ret_err);
}

static bool write_chain(const struct issuer *issuer, const struct attempt *a, struct bytes der,
                        int64_t now, struct buffer *pem, struct idevs_error *ret_err)
{
    _cleanup_certificate_ struct certificate *leaf = certificate_parse(der, ret_err);
    struct chain chain = {.at = {leaf, issuer->tiers[a->platform.tier]}, .n = 2};

    if (!leaf)
        return false;
    if (!is_for(leaf, a->csr.spki))
        return refuse(ret_err, "signer.answer", "a certificate for another key");
    if (!note(issuer, a, leaf, now, ret_err))
        return false;
    return chain_to_pem(&chain, pem) || refuse(ret_err, "internal", "a long chain");
}

static bool sign(const struct issuer *issuer, const struct attempt *a, int64_t now,
                 struct buffer *pem, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_SIGNER_CLAIMS);
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    struct signer_request request = {
        .tier = a->platform.tier,
        .spki = bytes_of(a->csr.spki, SPKI_LEN),
    };
    int64_t through;

    /* In the second in which all were revoked, the next one begins with the next second. */
    if (!registry_revoked_through(issuer->registry, &through, ret_err))
        return false;
    request.not_before = now > through ? now : through + 1;
    request.not_after = request.not_before + LIMIT_CERTIFICATE_LIFE;
    snprintf(request.program, sizeof(request.program), "%s", a->manifest.program);
    if (!eat_encode(&a->result, &claims))
        return refuse(ret_err, "manifest.value", "services whose names do not fit a certificate");
    request.claims = buffer_bytes(&claims);
    return signer_ask(&issuer->signer, &request, &der, ret_err) &&
           write_chain(issuer, a, buffer_bytes(&der), now, pem, ret_err);
}

bool issuer_certify(const struct issuer *issuer, struct bytes body, int64_t now, uint64_t now_ns,
                    struct buffer *pem, struct idevs_error *ret_err)
{
    struct attempt a = {0};

    if (!read_request(issuer, body, now_ns, &a, ret_err) || !judge(issuer, &a, now, ret_err) ||
        !sign(issuer, &a, now, pem, ret_err))
        return false;
    log_info("certificate for %s, tier %s", a.manifest.program, a.result.tier);
    return true;
}
