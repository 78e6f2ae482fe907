#include "launcher/warden_message.h"
#include "test.h"

#include "wire/cbor.h"

#include <stdlib.h>

static bool head(struct buffer *b, size_t n, unsigned kind, uint32_t id)
{
    return cbor_put_map(b, n) && cbor_put_uint(b, 0) && cbor_put_uint(b, kind) &&
           cbor_put_uint(b, 1) && cbor_put_uint(b, id);
}

static bool built(struct buffer *b)
{
    uint8_t digest[32] = {1};

    return head(b, 7, 2, 9) && cbor_put_uint(b, 2) && cbor_put_bool(b, true) &&
           cbor_put_uint(b, 3) && cbor_put_bytes(b, bytes_of(digest, 32)) && cbor_put_uint(b, 4) &&
           cbor_put_bytes(b, bytes_of(digest, 32)) && cbor_put_uint(b, 5) &&
           cbor_put_text(b, bytes_of_text("text")) && cbor_put_uint(b, 7) && cbor_put_uint(b, 3);
}

static bool ended(struct buffer *b, const char *code)
{
    return head(b, 5, 5, 0) && cbor_put_uint(b, 2) && cbor_put_uint(b, 4) && cbor_put_uint(b, 3) &&
           cbor_put_text(b, bytes_of_text(code)) && cbor_put_uint(b, 4) &&
           cbor_put_text(b, bytes_of_text("detail"));
}

static void a_build_is_read(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct warden_answer a;
    (void)state;
    assert_true(built(&b));
    assert_true(warden_answer_decode(buffer_bytes(&b), &a));
    assert_int_equal(a.kind, WARDEN_BUILD);
    assert_int_equal(a.id, 9);
    assert_true(a.done && a.has_executable && a.has_toolchain && !a.refused);
    assert_true(bytes_equal_text(a.text, "text"));
    assert_int_equal(a.milliseconds, 3);
}

static void every_truncation_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct warden_answer a;
    (void)state;
    assert_true(built(&b));
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *copy = malloc(n ? n : 1); /* so that reading past it is found */
        assert_non_null(copy);
        memcpy(copy, b.data, n);
        assert_false(warden_answer_decode(bytes_of(copy, n), &a));
        free(copy);
    }
    assert_true(buffer_append_u8(&b, 0));
    assert_false(warden_answer_decode(buffer_bytes(&b), &a));
}

static void a_key_of_another_kind_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct warden_answer a;
    (void)state;
    assert_true(head(&b, 3, 3, 1) && cbor_put_uint(&b, 5) && cbor_put_text(&b, bytes_of_text("x")));
    assert_false(warden_answer_decode(buffer_bytes(&b), &a));
}

/* A status with `n` back ends, each with `gaps` gaps, of which the last has `parts` texts. */
static bool reads_listing(size_t n, size_t gaps, size_t parts, const char *name)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    struct warden_answer a;

    assert_true(head(&b, 3, 1, 1) && cbor_put_uint(&b, 9) && cbor_put_array(&b, n));
    for (size_t i = 0; i < n; i++) {
        assert_true(cbor_put_array(&b, 6) && cbor_put_text(&b, bytes_of_text(name)) &&
                    cbor_put_bool(&b, true) && cbor_put_bool(&b, true) &&
                    cbor_put_text(&b, bytes_of_text("x")) &&
                    cbor_put_text(&b, bytes_of_text("y")) && cbor_put_array(&b, gaps));
        for (size_t k = 0; k < gaps; k++) {
            assert_true(cbor_put_array(&b, parts));
            for (size_t j = 0; j < parts; j++)
                assert_true(cbor_put_text(&b, bytes_of_text("z")));
        }
    }
    return warden_answer_decode(buffer_bytes(&b), &a) && a.listing.len > 0;
}

static void a_listing_is_read_within_its_limits_only(void **state)
{
    (void)state;
    assert_true(reads_listing(0, 0, 3, "process"));
    assert_true(reads_listing(LIMIT_BACK_ENDS, LIMIT_GAPS, 3, "process"));
    assert_false(reads_listing(LIMIT_BACK_ENDS + 1, 0, 3, "process"));
    assert_false(reads_listing(1, LIMIT_GAPS + 1, 3, "process"));
    assert_false(reads_listing(1, 1, 2, "process"));
    assert_false(reads_listing(1, 0, 3, ""));
    assert_false(reads_listing(1, 0, 3, "a name that is longer than any back end has"));
}

static void an_unknown_kind_is_refused(void **state)
{
    static const unsigned KINDS[] = {0, 6, 1000};
    struct warden_answer a;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
        assert_true(head(&b, 2, KINDS[i], 1));
        assert_false(warden_answer_decode(buffer_bytes(&b), &a));
    }
}

static void only_the_event_has_no_id(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct warden_answer a;
    (void)state;
    assert_true(head(&b, 2, 4, 0));
    assert_false(warden_answer_decode(buffer_bytes(&b), &a));
}

static void the_reason_of_an_end_has_its_page(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer left = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer strange = buffer_up_to(KIB(1));
    struct warden_answer a;
    (void)state;
    assert_true(ended(&b, "compartment.crashed") && ended(&left, "") && ended(&strange, "no.such"));
    assert_true(warden_answer_decode(buffer_bytes(&b), &a));
    assert_string_equal(a.error.code, "compartment.crashed");
    assert_true(a.error.remedy[0] && a.error.expected[0]);
    assert_string_equal(a.error.found, "detail");
    assert_true(warden_answer_decode(buffer_bytes(&left), &a));
    assert_string_equal(a.error.code, "");
    assert_true(warden_answer_decode(buffer_bytes(&strange), &a));
    assert_string_equal(a.error.code, "internal");
}

static void a_refusal_without_a_code_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct warden_answer a;
    (void)state;
    assert_true(head(&b, 3, 3, 1) && cbor_put_uint(&b, 11) &&
                cbor_put_text(&b, bytes_of_text("x")));
    assert_false(warden_answer_decode(buffer_bytes(&b), &a));
}

static void too_many_spans_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(4));
    struct warden_answer a;
    (void)state;
    assert_true(head(&b, 4, 3, 1) && cbor_put_uint(&b, 2) && cbor_put_uint(&b, 1) &&
                cbor_put_uint(&b, 8) && cbor_put_map(&b, LIMIT_SPANS + 1));
    for (char c = 0; c <= LIMIT_SPANS; c++) {
        char name[2] = {(char)('0' + c), 0};
        assert_true(cbor_put_text(&b, bytes_of_text(name)) && cbor_put_uint(&b, 1));
    }
    assert_false(warden_answer_decode(buffer_bytes(&b), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_key_of_another_kind_is_refused),
        cmocka_unit_test(a_listing_is_read_within_its_limits_only),
        cmocka_unit_test(an_unknown_kind_is_refused),
        cmocka_unit_test(only_the_event_has_no_id),
        cmocka_unit_test(the_reason_of_an_end_has_its_page),
        cmocka_unit_test(a_refusal_without_a_code_is_refused),
        cmocka_unit_test(too_many_spans_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
