/* TDX where platform and quoting enclave are ours: what no change of a genuine quote can show,
 * because that breaks its signatures. Genuine quotes are in tests/vectors/tdx.c. */
#include "test.h"

#include "fake_amd.h"

#include "fake_intel.h"

static struct fake_intel intel;
static const uint8_t DATA[64] = {1, 2, 3};

static int set_up(void **state)
{
    (void)state;
    fake_intel_make(&intel);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_intel_free(&intel);
    return 0;
}

static bool verify(struct bytes quote, bool allow_debug, struct bytes nonce,
                   struct idevs_error *err)
{
    _cleanup_endorsements_ struct endorsements e = {.n_roots = 0};
    const struct verification v = {.evidence = quote,
                                   .endorsements = &e,
                                   .nonce = nonce,
                                   .at = FAKE_NOW,
                                   .allow_debug = allow_debug};
    struct claims claims = {.n = 0};

    fake_endorse(&e, intel.root, true);
    return hardware_tdx.verify(&v, &claims, NULL, err);
}

/* Signs what the quote and the enclave say, and asks; an empty code: accepted. */
static void says(const struct fake_td *td, bool allow_debug, const char *code)
{
    _cleanup_buffer_ struct buffer quote = buffer_up_to(KIB(16));
    struct idevs_error err = {.code = ""};

    fake_td_sign(&intel, td, &quote);
    verify(buffer_bytes(&quote), allow_debug, bytes_of(NULL, 0), &err);
    if (strcmp(err.code, code) != 0)
        fail_msg("'%s' instead of '%s': %s", err.code, code, err.found);
}

static struct fake_td some_td(void)
{
    struct fake_td td;

    fake_td_make(&intel, DATA, &td);
    return td;
}

static void a_quote_that_is_in_order_is_accepted(void **state)
{
    const struct fake_td td = some_td();

    (void)state;
    says(&td, false, "");
}

static void a_domain_that_can_be_debugged_is_refused_unless_that_is_allowed(void **state)
{
    struct fake_td td = some_td();

    (void)state;
    td.text[FAKE_QUOTE_HEADER + 120] |= 1;
    says(&td, false, "policy.debug");
    says(&td, true, "");
}

static void a_signed_header_of_another_kind_is_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } WRONG[] = {{0, 3}, {0, 6}, {1, 1}, {2, 3}, {4, 0}, {12, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        struct fake_td td = some_td();
        td.text[WRONG[i].at] = WRONG[i].value;
        says(&td, false, "evidence.malformed");
    }
}

static void a_version_has_its_own_form(void **state)
{
    struct fake_td td = some_td();

    (void)state;
    td.text[0] = 5;
    says(&td, false, "evidence.malformed"); /* the form of version 4 */
    td.body_type = 2;
    says(&td, false, "");
    td.body_type = 3; /* whose body is longer */
    says(&td, false, "evidence.malformed");
    td.body_type = 2;
    td.text[0] = 6;
    says(&td, false, "evidence.malformed");
    td.text[0] = 4;
    says(&td, false, "evidence.malformed");
}

/* The platform signed each of these; only the binding of report and key is wrong. */
static void a_key_that_the_enclave_does_not_vouch_for_is_refused(void **state)
{
    struct fake_td td = some_td();

    (void)state;
    td.report[320] ^= 1;
    says(&td, false, "evidence.signature");
    td = some_td();
    td.report[320 + 32] = 1; /* after the digest */
    says(&td, false, "evidence.signature");
    td = some_td();
    td.report[383] = 1;
    says(&td, false, "evidence.signature");
}

static void a_quote_by_another_key_is_refused(void **state)
{
    const struct fake_td td = some_td();
    EVP_PKEY *own = intel.enclave_key;

    (void)state;
    intel.enclave_key = intel.pck_key; /* and the enclave vouches for its own */
    says(&td, false, "evidence.signature");
    intel.enclave_key = own;
}

static void an_enclave_of_another_platform_is_refused(void **state)
{
    const struct fake_td td = some_td();
    EVP_PKEY *own = intel.pck_key;

    (void)state;
    intel.pck_key = intel.root_key;
    says(&td, false, "evidence.signature");
    intel.pck_key = own;
}

static void only_zeros_may_follow_a_quote(void **state)
{
    _cleanup_buffer_ struct buffer quote = buffer_up_to(KIB(16));
    const struct fake_td td = some_td();
    struct idevs_error err;

    (void)state;
    fake_td_sign(&intel, &td, &quote);
    assert_true(buffer_append(&quote, "\0\0", 2));
    assert_true(verify(buffer_bytes(&quote), false, bytes_of(DATA, 64), &err));
    quote.data[quote.len - 1] = 1;
    assert_false(verify(buffer_bytes(&quote), false, bytes_of(DATA, 64), &err));
    assert_refused(&err, "evidence.malformed");
}

static void a_certificate_that_names_no_platform_is_refused(void **state)
{
    const struct fake_td td = some_td();
    X509 *own = intel.pck;

    (void)state;
    intel.pck = fake_certificate("PCK", intel.pck_key, intel.root);
    assert_true(X509_sign(intel.pck, intel.root_key, EVP_sha256()) > 0);
    says(&td, false, "evidence.endorsement");
    X509_free(intel.pck);
    intel.pck = own;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quote_that_is_in_order_is_accepted),
        cmocka_unit_test(a_domain_that_can_be_debugged_is_refused_unless_that_is_allowed),
        cmocka_unit_test(a_signed_header_of_another_kind_is_refused),
        cmocka_unit_test(a_version_has_its_own_form),
        cmocka_unit_test(a_key_that_the_enclave_does_not_vouch_for_is_refused),
        cmocka_unit_test(a_quote_by_another_key_is_refused),
        cmocka_unit_test(an_enclave_of_another_platform_is_refused),
        cmocka_unit_test(only_zeros_may_follow_a_quote),
        cmocka_unit_test(a_certificate_that_names_no_platform_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
