#include "wire/http1.h"
#include "test.h"

#include <stdlib.h>

static const char REQUEST[] = "POST /a HTTP/1.1\r\nHost: A:1\r\nX-One: 1\r\nContent-Length: 4\r\n"
                              "Expect: 100-Continue\r\nConnection: x, Close\r\n\r\nbody";
#define HEAD_LEN (sizeof(REQUEST) - 1 - 4)

/* Parses a copy that ends where the memory ends, so that reading past it is seen. */
static bool parse(const char *text, size_t len, struct http1_head *ret)
{
    uint8_t *copy = malloc(len);
    struct idevs_error err = {0};

    memcpy(copy, text, len);
    bool ok = http1_parse(copy, len, ret, &err);
    if (!ok)
        assert_refused(&err, "http.malformed");
    free(copy);
    return ok;
}

static void a_head_is_read_into_a_message(void **state)
{
    uint8_t data[sizeof(REQUEST)];
    struct http1_head head;
    struct bytes value;
    size_t scanned = 0;
    size_t len = 0;

    (void)state;
    memcpy(data, REQUEST, sizeof(data));
    assert_int_equal(http1_find_end(bytes_of(data, sizeof(data) - 1), &scanned, &len), HTTP1_FOUND);
    assert_int_equal(len, HEAD_LEN);
    assert_true(http1_parse(data, len, &head, NULL));
    assert_true(bytes_equal_text(head.message.method, "POST"));
    assert_true(bytes_equal_text(head.message.path, "/a"));
    assert_true(bytes_equal_text(head.message.authority, "a:1"));
    assert_int_equal(head.message.n_fields, 1);
    assert_true(http_get(&head.message, "x-one", &value));
    assert_true(bytes_equal_text(value, "1"));
    assert_int_equal(head.content_length, 4);
    assert_true(head.close && head.expects_continue);
}

static void every_prefix_needs_more_or_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < HEAD_LEN; n++) {
        struct http1_head head;
        size_t scanned = 0;
        size_t len = 0;
        assert_int_equal(http1_find_end(bytes_of(REQUEST, n), &scanned, &len), HTTP1_MORE);
        if (n > 0)
            assert_false(parse(REQUEST, n, &head));
    }
}

static void the_search_goes_on_where_it_stopped(void **state)
{
    size_t scanned = 0;
    size_t len = 0;

    (void)state;
    for (size_t n = 0; n < HEAD_LEN; n++)
        assert_int_equal(http1_find_end(bytes_of(REQUEST, n), &scanned, &len), HTTP1_MORE);
    assert_int_equal(http1_find_end(bytes_of(REQUEST, HEAD_LEN), &scanned, &len), HTTP1_FOUND);
    assert_int_equal(len, HEAD_LEN);
}

static void every_changed_byte_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < HEAD_LEN; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            char changed[sizeof(REQUEST)];
            struct http1_head head;
            memcpy(changed, REQUEST, sizeof(changed));
            changed[i] = (char)(changed[i] ^ (1 << bit));
            if (parse(changed, HEAD_LEN, &head))
                continue; /* another request, in bounds */
        }
}

static void the_limits_of_fields_hold(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    struct http1_head head;

    (void)state;
    assert_true(buffer_append_text(&b, "GET / HTTP/1.1\r\nHost: a\r\n"));
    for (unsigned i = 0; i < LIMIT_FIELDS; i++)
        assert_true(buffer_append_format(&b, "x-%u: 1\r\n", i));
    size_t before = b.len;
    assert_true(buffer_append_text(&b, "\r\n"));
    assert_true(parse((char *)b.data, b.len, &head));
    b.len = before;
    assert_true(buffer_append_text(&b, "one-more: 1\r\n\r\n"));
    assert_false(parse((char *)b.data, b.len, &head));
}

static bool parse_answer(const char *text, struct http1_head *ret)
{
    static uint8_t copy[256];
    struct idevs_error err = {0};
    size_t len = strlen(text);

    memcpy(copy, text, len);
    bool ok = http1_parse_answer(copy, len, ret, &err);
    if (!ok)
        assert_refused(&err, "http.malformed");
    return ok;
}

static void an_answer_is_read_and_what_is_ambiguous_in_it_refused(void **state)
{
    static const char *const WRONG[] = {
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 99 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "\r\n\r\n",
    };
    struct http1_head head;
    struct bytes value;

    (void)state;
    assert_true(parse_answer("HTTP/1.1 404\r\nContent-Length: 7\r\nETag: \"1\"\r\n\r\n", &head));
    assert_int_equal(head.message.status, 404);
    assert_int_equal(head.content_length, 7);
    assert_true(http_get(&head.message, "etag", &value) && bytes_equal_text(value, "\"1\""));
    assert_true(parse_answer("HTTP/1.1 204 No Content\r\n\r\n", &head));
    assert_int_equal(head.content_length, 0);
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++)
        assert_false(parse_answer(WRONG[i], &head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_into_a_message),
        cmocka_unit_test(every_prefix_needs_more_or_is_refused),
        cmocka_unit_test(the_search_goes_on_where_it_stopped),
        cmocka_unit_test(every_changed_byte_is_read_or_refused),
        cmocka_unit_test(the_limits_of_fields_hold),
        cmocka_unit_test(an_answer_is_read_and_what_is_ambiguous_in_it_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
