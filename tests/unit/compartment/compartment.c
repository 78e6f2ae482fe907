/* The list of back ends, and what each says is missing. */
#include "compartment/compartment.h"
#include "../test.h"
#include "base/text.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void each_has_a_name_of_its_own_and_is_found_by_it(void **state)
{
    size_t n;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);

    (void)state;
    assert_in_range(n, 2, LIMIT_BACK_ENDS);
    for (size_t i = 0; i < n; i++) {
        assert_true(name_is_valid(all[i]->name, LIMIT_BACK_END - 1));
        assert_ptr_equal(compartment_back_end(all[i]->name), all[i]);
    }
    assert_null(compartment_back_end("magic"));
    assert_null(compartment_back_end(""));
}

static void gaps_are_refusals_with_their_remedy_and_as_many_as_there_is_room_for(void **state)
{
    struct compartment_gaps gaps = {.n = 0};

    (void)state;
    for (unsigned i = 0; i < LIMIT_GAPS + 3; i++)
        compartment_lacks(&gaps, "a thing", "Get it.", "thing %u", i);
    assert_int_equal(gaps.n, LIMIT_GAPS);
    assert_refused(&gaps.at[1], "compartment.missing");
    assert_string_equal(gaps.at[1].expected, "a thing");
    assert_string_equal(gaps.at[1].remedy, "Get it.");
    assert_string_equal(gaps.at[1].found, "thing 1");
}

/* In a child that is nobody: 0 when each of its gaps says what to do, and there are some. */
static int probe_as_nobody(const struct compartment_back_end *back_end)
{
    struct compartment_gaps gaps = {.n = 0};

    if (setresuid(65534, 65534, 65534) < 0)
        return 2;
    back_end->probe(&gaps);
    for (size_t i = 0; i < gaps.n; i++)
        if (!error_is(&gaps.at[i], "compartment.missing") || !gaps.at[i].found[0] ||
            !gaps.at[i].expected[0] || !gaps.at[i].remedy[0])
            return 3;
    return gaps.n > 0 ? 0 : 4;
}

static void who_is_not_root_is_told_so_and_nothing_breaks(void **state)
{
    size_t n;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < n; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(probe_as_nobody(all[i]));
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0)
            fail_msg("%s: %d", all[i]->name, WEXITSTATUS(status));
    }
}

static void none_starts_before_it_is_opened(void **state)
{
    size_t n;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);
    const struct compartment_spec spec = {.profile = COMPARTMENT_RUN, .uid = 65534};

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct compartment *c = NULL;
        struct idevs_error err = {.code = ""};
        assert_false(all[i]->start(&spec, &c, &err));
        assert_refused(&err, "compartment.unavailable");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_name_of_its_own_and_is_found_by_it),
        cmocka_unit_test(gaps_are_refusals_with_their_remedy_and_as_many_as_there_is_room_for),
        cmocka_unit_test(who_is_not_root_is_told_so_and_nothing_breaks),
        cmocka_unit_test(none_starts_before_it_is_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
