#include "wire/platform_request.h"
#include "test.h"

#include "mutate.h"

static struct platform_request example(void)
{
    return (struct platform_request){.spki = {0x30, 0x59},
                                     .proof = {7},
                                     .back_ends = {"process", "none"},
                                     .n_back_ends = 2,
                                     .description = "a host in the cellar"};
}

static bool accepts(struct bytes in)
{
    struct platform_request r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    if (!platform_request_decode(in, &r))
        return false;
    assert_true(platform_request_encode(&r, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void a_request_round_trips(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct platform_request r = example();
    struct platform_request got;
    (void)state;
    assert_true(platform_request_encode(&r, &b));
    assert_true(platform_request_decode(buffer_bytes(&b), &got));
    assert_memory_equal(got.spki, r.spki, sizeof(r.spki));
    assert_memory_equal(got.proof, r.proof, 32);
    assert_int_equal(got.n_back_ends, 2);
    assert_string_equal(got.back_ends[1], "none");
    assert_string_equal(got.description, r.description);
}

static void truncated_and_changed_requests_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct platform_request r = example();
    (void)state;
    assert_true(platform_request_encode(&r, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
}

static void back_ends_are_named_once_and_at_least_one(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct platform_request r = example();
    (void)state;
    r.n_back_ends = 0;
    assert_false(platform_request_encode(&r, &b));
    r = example();
    strcpy(r.back_ends[1], "process");
    assert_false(platform_request_encode(&r, &b));
    r = example();
    strcpy(r.back_ends[1], "Process");
    assert_false(platform_request_encode(&r, &b));
    r = example();
    strcpy(r.description, "two\nlines");
    assert_false(platform_request_encode(&r, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_round_trips),
        cmocka_unit_test(truncated_and_changed_requests_are_refused),
        cmocka_unit_test(back_ends_are_named_once_and_at_least_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
