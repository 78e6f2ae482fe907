#include "wire/http.h"
#include "test.h"

static void a_field_is_got_when_it_is_there_once(void **state)
{
    struct http_message m = {0};
    struct bytes value = bytes_of("untouched", 9);
    (void)state;
    assert_false(http_get(&m, "date", &value));
    assert_true(http_add(&m, "date", bytes_of_text("now")));
    assert_true(http_add(&m, "dat", bytes_of_text("x")));
    assert_true(http_get(&m, "date", &value));
    assert_true(bytes_equal_text(value, "now"));
    assert_true(http_add(&m, "date", bytes_of_text("then")));
    assert_false(http_get(&m, "date", &value));
    assert_true(bytes_equal_text(value, "now"));
    assert_int_equal(http_count(&m, "date"), 2);
    assert_int_equal(http_count(&m, "Date"), 0);
}

static void there_is_room_for_so_many_fields(void **state)
{
    struct http_message m = {0};
    (void)state;
    for (size_t i = 0; i < LIMIT_FIELDS; i++)
        assert_true(http_add(&m, "n", (struct bytes){0}));
    assert_false(http_add(&m, "n", (struct bytes){0}));
    assert_int_equal(m.n_fields, LIMIT_FIELDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_got_when_it_is_there_once),
        cmocka_unit_test(there_is_room_for_so_many_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
