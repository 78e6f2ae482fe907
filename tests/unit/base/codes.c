#include "base/codes.h"
#include "test.h"

#include <string.h>

static void the_catalogue_is_sorted_and_complete(void **state)
{
    size_t n;
    const struct code *all = code_all(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(all[i - 1].code, all[i].code) >= 0)
            fail_msg("%s stands after %s", all[i].code, all[i - 1].code);
        assert_true(strlen(all[i].code) < sizeof(((struct idevs_error *)0)->code));
        assert_in_range(all[i].http_status, 400, 599);
        assert_true(all[i].expected[0] && all[i].remedy[0] && all[i].meaning[0]);
        assert_true(strlen(all[i].expected) < sizeof(((struct idevs_error *)0)->expected));
        assert_true(strlen(all[i].remedy) < sizeof(((struct idevs_error *)0)->remedy));
    }
}

static void every_code_is_found_by_its_name(void **state)
{
    size_t n;
    const struct code *all = code_all(&n);
    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(code_find(all[i].code), &all[i]);
    assert_null(code_find("no.such-code"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_is_sorted_and_complete),
        cmocka_unit_test(every_code_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
