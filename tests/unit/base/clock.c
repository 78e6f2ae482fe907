#include "base/clock.h"
#include "test.h"

#include <string.h>

static void writes_the_example_of_rfc_9110(void **state)
{
    char text[HTTP_DATE_LEN + 1];
    (void)state;
    http_date_format(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void reads_only_what_it_writes(void **state)
{
    static const char *const BAD[] = {
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Thu, 31 Feb 2022 00:00:00 GMT",
    };
    int64_t t = 0;
    (void)state;
    assert_true(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &t));
    assert_int_equal(t, 784111777);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(http_date_parse(BAD[i], &t));
}

static void spans_beyond_the_limit_are_dropped(void **state)
{
    struct spans spans = {0};
    (void)state;
    for (int i = 0; i < LIMIT_SPANS + 5; i++)
        span_end(&spans, "step", clock_monotonic_ns());
    assert_int_equal(spans.n, LIMIT_SPANS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_example_of_rfc_9110),
        cmocka_unit_test(reads_only_what_it_writes),
        cmocka_unit_test(spans_beyond_the_limit_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
