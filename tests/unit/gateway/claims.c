#include "test.h"

#include "base/limits.h"
#include "gateway/claims.h"

#include <string.h>

#define NOW 1000000

static const uint8_t KEYID[CLAIM_PART_LEN] = {1};

static bool take(struct claims *c, unsigned i, int64_t until, int64_t now, struct idevs_error *err)
{
    uint8_t enc[CLAIM_PART_LEN] = {0};

    memcpy(enc, &i, sizeof(i));
    return claims_take(c, KEYID, enc, until, now, err);
}

static void a_pair_is_taken_once(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(8);
    struct idevs_error err;

    assert_true(take(c, 1, NOW + 60, NOW, &err));
    assert_false(take(c, 1, NOW + 60, NOW, &err));
    assert_refused(&err, "exchange.claimed");
    assert_true(take(c, 2, NOW + 60, NOW, &err));
}

static void the_same_encapsulation_of_another_key_is_another_pair(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(8);
    const uint8_t enc[CLAIM_PART_LEN] = {7};
    const uint8_t other[CLAIM_PART_LEN] = {2};

    assert_true(claims_take(c, KEYID, enc, NOW + 60, NOW, NULL));
    assert_true(claims_take(c, other, enc, NOW + 60, NOW, NULL));
}

static void a_pair_is_remembered_through_its_last_second(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(8);
    struct idevs_error err;

    assert_true(take(c, 1, NOW + 60, NOW, &err));
    assert_false(take(c, 1, NOW + 60, NOW + 60, &err));
    assert_refused(&err, "exchange.claimed");
    assert_false(take(c, 1, NOW + 60, NOW + 61, &err));
    assert_refused(&err, "request.date");
    assert_int_equal(claims_count(c), 0);
}

static void a_full_set_refuses_and_forgets_nothing(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(4);
    struct idevs_error err;

    for (unsigned i = 0; i < 4; i++)
        assert_true(take(c, i, NOW + 60, NOW, &err));
    assert_false(take(c, 4, NOW + 60, NOW, &err));
    assert_refused(&err, "exchange.full");
    for (unsigned i = 0; i < 4; i++) {
        assert_false(take(c, i, NOW + 60, NOW + 60, &err));
        assert_refused(&err, "exchange.claimed");
    }
    assert_true(take(c, 4, NOW + 120, NOW + 61, &err));
    assert_int_equal(claims_count(c), 1);
}

static void a_clock_that_stepped_back_lets_no_pair_in_again(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(8);
    struct idevs_error err;

    assert_true(take(c, 1, NOW + 60, NOW, &err));
    assert_true(take(c, 2, NOW + 160, NOW + 100, &err)); /* forgets the first */
    assert_false(take(c, 1, NOW + 60, NOW, &err));
    assert_refused(&err, "request.date");
    assert_true(take(c, 3, NOW + 110, NOW + 50, &err));
}

static void what_would_live_longer_than_the_wheel_is_refused(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(8);
    struct idevs_error err;

    assert_true(take(c, 1, NOW + LIMIT_SIGNATURE_LIFE + 2 * LIMIT_CLOCK_SKEW, NOW, &err));
    assert_false(take(c, 2, NOW + 10000, NOW, &err));
    assert_refused(&err, "request.date");
}

static void room_comes_back_as_pairs_end(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(1000);

    for (unsigned i = 0; i < 100000; i++) /* ten a second, each for 60 s: at most 610 live */
        assert_true(take(c, i, NOW + i / 10 + 60, NOW + i / 10, NULL));
    assert_in_range(claims_count(c), 600, 620);
}

static void a_whole_set_can_be_taken_and_left(void **state)
{
    (void)state;
    _cleanup_claims_ struct claims *c = claims_new(LIMIT_CLAIMS);
    struct idevs_error err;

    for (unsigned i = 0; i < LIMIT_CLAIMS; i++)
        assert_true(take(c, i, NOW + 60, NOW, NULL));
    assert_false(take(c, LIMIT_CLAIMS, NOW + 60, NOW, &err));
    assert_refused(&err, "exchange.full");
    assert_true(take(c, LIMIT_CLAIMS, NOW + 121, NOW + 61, &err));
    assert_int_equal(claims_count(c), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_taken_once),
        cmocka_unit_test(the_same_encapsulation_of_another_key_is_another_pair),
        cmocka_unit_test(a_pair_is_remembered_through_its_last_second),
        cmocka_unit_test(a_full_set_refuses_and_forgets_nothing),
        cmocka_unit_test(a_clock_that_stepped_back_lets_no_pair_in_again),
        cmocka_unit_test(what_would_live_longer_than_the_wheel_is_refused),
        cmocka_unit_test(room_comes_back_as_pairs_end),
        cmocka_unit_test(a_whole_set_can_be_taken_and_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
