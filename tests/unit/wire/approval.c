#include "wire/approval.h"
#include "test.h"

#include "mutate.h"
#include "wire/cbor.h"

static struct approval sample(void)
{
    struct approval a = {.program = "free-ride",
                         .manifest = {3},
                         .has_source = true,
                         .source = {4},
                         .toolchains = {{5}, {6}},
                         .n_toolchains = 2,
                         .issued_at = 1700000000};
    return a;
}

static bool accepts(struct bytes in)
{
    struct approval a;

    if (!approval_decode(in, &a))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(2048);
    assert_true(approval_encode(&a, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void approvals_come_back_as_they_went(void **state)
{
    struct approval a = sample();
    struct approval back;
    (void)state;
    for (int both = 0; both < 2; both++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(2048);
        a.has_executable = both;
        memset(a.executable, both ? 9 : 0, sizeof(a.executable));
        assert_true(approval_encode(&a, &b));
        assert_true(cbor_is_valid(buffer_bytes(&b)));
        assert_true(approval_decode(buffer_bytes(&b), &back));
        assert_memory_equal(&back, &a, sizeof(a));
    }
}

static void an_approval_names_something_that_may_run(void **state)
{
    struct approval a = sample();
    _cleanup_buffer_ struct buffer b = buffer_up_to(2048);
    (void)state;
    a.n_toolchains = 0;
    assert_false(approval_encode(&a, &b)); /* source without toolchain */
    a.has_source = false;
    assert_false(approval_encode(&a, &b)); /* nothing */
    a.has_executable = true;
    assert_true(approval_encode(&a, &b));
    a.n_toolchains = 1;
    assert_false(approval_encode(&a, &b)); /* toolchain without source */
    a = sample();
    a.n_toolchains = LIMIT_TOOLCHAINS + 1;
    assert_false(approval_encode(&a, &b));
    a = sample();
    a.program[0] = 'F';
    assert_false(approval_encode(&a, &b));
    a = sample();
    a.issued_at = -1;
    assert_false(approval_encode(&a, &b));
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    const struct approval a = sample();
    _cleanup_buffer_ struct buffer b = buffer_up_to(2048);
    (void)state;
    assert_true(approval_encode(&a, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
}

static void what_must_be_there_cannot_be_left_out(void **state)
{
    const struct approval a = sample();
    _cleanup_buffer_ struct buffer b = buffer_up_to(2048);
    (void)state;
    assert_true(approval_encode(&a, &b));
    assert_int_equal(b.data[0], 0xa5);
    b.data[0] = 0xa4; /* without its last pair, issued_at: 1 + 5 bytes */
    assert_false(accepts(bytes_of(b.data, b.len - 6)));
    assert_false(accepts(bytes_of("\xa1\x06\x01", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(approvals_come_back_as_they_went),
        cmocka_unit_test(an_approval_names_something_that_may_run),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
        cmocka_unit_test(what_must_be_there_cannot_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
