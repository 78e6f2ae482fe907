#include "wire/certificate_request.h"
#include "test.h"
#include "wire/cbor.h"

#include "mutate.h"

static const uint8_t CHALLENGE[CHALLENGE_LEN] = {1, 2, 3};

static struct certificate_request example(void)
{
    return (struct certificate_request){.challenge = bytes_of(CHALLENGE, sizeof(CHALLENGE)),
                                        .csr = bytes_of_text("csr"),
                                        .manifest = bytes_of_text("manifest")};
}

/* Whatever is accepted is written again as the same bytes. */
static bool accepts(struct bytes in)
{
    struct certificate_request r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    if (!certificate_request_decode(in, &r))
        return false;
    assert_true(certificate_request_encode(&r, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void a_request_round_trips(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    struct certificate_request r = example();
    struct certificate_request got;
    (void)state;
    assert_true(certificate_request_encode(&r, &b));
    assert_true(certificate_request_decode(buffer_bytes(&b), &got));
    assert_true(bytes_equal(got.challenge, r.challenge));
    assert_true(bytes_equal_text(got.csr, "csr"));
    assert_true(bytes_equal_text(got.manifest, "manifest"));
}

static void truncated_and_changed_requests_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    struct certificate_request r = example();
    (void)state;
    assert_true(certificate_request_encode(&r, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
}

static void lengths_outside_the_limits_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CERTIFICATE_REQUEST * 2);
    _cleanup_buffer_ struct buffer large = buffer_up_to(LIMIT_CSR + 1);
    struct certificate_request r = example();
    (void)state;
    assert_non_null(buffer_extend(&large, LIMIT_CSR + 1));
    r.csr = buffer_bytes(&large);
    assert_false(certificate_request_encode(&r, &b));
    r = example();
    r.manifest = bytes_of("", 0);
    assert_false(certificate_request_encode(&r, &b));
    r = example();
    r.challenge.len--;
    assert_false(certificate_request_encode(&r, &b));
    /* The same lengths by a peer that does not check. */
    buffer_clear(&b);
    assert_true(cbor_put_map(&b, 3) && cbor_put_uint(&b, 1) && cbor_put_bytes(&b, r.challenge) &&
                cbor_put_uint(&b, 2) && cbor_put_bytes(&b, r.csr) && cbor_put_uint(&b, 3) &&
                cbor_put_bytes(&b, r.manifest));
    assert_false(accepts(buffer_bytes(&b)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_round_trips),
        cmocka_unit_test(truncated_and_changed_requests_are_refused),
        cmocka_unit_test(lengths_outside_the_limits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
