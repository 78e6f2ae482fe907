/* TDX from end to end, where platform and maker are ours: what the maker of evidence hands out is
 * what the verifier takes. Genuine quotes are in tests/vectors/makers.c. */
#include "../test.h"

#include "../evidence/fake_amd.h"

#include "../evidence/fake_intel.h"
#include "accepted.h"
#include "recorded_tree.h"

static struct fake_intel intel;
static struct buffer quote = {.max = LIMIT_HARDWARE_EVIDENCE};

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
    buffer_free(&quote);
    return 0;
}

/* The quoting enclave signs what was written into the tree. */
static void make_quote(void)
{
    struct fake_td td;

    buffer_clear(&quote);
    fake_td_make(&intel, tree.inblob, &td);
    fake_td_sign(&intel, &td, &quote);
    tree.outblob = buffer_bytes(&quote);
}

static void the_verifier_takes_what_the_maker_made(void **state)
{
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
    const struct tsm tsm = tree_of("tdx_guest\n", bytes_of("", 0));
    uint8_t nonce[REPORT_DATA_LEN] = {7, 7, 7};
    struct idevs_error err;

    (void)state;
    tree.firmware = make_quote;
    if (!tsm_make(&tsm, nonce, &made, &err))
        fail_msg("%s: %s", err.code, err.found);
    tree_is_clean();
    assert_string_equal(made.format, "tdx");
    assert_int_equal(made.endorsements.len, 0);
    if (!is_accepted_under(intel.root, &made, nonce, &err))
        fail_msg("%s: %s", err.code, err.found);
    nonce[63] ^= 1;
    assert_false(is_accepted_under(intel.root, &made, nonce, &err));
    assert_refused(&err, "evidence.freshness");
    nonce[63] ^= 1;
    made.evidence.data[FAKE_QUOTE_SIGNED - 1] ^= 1;
    assert_false(is_accepted_under(intel.root, &made, nonce, &err));
    assert_refused(&err, "evidence.signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verifier_takes_what_the_maker_made),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
