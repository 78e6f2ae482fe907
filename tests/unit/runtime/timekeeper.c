#include "runtime/timekeeper.h"
#include "base/attr.h"
#include "runtime/backoff.h"
#include "test.h"

static int64_t wall;
static uint64_t progress_ns;

static int64_t read_wall(void)
{
    return wall;
}

static uint64_t read_progress(void)
{
    return progress_ns;
}

static const struct time_source SOURCE = {read_wall, read_progress};
#define SECOND 1000000000ull

static void the_floor_rises_with_the_time_that_passes(void **state)
{
    struct timekeeper t;
    (void)state;
    wall = 1000;
    progress_ns = 7 * SECOND;
    timekeeper_begin(&t, &SOURCE);
    assert_int_equal(timekeeper_now(&t), 1000);
    timekeeper_floor(&t, 5000);
    assert_int_equal(timekeeper_now(&t), 5000);
    progress_ns += 10 * SECOND;
    assert_int_equal(timekeeper_now(&t), 5010);
    wall = 5020;
    assert_int_equal(timekeeper_now(&t), 5020);
    wall = 0;
    assert_int_equal(timekeeper_now(&t), 5010);
}

static void a_lower_floor_changes_nothing(void **state)
{
    struct timekeeper t;
    (void)state;
    wall = 0;
    timekeeper_begin(&t, &SOURCE);
    timekeeper_floor(&t, 5000);
    progress_ns += 10 * SECOND;
    timekeeper_floor(&t, 5009);
    assert_int_equal(timekeeper_now(&t), 5010);
}

static void the_offset_moves_only_as_far_as_the_exchange_proves(void **state)
{
    static const struct {
        int64_t offset;
        struct time_exchange x;
        int64_t expected;
    } CASES[] = {
        {0, {100, 101, 100}, 0},   /* agrees */
        {0, {100, 101, 160}, 59},  /* the gateway is ahead */
        {0, {100, 101, 41}, -59},  /* and behind */
        {0, {100, 150, 100}, 0},   /* held back after */
        {0, {100, 150, 150}, 0},   /* held back before */
        {59, {100, 101, 160}, 59}, /* known already */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        assert_int_equal(time_offset(CASES[i].offset, &CASES[i].x), CASES[i].expected);
}

/* A signature of [1000, 1060]. */
static void only_a_window_that_was_over_at_the_sending_counts_as_not_done(void **state)
{
    static const struct {
        struct time_exchange x;
        bool over;
    } CASES[] = {
        {{1000, 1001, 900}, false},  /* from the gateway's future: it can be kept until then */
        {{1000, 1001, 1000}, false}, /* within */
        {{1000, 1001, 2000}, true},  /* too old when it was sent */
        {{1000, 1001, 1066}, false}, /* perhaps within when it was sent */
        {{1000, 1100, 1100}, false}, /* held back until it was too old */
        {{1000, 1100, 1164}, false}, /* might have been let in before */
        {{1000, 1100, 1167}, true},  /* too old even at its sending */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        assert_int_equal(time_was_over(1060, &CASES[i].x), CASES[i].over);
}

static void pauses_double_up_to_their_limit_and_differ(void **state)
{
    struct backoff b = backoff_between(50, 5000);
    uint64_t step = 50;
    (void)state;
    for (int i = 0; i < 20; i++) {
        uint64_t ns = backoff_next_ns(&b);
        assert_true(ns >= step * 500000 && ns <= step * 1000000);
        step = step * 2 > 5000 ? 5000 : step * 2;
    }
    assert_true(backoff_next_ns(&b) != backoff_next_ns(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_floor_rises_with_the_time_that_passes),
        cmocka_unit_test(a_lower_floor_changes_nothing),
        cmocka_unit_test(the_offset_moves_only_as_far_as_the_exchange_proves),
        cmocka_unit_test(only_a_window_that_was_over_at_the_sending_counts_as_not_done),
        cmocka_unit_test(pauses_double_up_to_their_limit_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
