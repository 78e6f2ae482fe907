/* AWS Nitro Enclaves: real attestation documents, and what is wrong with changed ones. */
#include "real.h"

#define FOLDER "nitro/"
#define ROOT   FOLDER "roots/aws_nitro_root_g1.pem"

static const char *const GENUINE[] = {"2021-anjuna-pubkey", "2022-evervault-valid",
                                      "2023-anjuna-prod"};

static json_t *load(struct example *x, const char *folder)
{
    char path[256];

    snprintf(path, sizeof(path), FOLDER "%s/expected.json", folder);
    json_t *expected = published(path);
    snprintf(path, sizeof(path), FOLDER "%s/document.cbor", folder);
    *x = (struct example){.verifier = &hardware_nitro,
                          .evidence = published_file(path),
                          .at = number(expected, "verify_at_unix")};
    return expected;
}

static void says(const struct claims *claims, const char *claim, const json_t *expected)
{
    char hex[2 * LIMIT_CLAIM_LEN + 1];
    const struct claim *found = claims_find(claims, claim);

    assert_non_null(found);
    hex_text(found->bytes, found->len, hex);
    assert_string_equal(hex, json_is_null(expected) ? "" : json_string_value(expected));
}

static void every_genuine_document_is_accepted_and_says_what_is_in_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GENUINE); i++) {
        struct example _cleanup_example_ x;
        struct claims claims;
        struct idevs_error err;
        json_t *expected = load(&x, GENUINE[i]);
        if (!example_verify(&x, &claims, &err))
            fail_msg("%s: %s %s", GENUINE[i], err.code, err.found);
        const json_t *pcrs = json_object_get(expected, "pcrs");
        says(&claims, "measurement", json_object_get(pcrs, "0"));
        says(&claims, "pcr8", json_object_get(pcrs, "8"));
        says(&claims, "nonce", json_object_get(expected, "nonce"));
        says(&claims, "user_data", json_object_get(expected, "user_data"));
        says(&claims, "public_key", json_object_get(expected, "public_key"));
        assert_int_equal(claims_find(&claims, "timestamp_ms")->number,
                         number(expected, "timestamp_ms"));
        json_decref(expected);
    }
}

static void a_document_is_refused_after_its_three_hours(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GENUINE); i++) {
        struct example _cleanup_example_ x;
        json_decref(load(&x, GENUINE[i]));
        x.at += 24 * 3600;
        example_is_refused(&x, "certificate.expired");
    }
}

static void a_debug_enclave_is_refused_unless_that_is_allowed(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    json_decref(load(&x, "2022-evervault-debug"));
    example_is_refused(&x, "policy.debug");
    assert_true(example_verify_with(&x, bytes_of(NULL, 0), true, &claims, &err));
    assert_int_equal(claims_find(&claims, "debug")->number, 1);
}

static void the_published_changed_document_is_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, "negative-veracruz-bad-sig"));
    example_is_refused(&x, "evidence.signature");
}

static void the_named_root_is_the_only_one(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, GENUINE[0]));
    example_trust(&x, ROOT);
    example_is_accepted(&x);
    endorsements_release(&x.endorsements);
    example_trust(&x, "sev-snp/roots/ark_milan.pem");
    example_is_refused(&x, "certificate.chain");
}

static void a_nonce_must_be_the_documents_own_and_whole(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    json_t *expected = load(&x, "2022-evervault-valid");
    _cleanup_buffer_ struct buffer nonce = octets(expected, "nonce");
    json_decref(expected);
    assert_true(example_verify_with(&x, buffer_bytes(&nonce), false, &claims, &err));
    nonce.len--;
    assert_false(example_verify_with(&x, buffer_bytes(&nonce), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
    example_release(&x);
    json_decref(load(&x, "2023-anjuna-prod"));
    assert_false(example_verify_with(&x, buffer_bytes(&nonce), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
}

static void every_byte_of_a_document_counts(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, "2023-anjuna-prod"));
    size_t signature = x.evidence.len - 96;
    for (size_t i = 0; i < x.evidence.len; i += BYTE_STEP) {
        struct claims claims;
        struct idevs_error err;
        x.evidence.data[i] ^= 0x01;
        if (example_verify(&x, &claims, &err))
            fail_msg("byte %zu: accepted", i);
        x.evidence.data[i] ^= 0x01;
        if (i >= signature)
            assert_refused(&err, "evidence.signature");
    }
}

static void a_truncated_document_is_none(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    json_decref(load(&x, GENUINE[0]));
    while (x.evidence.len-- > 0)
        example_is_refused(&x, "evidence.format");
    x.evidence.len = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_genuine_document_is_accepted_and_says_what_is_in_it),
        cmocka_unit_test(a_document_is_refused_after_its_three_hours),
        cmocka_unit_test(a_debug_enclave_is_refused_unless_that_is_allowed),
        cmocka_unit_test(the_published_changed_document_is_refused),
        cmocka_unit_test(the_named_root_is_the_only_one),
        cmocka_unit_test(a_nonce_must_be_the_documents_own_and_whole),
        cmocka_unit_test(every_byte_of_a_document_counts),
        cmocka_unit_test(a_truncated_document_is_none),
    };

    if (!published_is_here(FOLDER))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
