#include "wire/signer_request.h"
#include "base/codes.h"
#include "test.h"

#include "mutate.h"

static struct signer_request example(void)
{
    return (struct signer_request){.tier = TIER_ISOLATED,
                                   .program = "free-ride",
                                   .spki = bytes_of_text("spki"),
                                   .not_before = 1000,
                                   .not_after = 4600,
                                   .claims = bytes_of_text("claims")};
}

static bool accepts(struct bytes in)
{
    struct signer_request r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNER_MESSAGE);

    if (!signer_request_decode(in, &r))
        return false;
    assert_true(signer_request_encode(&r, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void a_request_round_trips(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    struct signer_request r = example();
    struct signer_request got;
    (void)state;
    assert_true(signer_request_encode(&r, &b));
    assert_true(signer_request_decode(buffer_bytes(&b), &got));
    assert_int_equal(got.tier, TIER_ISOLATED);
    assert_string_equal(got.program, "free-ride");
    assert_true(bytes_equal_text(got.spki, "spki"));
    assert_int_equal(got.not_before, 1000);
    assert_int_equal(got.not_after, 4600);
    assert_true(bytes_equal_text(got.claims, "claims"));
}

static void truncated_and_changed_requests_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    struct signer_request r = example();
    (void)state;
    assert_true(signer_request_encode(&r, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
}

static void claims_that_no_certificate_holds_are_refused(void **state)
{
    static uint8_t large[LIMIT_SIGNER_CLAIMS + 1];
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    struct signer_request r = example();
    (void)state;
    r.claims = bytes_of(large, sizeof(large));
    assert_false(signer_request_encode(&r, &b));
}

static void answers_are_a_certificate_or_a_refusal(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    struct idevs_error err;
    struct bytes der;
    (void)state;
    assert_true(signer_answer_encode(bytes_of_text("der"), &b));
    assert_true(signer_answer_decode(buffer_bytes(&b), &der, &err));
    assert_true(bytes_equal_text(der, "der"));
    buffer_clear(&b);
    assert_false(refuse(&err, "signer.request", "life of %d s", 7200));
    assert_true(signer_refusal_encode(&err, &b));
    memset(&err, 0, sizeof(err));
    assert_false(signer_answer_decode(buffer_bytes(&b), &der, &err));
    assert_refused(&err, "signer.request");
    assert_string_equal(err.found, "life of 7200 s");
}

static bool answers(struct bytes in)
{
    struct idevs_error err = {0};
    struct bytes der;
    bool done = signer_answer_decode(in, &der, &err);

    assert_true(done || code_find(err.code) != NULL);
    return done;
}

static void garbled_answers_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    (void)state;
    assert_true(signer_answer_encode(bytes_of_text("der"), &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), answers);
    try_every_single_byte(buffer_bytes(&b), answers);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), answers);
}

/* ---- lists ---- */

static void put_entries(struct buffer *b, size_t n)
{
    const struct signer_entry e = {
        .serial = bytes_of_text("serial of 20 bytes.."), .at = 900, .reason = 1};

    *b = buffer_up_to((size_t)(LIMIT_REVOKED + 1) * SIGNER_ENTRY_LEN);
    for (size_t i = 0; i < n; i++)
        assert_true(signer_entry_put(&e, b));
}

static struct signer_list example_list(const struct buffer *entries)
{
    return (struct signer_list){.tier = TIER_ISOLATED,
                                .number = 7,
                                .this_update = 1000,
                                .next_update = 4600,
                                .through = 990,
                                .entries = buffer_bytes(entries)};
}

static bool accepts_list(struct bytes in)
{
    struct signer_list l;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNER_LIST);

    if (!signer_list_decode(in, &l))
        return false;
    assert_true(signer_list_encode(&l, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void a_list_round_trips_with_its_entries(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_LIST);
    _cleanup_buffer_ struct buffer entries;
    struct signer_list got;
    struct signer_entry e;
    (void)state;
    put_entries(&entries, 2);
    struct signer_list l = example_list(&entries);
    assert_true(signer_list_encode(&l, &b));
    assert_true(signer_list_decode(buffer_bytes(&b), &got));
    assert_int_equal(got.tier, TIER_ISOLATED);
    assert_int_equal(got.number, 7);
    assert_int_equal(got.this_update, 1000);
    assert_int_equal(got.next_update, 4600);
    assert_int_equal(got.through, 990);
    struct reader r = reader_of(got.entries);
    for (int i = 0; i < 2; i++) {
        assert_true(signer_entry_next(&r, &e));
        assert_true(bytes_equal_text(e.serial, "serial of 20 bytes.."));
        assert_int_equal(e.at, 900);
        assert_int_equal(e.reason, 1);
    }
    assert_false(signer_entry_next(&r, &e));
}

static void truncated_and_changed_lists_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_LIST);
    _cleanup_buffer_ struct buffer entries;
    (void)state;
    put_entries(&entries, 1);
    struct signer_list l = example_list(&entries);
    assert_true(signer_list_encode(&l, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts_list);
    try_every_single_byte(buffer_bytes(&b), accepts_list);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts_list);
}

static void more_entries_than_a_list_holds_or_half_ones_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_LIST);
    _cleanup_buffer_ struct buffer entries;
    (void)state;
    put_entries(&entries, LIMIT_REVOKED + 1);
    struct signer_list l = example_list(&entries);
    assert_true(signer_list_encode(&l, &b));
    assert_false(accepts_list(buffer_bytes(&b)));
    buffer_clear(&b);
    l.entries.len -= SIGNER_ENTRY_LEN;
    assert_true(signer_list_encode(&l, &b));
    assert_true(accepts_list(buffer_bytes(&b)));
    buffer_clear(&b);
    l.entries.len--;
    assert_true(signer_list_encode(&l, &b));
    assert_false(accepts_list(buffer_bytes(&b)));
}

static void an_answer_about_a_list_is_none_about_a_certificate(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SIGNER_LIST);
    struct idevs_error err;
    struct bytes der;
    (void)state;
    assert_true(signer_list_answer_encode(bytes_of_text("der"), &b));
    assert_true(signer_list_answer_decode(buffer_bytes(&b), &der, &err));
    assert_true(bytes_equal_text(der, "der"));
    assert_false(signer_answer_decode(buffer_bytes(&b), &der, &err));
    assert_refused(&err, "signer.answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_round_trips),
        cmocka_unit_test(truncated_and_changed_requests_are_refused),
        cmocka_unit_test(claims_that_no_certificate_holds_are_refused),
        cmocka_unit_test(answers_are_a_certificate_or_a_refusal),
        cmocka_unit_test(garbled_answers_are_refused),
        cmocka_unit_test(a_list_round_trips_with_its_entries),
        cmocka_unit_test(truncated_and_changed_lists_are_refused),
        cmocka_unit_test(more_entries_than_a_list_holds_or_half_ones_are_refused),
        cmocka_unit_test(an_answer_about_a_list_is_none_about_a_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
