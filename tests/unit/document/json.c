#include "document/json.h"
#include "base/limits.h"
#include "test.h"

static void fields_are_read_by_their_type(void **state)
{
    static const char *const KNOWN[] = {"name", "n", "digest", NULL};
    struct idevs_error err;
    const char *name;
    int64_t n;
    uint8_t digest[32];
    _cleanup_json_ json_t *j = json_object_from(
        bytes_of_text("{\"name\":\"a\",\"n\":-5,\"digest\":"
                      "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"),
        &err);

    (void)state;
    assert_non_null(j);
    assert_true(json_only(j, KNOWN, &err));
    assert_true(json_text(j, "name", 1, &name, &err));
    assert_string_equal(name, "a");
    assert_true(json_number(j, "n", -5, 5, &n, &err));
    assert_int_equal(n, -5);
    assert_true(json_sha256(j, "digest", digest, &err));
    assert_int_equal(digest[1], 0x11);
}

static void what_is_not_one_strict_object_is_refused(void **state)
{
    static const char *const BAD[] = {"",
                                      "[]",
                                      "1",
                                      "{",
                                      "{} {}",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1,}",
                                      "{'a':1}",
                                      "{\"a\":NaN}",
                                      "nul",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":01}",
                                      "{\"a\\u0000\":1}",
                                      "// x\n{}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":1e999}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct idevs_error err = {0};
        _cleanup_json_ json_t *j = json_object_from(bytes_of_text(BAD[i]), &err);
        if (j)
            fail_msg("accepted: %s", BAD[i]);
        assert_refused(&err, "api.field");
    }
}

static void unknown_missing_and_mistyped_fields_are_refused(void **state)
{
    static const char *const KNOWN[] = {"a", NULL};
    struct idevs_error err = {0};
    const char *text;
    int64_t n;
    uint8_t digest[32];
    _cleanup_json_ json_t *j = json_object_from(
        bytes_of_text("{\"a\":\"long\",\"b\":1.0,\"c\":true,\"d\":9223372036854775807}"), &err);

    (void)state;
    assert_false(json_only(j, KNOWN, &err));
    assert_refused(&err, "api.field");
    assert_false(json_text(j, "a", 3, &text, &err));
    assert_false(json_text(j, "b", 9, &text, &err));
    assert_false(json_text(j, "z", 9, &text, &err));
    assert_false(json_number(j, "b", 0, 9, &n, &err));
    assert_false(json_number(j, "c", 0, 9, &n, &err));
    assert_false(json_number(j, "d", 0, 9, &n, &err));
    assert_false(json_number(j, "z", 0, 9, &n, &err));
    assert_false(json_sha256(j, "a", digest, &err));
    assert_refused(&err, "api.field");
}

static void a_document_past_the_limit_is_not_parsed(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_JSON + 1);
    struct idevs_error err = {0};
    uint8_t *room = buffer_extend(&b, LIMIT_JSON + 1);

    (void)state;
    assert_non_null(room);
    memset(room, ' ', LIMIT_JSON + 1);
    assert_null(json_object_from(buffer_bytes(&b), &err));
    assert_refused(&err, "api.field");
}

static void deep_nesting_is_refused_without_a_crash(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_JSON);
    struct idevs_error err = {0};
    uint8_t *room = buffer_extend(&b, LIMIT_JSON);

    (void)state;
    assert_non_null(room);
    memset(room, '[', LIMIT_JSON);
    assert_null(json_object_from(buffer_bytes(&b), &err));
    assert_refused(&err, "api.field");
}

static void text_is_compact_and_bounded(void **state)
{
    _cleanup_json_ json_t *j = json_pack("{s:s,s:i}", "z", "x\"", "a", 1);
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    _cleanup_buffer_ struct buffer small = buffer_up_to(5);

    (void)state;
    assert_true(json_write(j, &b));
    assert_string_equal((char *)b.data, "{\"z\":\"x\\\"\",\"a\":1}");
    assert_false(json_write(j, &small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_by_their_type),
        cmocka_unit_test(what_is_not_one_strict_object_is_refused),
        cmocka_unit_test(unknown_missing_and_mistyped_fields_are_refused),
        cmocka_unit_test(a_document_past_the_limit_is_not_parsed),
        cmocka_unit_test(deep_nesting_is_refused_without_a_crash),
        cmocka_unit_test(text_is_compact_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
