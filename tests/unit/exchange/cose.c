#include "exchange/cose.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "test.h"
#include "wire/cose.h"

#define TYPE "application/vnd.idevs.approval+cbor"

static void what_is_signed_verifies(void **state)
{
    uint8_t spki[SPKI_LEN];
    uint8_t kid[SHA256_LEN];
    struct bytes payload;
    struct cose_sign1 m;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(1000);
    (void)state;
    assert_true(cose_sign(key, TYPE, bytes_of_text("payload"), &b));
    assert_true(cose_verify(public, TYPE, buffer_bytes(&b), &payload));
    assert_true(bytes_equal_text(payload, "payload"));
    assert_true(cose_decode(buffer_bytes(&b), &m));
    key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), kid);
    assert_true(bytes_equal(m.kid, bytes_of(kid, sizeof(kid))));
}

static void another_key_or_type_is_refused(void **state)
{
    struct bytes payload;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_key_ struct key *other = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_public_key_ struct public_key *stranger = public_key_of(other);
    _cleanup_buffer_ struct buffer b = buffer_up_to(1000);
    (void)state;
    assert_true(cose_sign(key, TYPE, bytes_of_text("payload"), &b));
    assert_false(cose_verify(stranger, TYPE, buffer_bytes(&b), &payload));
    assert_false(cose_verify(public, "application/eat+cwt", buffer_bytes(&b), &payload));
}

static void every_prefix_and_changed_byte_is_refused(void **state)
{
    struct bytes payload;
    struct cose_sign1 m;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(1000);
    (void)state;
    assert_true(cose_sign(key, TYPE, bytes_of_text("payload"), &b));
    assert_true(cose_decode(buffer_bytes(&b), &m));
    size_t kid = (size_t)(m.kid.data - b.data);
    for (size_t i = 0; i < b.len; i++) {
        assert_false(cose_verify(public, TYPE, bytes_of(b.data, i), &payload));
        b.data[i] ^= 1;
        /* The kid is unprotected: a hint, which changes nothing. */
        bool is_kid = i >= kid && i < kid + SHA256_LEN;
        assert_int_equal(cose_verify(public, TYPE, buffer_bytes(&b), &payload), is_kid);
        b.data[i] ^= 1;
    }
}

static void large_payloads_are_signed(void **state)
{
    static const uint8_t LARGE[LIMIT_EVIDENCE];
    struct bytes payload;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CSR);
    (void)state;
    assert_true(cose_sign(key, TYPE, bytes_of(LARGE, sizeof(LARGE)), &b));
    assert_true(cose_verify(public, TYPE, buffer_bytes(&b), &payload));
    assert_int_equal(payload.len, sizeof(LARGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(another_key_or_type_is_refused),
        cmocka_unit_test(every_prefix_and_changed_byte_is_refused),
        cmocka_unit_test(large_payloads_are_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
