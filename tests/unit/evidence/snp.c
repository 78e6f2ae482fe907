/* SEV-SNP where the chip's key is ours: what no change of a genuine report can show, because that
 * breaks its signature. Genuine reports are in tests/vectors/snp.c. */
#include "test.h"

#include "fake_amd.h"

static struct fake_amd amd;

static int set_up(void **state)
{
    (void)state;
    fake_amd_make(&amd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_amd_free(&amd);
    return 0;
}

/* One call of the verifier over this chip; `crl`: 0 none, 1 an empty list, 2 one that names the
 * intermediate. */
static bool verify(struct fake_chip *chip, bool allow_debug, int crl, struct claims *claims,
                   struct idevs_error *err)
{
    struct endorsements e _cleanup_endorsements_ = {.n_roots = 0};
    X509 *leaf = fake_chip_certificate(&amd, chip);

    fake_amd_sign(&amd, chip);
    fake_endorse(&e, leaf, false);
    fake_endorse(&e, amd.middle, false);
    fake_endorse(&e, amd.root, true);
    if (crl)
        fake_crl(&amd, &e, crl == 2 ? amd.middle : NULL);
    const struct verification v = {.evidence = bytes_of(chip->report, sizeof(chip->report)),
                                   .endorsements = &e,
                                   .at = FAKE_NOW,
                                   .allow_debug = allow_debug};
    *claims = (struct claims){.n = 0};
    bool accepted = hardware_snp.verify(&v, claims, NULL, err);
    X509_free(leaf);
    return accepted;
}

static void accepts(struct fake_chip *chip)
{
    struct claims claims;
    struct idevs_error err;

    if (!verify(chip, false, 0, &claims, &err))
        fail_msg("%s: %s", err.code, err.found);
}

static void refuses(struct fake_chip *chip, const char *code)
{
    struct claims claims;
    struct idevs_error err;

    assert_false(verify(chip, false, 0, &claims, &err));
    assert_refused(&err, code);
}

static void a_report_that_agrees_with_its_chip_is_accepted(void **state)
{
    struct fake_chip chip;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    fake_chip_make(&chip);
    assert_true(verify(&chip, false, 0, &claims, &err));
    assert_string_equal(claims_find(&claims, "product")->bytes, "Milan");
    assert_int_equal(claims_find(&claims, "tcb_microcode")->number, 219);
}

static void a_guest_that_can_be_debugged_is_refused_unless_that_is_allowed(void **state)
{
    struct fake_chip chip;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    fake_chip_make(&chip);
    chip.report[0x0a] |= 0x08;
    refuses(&chip, "policy.debug");
    assert_true(verify(&chip, true, 0, &claims, &err));
    assert_int_equal(claims_find(&claims, "debug")->number, 1);
}

static void each_version_must_be_the_certified_one(void **state)
{
    static const size_t PARTS[] = {0, 1, 6, 7};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PARTS); i++) {
        struct fake_chip chip;
        fake_chip_make(&chip);
        chip.report[0x180 + PARTS[i]]++;
        refuses(&chip, "evidence.tcb");
        fake_chip_make(&chip);
        chip.certified_tcb[PARTS[i]]++; /* newer than what runs */
        refuses(&chip, "evidence.tcb");
    }
}

static void the_certificate_must_be_this_chips(void **state)
{
    struct fake_chip chip;
    (void)state;
    fake_chip_make(&chip);
    chip.certified_id[63] ^= 1;
    refuses(&chip, "evidence.endorsement");
}

static void the_certificate_must_be_this_products(void **state)
{
    struct fake_chip chip;
    (void)state;
    fake_chip_make(&chip);
    chip.product = "Genoa";
    refuses(&chip, "evidence.endorsement");
    chip.product = "Milano";
    refuses(&chip, "evidence.endorsement");
    chip.product = "Genoa"; /* a report of version 2 does not say what it runs on */
    chip.report[0] = 2;
    accepts(&chip);
}

static void a_clouds_key_says_which_cloud_and_no_chip(void **state)
{
    struct fake_chip chip;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    fake_chip_make(&chip);
    chip.common_name = "SEV-VLEK";
    chip.cloud = "CN=cloud.example";
    memset(chip.report + 0x1a0, 0, 64);
    refuses(&chip, "evidence.malformed"); /* it says that a chip's key signed */
    chip.report[0x48] = 1 << 2;
    assert_true(verify(&chip, false, 0, &claims, &err));
    assert_string_equal(claims_find(&claims, "cloud")->bytes, "CN=cloud.example");
    chip.cloud = NULL;
    refuses(&chip, "evidence.endorsement");
}

static void turin_has_a_version_more_and_a_shorter_id(void **state)
{
    static const uint8_t TCB[FAKE_TCB_LEN] = {1, 2, 3, 4, 0, 0, 0, 130};
    struct fake_chip chip;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    fake_chip_make(&chip);
    chip.product = "Turin";
    chip.is_turin = true;
    memcpy(chip.certified_tcb, TCB, sizeof(TCB));
    memcpy(chip.report + 0x180, TCB, sizeof(TCB));
    chip.report[0x188] = 0x1a;
    chip.report[0x189] = 0x02;
    refuses(&chip, "evidence.endorsement"); /* bytes after the eight of its id */
    memset(chip.report + 0x1a8, 0, 56);
    assert_true(verify(&chip, false, 0, &claims, &err));
    assert_int_equal(claims_find(&claims, "tcb_fmc")->number, 1);
    chip.report[0x180] = 2;
    refuses(&chip, "evidence.tcb");
}

static void what_a_report_says_of_itself_must_be_so(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } WRONG[] = {{0, 1}, {0, 6}, {0x34, 2}, {0x48, 7 << 2}, {0x0a, 1}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        struct fake_chip chip;
        fake_chip_make(&chip);
        chip.report[WRONG[i].at] = WRONG[i].value;
        refuses(&chip, "evidence.malformed");
    }
}

static void a_revoked_intermediate_is_refused_where_lists_are_given(void **state)
{
    struct fake_chip chip;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    fake_chip_make(&chip);
    assert_true(verify(&chip, false, 1, &claims, &err));
    assert_false(verify(&chip, false, 2, &claims, &err));
    assert_refused(&err, "certificate.revoked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_that_agrees_with_its_chip_is_accepted),
        cmocka_unit_test(a_guest_that_can_be_debugged_is_refused_unless_that_is_allowed),
        cmocka_unit_test(each_version_must_be_the_certified_one),
        cmocka_unit_test(the_certificate_must_be_this_chips),
        cmocka_unit_test(the_certificate_must_be_this_products),
        cmocka_unit_test(a_clouds_key_says_which_cloud_and_no_chip),
        cmocka_unit_test(turin_has_a_version_more_and_a_shorter_id),
        cmocka_unit_test(what_a_report_says_of_itself_must_be_so),
        cmocka_unit_test(a_revoked_intermediate_is_refused_where_lists_are_given),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
