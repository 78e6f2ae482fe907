#include "warden/back_ends.h"
#include "../test.h"

/* Permits `first` and `second`, both usable. */
static void permit(struct warden *w, const char *first, const char *second)
{
    *w = (struct warden){.usable = {true, true}};
    w->config.back_ends[0] = compartment_back_end(first);
    w->config.back_ends[1] = compartment_back_end(second);
    w->config.n_back_ends = 2;
}

static void those_that_isolate_are_offered_first(void **state)
{
    static struct warden w;
    const char *names[LIMIT_BACK_ENDS];
    size_t n;

    (void)state;
    permit(&w, "none", "process");
    back_ends_usable(&w, names, &n);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "process");
    assert_string_equal(names[1], "none");
    w.usable[1] = false;
    back_ends_usable(&w, names, &n);
    assert_int_equal(n, 1);
    assert_string_equal(names[0], "none");
}

static void without_isolation_only_what_the_manifest_names(void **state)
{
    static struct warden w;
    struct idevs_error err;

    (void)state;
    permit(&w, "none", "process");
    assert_ptr_equal(back_ends_find(&w, "none", "none", &err), compartment_back_end("none"));
    assert_null(back_ends_find(&w, "none", "", &err));
    assert_refused(&err, "compartment.not-permitted");
    assert_ptr_equal(back_ends_find(&w, "process", "", &err), compartment_back_end("process"));
    assert_null(back_ends_find(&w, "process", "none", &err));
    assert_refused(&err, "compartment.not-permitted");
}

static void what_was_not_usable_is_said_to_be_missing(void **state)
{
    static struct warden w;
    struct idevs_error err;

    (void)state;
    permit(&w, "process", "cheri");
    w.usable[1] = false;
    assert_null(back_ends_find(&w, "cheri", "cheri", &err));
    assert_refused(&err, "compartment.missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_isolate_are_offered_first),
        cmocka_unit_test(without_isolation_only_what_the_manifest_names),
        cmocka_unit_test(what_was_not_usable_is_said_to_be_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
