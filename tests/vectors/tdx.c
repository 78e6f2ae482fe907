/* Intel TDX: real quotes of versions 4 and 5 with Intel's collateral, and what is wrong with
 * changed ones. */
#include "real.h"

#define FOLDER "tdx/"

/* `status` NULL: refused with evidence.tcb, as this platform is below every level. */
static const struct {
    const char *folder;
    const char *status;
    const char *date;
} QUOTES[] = {
    {"v4-gotdxguest-spr", NULL, NULL},
    {"v4-openenclave", "UpToDate", "2023-02-15T00:00:00Z"},
    {"v5-gotdxguest", "UpToDate", "2024-11-13T00:00:00Z"},
    {"v5-outofdate", "OutOfDate", "2023-08-09T00:00:00Z"},
};
#define V4 1
#define V5 2

static const char *const COLLATERAL[] = {
    "tcb_info_issuer_chain.pem", "root_ca_crl.der", "pck_crl.der", "tcb_info.json", "tcb_info.sig",
    "qe_identity.json",          "qe_identity.sig"};

static const char *path(const char *format, const char *folder, const char *file)
{
    static char ret[256];

    snprintf(ret, sizeof(ret), format, folder, file);
    return ret;
}

static json_t *load(struct example *x, const char *folder)
{
    json_t *expected = published(path(FOLDER "%s/%s", folder, "expected.json"));

    *x = (struct example){.verifier = &hardware_tdx, .at = 1764000000};
    if (json_object_get(expected, "verify_at_unix"))
        x->at = number(expected, "verify_at_unix");
    x->evidence = published_file(path(FOLDER "%s/%s", folder, "quote.bin"));
    example_trust(x, FOLDER "roots/Intel_SGX_Provisioning_Certification_RootCA.pem");
    return expected;
}

/* All of Intel's collateral but `without` (may be NULL). */
static void endorse(struct example *x, const char *folder, const char *without)
{
    for (size_t i = 0; i < ARRAY_LEN(COLLATERAL); i++)
        if (!without || strcmp(COLLATERAL[i], without) != 0)
            example_endorse(x, path(FOLDER "%s/collateral/%s", folder, COLLATERAL[i]));
}

static void load_all(struct example *x, size_t i)
{
    json_decref(load(x, QUOTES[i].folder));
    endorse(x, QUOTES[i].folder, NULL);
}

static void says(const struct claims *claims, const char *claim, const char *expected)
{
    char hex[2 * LIMIT_CLAIM_LEN + 1];
    const struct claim *found = claims_find(claims, claim);

    assert_non_null(found);
    hex_text(found->bytes, found->len, hex);
    assert_string_equal(found->kind == CLAIM_TEXT ? (const char *)found->bytes : hex, expected);
}

static void every_genuine_quote_is_judged_as_intel_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(QUOTES); i++) {
        struct example _cleanup_example_ x;
        struct claims claims;
        struct idevs_error err;
        json_t *expected = load(&x, QUOTES[i].folder);
        const json_t *quote = json_object_get(expected, "quote");
        endorse(&x, QUOTES[i].folder, NULL);
        bool accepted = example_verify(&x, &claims, &err);
        if (accepted != (QUOTES[i].status != NULL))
            fail_msg("%s: %s %s", QUOTES[i].folder, err.code, err.found);
        if (!accepted)
            assert_refused(&err, "evidence.tcb");
        says(&claims, "measurement", text(quote, "mrtd"));
        says(&claims, "report_data", text(quote, "report_data"));
        says(&claims, "tcb", text(quote, "tee_tcb_svn"));
        says(&claims, "mrseam", text(quote, "mrseam"));
        says(&claims, "fmspc", text(json_object_get(quote, "pck"), "fmspc"));
        if (accepted) {
            says(&claims, "tcb_status", QUOTES[i].status);
            says(&claims, "tcb_date", QUOTES[i].date);
        }
        json_decref(expected);
    }
}

static void a_quote_without_any_collateral_has_an_unknown_status(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    json_decref(load(&x, "v4-trustee-b"));
    assert_true(example_verify(&x, &claims, &err));
    says(&claims, "tcb_status", "unknown");
}

static void collateral_that_lacks_a_part_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(COLLATERAL); i++) {
        struct example _cleanup_example_ x;
        json_decref(load(&x, QUOTES[V5].folder));
        endorse(&x, QUOTES[V5].folder, COLLATERAL[i]);
        example_is_refused(&x, "evidence.endorsement");
    }
}

static void collateral_of_another_platform_is_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, QUOTES[V4].folder));
    x.at = 1771497735;
    endorse(&x, QUOTES[V5].folder, NULL);
    example_is_refused(&x, "evidence.endorsement");
}

static void stale_collateral_is_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load_all(&x, V4);
    x.at = 1689000000; /* after the QE identity's nextUpdate, and the PCK list's */
    example_is_refused(&x, "certificate.expired");
    x.at = 1687000000; /* before the TCB information's issueDate */
    example_is_refused(&x, "evidence.endorsement");
}

static void every_byte_of_the_collateral_counts(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load_all(&x, V4);
    for (size_t d = 0; d < x.endorsements.n_documents; d++) {
        struct buffer *content = &x.endorsements.documents[d].content;
        for (size_t i = 0; i < content->len; i += BYTE_STEP) {
            content->data[i] ^= 0x01;
            example_is_refused(&x, "evidence.endorsement");
            content->data[i] ^= 0x01;
        }
    }
    example_is_accepted(&x);
}

/* The header names the technology, and says how to read the rest. */
static void every_signed_byte_counts(void **state)
{
    static const struct {
        size_t quote;
        size_t signed_len;
    } CASES[] = {{V4, 48 + 584}, {V5, 54 + 648}};
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(CASES); c++) {
        struct example _cleanup_example_ x;
        json_decref(load(&x, QUOTES[CASES[c].quote].folder));
        every_byte_counts(&x, 0, 8, "evidence.malformed");
        every_byte_counts(&x, 8, 12, "evidence.signature");
        every_byte_counts(&x, 12, 28, "evidence.malformed");
        every_byte_counts(&x, 28, 48, "evidence.signature");
        every_byte_counts(&x, CASES[c].signed_len - 580, CASES[c].signed_len, "evidence.signature");
        size_t at = CASES[c].signed_len + 4;
        every_byte_counts(&x, at, at + 128, "evidence.signature"); /* signature and key */
        at += 128 + 6;
        every_byte_counts(&x, at, at + 384 + 64, "evidence.signature"); /* the enclave's */
    }
}

static void every_byte_of_a_quote_counts_but_the_white_space_of_its_pem(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, QUOTES[V4].folder));
    for (size_t i = 0; i < x.evidence.len; i += BYTE_STEP) {
        struct claims claims;
        struct idevs_error err;
        uint8_t was = x.evidence.data[i];
        if (was == '\n' || was == 0)
            continue;
        x.evidence.data[i] ^= 0x01;
        if (example_verify(&x, &claims, &err))
            fail_msg("byte %zu (%c): accepted", i, was);
        x.evidence.data[i] = was;
    }
}

static void a_quote_cut_anywhere_is_none(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    json_decref(load(&x, QUOTES[V5].folder));
    for (size_t full = x.evidence.len; full > 0; full--) {
        x.evidence.len = full - 1;
        assert_false(example_verify(&x, &claims, &err));
        assert_true(error_is(&err, "evidence.format") || error_is(&err, "evidence.malformed"));
    }
}

static void zeros_may_follow_a_quote_and_nothing_else(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, QUOTES[V5].folder));
    assert_true(buffer_append(&x.evidence, "\0\0\0", 3));
    example_is_accepted(&x);
    x.evidence.data[x.evidence.len - 1] = 1;
    example_is_refused(&x, "evidence.malformed");
}

static void another_root_is_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, QUOTES[V5].folder));
    certificate_free(x.endorsements.roots[--x.endorsements.n_roots]);
    example_is_accepted(&x); /* Intel's is known */
    example_trust(&x, FOLDER "synthetic-intel-qvl/trustedRootCaCert.pem");
    example_is_refused(&x, "certificate.chain");
}

static void intels_sample_is_signed_but_by_no_real_enclave(void **state)
{
    struct example _cleanup_example_ x = {.verifier = &hardware_tdx, .at = 1764000000};
    struct claims claims;
    struct idevs_error err;
    static const char *const FILES[] = {"tcbSignChain.pem", "tcbInfo.json", "qeIdentity.json",
                                        "rootCaCrl.der", "intermediateCaCrl.der"};
    (void)state;
    x.evidence = published_file(FOLDER "synthetic-intel-qvl/quote.dat");
    example_is_refused(&x, "certificate.chain"); /* a root of its own */
    example_trust(&x, FOLDER "synthetic-intel-qvl/trustedRootCaCert.pem");
    assert_true(example_verify(&x, &claims, &err));
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
        example_endorse(&x, path(FOLDER "%s/%s", "synthetic-intel-qvl", FILES[i]));
    example_is_refused(&x, "evidence.tcb");
}

static void a_nonce_must_be_the_quotes_own(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    uint8_t nonce[64];
    (void)state;
    json_decref(load(&x, QUOTES[V4].folder + 0));
    memcpy(nonce, x.evidence.data + 48 + 520, sizeof(nonce));
    assert_true(example_verify_with(&x, bytes_of(nonce, 64), false, &claims, &err));
    nonce[0] ^= 1;
    assert_false(example_verify_with(&x, bytes_of(nonce, 64), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_genuine_quote_is_judged_as_intel_does),
        cmocka_unit_test(a_quote_without_any_collateral_has_an_unknown_status),
        cmocka_unit_test(collateral_that_lacks_a_part_is_refused),
        cmocka_unit_test(collateral_of_another_platform_is_refused),
        cmocka_unit_test(stale_collateral_is_refused),
        cmocka_unit_test(every_byte_of_the_collateral_counts),
        cmocka_unit_test(every_signed_byte_counts),
        cmocka_unit_test(every_byte_of_a_quote_counts_but_the_white_space_of_its_pem),
        cmocka_unit_test(a_quote_cut_anywhere_is_none),
        cmocka_unit_test(zeros_may_follow_a_quote_and_nothing_else),
        cmocka_unit_test(another_root_is_refused),
        cmocka_unit_test(intels_sample_is_signed_but_by_no_real_enclave),
        cmocka_unit_test(a_nonce_must_be_the_quotes_own),
    };

    if (!published_is_here(FOLDER))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
