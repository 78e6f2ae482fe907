#include "authority/challenges.h"
#include "test.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct challenges *table;

static int set_up(void **state)
{
    (void)state;
    table = challenges_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    challenges_free(table);
    return 0;
}

static void a_challenge_is_used_once(void **state)
{
    uint8_t c[CHALLENGE_LEN];
    struct idevs_error err;
    (void)state;
    challenge_make(table, SECOND, c);
    assert_true(challenge_use(table, SECOND, c, &err));
    assert_false(challenge_use(table, SECOND, c, &err));
    assert_refused(&err, "challenge.stale");
}

static void a_challenge_dies_after_60_seconds(void **state)
{
    uint8_t young[CHALLENGE_LEN];
    uint8_t old[CHALLENGE_LEN];
    struct idevs_error err;
    (void)state;
    challenge_make(table, SECOND, old);
    challenge_make(table, 2 * SECOND, young);
    assert_false(challenge_use(table, 61 * SECOND, old, &err));
    assert_refused(&err, "challenge.stale");
    assert_true(challenge_use(table, 61 * SECOND, young, &err));
}

static void unknown_challenges_are_refused(void **state)
{
    uint8_t c[CHALLENGE_LEN];
    struct idevs_error err;
    (void)state;
    challenge_make(table, SECOND, c);
    c[CHALLENGE_LEN - 1] ^= 1; /* in the same bucket */
    assert_false(challenge_use(table, SECOND, c, &err));
    assert_refused(&err, "challenge.stale");
}

static void whoever_asks_for_many_keeps_nobody_from_getting_one(void **state)
{
    uint8_t first[CHALLENGE_LEN];
    uint8_t second[CHALLENGE_LEN];
    uint8_t c[CHALLENGE_LEN];
    struct idevs_error err;
    (void)state;
    challenge_make(table, SECOND, first);
    challenge_make(table, SECOND, second);
    for (int i = 1; i < LIMIT_CHALLENGES; i++)
        challenge_make(table, 2 * SECOND, c);
    assert_false(challenge_use(table, 2 * SECOND, first, &err)); /* the oldest gave way */
    assert_refused(&err, "challenge.stale");
    assert_true(challenge_use(table, 2 * SECOND, second, &err));
    assert_true(challenge_use(table, 2 * SECOND, c, &err));
    challenge_make(table, 3 * SECOND, c);
    challenge_make(table, 3 * SECOND, c);
    assert_true(challenge_use(table, 3 * SECOND, c, &err));
}

static void the_ring_goes_round(void **state)
{
    uint8_t c[16][CHALLENGE_LEN];
    struct idevs_error err;
    uint64_t now = SECOND;
    (void)state;
    for (unsigned round = 0; round < 3 * LIMIT_CHALLENGES / 16; round++, now += SECOND / 100) {
        for (unsigned i = 0; i < 16; i++)
            challenge_make(table, now, c[i]);
        for (unsigned i = 16; i-- > 0;)
            assert_true(challenge_use(table, now, c[i], &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_challenge_is_used_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_challenge_dies_after_60_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_challenges_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_asks_for_many_keeps_nobody_from_getting_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_ring_goes_round, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
