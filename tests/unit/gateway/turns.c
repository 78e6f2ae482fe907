#include "test.h"

#include "base/limits.h"
#include "gateway/turns.h"

#define NS_A_LONG_TIME UINT64_C(1000000000000)

struct request {
    struct turn turn;
    const char *program;
    bool went;
    bool was_late;
};

static struct turns turns;
static struct request requests[LIMIT_UPSTREAM_WAITING + LIMIT_CLIENT_PER_HOST + 8];
static struct request *last_to_go;

static int set_up(void **state)
{
    (void)state;
    turns = (struct turns){.patience_ns = NS_A_LONG_TIME};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    turns_free(&turns);
    return 0;
}

static void go(struct turn *turn, bool late)
{
    struct request *r = (struct request *)turn;

    assert_false(r->went || r->was_late);
    *(late ? &r->was_late : &r->went) = true;
    last_to_go = r;
}

static bool ask(struct request *r, const char *program, struct idevs_error *err)
{
    *r = (struct request){.turn.go = go, .program = program};
    return turn_ask(&turns, &r->turn, program, err);
}

static void ask_many(struct request *r, unsigned n, const char *program)
{
    struct idevs_error err;

    for (unsigned i = 0; i < n; i++)
        assert_true(ask(&r[i], program, &err));
}

static void over(struct request *r)
{
    last_to_go = NULL;
    turn_over(&turns, &r->turn);
}

static void one_program_leaves_places_to_others(void **state)
{
    struct request *other = &requests[LIMIT_CLIENT_PER_HOST];
    (void)state;
    ask_many(requests, LIMIT_CLIENT_PER_HOST, "many");
    assert_true(requests[LIMIT_UPSTREAM_SHARE - 1].went);
    assert_false(requests[LIMIT_UPSTREAM_SHARE].went);
    ask_many(other, 1, "other");
    assert_true(other->went);
    over(other); /* not a place for who has its share */
    assert_null(last_to_go);
    over(&requests[0]);
    assert_ptr_equal(last_to_go, &requests[LIMIT_UPSTREAM_SHARE]); /* in the order of asking */
}

static void a_free_place_goes_to_who_has_fewest(void **state)
{
    struct request *first = requests;
    struct request *second = &requests[100];
    struct request *third = &requests[200];
    (void)state;
    ask_many(first, LIMIT_UPSTREAM_SHARE + 1, "first");
    ask_many(second, LIMIT_CLIENT_PER_HOST - LIMIT_UPSTREAM_SHARE + 1, "second");
    ask_many(third, 2, "third");
    assert_false(third[0].went);
    over(&first[0]);
    assert_ptr_equal(last_to_go, &third[0]);
    over(&first[1]);
    assert_ptr_equal(last_to_go, &third[1]);
    over(&first[2]);
    assert_ptr_equal(last_to_go, &second[LIMIT_CLIENT_PER_HOST - LIMIT_UPSTREAM_SHARE]);
    over(&first[3]);
    assert_ptr_equal(last_to_go, &first[LIMIT_UPSTREAM_SHARE]);
}

static void equals_are_served_in_turn(void **state)
{
    struct request *a = &requests[100];
    struct request *b = &requests[200];
    (void)state;
    ask_many(requests, LIMIT_UPSTREAM_SHARE, "x");
    ask_many(&requests[50], LIMIT_CLIENT_PER_HOST - LIMIT_UPSTREAM_SHARE, "y");
    ask_many(a, 2, "a");
    ask_many(b, 2, "b");
    over(&requests[0]);
    assert_ptr_equal(last_to_go, &a[0]);
    over(&a[0]);
    assert_ptr_equal(last_to_go, &b[0]);
    over(&b[0]);
    assert_ptr_equal(last_to_go, &a[1]);
}

static void too_many_of_one_program_are_refused(void **state)
{
    const unsigned n = LIMIT_UPSTREAM_SHARE + LIMIT_UPSTREAM_WAITING;
    struct idevs_error err;
    (void)state;
    ask_many(requests, n, "many");
    assert_false(ask(&requests[n], "many", &err));
    assert_refused(&err, "service.unreachable");
    ask_many(&requests[n], 1, "other");
    assert_true(requests[n].went);
    over(&requests[0]);
    assert_true(ask(&requests[n + 1], "many", &err));
}

static void who_waited_too_long_is_late(void **state)
{
    (void)state;
    ask_many(requests, LIMIT_UPSTREAM_SHARE + 3, "many");
    turns.patience_ns = 0;
    over(&requests[0]);
    for (unsigned i = LIMIT_UPSTREAM_SHARE; i < LIMIT_UPSTREAM_SHARE + 3; i++)
        assert_true(requests[i].was_late);
    for (unsigned i = 1; i < LIMIT_UPSTREAM_SHARE; i++)
        over(&requests[i]);
    assert_int_equal(turns.n_taken, 0);
    assert_null(turns.shares);
}

static void at_the_end_nobody_waits(void **state)
{
    (void)state;
    ask_many(requests, LIMIT_UPSTREAM_SHARE + 3, "many");
    ask_many(&requests[100], LIMIT_UPSTREAM_SHARE, "other");
    turns_end_waiting(&turns);
    assert_true(requests[LIMIT_UPSTREAM_SHARE].was_late);
    assert_true(requests[LIMIT_UPSTREAM_SHARE + 2].was_late);
    assert_true(requests[100 + LIMIT_UPSTREAM_SHARE - 1].was_late);
    assert_int_equal(turns.n_taken, LIMIT_CLIENT_PER_HOST);
    over(&requests[0]);
    assert_null(last_to_go);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_program_leaves_places_to_others), TEST(a_free_place_goes_to_who_has_fewest),
        TEST(equals_are_served_in_turn),           TEST(too_many_of_one_program_are_refused),
        TEST(who_waited_too_long_is_late),         TEST(at_the_end_nobody_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
