#include "wire/revocation.h"
#include "test.h"

#include "mutate.h"

static struct revocation example(enum revoke what)
{
    struct revocation r = {.what = what, .reason = 1, .issued_at = 1000, .nonce = {7}};

    memset(r.id, 0x42, revocation_id_len(what));
    return r;
}

static bool accepts(struct bytes in)
{
    struct revocation r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_REVOCATION);

    if (!revocation_decode(in, &r))
        return false;
    assert_true(revocation_encode(&r, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void each_kind_round_trips(void **state)
{
    (void)state;
    for (enum revoke what = REVOKE_CERTIFICATE; what <= REVOKE_EVERYTHING; what++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_REVOCATION);
        struct revocation r = example(what);
        struct revocation got;
        assert_true(revocation_encode(&r, &b));
        assert_true(revocation_decode(buffer_bytes(&b), &got));
        assert_int_equal(got.what, what);
        assert_memory_equal(got.id, r.id, sizeof(r.id));
        assert_int_equal(got.reason, 1);
        assert_int_equal(got.issued_at, 1000);
        assert_memory_equal(got.nonce, r.nonce, sizeof(r.nonce));
    }
}

static void truncated_and_changed_requests_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_REVOCATION);
    struct revocation r = example(REVOKE_EXECUTABLE);
    (void)state;
    assert_true(revocation_encode(&r, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
}

static void kinds_and_reasons_that_there_are_not_are_not_written(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_REVOCATION);
    struct revocation r = example(REVOKE_PLATFORM);
    (void)state;
    r.what = (enum revoke)0;
    assert_false(revocation_encode(&r, &b));
    r.what = (enum revoke)5;
    assert_false(revocation_encode(&r, &b));
    r = example(REVOKE_PLATFORM);
    r.reason = 8; /* removeFromCRL */
    assert_false(revocation_encode(&r, &b));
    r = example(REVOKE_PLATFORM);
    r.issued_at = -1;
    assert_false(revocation_encode(&r, &b));
}

static void a_reason_has_one_name(void **state)
{
    uint8_t reason;
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        const char *name = revocation_reason_name(i);
        if (name) {
            assert_true(revocation_reason_from_name(name, &reason));
            assert_int_equal(reason, i);
        }
    }
    assert_false(revocation_reason_from_name("because", &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_round_trips),
        cmocka_unit_test(truncated_and_changed_requests_are_refused),
        cmocka_unit_test(kinds_and_reasons_that_there_are_not_are_not_written),
        cmocka_unit_test(a_reason_has_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
