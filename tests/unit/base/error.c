#include "test.h"

static void a_refusal_is_false_and_takes_the_catalogue_texts(void **state)
{
    struct idevs_error err;
    (void)state;
    assert_false(refuse(&err, "disk.full", "%d bytes", 7));
    assert_string_equal(err.code, "disk.full");
    assert_string_equal(err.found, "7 bytes");
    assert_true(err.expected[0] && err.remedy[0]);
}

static void what_a_peer_wrote_cannot_steer_a_terminal(void **state)
{
    struct idevs_error err;
    (void)state;
    refuse(&err, "http.malformed", "%s", "a\x1b[2Jb\nc\xff");
    assert_string_equal(err.found, "a?[2Jb?c?");
}

static void an_error_can_quote_itself(void **state)
{
    struct idevs_error err;
    (void)state;
    refuse(&err, "http.malformed", "inner");
    refuse(&err, "internal", "because of %s", err.found);
    assert_string_equal(err.found, "because of inner");
}

static void an_area_matches_its_codes(void **state)
{
    struct idevs_error err;
    (void)state;
    refuse(&err, "request.date", "x");
    assert_true(error_is(&err, "request."));
    assert_true(error_is(&err, "request.date"));
    assert_false(error_is(&err, "request"));
    assert_false(error_is(&err, "req."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_false_and_takes_the_catalogue_texts),
        cmocka_unit_test(what_a_peer_wrote_cannot_steer_a_terminal),
        cmocka_unit_test(an_error_can_quote_itself),
        cmocka_unit_test(an_area_matches_its_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
