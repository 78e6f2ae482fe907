/* The appraisal policy against a model of it: a program that is in order, then up to four things
 * are spoiled. It is certified exactly when nothing was; else the refusal is that of a spoiled
 * thing. Each byte of the input is one of them. */
#include "evidence/appraisal.h"
#include "exchange/attestation.h"

#include "fuzz.h"

#define SPOILS_MAX 4

struct world {
    struct eat_claims evidence;
    struct appraisal_platform platform;
    struct manifest manifest;
    struct appraisal_name name;
    uint8_t manifest_sha256[SHA256_LEN];
    uint8_t spki[SPKI_LEN];
    uint8_t challenge[CHALLENGE_LEN];
    struct bytes root;
};

static void other_root(struct world *w)
{
    w->root = bytes_of_text("another root");
}
static void other_key(struct world *w)
{
    w->spki[40] ^= 1;
}
static void other_challenge(struct world *w)
{
    w->challenge[0] ^= 1;
}
static void other_manifest(struct world *w)
{
    w->manifest_sha256[31] ^= 1;
}
static void no_back_end(struct world *w)
{
    w->platform.n_back_ends = 0;
}
static void unknown_back_end(struct world *w)
{
    strcpy(w->evidence.back_end, "wishes");
    strcpy(w->platform.back_ends[0], "wishes");
}
static void no_isolation(struct world *w)
{
    strcpy(w->evidence.back_end, "none");
    strcpy(w->platform.back_ends[0], "none");
}
static void hardware_tier(struct world *w)
{
    w->platform.tier = TIER_HARDWARE;
}
static void debugging(struct world *w)
{
    w->evidence.debug = EAT_DEBUG_ENABLED;
}
static void open_logs(struct world *w)
{
    w->manifest.logs = MANIFEST_LOGS_OPEN;
}
static void no_owner(struct world *w)
{
    w->name.is_owned = false;
}
static void other_owner(struct world *w)
{
    w->manifest.owner_spki[40] ^= 1;
}
static void no_approval(struct world *w)
{
    w->name.n_approvals = 0;
}
static void other_source(struct world *w)
{
    w->evidence.source.sha256[0] ^= 1;
}
static void no_source(struct world *w)
{
    w->evidence.source.present = false;
}
static void other_toolchain(struct world *w)
{
    w->evidence.toolchain.sha256[5] ^= 1;
}
static void approval_of_another(struct world *w)
{
    strcpy(w->name.approvals[0].program, "other");
}
static void approval_of_other_manifest(struct world *w)
{
    w->name.approvals[0].manifest[9] ^= 1;
}

static const struct {
    void (*spoil)(struct world *w);
    const char *code;
} SPOILS[] = {
    {other_root, "manifest.authority"},
    {other_key, "evidence.freshness"},
    {other_challenge, "evidence.freshness"},
    {other_manifest, "evidence.measurement"},
    {no_back_end, "evidence.platform"},
    {unknown_back_end, "policy.back-end"},
    {no_isolation, "policy.back-end"},
    {hardware_tier, "policy.back-end"},
    {debugging, "policy.debug"},
    {open_logs, "policy.logs"},
    {no_owner, "approval.missing"},
    {other_owner, "approval.name-taken"},
    {no_approval, "approval.missing"},
    {other_source, "approval.missing"},
    {no_source, "approval.missing"},
    {other_toolchain, "approval.missing"},
    {approval_of_another, "approval.missing"},
    {approval_of_other_manifest, "approval.missing"},
};

static void make_world(struct world *w)
{
    static const struct bytes ROOT = {(const uint8_t *)"root", 4};
    struct approval *approval = &w->name.approvals[0];

    *w = (struct world){.root = ROOT, .platform = {.tier = TIER_ISOLATED, .n_back_ends = 1}};
    strcpy(w->platform.back_ends[0], "process");
    strcpy(w->manifest.program, "free-ride");
    w->manifest.logs = MANIFEST_LOGS_OWNER;
    w->manifest.authority_anchors[0] = ROOT;
    w->manifest.n_authority_anchors = 1;
    strcpy(w->evidence.back_end, "process");
    w->evidence.debug = EAT_DEBUG_DISABLED;
    w->evidence.executable.present = w->evidence.manifest.present = true;
    w->evidence.source.present = w->evidence.toolchain.present = true;
    w->evidence.source.sha256[1] = 2;
    attestation_report_data(w->spki, w->challenge, ROOT, w->evidence.nonce);
    w->name.is_owned = true;
    w->name.n_approvals = 1;
    sha256(bytes_of(w->manifest.owner_spki, SPKI_LEN), w->name.owner);
    strcpy(approval->program, "free-ride");
    approval->has_source = true;
    approval->source[1] = 2;
    approval->n_toolchains = 1;
}

static bool appraises(const struct world *w, struct idevs_error *err)
{
    struct eat_claims result;
    struct appraisal a = {.evidence = &w->evidence,
                          .platform = &w->platform,
                          .manifest = &w->manifest,
                          .name = &w->name,
                          .spki = w->spki,
                          .challenge = w->challenge,
                          .root = w->root,
                          .now = 1};

    memcpy(a.manifest_sha256, w->manifest_sha256, SHA256_LEN);
    if (!appraise(&a, &result, err))
        return false;
    must(strcmp(result.tier, tier_name(w->platform.tier)) == 0 && result.breakers[0] &&
         result.policy[0] && result.owner[0]);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = size < SPOILS_MAX ? size : SPOILS_MAX;
    bool spoiled[ARRAY_LEN(SPOILS)] = {false};
    bool expected = n == 0;
    struct world w;
    struct idevs_error err = {0};

    make_world(&w);
    for (size_t i = 0; i < n; i++) {
        size_t at = data[i] % ARRAY_LEN(SPOILS);
        if (!spoiled[at])
            SPOILS[at].spoil(&w);
        spoiled[at] = true;
    }
    must(appraises(&w, &err) == expected);
    for (size_t i = 0; i < ARRAY_LEN(SPOILS); i++)
        expected = expected || (spoiled[i] && strcmp(err.code, SPOILS[i].code) == 0);
    must(expected);
    return 0;
}
