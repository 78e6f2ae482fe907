/* Nitro where the enclave's key is ours: what no change of a genuine document can show, because
 * that breaks its signature. Genuine documents are in tests/vectors/nitro.c. */
#include "test.h"

#include "fake_amd.h"

#include "fake_aws.h"

static struct fake_aws aws;
static const uint8_t NONCE[] = {1, 2, 3};

static int set_up(void **state)
{
    (void)state;
    fake_aws_make(&aws);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_aws_free(&aws);
    return 0;
}

static bool verify(struct bytes document, bool allow_debug, struct bytes nonce,
                   struct idevs_error *err)
{
    _cleanup_endorsements_ struct endorsements e = {.n_roots = 0};
    const struct verification v = {.evidence = document,
                                   .endorsements = &e,
                                   .nonce = nonce,
                                   .at = FAKE_NOW,
                                   .allow_debug = allow_debug};
    struct claims claims = {.n = 0};

    fake_endorse(&e, aws.root, true);
    return hardware_nitro.verify(&v, &claims, NULL, err);
}

/* Signs the payload and asks; an empty code: accepted. */
static void says(struct bytes payload, bool allow_debug, const char *code)
{
    _cleanup_buffer_ struct buffer document = buffer_up_to(KIB(16));
    struct idevs_error err = {.code = ""};

    fake_seal(&aws, payload, &document);
    verify(buffer_bytes(&document), allow_debug, bytes_of(NULL, 0), &err);
    if (strcmp(err.code, code) != 0)
        fail_msg("'%s' instead of '%s': %s", err.code, code, err.found);
}

static struct buffer payload_with(const struct fake_content *content)
{
    struct buffer b = buffer_up_to(KIB(16));

    fake_payload(&aws, content, &b);
    return b;
}

static void content_says(const struct fake_content *content, const char *code)
{
    _cleanup_buffer_ struct buffer b = payload_with(content);

    says(buffer_bytes(&b), false, code);
}

static void a_document_that_is_in_order_is_accepted(void **state)
{
    (void)state;
    content_says(&(struct fake_content){.nonce = bytes_of(NONCE, 3)}, "");
    content_says(&(struct fake_content){.nonce = bytes_of(NONCE, 0)}, "");
}

static void an_enclave_in_debug_mode_is_refused_unless_that_is_allowed(void **state)
{
    _cleanup_buffer_ struct buffer b = payload_with(&(struct fake_content){.debug = true});

    (void)state;
    says(buffer_bytes(&b), false, "policy.debug");
    says(buffer_bytes(&b), true, "");
}

static void what_a_signed_document_lacks_or_repeats_is_refused(void **state)
{
    static const char *const FIELDS[] = {"module_id", "digest",      "timestamp",
                                         "pcrs",      "certificate", "cabundle"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++) {
        content_says(&(struct fake_content){.without = FIELDS[i]}, "evidence.malformed");
        content_says(&(struct fake_content){.twice = FIELDS[i]}, "evidence.malformed");
    }
    content_says(&(struct fake_content){.twice = "nonce"}, "evidence.malformed");
    content_says(&(struct fake_content){.unknown = "extra"}, "evidence.malformed");
    content_says(&(struct fake_content){.digest = "SHA256"}, "evidence.malformed");
    content_says(&(struct fake_content){.pcr_len = 32}, "evidence.malformed");
    content_says(&(struct fake_content){.pcr_index = 32}, "evidence.malformed");
}

static void bytes_after_a_signed_payload_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = payload_with(&(struct fake_content){.debug = false});

    (void)state;
    assert_true(buffer_append_u8(&b, 0xf6));
    says(buffer_bytes(&b), false, "evidence.malformed");
    b.len -= 2;
    says(buffer_bytes(&b), false, "evidence.malformed");
}

static void a_nonce_is_the_whole_field(void **state)
{
    _cleanup_buffer_ struct buffer document = buffer_up_to(KIB(16));
    const uint8_t longer[] = {1, 2, 3, 0};
    struct idevs_error err;

    (void)state;
    fake_document(&aws, bytes_of(NONCE, 3), &document);
    assert_true(verify(buffer_bytes(&document), false, bytes_of(NONCE, 3), &err));
    assert_false(verify(buffer_bytes(&document), false, bytes_of(NONCE, 2), &err));
    assert_refused(&err, "evidence.freshness");
    assert_false(verify(buffer_bytes(&document), false, bytes_of(longer, 4), &err));
    assert_refused(&err, "evidence.freshness");
}

static void a_key_of_another_enclave_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer document = buffer_up_to(KIB(16));
    EVP_PKEY *own = aws.enclave_key;
    struct idevs_error err;

    (void)state;
    aws.enclave_key = aws.root_key;
    fake_document(&aws, bytes_of(NONCE, 3), &document);
    aws.enclave_key = own;
    assert_false(verify(buffer_bytes(&document), false, bytes_of(NULL, 0), &err));
    assert_refused(&err, "evidence.signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_that_is_in_order_is_accepted),
        cmocka_unit_test(an_enclave_in_debug_mode_is_refused_unless_that_is_allowed),
        cmocka_unit_test(what_a_signed_document_lacks_or_repeats_is_refused),
        cmocka_unit_test(bytes_after_a_signed_payload_are_refused),
        cmocka_unit_test(a_nonce_is_the_whole_field),
        cmocka_unit_test(a_key_of_another_enclave_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
