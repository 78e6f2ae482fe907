/* AMD SEV-SNP: real reports of Milan and Genoa chips, and what is wrong with changed ones. */
#include "real.h"

#define FOLDER "sev-snp/"
#define NOW    1764000000 /* all leaves but the cloud's are valid: a time before its end */

static const struct {
    const char *folder;
    const char *leaf;
    const char *product;
} GENUINE[] = {
    {"milan-v2-trustee", "vcek", "milan"},      {"milan-v2-virtee", "vcek", "milan"},
    {"milan-v3-oak", "vcek", "milan"},          {"milan-v3-vlek-aws", "vlek", "milan"},
    {"genoa-v3-veraison-tsm", "vcek", "genoa"},
};

static const char *path(const char *format, const char *a, const char *b)
{
    static char ret[256];

    snprintf(ret, sizeof(ret), format, a, b);
    return ret;
}

static void load(struct example *x, size_t i)
{
    const char *folder = GENUINE[i].folder;
    const char *product = GENUINE[i].product;
    json_t *expected = published(path(FOLDER "%s/%s", folder, "expected.json"));

    *x = (struct example){.verifier = &hardware_snp};
    x->at = number(expected, "verify_at_unix");
    json_decref(expected);
    x->evidence = published_file(path(FOLDER "%s/%s", folder, "report.bin"));
    char leaf[64];
    snprintf(leaf, sizeof(leaf), "%s.der", GENUINE[i].leaf);
    example_endorse(x, path(FOLDER "%s/%s", folder, leaf));
    example_endorse(x, path(FOLDER "roots/%s_%s.pem", "ask", product));
    example_endorse(x, path(FOLDER "roots/%s_%s.pem", "asvk", product));
    example_trust(x, path(FOLDER "roots/%s_%s.pem", "ark", product));
}

static void says(const struct claims *claims, const char *claim, const json_t *report,
                 const char *field)
{
    char hex[2 * LIMIT_CLAIM_LEN + 1];
    const struct claim *found = claims_find(claims, claim);

    assert_non_null(found);
    hex_text(found->bytes, found->len, hex);
    assert_string_equal(hex, text(report, field));
}

static void every_genuine_report_is_accepted_and_says_what_is_in_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GENUINE); i++) {
        struct example _cleanup_example_ x = {0};
        struct claims claims;
        struct idevs_error err;
        load(&x, i);
        if (!example_verify(&x, &claims, &err))
            fail_msg("%s: %s %s", GENUINE[i].folder, err.code, err.found);
        json_t *expected = published(path(FOLDER "%s/%s", GENUINE[i].folder, "expected.json"));
        const json_t *report = json_object_get(expected, "report");
        says(&claims, "measurement", report, "measurement");
        says(&claims, "report_data", report, "report_data");
        says(&claims, "host_data", report, "host_data");
        says(&claims, "chip_id", report, "chip_id");
        says(&claims, "tcb", report, "reported_tcb");
        says(&claims, "committed_tcb", report, "committed_tcb");
        assert_int_equal(claims_find(&claims, "debug")->number, 0);
        json_decref(expected);
    }
}

static void a_known_root_need_not_be_named_but_must_come_along(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 2);
    certificate_free(x.endorsements.roots[--x.endorsements.n_roots]);
    example_is_refused(&x, "evidence.endorsement");
    example_endorse(&x, FOLDER "roots/ark_milan.pem");
    example_is_accepted(&x);
}

static void the_root_of_another_product_is_refused(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 2);
    certificate_free(x.endorsements.roots[--x.endorsements.n_roots]);
    example_trust(&x, FOLDER "roots/ark_genoa.pem");
    example_is_refused(&x, "certificate.chain");
}

static void an_intermediate_of_another_kind_is_refused(void **state)
{
    struct example _cleanup_example_ x = {.verifier = &hardware_snp, .at = NOW};
    (void)state;
    x.evidence = published_file(FOLDER "milan-v3-oak/report.bin");
    example_endorse(&x, FOLDER "negative/wrong-intermediate/vcek.der");
    example_endorse(&x, FOLDER "negative/wrong-intermediate/asvk_in_place_of_ask.der");
    example_trust(&x, FOLDER "negative/wrong-intermediate/ark.der");
    example_is_refused(&x, "certificate.chain");
}

static void published_changed_reports_are_refused(void **state)
{
    static const char *const FILES[] = {FOLDER "negative/trustee-report-byte42.bin",
                                        FOLDER "negative/trustee-report-byte384.bin"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct example _cleanup_example_ x = {0};
        load(&x, 0);
        buffer_free(&x.evidence);
        x.evidence = published_file(FILES[i]);
        example_is_refused(&x, "evidence.signature");
    }
}

static void published_changed_certificates_are_refused(void **state)
{
    static const char *const FILES[] = {FOLDER "negative/trustee-vcek-byte42.der",
                                        FOLDER "negative/vcek-forged-hwid-raw.der"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct example _cleanup_example_ x = {0};
        load(&x, 0);
        certificate_free(x.endorsements.certificates[0]);
        x.endorsements.certificates[0] =
            x.endorsements.certificates[--x.endorsements.n_certificates];
        example_endorse(&x, FILES[i]);
        example_is_refused(&x, "certificate.chain");
    }
}

static void every_byte_of_a_report_counts(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 4);
    every_byte_counts(&x, 0, 0x2a0 + 48, "evidence.signature");
    every_byte_counts(&x, 0x2a0 + 48, 0x2a0 + 72, "evidence.malformed");
    every_byte_counts(&x, 0x2e8, 0x2e8 + 48, "evidence.signature");
    every_byte_counts(&x, 0x2e8 + 48, 1184, "evidence.malformed");
}

/* The leaf stands first among the endorsements, then the two intermediates. */
static void every_byte_of_each_certificate_counts(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 2);
    for (size_t c = 0; c < 2; c++) {
        struct certificate *genuine = x.endorsements.certificates[c];
        _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
        assert_true(buffer_append_bytes(&der, certificate_der(genuine)));
        for (size_t i = 0; i < der.len; i++) {
            struct claims claims;
            struct idevs_error err;
            der.data[i] ^= 0x01;
            struct certificate *changed = certificate_parse(buffer_bytes(&der), &err);
            der.data[i] ^= 0x01;
            if (!changed)
                continue; /* refused already */
            x.endorsements.certificates[c] = changed;
            if (example_verify(&x, &claims, &err))
                fail_msg("certificate %zu, byte %zu: accepted", c, i);
            certificate_free(changed);
        }
        x.endorsements.certificates[c] = genuine;
    }
    example_is_accepted(&x);
}

static void a_report_of_another_length_is_none(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 2);
    for (; x.evidence.len > 0; x.evidence.len--)
        if (x.evidence.len != 1184)
            example_is_refused(&x, "evidence.format");
}

static void the_certificate_of_another_chip_is_refused(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 0);
    certificate_free(x.endorsements.certificates[0]);
    x.endorsements.certificates[0] = x.endorsements.certificates[--x.endorsements.n_certificates];
    example_is_refused(&x, "evidence.endorsement");
    example_endorse(&x, FOLDER "milan-v3-oak/vcek.der");
    example_is_refused(&x, "evidence.signature");
}

static void a_strangers_certificate_does_not_stand_in_the_way(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 0);
    struct certificate *own = x.endorsements.certificates[0];
    x.endorsements.certificates[0] = x.endorsements.certificates[--x.endorsements.n_certificates];
    example_endorse(&x, FOLDER "milan-v3-oak/vcek.der");
    x.endorsements.certificates[x.endorsements.n_certificates++] = own;
    example_is_accepted(&x);
}

static void a_lapsed_certificate_is_refused(void **state)
{
    struct example _cleanup_example_ x = {0};
    (void)state;
    load(&x, 3);
    example_is_accepted(&x);
    x.at = 1765500000; /* two days after the end of its year */
    example_is_refused(&x, "certificate.expired");
    x.at = 1600000000;
    example_is_refused(&x, "certificate.expired");
}

static void a_nonce_must_be_the_reports_own(void **state)
{
    struct example _cleanup_example_ x = {0};
    struct claims claims;
    struct idevs_error err;
    uint8_t nonce[64];
    (void)state;
    load(&x, 2);
    memcpy(nonce, x.evidence.data + 0x50, sizeof(nonce));
    assert_true(example_verify_with(&x, bytes_of(nonce, 64), false, &claims, &err));
    /* This report's last 32 bytes are zero: the shorter nonce is the same. */
    assert_true(example_verify_with(&x, bytes_of(nonce, 32), false, &claims, &err));
    assert_false(example_verify_with(&x, bytes_of(nonce, 31), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
    nonce[63] ^= 1;
    assert_false(example_verify_with(&x, bytes_of(nonce, 64), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_genuine_report_is_accepted_and_says_what_is_in_it),
        cmocka_unit_test(a_known_root_need_not_be_named_but_must_come_along),
        cmocka_unit_test(the_root_of_another_product_is_refused),
        cmocka_unit_test(an_intermediate_of_another_kind_is_refused),
        cmocka_unit_test(published_changed_reports_are_refused),
        cmocka_unit_test(published_changed_certificates_are_refused),
        cmocka_unit_test(every_byte_of_a_report_counts),
        cmocka_unit_test(every_byte_of_each_certificate_counts),
        cmocka_unit_test(a_report_of_another_length_is_none),
        cmocka_unit_test(the_certificate_of_another_chip_is_refused),
        cmocka_unit_test(a_strangers_certificate_does_not_stand_in_the_way),
        cmocka_unit_test(a_lapsed_certificate_is_refused),
        cmocka_unit_test(a_nonce_must_be_the_reports_own),
    };

    if (!published_is_here(FOLDER))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
