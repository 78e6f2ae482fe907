#include "wire/frame.h"
#include "test.h"

#include "mutate.h"

#define MAX_BODY 100

static const struct frame REQUEST = {.id = 7,
                                     .kind = FRAME_REQUEST,
                                     .target = {(const uint8_t *)"service:store", 13},
                                     .type = {(const uint8_t *)"message/ohttp-req", 17},
                                     .body = {(const uint8_t *)"sealed", 6}};

static bool accepts(struct bytes in)
{
    struct frame f;
    size_t used = 0;

    if (frame_decode(in, MAX_BODY, &f, &used) != FRAME_DONE)
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_FRAME);
    assert_true(frame_encode(&f, &again));
    assert_true(bytes_equal(buffer_bytes(&again), bytes_of(in.data, used)));
    return true;
}

static void frames_come_back_as_they_went(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(512);
    struct frame f;
    size_t used;
    (void)state;
    assert_true(frame_encode(&REQUEST, &b));
    size_t first = b.len;
    const struct frame reply = {.id = 7, .kind = FRAME_REPLY, .status = 204};
    assert_true(frame_encode(&reply, &b));
    assert_int_equal(b.len - first, 15);
    assert_int_equal(frame_decode(buffer_bytes(&b), MAX_BODY, &f, &used), FRAME_DONE);
    assert_int_equal(used, first);
    assert_int_equal(f.id, 7);
    assert_true(bytes_equal_text(f.target, "service:store"));
    assert_true(bytes_equal_text(f.type, "message/ohttp-req"));
    assert_true(bytes_equal_text(f.body, "sealed"));
    buffer_consume(&b, used);
    assert_int_equal(frame_decode(buffer_bytes(&b), MAX_BODY, &f, &used), FRAME_DONE);
    assert_int_equal(f.status, 204);
}

static void the_layout_is_the_documented_one(void **state)
{
    static const uint8_t WANTED[] = {0, 0, 0,   17,  0, 0, 0,   9,   1,   0,  0,
                                     0, 2, 'a', ':', 0, 3, 'b', '/', 'c', 'd'};
    const struct frame f = {.id = 9,
                            .kind = FRAME_REQUEST,
                            .target = bytes_of("a:", 2),
                            .type = bytes_of("b/c", 3),
                            .body = bytes_of("d", 1)};
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    (void)state;
    assert_true(frame_encode(&f, &b));
    assert_true(bytes_equal(buffer_bytes(&b), bytes_of(WANTED, sizeof(WANTED))));
}

static void every_prefix_needs_more(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(512);
    struct frame f;
    size_t used;
    (void)state;
    assert_true(frame_encode(&REQUEST, &b));
    _cleanup_guard_ struct guard g = guard_for(b.len);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(frame_decode(guard_place(&g, bytes_of(b.data, n)), MAX_BODY, &f, &used),
                         FRAME_NEED_MORE);
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
}

static void impossible_lengths_are_bad_before_their_bytes_come(void **state)
{
    static const char *const BAD[] = {"\0\0\0\0", "\0\0\0\x0a", "\xff\xff\xff\xff", "\0\0\x01\xf0"};
    struct frame f;
    size_t used;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_int_equal(frame_decode(bytes_of(BAD[i], 4), MAX_BODY, &f, &used), FRAME_BAD);
    assert_int_equal(frame_decode(bytes_of("\0\0\x01\xef", 4), MAX_BODY, &f, &used),
                     FRAME_NEED_MORE);
    /* whatever the caller allows */
    assert_int_equal(frame_decode(bytes_of("\0\0\0\x0a", 4), SIZE_MAX, &f, &used), FRAME_BAD);
    assert_int_equal(frame_decode(bytes_of("\xff\xff\xff\xff", 4), SIZE_MAX, &f, &used), FRAME_BAD);
}

static void a_body_over_the_callers_limit_is_bad(void **state)
{
    uint8_t body[MAX_BODY + 1] = {0};
    struct frame f = REQUEST;
    size_t used;
    (void)state;
    f.body = bytes_of(body, MAX_BODY);
    _cleanup_buffer_ struct buffer fits = buffer_up_to(512);
    assert_true(frame_encode(&f, &fits));
    assert_int_equal(frame_decode(buffer_bytes(&fits), MAX_BODY, &f, &used), FRAME_DONE);
    f.body = bytes_of(body, MAX_BODY + 1);
    _cleanup_buffer_ struct buffer over = buffer_up_to(512);
    assert_true(frame_encode(&f, &over));
    assert_int_equal(frame_decode(buffer_bytes(&over), MAX_BODY, &f, &used), FRAME_BAD);
}

static void frames_that_no_kind_allows_are_not_written(void **state)
{
    const struct frame BAD[] = {
        {.kind = FRAME_REQUEST},
        {.kind = FRAME_REQUEST, .target = bytes_of("a b", 3)},
        {.kind = FRAME_REQUEST, .target = bytes_of("a", 1), .status = 200},
        {.kind = FRAME_REPLY, .status = 99},
        {.kind = FRAME_REPLY, .status = 600},
        {.kind = FRAME_REPLY, .status = 200, .target = bytes_of("a", 1)},
        {.kind = FRAME_REPLY, .status = 200, .type = bytes_of("a\n", 2)},
        {.kind = FRAME_EVENT, .id = 1, .target = bytes_of("stop", 4)},
        {.kind = FRAME_EVENT},
        {.kind = (enum frame_kind)4, .target = bytes_of("a", 1)},
        {.kind = (enum frame_kind)0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(64);
        if (frame_encode(&BAD[i], &b))
            fail_msg("frame %zu was written", i);
        assert_int_equal(b.len, 0);
    }
}

static void a_frame_that_does_not_fit_leaves_the_buffer_alone(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(30);
    (void)state;
    assert_false(frame_encode(&REQUEST, &b));
    assert_int_equal(b.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_as_they_went),
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(every_prefix_needs_more),
        cmocka_unit_test(impossible_lengths_are_bad_before_their_bytes_come),
        cmocka_unit_test(a_body_over_the_callers_limit_is_bad),
        cmocka_unit_test(frames_that_no_kind_allows_are_not_written),
        cmocka_unit_test(a_frame_that_does_not_fit_leaves_the_buffer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
