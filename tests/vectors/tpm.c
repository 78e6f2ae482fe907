/* TPM 2.0 quotes of a cloud's virtual TPM and of swtpm, and what is wrong with changed ones. */
#include "real.h"

#define FOLDER "tpm/"
#define CLOUD  FOLDER "gce-vtpm-nonce9009/"
#define SWTPM  FOLDER "swtpm-trustee/"
#define NOW    1764000000

static void load(struct example *x, const char *bank)
{
    char path[256];

    *x = (struct example){.verifier = &hardware_tpm, .at = NOW};
    snprintf(path, sizeof(path), CLOUD "quote_%s.msg", bank);
    x->evidence = published_file(path);
    snprintf(path, sizeof(path), CLOUD "quote_%s.sig", bank);
    example_endorse(x, path);
    example_endorse(x, CLOUD "ak_cert.der");
    example_endorse(x, FOLDER "google-ca/tpm_ek_intermediate_2.crt");
    example_trust(x, FOLDER "google-ca/tpm_ek_root_1.cer");
}

/* The registers as their reader would hand them over, one changed if asked. */
static void endorse_registers(struct example *x, const char *bank, const char *changed)
{
    struct idevs_error err;
    json_t *expected = published(CLOUD "expected.json");
    json_t *quote = json_object_get(json_object_get(expected, "quotes"), bank);
    json_t *pcrs = json_object_get(quote, "pcrs");

    if (changed)
        json_object_set(pcrs, changed, json_object_get(pcrs, "1"));
    char *text = json_dumps(pcrs, 0);
    assert_true(endorsements_add(&x->endorsements, "pcrs.json", bytes_of_text(text), &err));
    free(text);
    json_decref(expected);
}

static void a_certified_quote_is_accepted_and_says_what_is_in_it(void **state)
{
    static const char *const BANKS[] = {"sha256", "sha384"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BANKS); i++) {
        struct example _cleanup_example_ x;
        struct claims claims;
        struct idevs_error err;
        load(&x, BANKS[i]);
        if (!example_verify_with(&x, bytes_of("\x90\x09", 2), false, &claims, &err))
            fail_msg("%s: %s %s", BANKS[i], err.code, err.found);
        assert_string_equal(claims_find(&claims, "pcr_bank")->bytes, BANKS[i]);
        assert_int_equal(claims_find(&claims, "reset_count")->number, 10);
        assert_int_equal(claims_find(&claims, "tcb")->number, 0x2016051100162800);
        assert_int_equal(claims_find(&claims, "pcrs_verified")->number, 0);
    }
}

static void registers_must_be_those_that_were_quoted(void **state)
{
    struct example _cleanup_example_ x;
    struct example _cleanup_example_ y;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    load(&x, "sha384");
    endorse_registers(&x, "sha384", NULL);
    assert_true(example_verify(&x, &claims, &err));
    assert_int_equal(claims_find(&claims, "pcrs_verified")->number, 1);
    load(&y, "sha384");
    endorse_registers(&y, "sha384", "4");
    example_is_refused(&y, "evidence.measurement");
}

static void registers_of_sha1_are_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load(&x, "sha1");
    example_is_refused(&x, "evidence.malformed");
}

static void an_uncertified_key_counts_only_when_the_operator_names_it(void **state)
{
    struct example _cleanup_example_ x = {.verifier = &hardware_tpm, .at = NOW};
    struct claims claims;
    struct idevs_error err;
    (void)state;
    x.evidence = published_file(SWTPM "quote.msg");
    example_endorse(&x, SWTPM "quote.sig");
    example_is_refused(&x, "evidence.endorsement");
    example_trust(&x, CLOUD "ak.pem");
    example_is_refused(&x, "evidence.signature");
    example_trust(&x, SWTPM "ak.pem");
    assert_true(example_verify(&x, &claims, &err));
    assert_string_equal(claims_find(&claims, "ak_trust")->bytes, "named by the operator");
}

static void another_root_is_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load(&x, "sha256");
    certificate_free(x.endorsements.roots[--x.endorsements.n_roots]);
    example_is_refused(&x, "evidence.endorsement"); /* no root is known for TPMs */
    example_trust(&x, FOLDER "google-ca/gcp_ek_ak_ca_root.crt");
    example_is_refused(&x, "certificate.chain");
}

static void a_lapsed_certificate_is_refused(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load(&x, "sha256");
    x.at = 2600000000;
    example_is_refused(&x, "certificate.expired");
}

static void a_nonce_must_be_the_quotes_own_and_whole(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    load(&x, "sha256");
    assert_false(example_verify_with(&x, bytes_of("\x90", 1), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
    assert_false(example_verify_with(&x, bytes_of("\x90\x08", 2), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
}

static void every_byte_of_a_quote_counts(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load(&x, "sha256");
    every_byte_counts(&x, 0, x.evidence.len, "evidence.signature");
}

static void every_byte_of_a_signature_counts(void **state)
{
    struct example _cleanup_example_ x;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    load(&x, "sha256");
    struct buffer *signature = &x.endorsements.documents[0].content;
    for (size_t i = 0; i < signature->len; i++) {
        signature->data[i] ^= 1;
        assert_false(example_verify(&x, &claims, &err));
        signature->data[i] ^= 1;
    }
    example_is_accepted(&x);
}

/* TPM2B_ATTEST || TPMT_SIGNATURE. */
static void a_quote_in_one_file_is_the_same_quote(void **state)
{
    struct example _cleanup_example_ x;
    (void)state;
    load(&x, "sha256");
    struct buffer both = buffer_up_to(4096);
    assert_true(buffer_append_u16(&both, (uint16_t)x.evidence.len) &&
                buffer_append_bytes(&both, buffer_bytes(&x.evidence)) &&
                buffer_append_bytes(&both, buffer_bytes(&x.endorsements.documents[0].content)));
    buffer_free(&x.evidence);
    buffer_free(&x.endorsements.documents[--x.endorsements.n_documents].content);
    x.evidence = both;
    example_is_accepted(&x);
    every_byte_counts(&x, 2, 100, "evidence.signature");
    x.evidence.len--;
    example_is_refused(&x, "evidence.endorsement");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certified_quote_is_accepted_and_says_what_is_in_it),
        cmocka_unit_test(registers_must_be_those_that_were_quoted),
        cmocka_unit_test(registers_of_sha1_are_refused),
        cmocka_unit_test(an_uncertified_key_counts_only_when_the_operator_names_it),
        cmocka_unit_test(another_root_is_refused),
        cmocka_unit_test(a_lapsed_certificate_is_refused),
        cmocka_unit_test(a_nonce_must_be_the_quotes_own_and_whole),
        cmocka_unit_test(every_byte_of_a_quote_counts),
        cmocka_unit_test(every_byte_of_a_signature_counts),
        cmocka_unit_test(a_quote_in_one_file_is_the_same_quote),
    };

    if (!published_is_here(FOLDER))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
