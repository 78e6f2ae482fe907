/* Reports through configfs-tsm, against a recorded tree that a test can make misbehave. What a
 * verifier says of them is in snp_by_tsm.c. */
#include "../test.h"

#include "recorded_tree.h"

static const uint8_t DATA[REPORT_DATA_LEN] = {1, 2, 3};

#define QUOTE "what the firmware says"

static struct tsm some_tree(void)
{
    return tree_of("tdx_guest\n", bytes_of_text(QUOTE));
}

static bool make(const struct tsm *tsm, struct idevs_error *err)
{
    _cleanup_hardware_evidence_ struct hardware_evidence e = {.format = NULL};
    bool ok = tsm_make(tsm, DATA, &e, err);

    if (ok)
        assert_true(bytes_equal_text(buffer_bytes(&e.evidence), QUOTE));
    else
        assert_null(e.evidence.data); /* untouched */
    return ok;
}

static void is_made(const struct tsm *tsm)
{
    struct idevs_error err;

    if (!make(tsm, &err))
        fail_msg("%s: %s", err.code, err.found);
    tree_is_clean();
}

static void is_refused(const struct tsm *tsm, const char *found)
{
    struct idevs_error err;

    assert_false(make(tsm, &err));
    assert_refused(&err, "evidence.unavailable");
    if (!strstr(err.found, found))
        fail_msg("'%s' has nothing of '%s'", err.found, found);
    assert_true(err.remedy[0]);
    tree_is_clean();
}

static void the_report_is_over_what_was_asked_for(void **state)
{
    const struct tsm tsm = some_tree();
    _cleanup_hardware_evidence_ struct hardware_evidence e = {.format = NULL};
    struct idevs_error err;

    (void)state;
    assert_true(tsm_make(&tsm, DATA, &e, &err));
    assert_memory_equal(tree.inblob, DATA, sizeof(DATA));
    assert_string_equal(e.format, "tdx");
    assert_int_equal(e.endorsements.len, 0);
    assert_int_equal(tree.n_written, 1);
    assert_int_equal(tree.n_pauses, 0);
    tree_is_clean();
}

/* Under an SVSM the kernel is at level 2, say, and the firmware refuses what it asks for level 0.
 */
static void a_guest_below_the_first_level_asks_for_its_own(void **state)
{
    static const struct {
        const char *floor;
        const char *asked;
    } LEVELS[] = {{"0\n", ""}, {"2\n", "2"}, {"3\n", "3"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(LEVELS); i++) {
        const struct tsm tsm = some_tree();
        tree.level = LEVELS[i].floor;
        is_made(&tsm);
        assert_string_equal(tree.asked_level, LEVELS[i].asked);
        assert_int_equal(tree.n_written, 1);
    }
    const struct tsm tsm = some_tree();
    tree.level = "4\n";
    is_refused(&tsm, "Protocol error");
}

static void what_was_changed_meanwhile_is_made_again(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.generation = 41;
    tree.foreign_writes = 2;
    is_made(&tsm);
    assert_int_equal(tree.n_written, 3);
    assert_int_equal(tree.n_pauses, 2);
}

static void a_report_that_is_changed_each_time_is_given_up(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.foreign_writes = 1000;
    is_refused(&tsm, "attempts");
    assert_int_equal(tree.n_written, LIMIT_TSM_ATTEMPTS);
}

/* configfs tells nobody that what was written was not taken: only the count does. */
static void a_write_that_was_not_taken_is_noticed(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.writes_lost = 1;
    is_made(&tsm);
    assert_int_equal(tree.n_written, 2);
}

static void a_firmware_that_is_busy_is_asked_again(void **state)
{
    static const int TRANSIENT[] = {EBUSY, EWOULDBLOCK, EINTR};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TRANSIENT); i++) {
        const struct tsm tsm = some_tree();
        tree.read_fails = "outblob";
        tree.read_errno = TRANSIENT[i];
        tree.n_failures = LIMIT_TSM_ATTEMPTS - 1;
        is_made(&tsm);
        assert_int_equal(tree.n_pauses, LIMIT_TSM_ATTEMPTS - 1);
    }
}

static void a_firmware_that_stays_busy_is_given_up(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.read_fails = "outblob";
    tree.read_errno = EBUSY;
    tree.n_failures = 1000;
    is_refused(&tsm, "busy");
}

static void another_failure_is_final(void **state)
{
    static const char *const ATTRIBUTES[] = {"outblob", "auxblob", "generation", "provider",
                                             "privlevel_floor"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ATTRIBUTES); i++) {
        const struct tsm tsm = some_tree();
        tree.has_aux = true;
        tree.level = "1\n";
        tree.read_fails = ATTRIBUTES[i];
        tree.read_errno = EIO;
        tree.n_failures = 1;
        is_refused(&tsm, "Input/output error");
        assert_int_equal(tree.n_pauses, 0);
    }
}

static void short_reads_are_put_together(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.read_at_most = 1;
    is_made(&tsm);
}

static void a_short_write_is_refused(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.write_at_most = 63;
    is_refused(&tsm, "Input/output error");
}

static void giant_blobs_are_refused(void **state)
{
    static uint8_t giant[LIMIT_HARDWARE_EVIDENCE + 1];

    (void)state;
    struct tsm tsm = tree_of("tdx_guest\n", bytes_of(giant, sizeof(giant)));
    is_refused(&tsm, "too large");
    tsm = some_tree();
    tree.has_aux = true;
    tree.auxblob = bytes_of(giant, LIMIT_TSM_BLOB + 1);
    is_refused(&tsm, "too large");
    char text[LIMIT_TSM_TEXT + 2];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    tsm = tree_of(text, bytes_of_text(QUOTE));
    is_refused(&tsm, "too large");
}

static void an_empty_report_is_refused(void **state)
{
    const struct tsm tsm = tree_of("tdx_guest\n", bytes_of("", 0));

    (void)state;
    is_refused(&tsm, "Protocol error");
}

static void an_unknown_provider_is_refused(void **state)
{
    static const char *const PROVIDERS[] = {"arm_cca_guest\n", "sev_guest", "sev_guest2\n", "\n",
                                            ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PROVIDERS); i++) {
        const struct tsm tsm = tree_of(PROVIDERS[i], bytes_of_text(QUOTE));
        is_refused(&tsm, "");
        assert_int_equal(tree.n_written, 0);
    }
}

static void a_folder_that_is_left_over_is_passed_by(void **state)
{
    const struct tsm tsm = some_tree();

    (void)state;
    tree.names_taken = LIMIT_TSM_NAMES - 1;
    is_made(&tsm);
    const struct tsm other = some_tree();
    tree.names_taken = LIMIT_TSM_NAMES;
    is_refused(&other, "exists");
}

static void a_machine_without_it_is_told_what_is_missing(void **state)
{
    static const struct {
        int error;
        const char *remedy;
    } CASES[] = {{ENOENT, "modprobe"}, {ENXIO, "modprobe"}, {EACCES, "root"}, {EPERM, "root"}};
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct tsm tsm = some_tree();
        tree.create_fails = CASES[i].error;
        assert_false(tsm_probe(&tsm, "tdx", &err));
        assert_refused(&err, "evidence.unavailable");
        assert_non_null(strstr(err.remedy, CASES[i].remedy));
        is_refused(&tsm, "");
    }
}

static void a_probe_tells_technologies_apart_and_leaves_nothing(void **state)
{
    const struct tsm tsm = some_tree();
    struct idevs_error err;

    (void)state;
    assert_true(tsm_probe(&tsm, "tdx", &err));
    assert_false(tsm_probe(&tsm, "snp", &err));
    assert_refused(&err, "evidence.unavailable");
    assert_non_null(strstr(err.found, "tdx_guest"));
    assert_int_equal(tree.n_written, 0);
    tree_is_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_is_over_what_was_asked_for),
        cmocka_unit_test(a_guest_below_the_first_level_asks_for_its_own),
        cmocka_unit_test(what_was_changed_meanwhile_is_made_again),
        cmocka_unit_test(a_report_that_is_changed_each_time_is_given_up),
        cmocka_unit_test(a_write_that_was_not_taken_is_noticed),
        cmocka_unit_test(a_firmware_that_is_busy_is_asked_again),
        cmocka_unit_test(a_firmware_that_stays_busy_is_given_up),
        cmocka_unit_test(another_failure_is_final),
        cmocka_unit_test(short_reads_are_put_together),
        cmocka_unit_test(a_short_write_is_refused),
        cmocka_unit_test(giant_blobs_are_refused),
        cmocka_unit_test(an_empty_report_is_refused),
        cmocka_unit_test(an_unknown_provider_is_refused),
        cmocka_unit_test(a_folder_that_is_left_over_is_passed_by),
        cmocka_unit_test(a_machine_without_it_is_told_what_is_missing),
        cmocka_unit_test(a_probe_tells_technologies_apart_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
