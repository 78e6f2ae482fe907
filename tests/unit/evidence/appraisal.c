#include "evidence/appraisal.h"
#include "test.h"

#include "example.h"

#define NOW 1800000100

/* The example, appraised after `spoil` (may be NULL) did its work. */
struct scene {
    struct example e;
    struct appraisal_name name;
    struct eat_claims result;
    struct idevs_error err;
};

static bool appraise_scene(struct scene *s)
{
    struct appraisal a = {
        .evidence = &s->e.claims,
        .platform = &s->e.platform,
        .manifest = &s->e.manifest,
        .name = &s->name,
        .spki = s->e.program_spki,
        .challenge = s->e.challenge,
        .root = bytes_of_text("root"),
        .now = NOW,
    };

    sha256(buffer_bytes(&s->e.manifest_cbor), a.manifest_sha256);
    return appraise(&a, &s->result, &s->err);
}

static void scene_make(struct scene *s)
{
    uint8_t spki[SPKI_LEN];

    memset(s, 0, sizeof(*s));
    example_make(&s->e, bytes_of_text("root"));
    key_spki(s->e.owner, spki);
    sha256(bytes_of(spki, sizeof(spki)), s->name.owner);
    s->name.is_owned = true;
    s->name.approvals[s->name.n_approvals++] = s->e.approval;
}

static void scene_free(struct scene *s)
{
    example_free(&s->e);
}
#define _cleanup_scene_ _cleanup_(scene_free)

static void an_approved_program_is_certified_with_what_its_manifest_says(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    assert_true(appraise_scene(&s));
    assert_string_equal(s.result.tier, "isolated");
    assert_string_equal(s.result.policy, APPRAISAL_POLICY);
    assert_non_null(strstr(s.result.breakers, "root of the host"));
    assert_int_equal(s.result.issued_at, NOW);
    assert_int_equal(s.result.n_reads, 1);
    assert_string_equal(s.result.reads[0], "store.example:8443");
    assert_int_equal(s.result.n_writes, 1);
    assert_string_equal(s.result.writes[0], "transport.example");
    assert_int_equal(strlen(s.result.owner), 2 * SHA256_LEN);
    assert_memory_equal(s.result.nonce, s.e.claims.nonce, REPORT_DATA_LEN);
    assert_memory_equal(s.result.executable.sha256, s.e.claims.executable.sha256, SHA256_LEN);
}

/* ---- each refusal, by what is spoiled ---- */

static void other_authority(struct scene *s)
{
    s->e.manifest.authority_anchors[0] = bytes_of_text("other");
    example_manifest(&s->e);
    s->name.approvals[0] = s->e.approval;
}

static void other_key(struct scene *s)
{
    s->e.program_spki[90] ^= 1;
}

static void other_challenge(struct scene *s)
{
    s->e.challenge[0] ^= 1;
}

static void nonce_for_another_authority(struct scene *s)
{
    s->e.root = bytes_of_text("other");
    example_nonce(&s->e);
}

static void other_manifest_measured(struct scene *s)
{
    s->e.claims.manifest.sha256[0] ^= 1;
}

static void no_manifest_measured(struct scene *s)
{
    s->e.claims.manifest.present = false;
}

static void back_end_not_enrolled(struct scene *s)
{
    strcpy(s->e.claims.back_end, "microvm");
}

static void back_end_missing(struct scene *s)
{
    s->e.claims.back_end[0] = 0;
}

static void unknown_back_end_enrolled(struct scene *s)
{
    strcpy(s->e.claims.back_end, "magic");
    strcpy(s->e.platform.back_ends[0], "magic");
}

static void back_end_not_the_manifests(struct scene *s)
{
    strcpy(s->e.manifest.back_end, "microvm");
    example_manifest(&s->e);
    s->name.approvals[0] = s->e.approval;
}

static void no_isolation_outside_development(struct scene *s)
{
    strcpy(s->e.claims.back_end, "none");
    strcpy(s->e.platform.back_ends[0], "none");
}

static void what_nobody_has_run_yet_outside_development(struct scene *s)
{
    strcpy(s->e.claims.back_end, "cheri");
    strcpy(s->e.platform.back_ends[0], "cheri");
}

static void provider_signed_in_the_hardware_tier(struct scene *s)
{
    s->e.platform.tier = TIER_HARDWARE;
}

static void debug_outside_development(struct scene *s)
{
    s->e.claims.debug = EAT_DEBUG_ENABLED;
}

static void open_logs_outside_development(struct scene *s)
{
    s->e.manifest.logs = MANIFEST_LOGS_OPEN;
    example_manifest(&s->e);
    s->name.approvals[0] = s->e.approval;
}

static void name_of_nobody(struct scene *s)
{
    s->name.is_owned = false;
}

static void name_of_another(struct scene *s)
{
    s->name.owner[0] ^= 1;
}

static void no_approval(struct scene *s)
{
    s->name.n_approvals = 0;
}

static void approval_of_another_program(struct scene *s)
{
    strcpy(s->name.approvals[0].program, "other");
}

static void other_manifest_approved(struct scene *s)
{
    s->name.approvals[0].manifest[0] ^= 1;
}

static void other_source(struct scene *s)
{
    measure(&s->e.claims.source, "other");
}

static void no_source_measured(struct scene *s)
{
    s->e.claims.source.present = false;
}

static void other_toolchain(struct scene *s)
{
    measure(&s->e.claims.toolchain, "other");
}

static void no_toolchain_measured(struct scene *s)
{
    s->e.claims.toolchain.present = false;
}

static void other_executable(struct scene *s)
{
    struct approval *a = &s->name.approvals[0];
    a->has_source = false;
    a->n_toolchains = 0;
    a->has_executable = true;
    digest_of("other", a->executable);
}

static const struct {
    void (*spoil)(struct scene *s);
    const char *code;
    const char *expected; /* begins with this, or NULL */
} REFUSALS[] = {
    {other_authority, "manifest.authority", NULL},
    {other_key, "evidence.freshness", NULL},
    {other_challenge, "evidence.freshness", NULL},
    {nonce_for_another_authority, "evidence.freshness", NULL},
    {other_manifest_measured, "evidence.measurement", "manifest "},
    {no_manifest_measured, "evidence.measurement", "manifest "},
    {back_end_not_enrolled, "evidence.platform", NULL},
    {back_end_missing, "evidence.platform", NULL},
    {unknown_back_end_enrolled, "policy.back-end", NULL},
    {back_end_not_the_manifests, "policy.back-end", "microvm"},
    {no_isolation_outside_development, "policy.back-end", NULL},
    {what_nobody_has_run_yet_outside_development, "policy.back-end", NULL},
    {provider_signed_in_the_hardware_tier, "policy.back-end", NULL},
    {debug_outside_development, "policy.debug", NULL},
    {open_logs_outside_development, "policy.logs", NULL},
    {name_of_nobody, "approval.missing", NULL},
    {name_of_another, "approval.name-taken", NULL},
    {no_approval, "approval.missing", NULL},
    {approval_of_another_program, "approval.missing", NULL},
    {other_manifest_approved, "approval.missing", "manifest "},
    {other_source, "approval.missing", "source "},
    {no_source_measured, "approval.missing", "source "},
    {other_toolchain, "approval.missing", "toolchain "},
    {no_toolchain_measured, "approval.missing", "toolchain "},
    {other_executable, "approval.missing", "executable "},
};

static void each_spoiled_thing_is_refused_with_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        _cleanup_scene_ struct scene s;
        scene_make(&s);
        REFUSALS[i].spoil(&s);
        if (appraise_scene(&s))
            fail_msg("accepted number %zu, wanted %s", i, REFUSALS[i].code);
        if (strcmp(s.err.code, REFUSALS[i].code) != 0)
            fail_msg("number %zu: %s, wanted %s", i, s.err.code, REFUSALS[i].code);
        const char *expected = REFUSALS[i].expected;
        if (expected && strncmp(s.err.expected, expected, strlen(expected)) != 0)
            fail_msg("number %zu expects %s", i, s.err.expected);
        assert_int_equal(s.result.issued_at, 0); /* nothing is said of what was refused */
    }
}

static void development_permits_debugging_open_logs_and_no_isolation(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    s.e.platform.tier = TIER_DEVELOPMENT;
    open_logs_outside_development(&s);
    debug_outside_development(&s);
    no_isolation_outside_development(&s);
    assert_true(appraise_scene(&s));
    assert_string_equal(s.result.tier, "development");
    assert_non_null(strstr(s.result.breakers, "anybody"));
}

static void an_approved_executable_needs_no_source(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    other_executable(&s);
    digest_of("executable", s.name.approvals[0].executable);
    s.e.claims.source.present = false;
    s.e.claims.toolchain.present = false;
    assert_true(appraise_scene(&s));
}

static void any_of_the_approvals_and_toolchains_will_do(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    s.name.approvals[1] = s.name.approvals[0];
    digest_of("another source", s.name.approvals[0].source);
    digest_of("another toolchain", s.name.approvals[1].toolchains[0]);
    digest_of("toolchain", s.name.approvals[1].toolchains[1]);
    s.name.approvals[1].n_toolchains = 2;
    s.name.n_approvals = 2;
    assert_true(appraise_scene(&s));
}

static void the_back_end_that_the_manifest_names_is_certified(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    back_end_not_the_manifests(&s);
    strcpy(s.e.manifest.back_end, "process");
    example_manifest(&s.e);
    s.name.approvals[0] = s.e.approval;
    assert_true(appraise_scene(&s));
}

/* Source of one approval and toolchain of another do not add up. */
static void halves_of_two_approvals_are_refused(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    s.name.approvals[1] = s.name.approvals[0];
    digest_of("another source", s.name.approvals[0].source);
    digest_of("another toolchain", s.name.approvals[1].toolchains[0]);
    s.name.n_approvals = 2;
    assert_false(appraise_scene(&s));
    assert_refused(&s.err, "approval.missing");
}

static void evidence_over_either_root_is_fresh_while_roots_rotate(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    s.e.manifest.authority_anchors[0] = bytes_of_text("old root");
    s.e.manifest.authority_anchors[1] = bytes_of_text("root");
    s.e.manifest.n_authority_anchors = 2;
    example_manifest(&s.e);
    s.name.approvals[0] = s.e.approval;
    assert_true(appraise_scene(&s));
    s.e.root = bytes_of_text("old root");
    example_nonce(&s.e);
    assert_true(appraise_scene(&s));
    s.e.root = bytes_of_text("third root");
    example_nonce(&s.e);
    assert_false(appraise_scene(&s));
    assert_refused(&s.err, "evidence.freshness");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approved_program_is_certified_with_what_its_manifest_says),
        cmocka_unit_test(each_spoiled_thing_is_refused_with_its_code),
        cmocka_unit_test(development_permits_debugging_open_logs_and_no_isolation),
        cmocka_unit_test(an_approved_executable_needs_no_source),
        cmocka_unit_test(any_of_the_approvals_and_toolchains_will_do),
        cmocka_unit_test(the_back_end_that_the_manifest_names_is_certified),
        cmocka_unit_test(halves_of_two_approvals_are_refused),
        cmocka_unit_test(evidence_over_either_root_is_fresh_while_roots_rotate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
