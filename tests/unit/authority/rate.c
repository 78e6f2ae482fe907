#include "authority/rate.h"
#include "test.h"

#define SECOND UINT64_C(1000000000)

static void a_burst_passes_and_then_the_rate_holds(void **state)
{
    struct rate rate = {.per_second = 10, .burst = 5};
    uint64_t now = 1000 * SECOND;
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(rate_take(&rate, now));
    assert_false(rate_take(&rate, now));
    assert_false(rate_take(&rate, now + SECOND / 11));
    assert_true(rate_take(&rate, now + SECOND / 10));
    assert_false(rate_take(&rate, now + SECOND / 10));
}

static void quiet_time_earns_one_burst_and_no_more(void **state)
{
    struct rate rate = {.per_second = 10, .burst = 5};
    uint64_t now = 1000 * SECOND;
    (void)state;
    assert_true(rate_take(&rate, now));
    now += 3600 * SECOND;
    for (int i = 0; i < 5; i++)
        assert_true(rate_take(&rate, now));
    assert_false(rate_take(&rate, now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_rate_holds),
        cmocka_unit_test(quiet_time_earns_one_burst_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
