#include "warden/attest.h"
#include "../test.h"
#include "wire/manifest.h"

#define SECOND 1000000000ULL

static unsigned asked;

static bool evidence(void *arg, const uint8_t report_data[REPORT_DATA_LEN], struct buffer *b)
{
    asked++;
    return arg != NULL && buffer_append(b, report_data, REPORT_DATA_LEN);
}

static const struct attest_source SOURCE = {
    .manifest = {(const uint8_t *)"manifest", 8}, .evidence = evidence, .arg = (void *)"here"};

static struct buffer request(enum frame_kind kind, const char *target, size_t body_len)
{
    static const uint8_t body[REPORT_DATA_LEN + 1] = {1, 2, 3};
    struct buffer b = buffer_up_to(LIMIT_ATTEST_IN);
    const struct frame frame = {.id = kind == FRAME_EVENT ? 0 : 7,
                                .kind = kind,
                                .status = kind == FRAME_REPLY ? 200 : 0,
                                .target = bytes_of_text(target),
                                .body = bytes_of(body, body_len)};

    assert_true(frame_encode(&frame, &b));
    return b;
}

/* The status of the answer; 0: the stream is closed, 1: no answer yet. */
static unsigned status_of(const struct attest_source *source, struct buffer in, struct frame *ret,
                          struct buffer *out)
{
    struct attest_budget budget = {0};
    bool answered;
    size_t used;

    buffer_clear(out);
    bool ok = attest_step(source, &budget, SECOND, &in, out, &answered);
    buffer_free(&in);
    if (!ok || !answered)
        return ok;
    assert_int_equal(frame_decode(buffer_bytes(out), LIMIT_MANIFEST, ret, &used), FRAME_DONE);
    assert_int_equal(ret->id, 7);
    return ret->status;
}

static void manifest_and_evidence_are_answered(void **state)
{
    _cleanup_buffer_ struct buffer out = buffer_up_to(LIMIT_ATTEST_OUT);
    struct frame f;

    (void)state;
    assert_int_equal(status_of(&SOURCE, request(FRAME_REQUEST, "manifest", 0), &f, &out), 200);
    assert_true(bytes_equal_text(f.type, MANIFEST_TYPE));
    assert_true(bytes_equal_text(f.body, "manifest"));
    assert_int_equal(
        status_of(&SOURCE, request(FRAME_REQUEST, "attest", REPORT_DATA_LEN), &f, &out), 200);
    assert_true(bytes_equal_text(f.type, "application/cmw+cbor"));
    assert_int_equal(f.body.len, REPORT_DATA_LEN);
    assert_int_equal(f.body.data[1], 2);
}

static void other_requests_get_no_evidence(void **state)
{
    _cleanup_buffer_ struct buffer out = buffer_up_to(LIMIT_ATTEST_OUT);
    struct attest_source gone = SOURCE;
    struct frame f;

    (void)state;
    asked = 0;
    assert_int_equal(status_of(&SOURCE, request(FRAME_REQUEST, "attest", 63), &f, &out), 404);
    assert_int_equal(status_of(&SOURCE, request(FRAME_REQUEST, "attest", 0), &f, &out), 404);
    assert_int_equal(status_of(&SOURCE, request(FRAME_REQUEST, "manifest", 1), &f, &out), 404);
    assert_int_equal(status_of(&SOURCE, request(FRAME_REQUEST, "attests", 64), &f, &out), 404);
    assert_int_equal(asked, 0);
    gone.arg = NULL;
    assert_int_equal(status_of(&gone, request(FRAME_REQUEST, "attest", 64), &f, &out), 503);
}

static void what_is_no_request_closes_the_stream(void **state)
{
    _cleanup_buffer_ struct buffer out = buffer_up_to(LIMIT_ATTEST_OUT);
    struct buffer garbage = buffer_up_to(LIMIT_ATTEST_IN);
    struct frame f;

    (void)state;
    assert_int_equal(status_of(&SOURCE, request(FRAME_EVENT, "stop", 0), &f, &out), 0);
    assert_int_equal(status_of(&SOURCE, request(FRAME_REQUEST, "attest", 65), &f, &out), 0);
    assert_true(buffer_append(&garbage, "\xff\xff\xff\xff\xff", 5));
    assert_int_equal(status_of(&SOURCE, garbage, &f, &out), 0);
}

static void a_request_in_pieces_waits_for_the_rest(void **state)
{
    _cleanup_buffer_ struct buffer whole = request(FRAME_REQUEST, "attest", REPORT_DATA_LEN);
    _cleanup_buffer_ struct buffer out = buffer_up_to(LIMIT_ATTEST_OUT);
    struct frame f;

    (void)state;
    for (size_t n = 0; n < whole.len; n++) {
        struct buffer part = buffer_up_to(LIMIT_ATTEST_IN);
        assert_true(buffer_append(&part, whole.data, n));
        assert_int_equal(status_of(&SOURCE, part, &f, &out), 1);
    }
}

static void a_program_that_asks_without_end_is_put_off(void **state)
{
    struct attest_budget budget = {0};
    uint64_t now = 100 * SECOND;

    (void)state;
    for (unsigned i = 0; i < LIMIT_ATTEST_BURST; i++)
        assert_true(attest_allow(&budget, now));
    assert_false(attest_allow(&budget, now + SECOND / 2));
    assert_true(attest_allow(&budget, now + SECOND));
    assert_false(attest_allow(&budget, now + SECOND));
    for (unsigned i = 0; i < LIMIT_ATTEST_BURST; i++)
        assert_true(attest_allow(&budget, now + 1000 * SECOND));
    assert_false(attest_allow(&budget, now + 1000 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifest_and_evidence_are_answered),
        cmocka_unit_test(other_requests_get_no_evidence),
        cmocka_unit_test(what_is_no_request_closes_the_stream),
        cmocka_unit_test(a_request_in_pieces_waits_for_the_rest),
        cmocka_unit_test(a_program_that_asks_without_end_is_put_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
