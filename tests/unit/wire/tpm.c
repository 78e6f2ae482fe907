#include "wire/tpm.h"
#include "test.h"

#include "mutate.h"

/* As a TPM writes the public area of the key that idevs-warden makes. */
static const uint8_t AK[] = {
    0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x04, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x18, 0x00,
    0x0b, 0x00, 0x03, 0x00, 0x10, 0x00, 0x02, 0x11, 0x12, 0x00, 0x03, 0x21, 0x22, 0x23,
};
#define ATTRIBUTES_AT 4

static bool takes_ak(struct bytes in)
{
    uint8_t point[TPM_POINT_LEN];

    return tpm_ak_decode(in, point);
}

static bool takes_credential(struct bytes in)
{
    struct tpm_credential c;

    return tpm_credential_decode(in, &c);
}

static bool takes_evidence(struct bytes in)
{
    struct tpm_evidence e;
    _cleanup_buffer_ struct buffer again = buffer_up_to(KIB(2));

    if (!tpm_evidence_decode(in, &e))
        return false;
    assert_true(tpm_evidence_encode(&e, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void an_attestation_key_gives_its_point_with_leading_zeros(void **state)
{
    uint8_t point[TPM_POINT_LEN];
    (void)state;
    assert_true(tpm_ak_decode(bytes_of(AK, sizeof(AK)), point));
    assert_int_equal(point[29], 0);
    assert_int_equal(point[30], 0x11);
    assert_int_equal(point[31], 0x12);
    assert_int_equal(point[60], 0);
    assert_int_equal(point[63], 0x23);
}

/* Above all not restricted: such a key signs whatever root hands it. */
static void a_key_with_other_attributes_is_refused(void **state)
{
    uint8_t other[sizeof(AK)];
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        memcpy(other, AK, sizeof(AK));
        other[ATTRIBUTES_AT + bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(takes_ak(bytes_of(other, sizeof(other))));
    }
}

static void truncated_and_longer_keys_are_refused(void **state)
{
    (void)state;
    assert_no_prefix_is_accepted(bytes_of(AK, sizeof(AK)), takes_ak);
    try_every_single_byte(bytes_of(AK, sizeof(AK)), takes_ak);
    assert_no_trailing_byte_is_accepted(bytes_of(AK, sizeof(AK)), takes_ak);
}

static void a_credential_is_two_parts_and_nothing_else(void **state)
{
    static const uint8_t good[] = {0, 2, 1, 2, 0, 1, 3};
    static const uint8_t empty[] = {0, 0, 0, 1, 3};
    struct tpm_credential c;
    (void)state;
    assert_true(tpm_credential_decode(bytes_of(good, sizeof(good)), &c));
    assert_int_equal(c.id_object.len, 2);
    assert_int_equal(c.secret.data[0], 3);
    assert_false(takes_credential(bytes_of(empty, sizeof(empty))));
    assert_no_prefix_is_accepted(bytes_of(good, sizeof(good)), takes_credential);
    try_every_single_byte(bytes_of(good, sizeof(good)), takes_credential);
    assert_no_trailing_byte_is_accepted(bytes_of(good, sizeof(good)), takes_credential);
}

static void evidence_round_trips_and_a_long_quote_is_refused(void **state)
{
    static const uint8_t quote[LIMIT_TPM_QUOTE + 1];
    struct tpm_evidence e = {bytes_of_text("claims"), bytes_of(quote, 10)};
    _cleanup_buffer_ struct buffer good = buffer_up_to(KIB(2));
    _cleanup_buffer_ struct buffer large = buffer_up_to(KIB(2));
    (void)state;
    assert_true(tpm_evidence_encode(&e, &good));
    assert_true(takes_evidence(buffer_bytes(&good)));
    assert_no_prefix_is_accepted(buffer_bytes(&good), takes_evidence);
    try_every_single_byte(buffer_bytes(&good), takes_evidence);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&good), takes_evidence);
    e.quote = bytes_of(quote, sizeof(quote));
    assert_true(tpm_evidence_encode(&e, &large));
    assert_false(takes_evidence(buffer_bytes(&large)));
}

static bool takes_request(struct bytes in)
{
    struct tpm_platform_request r;
    _cleanup_buffer_ struct buffer again = buffer_up_to(KIB(2));

    if (!tpm_platform_request_decode(in, &r))
        return false;
    assert_true(tpm_platform_request_encode(&r, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void a_request_round_trips_and_nothing_may_be_missing_or_too_much(void **state)
{
    const struct tpm_platform_request r = {bytes_of_text("request"), bytes_of_text("certificate"),
                                           bytes_of(AK, sizeof(AK)), bytes_of_text("quote")};
    _cleanup_buffer_ struct buffer good = buffer_up_to(KIB(1));
    (void)state;
    assert_true(tpm_platform_request_encode(&r, &good));
    assert_true(takes_request(buffer_bytes(&good)));
    assert_no_prefix_is_accepted(buffer_bytes(&good), takes_request);
    try_every_single_byte(buffer_bytes(&good), takes_request);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&good), takes_request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attestation_key_gives_its_point_with_leading_zeros),
        cmocka_unit_test(a_key_with_other_attributes_is_refused),
        cmocka_unit_test(truncated_and_longer_keys_are_refused),
        cmocka_unit_test(a_credential_is_two_parts_and_nothing_else),
        cmocka_unit_test(evidence_round_trips_and_a_long_quote_is_refused),
        cmocka_unit_test(a_request_round_trips_and_nothing_may_be_missing_or_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
