#include "evidence/appraisal.h"
#include "base/text.h"
#include "exchange/attestation.h"

#include <stdio.h>

/* Who could break a run, in words, by back end: printed into the certificate. */
static const struct {
    const char *back_end;
    bool isolates; /* else in the development tier only */
    const char *breakers;
} BACK_ENDS[] = {
    {"process", true,
     "root of the host that runs the warden, and its kernel; whoever holds the platform key"},
    {"microvm", true,
     "root of the host that runs the warden, its kernel and QEMU; whoever holds the platform key"},
    {"cheri", false,
     "not yet run, so all of it is to be shown: root of the host and its kernel; whoever holds the "
     "platform key"},
    {"none", false, "anybody on the host: nothing isolates the program"},
};

/* What a quote beside the evidence does not change. */
#define TPM_BREAKERS                                                                               \
    "; root of the host may ask its TPM too, and a software TPM is as honest as its host"

static bool is_in_development(const struct appraisal *a)
{
    return a->platform->tier == TIER_DEVELOPMENT;
}

static bool check_authority(const struct appraisal *a, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < a->manifest->n_authority_anchors; i++)
        if (bytes_equal(a->manifest->authority_anchors[i], a->root))
            return true;
    return refuse(ret_err, "manifest.authority", "%zu anchors, none of them our root",
                  a->manifest->n_authority_anchors);
}

/* Over this key, this challenge and the anchor of the manifest that the run-time took; our root is
 * among them, so while a root rotates both are taken. */
static bool check_freshness(const struct appraisal *a, struct idevs_error *ret_err)
{
    uint8_t wanted[REPORT_DATA_LEN];

    for (size_t i = 0; i < a->manifest->n_authority_anchors; i++) {
        attestation_report_data(a->spki, a->challenge, a->manifest->authority_anchors[i], wanted);
        if (equal_in_constant_time(wanted, a->evidence->nonce, sizeof(wanted)))
            return true;
    }
    return refuse(ret_err, "evidence.freshness",
                  "evidence over another key, challenge or authority");
}

static bool digest_is(const struct eat_digest *digest, const uint8_t wanted[SHA256_LEN])
{
    return digest->present && memcmp(digest->sha256, wanted, SHA256_LEN) == 0;
}

/* Always false. */
static bool refuse_digest(struct idevs_error *ret_err, const char *code, const char *what,
                          const uint8_t wanted[SHA256_LEN], const struct eat_digest *got)
{
    char expected[2 * SHA256_LEN + 1];
    char found[2 * SHA256_LEN + 1] = "none";
    char text[sizeof(ret_err->expected)];

    hex_text(wanted, SHA256_LEN, expected);
    if (got->present)
        hex_text(got->sha256, SHA256_LEN, found);
    snprintf(text, sizeof(text), "%s %s", what, expected);
    return refuse_expecting(ret_err, code, text, "%s %s", what, found);
}

static bool check_manifest(const struct appraisal *a, struct idevs_error *ret_err)
{
    if (digest_is(&a->evidence->manifest, a->manifest_sha256))
        return true;
    return refuse_digest(ret_err, "evidence.measurement", "manifest", a->manifest_sha256,
                         &a->evidence->manifest);
}

static bool check_platform(const struct appraisal *a, struct idevs_error *ret_err)
{
    const char *back_end = a->evidence->back_end;
    bool enrolled = false;
    size_t kind = 0;

    for (size_t i = 0; i < a->platform->n_back_ends; i++)
        enrolled = enrolled || strcmp(a->platform->back_ends[i], back_end) == 0;
    if (!enrolled)
        return refuse(ret_err, "evidence.platform", "back end %s, which it was not enrolled for",
                      back_end);
    while (kind < ARRAY_LEN(BACK_ENDS) && strcmp(BACK_ENDS[kind].back_end, back_end) != 0)
        kind++;
    /* Provider-signed evidence never earns the hardware tier, whatever was enrolled. */
    if (kind == ARRAY_LEN(BACK_ENDS) || a->platform->tier == TIER_HARDWARE ||
        (!BACK_ENDS[kind].isolates && !is_in_development(a)))
        return refuse_expecting(ret_err, "policy.back-end", "a back end that this tier permits",
                                "back end %s in tier %s", back_end, tier_name(a->platform->tier));
    return true;
}

/* The owner may insist on one; a launcher that had it run elsewhere gets no certificate. */
static bool check_back_end(const struct appraisal *a, struct idevs_error *ret_err)
{
    if (!*a->manifest->back_end || strcmp(a->manifest->back_end, a->evidence->back_end) == 0)
        return true;
    return refuse_expecting(ret_err, "policy.back-end", a->manifest->back_end, "back end %s",
                            a->evidence->back_end);
}

static bool check_policy(const struct appraisal *a, struct idevs_error *ret_err)
{
    if (a->evidence->debug != EAT_DEBUG_DISABLED && !is_in_development(a))
        return refuse(ret_err, "policy.debug", "debugging enabled in tier %s",
                      tier_name(a->platform->tier));
    if (a->manifest->logs == MANIFEST_LOGS_OPEN && !is_in_development(a))
        return refuse(ret_err, "policy.logs", "`logs: open` in tier %s",
                      tier_name(a->platform->tier));
    return true;
}

static bool check_owner(const struct appraisal *a, struct idevs_error *ret_err)
{
    uint8_t owner[SHA256_LEN];

    if (!a->name->is_owned)
        return refuse(ret_err, "approval.missing", "no approval of %s", a->manifest->program);
    sha256(bytes_of(a->manifest->owner_spki, sizeof(a->manifest->owner_spki)), owner);
    if (memcmp(owner, a->name->owner, SHA256_LEN) != 0)
        return refuse(ret_err, "approval.name-taken", "%s, which is another owner's",
                      a->manifest->program);
    return true;
}

static bool toolchain_is_approved(const struct approval *approval, const struct eat_digest *got)
{
    for (size_t i = 0; i < approval->n_toolchains; i++)
        if (digest_is(got, approval->toolchains[i]))
            return true;
    return false;
}

/* Either the source and the toolchain that compiled it, or the executable itself. */
static bool approves(const struct approval *approval, const struct appraisal *a)
{
    const struct eat_claims *e = a->evidence;

    if (strcmp(approval->program, a->manifest->program) != 0 ||
        !digest_is(&e->manifest, approval->manifest))
        return false;
    if (approval->has_executable && digest_is(&e->executable, approval->executable))
        return true;
    return approval->has_source && digest_is(&e->source, approval->source) &&
           toolchain_is_approved(approval, &e->toolchain);
}

/* Says what differs from `approval`, the one that comes nearest. Always false. */
static bool refuse_approval(const struct appraisal *a, const struct approval *approval,
                            struct idevs_error *ret_err)
{
    const struct eat_claims *e = a->evidence;

    if (!digest_is(&e->manifest, approval->manifest))
        return refuse_digest(ret_err, "approval.missing", "manifest", approval->manifest,
                             &e->manifest);
    if (!approval->has_source)
        return refuse_digest(ret_err, "approval.missing", "executable", approval->executable,
                             &e->executable);
    if (!digest_is(&e->source, approval->source))
        return refuse_digest(ret_err, "approval.missing", "source", approval->source, &e->source);
    return refuse_digest(ret_err, "approval.missing", "toolchain", approval->toolchains[0],
                         &e->toolchain);
}

static bool check_approval(const struct appraisal *a, struct idevs_error *ret_err)
{
    const struct approval *nearest = NULL;

    if (!check_owner(a, ret_err))
        return false;
    for (size_t i = 0; i < a->name->n_approvals; i++) {
        const struct approval *approval = &a->name->approvals[i];
        if (approves(approval, a))
            return true;
        bool same_manifest = digest_is(&a->evidence->manifest, approval->manifest);
        if (!nearest || (same_manifest && !digest_is(&a->evidence->manifest, nearest->manifest)))
            nearest = approval;
    }
    if (!nearest)
        return refuse(ret_err, "approval.missing", "no approval of %s", a->manifest->program);
    return refuse_approval(a, nearest, ret_err);
}

static const char *breakers_of(const char *back_end)
{
    for (size_t i = 0; i < ARRAY_LEN(BACK_ENDS); i++)
        if (strcmp(BACK_ENDS[i].back_end, back_end) == 0)
            return BACK_ENDS[i].breakers;
    return "unknown"; /* check_platform() lets none through */
}

static void make_result(const struct appraisal *a, struct eat_claims *r)
{
    *r = *a->evidence;
    r->issued_at = a->now;
    snprintf(r->tier, sizeof(r->tier), "%s", tier_name(a->platform->tier));
    snprintf(r->breakers, sizeof(r->breakers), "%s%s", breakers_of(a->evidence->back_end),
             eat_component_text(&a->evidence->measured, EAT_TPM) ? TPM_BREAKERS : "");
    snprintf(r->policy, sizeof(r->policy), "%s", APPRAISAL_POLICY);
    hex_text(a->name->owner, SHA256_LEN, r->owner);
    for (size_t i = 0; i < a->manifest->n_services; i++) {
        const struct manifest_service *s = &a->manifest->services[i];
        if (s->reads)
            memcpy(r->reads[r->n_reads++], s->authority, sizeof(s->authority));
        if (s->writes)
            memcpy(r->writes[r->n_writes++], s->authority, sizeof(s->authority));
    }
}

bool appraise(const struct appraisal *a, struct eat_claims *ret_result, struct idevs_error *ret_err)
{
    if (!check_authority(a, ret_err) || !check_freshness(a, ret_err) ||
        !check_manifest(a, ret_err) || !check_platform(a, ret_err) || !check_back_end(a, ret_err) ||
        !check_policy(a, ret_err) || !check_approval(a, ret_err))
        return false;
    make_result(a, ret_result);
    return true;
}
