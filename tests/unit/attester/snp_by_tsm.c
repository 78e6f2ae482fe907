/* SEV-SNP from end to end, where chip, maker and host are ours: what the maker of evidence hands
 * out is what the verifier takes. Genuine reports are in tests/vectors/makers.c. */
#include "../test.h"

#include "../evidence/fake_amd.h"
#include "attester/certificate_table.h"
#include "crypto/pem.h"
#include "recorded_tree.h"

static struct fake_amd amd;
static struct fake_chip chip;
static uint8_t *der[3]; /* VCEK, ASK, ARK */
static struct bytes certificates[3];

static int set_up(void **state)
{
    (void)state;
    fake_amd_make(&amd);
    fake_chip_make(&chip);
    X509 *leaf = fake_chip_certificate(&amd, &chip);
    const X509 *const all[] = {leaf, amd.middle, amd.root};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        int len = i2d_X509(all[i], &der[i]);
        certificates[i] = bytes_of(der[i], (size_t)len);
    }
    X509_free(leaf);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(der); i++)
        OPENSSL_free(der[i]);
    fake_amd_free(&amd);
    return 0;
}

/* The firmware signs what was written into the tree. */
static void sign_report(void)
{
    memcpy(chip.report + 0x50, tree.inblob, sizeof(tree.inblob));
    fake_amd_sign(&amd, &chip);
}

static void make_table(struct buffer *b)
{
    const struct table_item items[] = {
        {TABLE_ARK, certificates[2]}, {TABLE_ASK, certificates[1]}, {TABLE_VCEK, certificates[0]}};

    table_make(items, ARRAY_LEN(items), b);
}

/* By the verifier, which trusts our root. */
static bool is_accepted(const struct hardware_evidence *made, const uint8_t *nonce,
                        struct idevs_error *err)
{
    _cleanup_endorsements_ struct endorsements e = {.n_roots = 0};
    const struct hardware_verifier *verifier = hardware_verifier(made->format);
    const struct verification v = {.evidence = buffer_bytes(&made->evidence),
                                   .endorsements = &e,
                                   .nonce = bytes_of(nonce, REPORT_DATA_LEN),
                                   .at = FAKE_NOW};
    struct claims claims = {.n = 0};

    fake_endorse(&e, amd.root, true);
    assert_true(endorsements_add(&e, "table", buffer_bytes(&made->endorsements), err));
    return verifier->verify(&v, &claims, NULL, err);
}

static void the_verifier_takes_what_the_maker_made(void **state)
{
    _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
    uint8_t nonce[REPORT_DATA_LEN] = {7, 7, 7};
    struct idevs_error err;

    (void)state;
    make_table(&table);
    const struct tsm tsm = tree_of("sev_guest\n", bytes_of(chip.report, sizeof(chip.report)));
    tree.has_aux = true;
    tree.auxblob = buffer_bytes(&table);
    tree.firmware = sign_report;
    if (!tsm_make(&tsm, nonce, &made, &err))
        fail_msg("%s: %s", err.code, err.found);
    tree_is_clean();
    assert_string_equal(made.format, "snp");
    if (!is_accepted(&made, nonce, &err))
        fail_msg("%s: %s", err.code, err.found);
    nonce[63] ^= 1;
    assert_false(is_accepted(&made, nonce, &err));
    assert_refused(&err, "evidence.freshness");
}

static void a_host_that_gives_nothing_along_leaves_it_to_the_verifier(void **state)
{
    const uint8_t nonce[REPORT_DATA_LEN] = {7};
    struct idevs_error err;

    (void)state;
    for (int has_aux = 0; has_aux < 2; has_aux++) {
        _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
        const struct tsm tsm = tree_of("sev_guest\n", bytes_of(chip.report, sizeof(chip.report)));
        tree.has_aux = has_aux;
        tree.firmware = sign_report;
        assert_true(tsm_make(&tsm, nonce, &made, &err));
        tree_is_clean();
        assert_int_equal(made.endorsements.len, 0);
        assert_int_equal(made.evidence.len, FAKE_REPORT);
    }
}

static void a_table_that_cannot_be_read_is_refused_and_nothing_is_left(void **state)
{
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
    const uint8_t nonce[REPORT_DATA_LEN] = {7};
    struct idevs_error err;

    (void)state;
    const struct tsm tsm = tree_of("sev_guest\n", bytes_of(chip.report, sizeof(chip.report)));
    tree.has_aux = true;
    tree.auxblob = bytes_of_text("no table");
    assert_false(tsm_make(&tsm, nonce, &made, &err));
    assert_refused(&err, "evidence.endorsement");
    assert_null(made.evidence.data);
    tree_is_clean();
}

/* ---- the table itself ---- */

static bool read_table(struct bytes table, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS);
    /* A copy of its own, so that reading past it is noticed. */
    uint8_t *copy = malloc(table.len ? table.len : 1);

    assert_non_null(copy);
    if (table.len)
        memcpy(copy, table.data, table.len);
    bool ok = certificate_table_read(bytes_of(copy, table.len), &pem, err);
    free(copy);
    return ok;
}

static void is_refused(const struct table_item *items, size_t n, const char *found)
{
    _cleanup_buffer_ struct buffer table = buffer_up_to(MIB(1));
    struct idevs_error err;

    table_make(items, n, &table);
    assert_false(read_table(buffer_bytes(&table), &err));
    assert_refused(&err, "evidence.endorsement");
    if (!strstr(err.found, found))
        fail_msg("'%s' has nothing of '%s'", err.found, found);
}

static void every_prefix_of_a_table_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
    struct idevs_error err;

    (void)state;
    make_table(&table);
    assert_true(read_table(buffer_bytes(&table), &err));
    for (size_t len = 0; len < table.len; len++) {
        assert_false(read_table(bytes_of(table.data, len), &err));
        assert_refused(&err, "evidence.endorsement");
    }
}

static void an_entry_that_points_elsewhere_is_refused(void **state)
{
    static const struct {
        uint8_t at;
        uint8_t value[4];
    } CHANGES[] = {
        {16, {0, 0, 0, 0}},             /* the table itself */
        {16, {95, 0, 0, 0}},            /* its last byte */
        {16, {0xff, 0xff, 0xff, 0xff}}, /* outside */
        {20, {0, 0, 0, 0}},             /* nothing */
        {20, {0xff, 0xff, 0xff, 0xff}}, /* more than there is */
        {20, {0, 0, 0, 0x80}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
        struct idevs_error err;
        make_table(&table);
        memcpy(table.data + CHANGES[i].at, CHANGES[i].value, 4);
        assert_false(read_table(buffer_bytes(&table), &err));
        assert_refused(&err, "evidence.endorsement");
        assert_non_null(strstr(err.found, "points outside"));
    }
}

static void an_item_twice_is_refused(void **state)
{
    const struct table_item twice[] = {{TABLE_VCEK, certificates[0]},
                                       {TABLE_VCEK, certificates[0]}};

    (void)state;
    is_refused(twice, 2, "two VCEK");
}

static void a_table_with_too_many_entries_is_refused(void **state)
{
    struct table_item many[LIMIT_CERTIFICATE_TABLE + 1];
    _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct table_item){"000102030405060708090a0b0c0d0e0f", bytes_of_text("x")};
    table_make(many, LIMIT_CERTIFICATE_TABLE, &table);
    assert_true(read_table(buffer_bytes(&table), &err));
    is_refused(many, ARRAY_LEN(many), "more than");
}

static void other_things_are_left_out(void **state)
{
    const struct table_item items[] = {
        {"000102030405060708090a0b0c0d0e0f", bytes_of_text("a host's own")},
        {TABLE_VCEK, certificates[0]},
    };
    _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS);
    _cleanup_buffer_ struct buffer expected = buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS);
    struct idevs_error err;

    (void)state;
    table_make(items, 2, &table);
    assert_true(certificate_table_read(buffer_bytes(&table), &pem, &err));
    assert_true(pem_write("CERTIFICATE", certificates[0], &expected));
    assert_true(bytes_equal(buffer_bytes(&pem), buffer_bytes(&expected)));
}

static void an_item_as_pem_is_the_same_and_only_one_is_taken(void **state)
{
    _cleanup_buffer_ struct buffer one = buffer_up_to(LIMIT_TSM_BLOB);
    _cleanup_buffer_ struct buffer two = buffer_up_to(LIMIT_TSM_BLOB);
    _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_TSM_BLOB);
    _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS);
    struct idevs_error err;

    (void)state;
    assert_true(pem_write("CERTIFICATE", certificates[0], &one));
    assert_true(buffer_append_bytes(&two, buffer_bytes(&one)));
    assert_true(buffer_append_bytes(&two, buffer_bytes(&one)));
    assert_true(pem_write("PUBLIC KEY", certificates[0], &key));
    const struct table_item good[] = {{TABLE_VCEK, buffer_bytes(&one)}};
    const struct table_item doubled[] = {{TABLE_VCEK, buffer_bytes(&two)}};
    const struct table_item mislabelled[] = {{TABLE_VCEK, buffer_bytes(&key)}};
    table_make(good, 1, &table);
    assert_true(certificate_table_read(buffer_bytes(&table), &pem, &err));
    assert_true(bytes_equal(buffer_bytes(&pem), buffer_bytes(&one)));
    is_refused(doubled, 1, "VCEK");
    is_refused(mislabelled, 1, "VCEK");
}

static void what_is_no_certificate_is_refused(void **state)
{
    const struct table_item none[] = {{TABLE_ASK, bytes_of_text("0 certificates")}};
    const struct table_item list[] = {{"92f81bc358114d3d97ffd19f88dc67ea", certificates[0]}};
    uint8_t trailing[4096];

    (void)state;
    is_refused(none, 1, "ASK");
    is_refused(list, 1, "CRL");
    memcpy(trailing, certificates[0].data, certificates[0].len);
    trailing[certificates[0].len] = 0;
    const struct table_item longer[] = {{TABLE_VCEK, bytes_of(trailing, certificates[0].len + 1)}};
    is_refused(longer, 1, "VCEK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verifier_takes_what_the_maker_made),
        cmocka_unit_test(a_host_that_gives_nothing_along_leaves_it_to_the_verifier),
        cmocka_unit_test(a_table_that_cannot_be_read_is_refused_and_nothing_is_left),
        cmocka_unit_test(every_prefix_of_a_table_is_refused),
        cmocka_unit_test(an_entry_that_points_elsewhere_is_refused),
        cmocka_unit_test(an_item_twice_is_refused),
        cmocka_unit_test(a_table_with_too_many_entries_is_refused),
        cmocka_unit_test(other_things_are_left_out),
        cmocka_unit_test(an_item_as_pem_is_the_same_and_only_one_is_taken),
        cmocka_unit_test(what_is_no_certificate_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
