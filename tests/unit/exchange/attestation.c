#include "exchange/attestation.h"
#include "test.h"

#include "hex.h"

static const char REPORT_DATA_OF_ZEROES[] =
    "0882450d5121326fdd281826b767deb58ffe765326dccda64671b212b7ca99eb"
    "58c961d6131d3fc208545cb36fcbb6bb6d95c1d1de4df54643425f0ff175776e";

/* Made with an independent implementation: SHA-512 over the label, 00, and the three parts. */
static void report_data_binds_key_challenge_and_authority(void **state)
{
    uint8_t spki[SPKI_LEN] = {0};
    uint8_t challenge[CHALLENGE_LEN] = {0};
    uint8_t other[REPORT_DATA_LEN];
    uint8_t data[REPORT_DATA_LEN];
    (void)state;
    attestation_report_data(spki, challenge, bytes_of_text("anchor"), data);
    assert_bytes_are_hex(bytes_of(data, sizeof(data)), REPORT_DATA_OF_ZEROES);
    spki[0] = 1;
    attestation_report_data(spki, challenge, bytes_of_text("anchor"), other);
    assert_memory_not_equal(data, other, sizeof(data));
    spki[0] = 0;
    challenge[CHALLENGE_LEN - 1] = 1;
    attestation_report_data(spki, challenge, bytes_of_text("anchor"), other);
    assert_memory_not_equal(data, other, sizeof(data));
    challenge[CHALLENGE_LEN - 1] = 0;
    attestation_report_data(spki, challenge, bytes_of_text("anchos"), other);
    assert_memory_not_equal(data, other, sizeof(data));
}

static void a_line_opens_for_its_owner_and_program_only(void **state)
{
    uint8_t owner[X25519_LEN];
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    _cleanup_x25519_ struct x25519_key *other = x25519_generate();
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer line = buffer_up_to(LIMIT_LOG_LINE);
    (void)state;
    x25519_public(key, owner);
    assert_true(log_seal(owner, "free-ride", bytes_of_text("a line"), &sealed));
    assert_false(log_open_line(other, "free-ride", buffer_bytes(&sealed), &line));
    assert_false(log_open_line(key, "other", buffer_bytes(&sealed), &line));
    for (size_t i = 0; i < sealed.len; i++) {
        assert_false(log_open_line(key, "free-ride", bytes_of(sealed.data, i), &line));
        sealed.data[i] ^= 1;
        assert_false(log_open_line(key, "free-ride", buffer_bytes(&sealed), &line));
        sealed.data[i] ^= 1;
    }
    assert_int_equal(line.len, 0);
    assert_true(log_open_line(key, "free-ride", buffer_bytes(&sealed), &line));
    assert_true(bytes_equal_text(buffer_bytes(&line), "a line"));
}

static void short_lines_have_one_length(void **state)
{
    static const size_t LENGTHS[] = {0, 1, 100, 254};
    static const uint8_t TEXT[LIMIT_LOG_LINE + 1];
    uint8_t owner[X25519_LEN];
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(16));
    (void)state;
    x25519_public(key, owner);
    for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
        buffer_clear(&sealed);
        assert_true(log_seal(owner, "p", bytes_of(TEXT, LENGTHS[i]), &sealed));
        assert_int_equal(sealed.len, HPKE_ENC_LEN + 256 + HPKE_TAG_LEN);
    }
}

static void the_longest_line_fits_and_no_longer_one(void **state)
{
    static const uint8_t TEXT[LIMIT_LOG_LINE + 1];
    uint8_t owner[X25519_LEN];
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer line = buffer_up_to(LIMIT_LOG_LINE);
    (void)state;
    x25519_public(key, owner);
    assert_false(log_seal(owner, "p", bytes_of(TEXT, LIMIT_LOG_LINE + 1), &sealed));
    assert_int_equal(sealed.len, 0);
    assert_true(log_seal(owner, "p", bytes_of(TEXT, LIMIT_LOG_LINE), &sealed));
    assert_true(log_open_line(key, "p", buffer_bytes(&sealed), &line));
    assert_int_equal(line.len, LIMIT_LOG_LINE);
}

/* As log_seal(), but with a block of the test's. */
static void seal_block(const uint8_t owner[X25519_LEN], struct bytes block, struct buffer *b)
{
    static const char INFO[] = LOG_INFO "\0p";
    uint8_t enc[HPKE_ENC_LEN];
    _cleanup_hpke_ struct hpke h;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(1));

    buffer_clear(b);
    assert_true(hpke_setup_sender(owner, bytes_of(INFO, sizeof(INFO) - 1), NULL, enc, &h) &&
                hpke_seal(&h, bytes_of("", 0), block, &sealed) &&
                buffer_append(b, enc, sizeof(enc)) &&
                buffer_append_bytes(b, buffer_bytes(&sealed)));
}

static void a_block_of_another_shape_is_refused(void **state)
{
    static const struct {
        struct bytes block;
        bool good;
    } CASES[] = {
        {{(const uint8_t *)"\0\1x\0\0", 5}, true},
        {{(const uint8_t *)"\0\1x\0\1", 5}, false}, /* padding that says something */
        {{(const uint8_t *)"\0\4x\0\0", 5}, false}, /* longer than the block */
        {{(const uint8_t *)"\0", 1}, false},
    };
    uint8_t owner[X25519_LEN];
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer line = buffer_up_to(LIMIT_LOG_LINE);
    (void)state;
    x25519_public(key, owner);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        seal_block(owner, CASES[i].block, &sealed);
        assert_int_equal(log_open_line(key, "p", buffer_bytes(&sealed), &line), CASES[i].good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_data_binds_key_challenge_and_authority),
        cmocka_unit_test(a_line_opens_for_its_owner_and_program_only),
        cmocka_unit_test(short_lines_have_one_length),
        cmocka_unit_test(a_block_of_another_shape_is_refused),
        cmocka_unit_test(the_longest_line_fits_and_no_longer_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
