#include "base/text.h"
#include "base/limits.h"
#include "test.h"

static void base64url_round_trips(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        uint8_t in[70];
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(i * 37 + n);
        _cleanup_buffer_ struct buffer text = buffer_up_to(200);
        _cleanup_buffer_ struct buffer out = buffer_up_to(200);
        assert_true(base64url_encode(bytes_of(in, n), &text));
        assert_true(base64url_decode(buffer_bytes(&text), &out));
        assert_true(bytes_equal(buffer_bytes(&out), bytes_of(in, n)));
    }
}

static void base64_takes_the_rfc_4648_examples(void **state)
{
    static const char *const PAIRS[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PAIRS); i++) {
        _cleanup_buffer_ struct buffer text = buffer_up_to(64);
        _cleanup_buffer_ struct buffer out = buffer_up_to(64);
        assert_true(base64_encode(bytes_of_text(PAIRS[i][0]), &text));
        assert_true(bytes_equal_text(buffer_bytes(&text), PAIRS[i][1]));
        assert_true(base64_decode(bytes_of_text(PAIRS[i][1]), &out));
        assert_true(bytes_equal_text(buffer_bytes(&out), PAIRS[i][0]));
    }
}

static void second_spellings_of_base64_are_refused(void **state)
{
    static const char *const BAD[] = {"Zh==", "Zm9=",  "Zg=",    "Zg",
                                      "Z===", "Zm 9v", "Zm9v\n", "Zm9-"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        _cleanup_buffer_ struct buffer out = buffer_up_to(64);
        assert_false(base64_decode(bytes_of_text(BAD[i]), &out));
    }
}

static void hex_is_lower_case_only(void **state)
{
    uint8_t out[2];
    (void)state;
    assert_true(hex_exactly(bytes_of_text("0aff"), out, 2));
    assert_int_equal(out[1], 0xff);
    assert_false(hex_exactly(bytes_of_text("0AFF"), out, 2));
    assert_false(hex_exactly(bytes_of_text("0aff0"), out, 2));
    assert_false(hex_exactly(bytes_of_text("0xff"), out, 2));
    assert_false(hex_exactly(bytes_of("0aff\0", 5), out, 2));
}

static void numbers_have_one_spelling(void **state)
{
    static const char *const BAD[] = {"",   "01", "+1", "-1",
                                      " 1", "1 ", "1x", "18446744073709551616"};
    uint64_t v = 7;
    (void)state;
    assert_true(parse_u64(bytes_of_text("18446744073709551615"), UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_true(parse_u64(bytes_of_text("0"), 10, &v));
    assert_int_equal(v, 0);
    assert_false(parse_u64(bytes_of_text("11"), 10, &v));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(parse_u64(bytes_of_text(BAD[i]), UINT64_MAX, &v));
}

static void names_are_lower_case_labels(void **state)
{
    static const char *const BAD[] = {"", "-a", "a-", "A", "a;b", "..", "a.b", "a/b", "a b", "a\n"};
    char long_name[66];
    (void)state;
    assert_true(name_is_valid("free-ride", 64));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(name_is_valid(BAD[i], 64));
    memset(long_name, 'a', 65);
    long_name[65] = 0;
    assert_false(name_is_valid(long_name, 64));
    long_name[64] = 0;
    assert_true(name_is_valid(long_name, 64));
}

static void authorities_are_host_and_port(void **state)
{
    static const char *const BAD[] = {"",  ":1",  "a:",  "a:0",  "a:65536", "a:01",
                                      "A", "a/b", "u@a", "[::1", "[]"};
    (void)state;
    assert_true(authority_is_valid("store.example:8443"));
    assert_true(authority_is_valid("127.0.0.1"));
    assert_true(authority_is_valid("[::1]:443"));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(authority_is_valid(BAD[i]));
}

static void paths_that_could_mean_another_path_are_refused(void **state)
{
    static const char *const BAD[] = {
        "",       "a",      "//a",       "/a//b",  "/./a",  "/a/..",   "/a/../b", "/a%2fb",
        "/a%2Fb", "/a%00",  "/a%2e%2e/", "/a\\b",  "/a#b",  "/a b",    "/a\r\nb", "/a%zz",
        "/a%2",   "/a%5cb", "/\x80",     "/a?b#c", "/a?%0", "/a%0d%0a"};
    (void)state;
    assert_true(path_is_valid("/"));
    assert_true(path_is_valid("/api/sales?after=809&limit=10"));
    assert_true(path_is_valid("/a%20b?q=%2F..%2F"));
    assert_true(path_is_valid("/a/"));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (path_is_valid(BAD[i]))
            fail_msg("accepted: %s", BAD[i]);
}

static void the_host_of_an_authority_has_no_port(void **state)
{
    static const char *const PAIRS[][2] = {{"store.example:8443", "store.example"},
                                           {"store.example", "store.example"},
                                           {"[::1]:8443", "::1"},
                                           {"[::1]", "::1"}};
    char host[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PAIRS); i++) {
        assert_true(authority_host(PAIRS[i][0], host, sizeof(host)));
        assert_string_equal(host, PAIRS[i][1]);
    }
    assert_false(authority_host("", host, sizeof(host)));
    assert_false(authority_host(":8443", host, sizeof(host)));
    assert_false(authority_host("store.example:8443", host, sizeof("store.example") - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_round_trips),
        cmocka_unit_test(base64_takes_the_rfc_4648_examples),
        cmocka_unit_test(second_spellings_of_base64_are_refused),
        cmocka_unit_test(hex_is_lower_case_only),
        cmocka_unit_test(numbers_have_one_spelling),
        cmocka_unit_test(names_are_lower_case_labels),
        cmocka_unit_test(authorities_are_host_and_port),
        cmocka_unit_test(paths_that_could_mean_another_path_are_refused),
        cmocka_unit_test(the_host_of_an_authority_has_no_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
